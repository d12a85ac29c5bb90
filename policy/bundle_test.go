package policy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"

	opa "github.com/open-policy-agent/opa/v1/bundle"
)

// pair is a key pair in PEM.
func pair(t *testing.T, key, public any) (private, pub string) {
	t.Helper()
	a, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: a})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: b}))
}

// signed is a bundle of the files as opa build --signing-key makes it.
func signed(t *testing.T, files map[string]string, key, algorithm string) map[string]string {
	t.Helper()
	hasher, err := opa.NewSignatureHasher(opa.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	var infos []opa.FileInfo
	for name, text := range files {
		out[name] = text
		var v any = []byte(text)
		if opa.IsStructuredDoc(name) {
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := hasher.HashFile(v)
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, opa.NewFile(name, hex.EncodeToString(sum), string(opa.SHA256)))
	}
	token, err := opa.GenerateSignedToken(infos, opa.NewSigningConfig(key, algorithm, ""), "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(opa.SignaturesConfig{Signatures: []string{token}, Plugin: "_default"})
	if err != nil {
		t.Fatal(err)
	}
	out[signatureFile] = string(text)
	return out
}

// TestSignature: a signed bundle is checked with the configured key, and
// neither the signature nor the key is passed over where the other is missing.
func TestSignature(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, public := pair(t, rsaKey, &rsaKey.PublicKey)
	ecPrivate, ecPublic := pair(t, ecKey, &ecKey.PublicKey)
	content := map[string]string{"keys.rego": keyRule, manifestFile: `{"roots": ["team"], "rego_version": 1}`, "data.json": `{}`, "team/data.json": `{"x": 1}`}
	good := signed(t, content, private, "RS256")
	with := func(name, text string) map[string]string {
		out := map[string]string{}
		for k, v := range good {
			out[k] = v
		}
		if out[name] = text; text == "" {
			delete(out, name)
		}
		return out
	}
	for name, c := range map[string]struct {
		files     map[string]string
		key, want string
	}{
		"RS256":              {good, "rsa.pem", ""},
		"PS384":              {signed(t, content, private, "PS384"), "rsa.pem", ""},
		"ES256":              {signed(t, content, ecPrivate, "ES256"), "ec.pem", ""},
		"no key":             {good, "", "is signed, and there is no key to check it with"},
		"not signed":         {content, "rsa.pem", "is not signed, but is to be checked with the key rsa.pem"},
		"no such key":        {good, "none.pem", "reading the key"},
		"another's key":      {signed(t, content, ecPrivate, "ES256"), "rsa.pem", `is made with "ES256", which is not for a key of this kind`},
		"the key as secret":  {signed(t, content, public, "HS256"), "rsa.pem", `is made with "HS256", which is not for a key of this kind`},
		"changed afterwards": {with("keys.rego", keyRule+"\n"), "rsa.pem", "keys.rego: digest mismatch"},
		"added afterwards":   {with("more.rego", keyRule), "rsa.pem", "more.rego not included in bundle signature"},
		"taken away":         {with("team/data.json", ""), "rsa.pem", "the file team/data.json was signed and is not there"},
		"broken signature":   {with(signatureFile, `{"signatures": ["x.y.z"]}`), "rsa.pem", "reading the signature"},
		"no signature in it": {with(signatureFile, `{"signatures": []}`), "rsa.pem", "must hold one signature"},
		"another's plugin":   {with(signatureFile, `{"plugin": "x", "signatures": ["a"]}`), "rsa.pem", "must hold one signature"},
		"not a key":          {good, "b.tar.gz", "is not a public key in PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"b.tar.gz": &fstest.MapFile{Data: bundle(t, c.files)},
				"rsa.pem":  &fstest.MapFile{Data: []byte(public)}, "ec.pem": &fstest.MapFile{Data: []byte(ecPublic)},
			}
			err := loadFrom(Store{}, files, Source{Bundle: "b.tar.gz", Key: c.key})
			if c.want != "" {
				wantError(t, err, c.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRoots: a bundle says nothing outside of its roots, and nobody else
// anything inside of them.
func TestRoots(t *testing.T) {
	const other = "# METADATA\n# title: b\n# custom:\n#   id: ORG002\npackage team.more\n\ndeny contains \"b\"\n"
	rooted := func(roots string, more map[string]string) []byte {
		files := map[string]string{"keys.rego": keyRule, manifestFile: `{"roots": ` + roots + `}`}
		for name, text := range more {
			files[name] = text
		}
		return bundle(t, files)
	}
	for name, c := range map[string]struct {
		bundle []byte
		own    map[string]string
		want   string
	}{
		"in its roots":         {rooted(`["team"]`, nil), nil, ""},
		"everything":           {rooted(`[""]`, nil), map[string]string{"p/more.rego": other}, ""},
		"out of them":          {rooted(`["tea", "x/y"]`, nil), nil, "b.tar.gz!keys.rego: data.team.keys is outside of the roots in the bundle's .manifest (tea, x/y)"},
		"none":                 {rooted(`[]`, nil), nil, "data.team.keys is outside of the roots"},
		"data in them":         {rooted(`["team"]`, map[string]string{"team/a/data.json": `{"x": 1}`, "data.json": `{"team": {"b": 1}}`}), nil, ""},
		"data out of them":     {rooted(`["team"]`, map[string]string{"data.json": `{"org": {"b": 1}}`}), nil, "data.org.b is outside of the roots"},
		"somebody else's":      {rooted(`["team"]`, nil), map[string]string{"p/more.rego": other}, "p/more.rego: data.team.more belongs to the bundle b.tar.gz by the roots in its .manifest: use another package"},
		"somebody else's data": {rooted(`["team"]`, nil), map[string]string{"p/team/data.json": `{"b": 1}`, "p/a.rego": "package a\n"}, "p/team/data.json: data.team.b belongs to the bundle"},
		"beside them":          {rooted(`["team/keys"]`, nil), map[string]string{"p/more.rego": other}, ""},
		"data twice":           {rooted(`[""]`, map[string]string{"data.json": `{"a": {"b": 1}}`}), map[string]string{"p/a/data.json": `{"b": 2}`, "p/a.rego": "package a\n"}, "p/a/data.json: data.a.b is there already"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{"b.tar.gz": &fstest.MapFile{Data: c.bundle}}
			sources := []Source{{Bundle: "b.tar.gz"}}
			for name, text := range c.own {
				files[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if c.own != nil {
				sources = append(sources, Source{Dir: "p"})
			}
			_, err := Load(context.Background(), Options{Files: files, Sources: sources})
			if c.want != "" {
				wantError(t, err, c.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBuild loads what opa build makes, signed and not. ASSAY_OPA names the tool.
func TestBuild(t *testing.T) {
	bin := os.Getenv("ASSAY_OPA")
	if bin == "" {
		t.Skip("ASSAY_OPA does not name the tool")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, public := pair(t, key, &key.PublicKey)
	write("private.pem", private)
	write("public.pem", public)
	write("src/team/keys.rego", keyRule)
	write("src/.manifest", `{"roots": ["team"], "rego_version": 1}`)
	build := func(out string, args ...string) {
		t.Helper()
		cmd := exec.Command(bin, append([]string{"build", "-b", ".", "-o", filepath.Join(dir, out)}, args...)...)
		cmd.Dir = filepath.Join(dir, "src")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	build("plain.tar.gz")
	build("signed.tar.gz", "--signing-key", "../private.pem", "--signing-alg", "ES256")
	for _, src := range []Source{{Bundle: "plain.tar.gz"}, {Bundle: "signed.tar.gz", Key: "public.pem"}} {
		p, err := Load(context.Background(), Options{Files: os.DirFS(dir), Sources: []Source{src}})
		if err != nil || len(p.Rules) != 1 {
			t.Errorf("%s: %v", src, err)
		}
	}
}
