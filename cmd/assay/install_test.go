package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// cosignStandIn verifies as cosign does, with a key made here in the place of a
// certificate of Sigstore's: the bundle is the signature of the file.
const cosignStandIn = `#!/bin/sh
set -eu
[ "$1 $2 $4 $6" = "verify-blob --bundle --certificate-identity --certificate-oidc-issuer" ] || exit 9
[ "$5" = "https://github.com/assaydb/assay/.github/workflows/release.yml@refs/tags/v1.2.3" ] || exit 8
[ "$7" = "https://token.actions.githubusercontent.com" ] || exit 7
exec openssl dgst -sha256 -verify "$KEY" -signature "$3" "$8"
`

// TestInstall installs from a release that a server of ours has: only what is
// signed, or what the caller knows the checksum of.
func TestInstall(t *testing.T) {
	for _, name := range []string{"bash", "curl", "openssl"} {
		if _, err := exec.LookPath(name); err != nil || runtime.GOOS == "windows" {
			t.Skipf("there is no %s to run the script with", name)
		}
	}
	name := fmt.Sprintf("assay_1.2.3_%s_%s.tar.gz", runtime.GOOS, runtime.GOARCH)
	var archive bytes.Buffer
	z := gzip.NewWriter(&archive)
	w := tar.NewWriter(z)
	program := "#!/bin/sh\necho assay 1.2.3\n"
	if err := w.WriteHeader(&tar.Header{Name: "assay", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, program)
	w.Close()
	z.Close()
	sum := sha256.Sum256(archive.Bytes())
	sums := hex.EncodeToString(sum[:]) + "  " + name + "\n"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(text string) []byte {
		digest := sha256.Sum256([]byte(text))
		signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	bundle := sign(sums)
	tools := t.TempDir()
	for name, text := range map[string]string{"cosign": cosignStandIn, "key.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1.2.3/" + name:
			_, _ = w.Write(archive.Bytes()) // the reader looks at its checksum
		case "/v1.2.3/checksums.txt":
			fmt.Fprint(w, sums)
		case "/v1.2.3/checksums.txt.sigstore.json":
			if bundle == nil {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write(bundle)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	install := func(env ...string) (string, int) {
		c := exec.Command("bash", "../../integrations/action/install.sh")
		c.Env = append([]string{"PATH=" + tools + ":" + os.Getenv("PATH"), "KEY=" + filepath.Join(tools, "key.pem"), "ASSAY_RELEASES_URL=" + server.URL, "RUNNER_TEMP=" + t.TempDir()}, env...)
		out, err := c.CombinedOutput()
		if err != nil && c.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), c.ProcessState.ExitCode()
	}
	output := filepath.Join(t.TempDir(), "output")
	if out, code := install("INPUT_VERSION=v1.2.3", "GITHUB_OUTPUT="+output); code != 0 || !strings.Contains(out, "assay 1.2.3") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if data, err := os.ReadFile(output); err != nil || !strings.Contains(string(data), "binary=") || !strings.Contains(string(data), "cache=") {
		t.Errorf("the outputs are %q", data)
	}
	if out, code := install("INPUT_VERSION=v1.2.3", "INPUT_CHECKSUM="+hex.EncodeToString(sum[:])); code != 0 {
		t.Errorf("exit %d\n%s", code, out)
	}
	for _, c := range [][]string{
		{"INPUT_VERSION=v1.2.3", "INPUT_CHECKSUM=" + strings.Repeat("0", 64)},
		{"INPUT_VERSION=v9.9.9"},
		{"INPUT_VERSION=latest"},
		{"INPUT_VERSION=v1.2.3/../.."},
		{"INPUT_BINARY=/no/such/assay"},
		{"INPUT_VERSION="},
	} {
		if out, code := install(c...); code != 2 || !strings.Contains(out, "assay: ") {
			t.Errorf("%v: exit %d\n%s", c, code, out)
		}
	}
	for what, change := range map[string]func(){
		"a list of other checksums, rightly signed":   func() { sums = strings.Repeat("0", 64) + "  " + name + "\n"; bundle = sign(sums) },
		"a list that was changed after it was signed": func() { bundle = sign("something else") },
		"a list that nobody signed":                   func() { bundle = nil },
	} {
		was, signed := sums, bundle
		change()
		if out, code := install("INPUT_VERSION=v1.2.3"); code != 2 || strings.Contains(out, "assay 1.2.3") {
			t.Errorf("%s: exit %d\n%s", what, code, out)
		}
		sums, bundle = was, signed
	}
	if err := os.Remove(filepath.Join(tools, "cosign")); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("cosign"); err == nil {
		return // a real one refuses what was made here, as it should
	}
	if out, code := install("INPUT_VERSION=v1.2.3"); code != 2 || !strings.Contains(out, "input checksum") {
		t.Errorf("without cosign: exit %d\n%s", code, out)
	}
	if out, code := install("INPUT_VERSION=v1.2.3", "INPUT_CHECKSUM="+hex.EncodeToString(sum[:])); code != 0 {
		t.Errorf("without cosign, with a checksum: exit %d\n%s", code, out)
	}
}
