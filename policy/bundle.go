package policy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/bundle"
)

// The files of a bundle that are about the bundle.
const (
	manifestFile  = ".manifest"
	signatureFile = ".signatures.json"
	ownSigner     = "_default" // the plugin that opa build names where there is none
)

// unpack makes the files of an archive a source of rules.
func unpack(project fs.FS, src Source, text []byte) (*tree, error) {
	files, err := untar(src, text)
	if err != nil {
		return nil, err
	}
	t := &tree{name: src.String() + "!", fsys: files, root: "."}
	if src.Bundle == "" {
		return t, nil
	}
	if err := checkSignature(project, src, files); err != nil {
		return nil, err
	}
	return t, t.readManifest(src, files)
}

// readManifest refuses bundles of the old language and takes note of the roots
// that the bundle owns.
func (t *tree) readManifest(src Source, files fstest.MapFS) error {
	f := files[manifestFile]
	if f == nil {
		return nil
	}
	var m struct {
		RegoVersion *int      `json:"rego_version"`
		Roots       *[]string `json:"roots"`
	}
	if err := json.Unmarshal(f.Data, &m); err != nil {
		return fmt.Errorf("%s: reading %s: %w", src, manifestFile, err)
	}
	if m.RegoVersion != nil && *m.RegoVersion == 0 {
		return fmt.Errorf("%s is written in Rego v0: build it from Rego v1", src)
	}
	if m.Roots != nil {
		for _, root := range *m.Roots {
			t.roots = append(t.roots, strings.Trim(root, "/"))
		}
		t.rooted = !slices.Contains(t.roots, "") // "" is everything, as without a manifest
	}
	return nil
}

// checkRoots holds what a source says at path (team/keys of data.team.keys)
// against the roots of all: a bundle has nothing outside of its own, and nobody
// else has anything inside of them.
func checkRoots(trees []*tree, t *tree, file, path string) error {
	if t.ours {
		return nil
	}
	if t.rooted && !opa.RootPathsContain(t.roots, path) {
		return fmt.Errorf("%s%s: data.%s is outside of the roots in the bundle's %s (%s)",
			t.name, file, strings.ReplaceAll(path, "/", "."), manifestFile, strings.Join(t.roots, ", "))
	}
	for _, other := range trees {
		if other != t && other.rooted && opa.RootPathsContain(other.roots, path) {
			return fmt.Errorf("%s%s: data.%s belongs to the bundle %s by the roots in its %s: use another package",
				t.name, file, strings.ReplaceAll(path, "/", "."), strings.TrimSuffix(other.name, "!"), manifestFile)
		}
	}
	return nil
}

// rootPath is a package as roots are written: team/keys.
func rootPath(pkg *ast.Package) string {
	parts := make([]string, 0, len(pkg.Path))
	for _, t := range pkg.Path[1:] {
		parts = append(parts, strings.Trim(t.Value.String(), `"`))
	}
	return strings.Join(parts, "/")
}

// checkSignature holds a signed bundle against the configured key. A signature
// that nobody checks promises what it does not keep, so that a bundle without
// one where there is a key, and a key where there is no signature, are errors.
func checkSignature(project fs.FS, src Source, files fstest.MapFS) error {
	f := files[signatureFile]
	switch {
	case f == nil && src.Key == "":
		return nil
	case f == nil:
		return fmt.Errorf("%s is not signed, but is to be checked with the key %s: sign it with opa build --signing-key", src, src.Key)
	case src.Key == "":
		return fmt.Errorf("%s is signed, and there is no key to check it with: write key: FILE.pem, the signer's public key, beside bundle: in the configuration", src)
	}
	pem, err := fs.ReadFile(project, src.Key)
	if err != nil {
		return fmt.Errorf("reading the key of %s: %w", src, err)
	}
	if err := verify(files, f.Data, pem); err != nil {
		return fmt.Errorf("%s is not what the owner of %s signed: %w", src, src.Key, err)
	}
	return nil
}

// verify checks the signature and that it is of these very files.
func verify(files fstest.MapFS, signatures, key []byte) error {
	var sc opa.SignaturesConfig
	if err := json.Unmarshal(signatures, &sc); err != nil {
		return fmt.Errorf("reading %s: %w", signatureFile, err)
	}
	if len(sc.Signatures) != 1 || sc.Plugin != "" && sc.Plugin != ownSigner {
		return fmt.Errorf("%s must hold one signature, as opa build makes it", signatureFile)
	}
	algorithm, err := signedWith(sc.Signatures[0], key)
	if err != nil {
		return err
	}
	const id = "key"
	signed, err := opa.VerifyBundleSignature(sc, opa.NewVerificationConfig(map[string]*opa.KeyConfig{id: {Key: string(key), Algorithm: algorithm}}, id, "", nil))
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name == signatureFile {
			continue
		}
		if err := opa.VerifyBundleFile(name, *bytes.NewBuffer(files[name].Data), signed); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(signed)) {
		return fmt.Errorf("the file %s was signed and is not there", name)
	}
	return nil
}

// signedWith is the algorithm that the signature names, if the key is of its
// kind: what is read from the archive does not choose how it is checked.
func signedWith(token string, key []byte) (string, error) {
	block, _ := pem.Decode(key)
	if block == nil {
		return "", errors.New("the key is not a public key in PEM")
	}
	var families []string
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		if public, err = x509.ParsePKCS1PublicKey(block.Bytes); err != nil {
			return "", errors.New("the key is not a public key in PEM of RSA or an elliptic curve")
		}
	}
	switch public.(type) {
	case *rsa.PublicKey:
		families = []string{"RS", "PS"}
	case *ecdsa.PublicKey:
		families = []string{"ES"}
	}
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err == nil {
		err = json.Unmarshal(text, &header)
	}
	if err != nil {
		return "", fmt.Errorf("reading the signature: %w", err)
	}
	if len(header.Algorithm) != 5 || !slices.Contains(families, header.Algorithm[:2]) {
		return "", fmt.Errorf("the signature is made with %q, which is not for a key of this kind", header.Algorithm)
	}
	return header.Algorithm, nil
}
