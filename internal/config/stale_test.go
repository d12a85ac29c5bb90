package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStaleIgnores(t *testing.T) {
	c := parse(t, `ignore:
  - {check: LK101, path: db/, reason: used}
  - {check: LK101, path: db/, reason: not used}
  - {check: LK101, path: other/, reason: not reached}
  - {check: LK101, reason: anywhere}
  - {check: LK202, reason: over, expires: 2026-01-31}
`)
	today := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	used := func(i int) bool { return i == 0 }
	unused := Stale{1, "assay.yaml:3:6", "the ignore of LK101 ignores nothing: take it out"}
	over := Stale{4, "assay.yaml:6:6", "the ignore of LK202 ended on 2026-01-31: take it out, or give it a new day"}
	if diff := cmp.Diff([]Stale{unused, over}, c.StaleIgnores(used, []string{"db/1.sql"}, false, today)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	anywhere := Stale{3, "assay.yaml:5:6", "the ignore of LK101 ignores nothing: take it out"}
	if diff := cmp.Diff([]Stale{unused, anywhere, over}, c.StaleIgnores(used, []string{"db/1.sql"}, true, today)); diff != "" {
		t.Errorf("with everything linted: -want +got\n%s", diff)
	}
}
