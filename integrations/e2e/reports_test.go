//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// reports are the expected outputs of every kind of result, the hostile among
// them, and those of a run on the demonstration.
func reports(t *testing.T, extension string) []string {
	t.Helper()
	files, err := filepath.Glob(repo(t, "testdata/report") + "/*/report." + extension)
	if err != nil || len(files) == 0 {
		t.Fatal("there are no reports")
	}
	format := map[string]string{"html": "html", "md": "markdown", "sarif": "sarif"}[extension]
	demo := filepath.Join(t.TempDir(), "demo", "report."+extension)
	if out, code := sh(t, repo(t, "testdata/demo/bad"), nil, assay(t), "lint", "--latest", "3", "-o", format+"="+demo); code != 1 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	return append(files, demo)
}

// TestPages opens the HTML reports in a browser, clicks through them on a wide
// and a narrow window, light and dark, and lets Mermaid draw the pictures of
// the Markdown reports.
func TestPages(t *testing.T) {
	chromium := ""
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = cmp.Or(chromium, path)
		}
	}
	if chromium == "" {
		t.Skip("there is no Chromium: install it, or name it in CHROMIUM")
	}
	args := append([]string{"pages.mjs", os.Getenv("ASSAY_E2E_TOOLS"), chromium}, append(reports(t, "html"), reports(t, "md")...)...)
	if out, code := sh(t, ".", nil, tool(t, "npm/node_modules/.bin/node"), args...); code != 0 {
		t.Error(out)
	}
}

// TestSARIF holds the SARIF reports against Microsoft's validator, with the
// rules of GitHub's code scanning.
func TestSARIF(t *testing.T) {
	platform := map[string]string{"linux": "linux/Sarif.Multitool", "darwin": "darwin/Sarif.Multitool", "windows": "win32/Sarif.Multitool.exe"}[runtime.GOOS]
	program := tool(t, "npm/node_modules/@microsoft/sarif-multitool-"+platform)
	for _, file := range reports(t, "sarif") {
		out := filepath.Join(t.TempDir(), "result.sarif")
		must(t, ".", program, "validate", file, "--output", out, "--log", "ForceOverwrite", "--rule-kind", "Sarif;Ghas")
		// It exits with 0 whatever it finds.
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		var log struct {
			Runs []struct {
				Results []struct{ RuleID string }
			}
		}
		if err := json.Unmarshal(data, &log); err != nil {
			t.Fatal(err)
		}
		for _, r := range log.Runs[0].Results {
			// SARIF2005 wants a version of numbers, which only a release has.
			if r.RuleID != "SARIF2005" || !strings.Contains(file, "hostile") && !strings.Contains(file, "demo") {
				t.Errorf("%s: %s", file, r.RuleID)
			}
		}
	}
	broken := filepath.Join(t.TempDir(), "broken.sarif")
	write(t, filepath.Dir(broken), "broken.sarif", `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a"}}, "results": [{"ruleIndex": 4, "message": {"text": "x"}}]}]}`)
	out := broken + ".out"
	must(t, ".", program, "validate", broken, "--output", out, "--log", "ForceOverwrite")
	if data, err := os.ReadFile(out); err != nil || !strings.Contains(string(data), "SARIF1009") {
		t.Error("the validator takes anything")
	}
}
