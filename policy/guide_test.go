package policy

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
)

var block = regexp.MustCompile("(?ms)^```(?:rego|txtar) file=(\\S+)\n(.*?)^```$")

// TestGuide writes the files of docs/policies.md into a project and tests them
// as a reader would. The rules are short.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for _, m := range block.FindAllStringSubmatch(strings.ReplaceAll(string(text), "\r\n", "\n"), -1) {
		fsys[m[1]] = &fstest.MapFile{Data: []byte(m[2])}
		lines := 0
		for _, line := range strings.Split(m[2], "\n") {
			if strings.TrimSpace(line) != "" && line != "}" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "import ") && !strings.HasPrefix(line, "package ") {
				lines++
			}
		}
		if strings.HasSuffix(m[1], ".rego") && !strings.HasSuffix(m[1], "_test.rego") && lines > 8 {
			t.Errorf("%s has %d lines of Rego, want at most 8", m[1], lines)
		}
	}
	p, err := Load(context.Background(), Options{Files: fsys, Sources: []Source{{Dir: "policies"}}, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	server := pgtest.Server(t, pgtest.Majors(t)[0])
	report, err := p.Test(context.Background(), TestOptions{Record: recorder(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	if report.Failed() > 0 || len(report.Units) != 2 || len(report.Cases) < 2*len(p.Rules) || len(p.Rules) < 7 {
		var b strings.Builder
		if err := report.Write(&b, true); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%d rules\n%s", len(p.Rules), &b)
	}
}

// TestMapping finds every alias of the library in the guide's table, and no
// page that is not there.
func TestMapping(t *testing.T) {
	text, err := os.ReadFile("../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range loadLibrary(t).Rules {
		for _, alias := range r.Aliases {
			tool, name, _ := strings.Cut(alias, ":")
			if row := "| " + tool + " `" + name + "` | [" + r.ID + "](policies/" + r.ID + ".md) " + r.Title + " |"; !strings.Contains(string(text), row) {
				t.Errorf("docs/policies.md has no row\n%s", row)
			}
		}
	}
	for _, m := range regexp.MustCompile(`\]\(((?:policies|checks)/[^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat("../docs/" + m[1]); err != nil {
			t.Errorf("docs/policies.md points to %s: %v", m[1], err)
		}
	}
}

// TestExamples tests docs/examples/policies as a team would: every rule has
// cases in which it speaks and is silent, and no line of it is without a case.
func TestExamples(t *testing.T) {
	if !pgtest.All() {
		t.Skip("make test-all runs it: 29 rules with their fixtures")
	}
	p, err := Load(context.Background(), Options{Files: os.DirFS("../docs/examples"), Sources: []Source{{Dir: "policies"}}, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	server := pgtest.Server(t, pgtest.Majors(t)[0])
	report, err := p.Test(context.Background(), TestOptions{Record: recorder(t, server), Coverage: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Coverage {
		if c.Speaks == 0 || c.Silent == 0 || c.Percent < 100 {
			t.Errorf("%s: %+v", c.File, c)
		}
	}
	if report.Failed() > 0 || len(report.Coverage) != len(p.Rules) || len(p.Rules) < 27 {
		var b strings.Builder
		if err := report.Write(&b, false); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%d rules\n%s", len(p.Rules), &b)
	}
}
