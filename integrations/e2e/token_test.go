//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/assaydb/assay/integrations/hosttest"
)

// TestTokenStaysInside runs a review as an ordinary user, and every program
// that assay starts tries to get at the token: in its own environment, and in
// what /proc has of its parent.
func TestTokenStaysInside(t *testing.T) {
	clone := project(t)
	s := hosttest.NewGitHub()
	url := serve(t, s)
	head := commit(t, clone, "bad")
	pushed(t, s, clone, head)
	spies, seen := t.TempDir(), filepath.Join(t.TempDir(), "seen")
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	write(t, spies, "git", "#!/bin/sh\n{ echo \"spy $*\"; env; tr '\\0' '\\n' </proc/$PPID/environ; } >>"+seen+" 2>&1\nexec "+git+" \"$@\"\n")
	must(t, spies, "chmod", "755", "git")
	event := filepath.Join(spies, "event.json")
	write(t, spies, "event.json", `{"number": 7, "pull_request": {"number": 7, "head": {"sha": "`+head+`", "repo": {"full_name": "o/r"}}, "base": {"ref": "main", "repo": {"full_name": "o/r"}}}}`)
	cmd := exec.CommandContext(t.Context(), assay(t), "ci", "-o", "text", "-o", "html="+clone+"/r.html", "-o", "json="+clone+"/r.json", "-o", "sarif="+clone+"/r.sarif")
	cmd.Dir = clone
	home := t.TempDir()
	cmd.Env = []string{
		"PATH=" + spies + ":" + os.Getenv("PATH"), "HOME=" + home, "ASSAY_CACHE_DIR=" + home, "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request", "GITHUB_EVENT_PATH=" + event,
		"GITHUB_REPOSITORY=o/r", "GITHUB_API_URL=" + url + "/api/v3", "GITHUB_TOKEN=" + hosttest.Token, "GITHUB_STEP_SUMMARY=" + clone + "/summary", "GITHUB_OUTPUT=" + clone + "/output",
	}
	if os.Getuid() == 0 { // root may read everything
		for _, d := range []string{filepath.Dir(clone), home, spies, filepath.Dir(seen), filepath.Dir(assay(t))} {
			must(t, "/", "chown", "-R", "65534:65534", d)
			for up := filepath.Dir(d); up != filepath.Clean(os.TempDir()) && up != "/"; up = filepath.Dir(up) {
				must(t, "/", "chmod", "a+x", up) // the way there
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, out.String())
	}
	texts := map[string]string{"the log": out.String()}
	for _, f := range []string{seen, clone + "/r.html", clone + "/r.json", clone + "/r.sarif", clone + "/summary", clone + "/output"} {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[f] = string(data)
	}
	for _, c := range s.Comments {
		texts["a comment"] += c.Body
	}
	for where, text := range texts {
		if strings.Contains(text, hosttest.Token) {
			t.Errorf("%s has the token", where)
		}
	}
	if !strings.Contains(texts[seen], "spy ") || len(s.Comments) == 0 {
		t.Errorf("the spy saw nothing, or nothing was published\n%s", out.String())
	}
}
