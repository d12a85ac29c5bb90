package policy

import (
	"os"
	"os/exec"
	"testing"
)

// TestTools holds the library against the tools that its readers use: opa test,
// opa check with our schema, opa fmt and regal. ASSAY_OPA and ASSAY_REGAL name them.
func TestTools(t *testing.T) {
	for _, c := range []struct {
		tool string
		args []string
	}{
		{"ASSAY_OPA", []string{"test", "library"}},
		{"ASSAY_OPA", []string{"check", "--strict", "--schema", "../docs/schemas/policy-input.json", "library"}},
		{"ASSAY_OPA", []string{"fmt", "--fail", "--list", "library"}},
		{"ASSAY_REGAL", []string{"lint", "library"}},
	} {
		t.Run(c.tool+" "+c.args[0], func(t *testing.T) {
			bin := os.Getenv(c.tool)
			if bin == "" {
				t.Skipf("%s does not name the tool", c.tool)
			}
			if out, err := exec.Command(bin, c.args...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", c.args, err, out)
			}
		})
	}
}

// TestLibraryUnits runs the library's unit tests with the OPA that assay is built with.
func TestLibraryUnits(t *testing.T) {
	p := loadLibrary(t)
	for _, s := range p.sources {
		s.ours = s.pack == "" // the packs as if they were a team's own
	}
	report, err := p.Test(t.Context(), TestOptions{Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Units) < 2*len(p.Rules) {
		t.Errorf("%d unit tests for %d rules", len(report.Units), len(p.Rules))
	}
	for _, u := range report.Units {
		if !u.Passed {
			t.Errorf("%s:%d: %s failed: %s", u.File, u.Line, u.Name, u.Reason)
		}
	}
	if report.Total < 90 {
		t.Errorf("the unit tests reach %.1f%% of the library", report.Total)
	}
}
