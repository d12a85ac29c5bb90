package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/assaydb/assay"

// layers says which of our own packages a package may import. A pattern with
// a star stands for packages that are alike.
var layers = map[string][]string{
	"internal/migration": {},
	"internal/schema":    {},
	"internal/lint":      {"internal/migration"},
	"internal/gitdiff":   {},
	"internal/config":    {"internal/lint", "internal/project"},
	"internal/evidence":  {"internal/lint"},
	"internal/site":      {"internal/evidence"},
	"internal/mcp":       {"internal/lint", "internal/report", "internal/schema"},
	"internal/fixture":   {"internal/lint", "internal/migration"},
	"internal/stats":     {},
	"internal/queries":   {},
	"internal/project":   {},
	"internal/faults":    {}, // tests alone
	"internal/plan":      {"internal/migration"},

	"internal/devdb":            {"internal/migration", "internal/schema", "internal/stats"},
	"internal/proof":            {"internal/devdb", "internal/migration", "internal/schema"},
	"internal/devdb/postgres":   {"internal/devdb", "internal/migration", "internal/project", "internal/proof", "internal/schema", "internal/stats"},
	"internal/devdb/postgres/*": {"internal/devdb", "internal/devdb/postgres", "internal/migration", "internal/plan", "internal/schema"},
	"internal/planned":          {"internal/devdb", "internal/devdb/postgres", "internal/devdb/postgres/state", "internal/migration", "internal/plan", "internal/proof", "internal/schema"},
	"internal/pipeline":         {"internal/devdb", "internal/lint", "internal/migration", "internal/proof", "internal/queries", "internal/schema"},
	"internal/report":           {"internal/devdb", "internal/lint", "internal/migration", "internal/schema"},

	// Two judges of one kind: never each other, never a server, never a report.
	"analyzers":      {"internal/devdb", "internal/fixture", "internal/lint", "internal/migration", "internal/schema", "internal/stats"},
	"policy":         {"internal/devdb", "internal/fixture", "internal/lint", "internal/migration", "internal/project", "internal/schema", "policy/library"},
	"policy/library": {},

	"integrations":   {"internal/lint"},
	"integrations/*": {"integrations", "internal/lint"},

	"cmd/assay": {"*"},
}

// fences say who alone may import a library, and why.
var fences = []struct {
	library string
	only    []string
	why     string
}{
	{"github.com/jackc/pgx/", []string{"internal/devdb/postgres", "internal/devdb/postgres/*"}, "checks judge records and never talk to a server"},
	{"github.com/pganalyze/pg_query_go/", []string{"internal/migration"}, "the rest sees facts of statements, not the parser's tree"},
	{"github.com/open-policy-agent/opa/", []string{"policy"}, "Rego is one judge among others"},
	{"github.com/google/go-github/", []string{"integrations/github", "integrations/hosttest", "integrations/ci"}, "hosts are reached through integrations.Host"},
	{"github.com/xanzy/go-gitlab", []string{"integrations/gitlab", "integrations/hosttest"}, "hosts are reached through integrations.Host"},
	{"github.com/modelcontextprotocol/", []string{"internal/mcp"}, "the rest knows of no protocol"},
	{"github.com/spf13/", []string{"cmd/assay"}, "only the command knows of flags"},
	{"github.com/goccy/go-yaml", []string{"internal/config", "internal/migration", "policy"}, "one YAML reader per kind of file"},
	{"os/signal", []string{"cmd/assay"}, "the process belongs to the command"},
	{"os/exec", []string{"cmd/assay", "internal/gitdiff", "internal/devdb/postgres", "internal/devdb/postgres/*", "policy"}, "each program that is run is a way out of the sandbox"},
	{"math/rand", nil, "the same input gives the same bytes; math/rand/v2 takes its seed from the caller"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestLayers holds the imports of every package against the table.
func TestLayers(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		allowed, ok := layerOf(name)
		if !ok {
			t.Errorf("%s is in no layer: add it to the table here and to ARCHITECTURE.md", name)
			continue
		}
		for _, imp := range p.Imports {
			if own, ok := strings.CutPrefix(imp, module+"/"); ok && !matchesAny(allowed, own) {
				t.Errorf("%s imports %s, but may only import %s", name, own, strings.Join(allowed, ", "))
			}
			for _, f := range fences {
				if strings.HasPrefix(imp+"/", strings.TrimSuffix(f.library, "/")+"/") && !strings.HasPrefix(imp, f.library+"/v2") && !matchesAny(f.only, name) {
					t.Errorf("%s imports %s, which only %s may: %s", name, imp, strings.Join(f.only, ", "), f.why)
				}
			}
		}
	}
}

func layerOf(name string) ([]string, bool) {
	if allowed, ok := layers[name]; ok {
		return allowed, true
	}
	for pattern, allowed := range layers {
		if matchesAny([]string{pattern}, name) {
			return allowed, true
		}
	}
	return nil, false
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == "*" {
			return true
		}
		ok, err := path.Match(p, name)
		return err == nil && ok
	})
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not in PATH, which lists the packages")
	}
	cmd := exec.Command(goTool, "list", "-e", "-json=ImportPath,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 8 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	return all
}
