package site

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaydb/assay/internal/evidence"
	"github.com/assaydb/assay/internal/lint"
)

// made are reviews of ten repositories over a year.
func made(n int) []evidence.Claim {
	ids := []string{"LK101", "LK202", "DD102", "DS102", "SQ202", "OB107"}
	names := []string{"create-index", "full-scan-under-lock", "not-null-violation", "drop-column", "down-incomplete", "foreign-key-index"}
	people := []string{"ada", "grace", "edsger", "barbara"}
	start := time.Date(2025, 12, 1, 9, 0, 0, 0, time.UTC)
	var out []evidence.Claim
	for i := range n {
		r := evidence.Review{
			Time: start.Add(time.Duration(i) * 40 * time.Hour).Format(time.RFC3339), Repository: fmt.Sprintf("shop/service-%02d", i*7%10),
			Commit: fmt.Sprintf("%08x%032x", uint32((i+1)*0x9e3779b9), i), Pull: i/10 + 1, Author: people[i%4], Run: fmt.Sprintf("https://ci.example/runs/%d", i), Passed: i%5 != 0,
		}
		find := func(k int) evidence.Finding {
			return evidence.Finding{ID: ids[k%6], Name: names[k%6], Severity: lint.Error, Path: fmt.Sprintf("migrations/%04d.sql", i), Line: k%9 + 1, Fingerprint: fmt.Sprintf("%016x", i*100+k)}
		}
		for k := range i % 4 {
			r.Findings = append(r.Findings, find(i*k))
		}
		r.Summary = lint.Summary{Warnings: len(r.Findings)}
		if !r.Passed {
			r.Summary = lint.Summary{Errors: len(r.Findings) + 1}
		}
		if i%6 == 0 {
			r.Suppressed = append(r.Suppressed, evidence.Suppressed{Finding: find(i + 1), By: "directive", Reason: "the table has ten rows", Author: people[i%3]})
		}
		if i%25 == 24 {
			r.Waiting = append(r.Waiting, evidence.Wanted{ID: "DATA3", Who: "team dba"})
		}
		out = append(out, evidence.Claim{Review: r, Source: fmt.Sprintf("%03d.jsonl:2", i)})
	}
	return out
}

var today = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// TestMake: the page of 220 reviews is the same whatever order they come in, and takes
// nothing from elsewhere. ASSAY_SITE names a file to write it to, to be looked at.
func TestMake(t *testing.T) {
	claims := made(220)
	first, err := Make(claims, today)
	if err != nil {
		t.Fatal(err)
	}
	if file := os.Getenv("ASSAY_SITE"); file != "" {
		if err := os.WriteFile(filepath.Clean(file), first, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i, j := 0, len(claims)-1; i < j; i, j = i+1, j-1 {
		claims[i], claims[j] = claims[j], claims[i]
	}
	if second, err := Make(claims, today); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the order of the files shows (%v)", err)
	}
	text := string(first)
	for _, want := range []string{"220 reviews of 10 repositories, as of 2026-12-01", "shop/service-03", "team dba", "the table has ten rows", `<td class="n" data-h="Days">365</td>`, ">2026-03<"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	for _, no := range []string{"<link", "src=", "@import", "url("} {
		if strings.Contains(text, no) {
			t.Errorf("the page has %s", no)
		}
	}
	if _, err := Make(nil, today); err != nil {
		t.Error(err)
	}
}

// TestHostile: no text of the evidence becomes markup, a script or a link of another kind.
func TestHostile(t *testing.T) {
	const bad = `"><script>alert(1)</script><img src=x onerror=alert(1)>'` + "\x00\u202e</td>"
	f := evidence.Finding{ID: bad, Name: bad, Path: bad, Fingerprint: bad}
	for _, run := range []string{"javascript:alert(1)", " https://x", "https://x/" + bad, "data:text/html,x"} {
		page, err := Make([]evidence.Claim{{Review: evidence.Review{
			Time: bad, Repository: bad, Commit: bad, Author: bad, Run: run, Findings: []evidence.Finding{f},
			Suppressed: []evidence.Suppressed{{Finding: f, By: bad, Reason: bad, Author: bad}}, Waiting: []evidence.Wanted{{ID: bad, Who: bad}},
		}}}, today)
		if err != nil {
			t.Fatal(err)
		}
		text := string(page)
		if strings.Count(text, "<script") != 1 || strings.Contains(text, "<img") || strings.Contains(text, `href="javascript`) || strings.Contains(text, `href="data`) {
			t.Errorf("%s becomes markup:\n%s", run, text)
		}
	}
}

// TestIgnoreInTwoChanges: of an ignore that two pull requests have the newest is listed.
func TestIgnoreInTwoChanges(t *testing.T) {
	claim := func(pull int, time, reason string) evidence.Claim {
		return evidence.Claim{Review: evidence.Review{Time: time, Repository: "r", Pull: pull, Suppressed: []evidence.Suppressed{
			{Finding: evidence.Finding{ID: "LK101", Path: "1.sql", Fingerprint: "aa"}, Reason: reason},
		}}}
	}
	claims := []evidence.Claim{claim(2, "2026-11-02T00:00:00Z", "the later reason"), claim(1, "2026-11-01T00:00:00Z", "the earlier reason")}
	for range 20 {
		page, err := Make(claims, today)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(page, []byte("the later reason")) || bytes.Contains(page, []byte("the earlier reason")) {
			t.Fatal("it is not the newest that is listed")
		}
	}
}
