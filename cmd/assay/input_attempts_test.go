//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// inputFile is a kind of file that assay reads of a checkout.
type inputFile struct {
	what, path string            // of the file
	with       map[string]string // what else the project has; "@" in front: in place of the usual migrations
	text       string            // of a good one
	args       []string          // that make assay read it; default: lint
	server     bool              // it is read only once a server has run
}

const secret = "hunter2-of-the-runner"

var inputFiles = []inputFile{
	{what: "assay.yaml", path: "assay.yaml", text: "fail-on: error\n"},
	{what: "the statistics", path: "assay.stats.json", text: `{"format": 1, "taken": "2026-11-21", "source": "server", "server": {"version": "17.4"}, "tables": []}`},
	{what: "the baseline", path: "assay.baseline.json", text: `{"version": "1", "findings": []}`, server: true},
	{what: "the lock file of policies", path: "assay.lock", text: "{}", with: map[string]string{"assay.yaml": "policies: [policies]\n", "policies/a.rego": "package a\n"}, args: []string{"policy", "check"}},
	{what: "a policy", path: "policies/a.rego", text: "package a\n", with: map[string]string{"assay.yaml": "policies: [policies]\n"}, args: []string{"policy", "check"}},
	{what: "data of policies", path: "policies/data.json", text: "{}", with: map[string]string{"assay.yaml": "policies: [policies]\n", "policies/a.rego": "package a\n"}, args: []string{"policy", "check"}},
	{what: "setup.sql", path: "setup.sql", text: "SELECT 1;"},
	{what: "a dump as the base", path: "dump.sql", text: "SELECT 1;", with: map[string]string{"assay.yaml": "base: dump.sql\n"}},
	{what: "the seed", path: "seed.sql", text: "SELECT 1;", with: map[string]string{"assay.yaml": "seed: seed.sql\n"}},
	{what: "a step", path: "step.sql", text: "SELECT 1;", with: map[string]string{"assay.yaml": "steps: {migrations/000001_a.up.sql: step.sql}\n"}},
	{what: "queries", path: "queries/a.sql", text: "SELECT 1;", with: map[string]string{"assay.yaml": "queries: [queries/*.sql]\n"}},
	{what: "the owners", path: "OWNERS", text: "* payments\n", with: map[string]string{"assay.yaml": "owners: OWNERS\npolicies: [policies]\n", "policies/a.rego": "package a\n"}, server: true},
	{what: "a migration", path: "migrations/000001_a.up.sql", text: "CREATE TABLE t (a int);"},
	{what: "atlas.sum", path: "migrations/atlas.sum", text: "h1:x\n"},
	{what: "sqitch's plan", path: "sqitch.plan", text: "%syntax-version=1.0.0\n%project=p\n\na 2024-01-01T00:00:00Z a <a@example.com> # a\n", with: map[string]string{"@sqitch.conf": "[core]\n\tengine = pg\n", "deploy/a.sql": "SELECT 1;"}},
	{what: "drizzle's journal", path: "drizzle/meta/_journal.json", text: `{"dialect": "postgresql", "entries": [{"idx": 0, "when": 10, "tag": "0000_a", "breakpoints": true}]}`, with: map[string]string{"@drizzle/0000_a.sql": "SELECT 1;"}},
	{what: "liquibase's changelog", path: "db/changelog/db.changelog-master.yaml", text: "databaseChangeLog: []\n", with: map[string]string{"@db/changelog/a.sql": "--liquibase formatted sql\n--changeset a:1\nSELECT 1;\n"}},
}

// place is what may be in the place of a file, whatever kind of file it is.
type place struct {
	what, layer, want string // want: what the message says
	lay               func(t *testing.T, name, outside string)
}

var places = []place{
	{"a link to a secret outside of the project", "files are read through internal/project", "is a link that leaves the project", func(t *testing.T, name, outside string) {
		check(t, os.Symlink(filepath.Join(outside, "secret"), name))
	}},
	{"a link through `..` that leaves the project", "files are read through internal/project", "is a link that leaves the project", func(t *testing.T, name, _ string) {
		check(t, os.Symlink("../../../../../../../../../../../../outside/secret", name))
	}},
	{"a link into git's directory", "files are read through internal/project", "lies in git's own directory", func(t *testing.T, name, _ string) {
		up := strings.Repeat("../", strings.Count(name[strings.Index(name, "/project/")+9:], "/"))
		check(t, os.Symlink(up+".git/config", name))
	}},
	{"a link to itself", "files are read through internal/project", "is a link that leads to itself", func(t *testing.T, name, _ string) {
		check(t, os.Symlink(filepath.Base(name), name))
	}},
	{"a link to a device without an end", "files are read through internal/project", "is a link that leaves the project", func(t *testing.T, name, _ string) {
		check(t, os.Symlink("/dev/zero", name))
	}},
	{"a pipe that nobody writes to", "files are read through internal/project", "is a named pipe and no plain file", func(t *testing.T, name, _ string) {
		check(t, syscall.Mkfifo(name, 0o600))
	}},
	{"a file of 101 MB", "files are read through internal/project", "assay reads files of up to 100 MB", func(t *testing.T, name, _ string) {
		check(t, os.WriteFile(name, nil, 0o600))
		check(t, os.Truncate(name, 101<<20))
	}},
}

// content is a text that may be in one kind of file.
type content struct{ file, what, layer, want, text string }

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func quotedJSON(s string) string {
	b, _ := json.Marshal(s) // a string always can be
	return string(b)
}

func nested(open, close string, n int) string {
	return strings.Repeat(open, n) + strings.Repeat(close, n)
}

const marks = "\x1b[2J\u202e\n::set-output name=a::b\n##[group]x\n::stop-commands::x\n"

var contents = []content{
	{"assay.yaml", "100,000 brackets within one another", "YAML is bounded before it is parsed", "brackets within one another", "packs: " + nested("[", "]", 100_000)},
	{"assay.yaml", "100,000 levels", "YAML is bounded before it is parsed", "levels deep", strings.Repeat("- ", 100_000) + "a"},
	{"assay.yaml", "aliases of aliases", "YAML is bounded before it is parsed", "could not find alias", "rules:\n  A:\n    params:\n      a: &a [x, x]\n      b: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n      c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\n      d: &d [*c, *c, *c, *c, *c, *c, *c, *c]\n      e: &e [*d, *d, *d, *d, *d, *d, *d, *d]\n      f: &f [*e, *e, *e, *e, *e, *e, *e, *e]\n      g: &g [*f, *f, *f, *f, *f, *f, *f, *f]\n      h: [*g, *g, *g, *g, *g, *g, *g, *g]\n"},
	{"assay.yaml", "a key twice", "unknown and repeated keys are errors", "is given twice", "fail-on: error\nfail-on: off\n"},
	{"assay.yaml", "terminal and CI commands in a key", "standard error is escaped in one place", "unknown", "\"" + strings.ReplaceAll(strings.ReplaceAll(marks, "\x1b", "\\e"), "\n", "\\n") + "\": 1\n"},
	{"assay.yaml", "terminal and CI commands in a value", "standard error is escaped in one place", "choose another with --dir", "dir: \"" + strings.ReplaceAll(strings.ReplaceAll(marks, "\x1b", "\\e"), "\n", "\\n") + "\"\n"},
	{"assay.yaml", "a NUL", "standard error is escaped in one place", "a\\x00b", "dir: \"a\\0b\"\n"},
	{"assay.yaml", "bytes that are no UTF-8", "strict configuration", "choose another with --dir", "dir: \xff\xfe\n"},
	{"assay.yaml", "an absurd number", "strict configuration", "is no number of rows", "small-table: 99999999999999999999999999999\n"},
	{"assay.yaml", "an absurd duration", "strict configuration", "is no duration", "run-timeout: 99999999999999999h\n"},
	{"assay.yaml", "a glob with 2^40 alternatives", "globs are bounded before they are tried", "stands for more than 256 patterns", "queries: ['" + strings.Repeat("{a,b}", 40) + "']\n"},
	{"assay.yaml", "a directory above the project", "files are read through internal/project", "inside the project directory", "dir: ../outside\n"},
	{"assay.yaml", "a setup above the project", "files are read through internal/project", "does not lie below the project directory", "setup: [../outside/secret]\n"},
	{"assay.yaml", "a base above the project", "files are read through internal/project", "does not lie below the project directory", "base: ../outside/secret\n"},
	{"assay.yaml", "a seed above the project", "files are read through internal/project", "lies outside of the project", "seed: ../outside/secret\n"},
	{"assay.yaml", "an absolute seed", "files are read through internal/project", "lies outside of the project", "seed: /etc/passwd\n"},
	{"assay.yaml", "queries above the project", "files are read through internal/project", "leaves the project", "queries: [../outside/*]\n"},
	{"assay.yaml", "statistics above the project", "files are read through internal/project", "invalid argument", "stats: ../outside/secret\n"},
	{"assay.yaml", "policies above the project", "files are read through internal/project", "invalid argument", "policies: [../outside]\n"},
	{"assay.yaml", "a step above the project", "files are read through internal/project", "invalid argument", "steps: {migrations/000001_a.up.sql: ../outside/secret.sql}\n"},
	{"assay.yaml", "a policy of git that runs a program", "only https and full commit ids", "is not pinned", "policies: [{git: 'ext::sh -c id', commit: '0123456789012345678901234567890123456789'}]\n"},
	{"assay.yaml", "a policy of git with an option for its address", "only https and full commit ids", "is not pinned", "policies: [{git: '--upload-pack=id', commit: '0123456789012345678901234567890123456789'}]\n"},
	{"assay.yaml", "a policy of git by a branch", "only https and full commit ids", "must be a full commit id", "policies: [{git: 'https://example.com/x', commit: main}]\n"},
	{"assay.yaml", "a policy pack with a path for its name", "names are those that assay has", "unknown policy pack", "policy-packs: [../../outside]\n"},
	{"assay.yaml", "a password of the dev server", "assay.yaml refuses passwords", "dev-url holds a password", "dev-url: postgres://u:" + secret + "@localhost/x\n"},
	{"the statistics", "100,000 brackets within one another", "the decoder's bound", "exceeded max depth", nested("[", "]", 100_000)},
	{"the statistics", "rows without a number", "the reader checks numbers", "cannot unmarshal number 1e999", `{"format": 1, "taken": "2026-11-21", "source": "server", "tables": [{"schema": "public", "name": "t", "rows": 1e999}]}`},
	{"the statistics", "fewer rows than none", "the reader checks numbers", "dial error", `{"format": 1, "taken": "2026-11-21", "source": "server", "tables": [{"schema": "public", "name": "t", "rows": -5, "bytes": 1}]}`},
	{"the statistics", "a format that is not there yet", "the reader checks the format", "reads the formats 1 to 2", `{"format": 999}`},
	{"the statistics", "terminal and CI commands in a name", "standard error is escaped in one place", "assay.stats.json", `{"format": 1, "taken": ` + quotedJSON(marks) + `}`},
	{"the statistics", "bytes that are no UTF-8", "the reader is strict", "unknown field", "{\"format\": 1, \"\xff\": 1}"},
	{"the statistics", "a key twice", "the reader is strict", "unknown field", `{"format": 1, "format": 2, "x": 1}`},
	{"the baseline", "100,000 brackets within one another", "the decoder's bound", "exceeded max depth", nested("[", "]", 100_000)},
	{"the baseline", "terminal and CI commands in a key", "standard error is escaped in one place", "is not a baseline", `{` + quotedJSON(marks) + `: 1}`},
	{"the baseline", "a version that is not there yet", "the reader checks the version", "has format version", `{"version": "999", "findings": []}`},
	{"the lock file of policies", "100,000 brackets within one another", "the decoder's bound", "exceeded max depth", nested("[", "]", 100_000)},
	{"the lock file of policies", "terminal and CI commands in a key", "standard error is escaped in one place", "assay.lock", `{` + quotedJSON(marks) + `: 1}`},
	{"a policy", "100,000 brackets within one another", "the parser's bound", "recursion depth", "package a\nx := " + nested("[", "]", 100_000)},
	{"a policy", "terminal and CI commands in a name", "standard error is escaped in one place", "policies/a.rego", "package a\nimport data.`" + marks + "`\nx := \"\x1b[2J"},
	{"a policy", "bytes that are no UTF-8", "the compiler", "illegal utf-8", "package a\nx := \"\xff\xfe\"\n!"},
	{"data of policies", "100,000 brackets within one another", "the decoder's bound", "more than 100 brackets", nested("[", "]", 100_000)},
	{"a migration", "bytes that are no UTF-8", "the reader names the line", "UTF-8", "SELECT 1;\nSELECT '\xff\xfe';"},
	{"a migration", "a NUL", "the reader names the line", "is not UTF-8 text", "SELECT 'a\x00b';"},
	{"setup.sql", "bytes that are no UTF-8", "the reader names the line", "UTF-8", "SELECT '\xff\xfe';"},
	{"atlas.sum", "100,000 lines", "one finding for the file", "dial error", "h1:x\n" + numbered("%d_a.sql h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 100_000)},
	{"atlas.sum", "one file 100,000 times", "each is read once", "dial error", "h1:x\n" + strings.Repeat("000001_a.up.sql h1:AAAA\n", 100_000)},
	{"atlas.sum", "terminal and CI commands", "reports escape what they show", "dial error", "h1:x\n" + marks},
	{"sqitch's plan", "terminal and CI commands in a name", "standard error is escaped in one place", "sqitch.plan:4", "%syntax-version=1.0.0\n%project=p\n\n\x1b[2Ja [\u202e] ::error::x\n##[group]x\n"},
	{"sqitch's plan", "a path in the place of a name", "files are read through internal/project", "has no script", "%syntax-version=1.0.0\n%project=p\n\n../../outside/secret 2024-01-01T00:00:00Z a <a@example.com> # a\n"},
	{"sqitch's plan", "a cycle", "the reader names the line", "sqitch.plan:", "%syntax-version=1.0.0\n%project=p\n\na [b] 2024-01-01T00:00:00Z a <a@example.com> # a\nb [a] 2024-01-01T00:00:00Z a <a@example.com> # a\n"},
	{"drizzle's journal", "100,000 brackets within one another", "the decoder's bound", "exceeded max depth", nested("[", "]", 100_000)},
	{"drizzle's journal", "a path in the place of a tag", "files are read through internal/project", "is not there", `{"dialect": "postgresql", "entries": [{"idx": 0, "when": 10, "tag": "../../outside/secret", "breakpoints": true}]}`},
	{"drizzle's journal", "terminal and CI commands in a tag", "standard error is escaped in one place", "is not there", `{"dialect": "postgresql", "entries": [{"idx": 0, "when": 10, "tag": ` + quotedJSON(marks) + `, "breakpoints": true}]}`},
	{"drizzle's journal", "an absurd number", "the decoder's bound", "cannot unmarshal number 1e999", `{"dialect": "postgresql", "entries": [{"idx": 1e999, "when": 10, "tag": "0000_a"}]}`},
	{"liquibase's changelog", "100,000 brackets within one another", "YAML is bounded before it is parsed", "dial error", "databaseChangeLog: " + nested("[", "]", 100_000)},
	{"liquibase's changelog", "a file above the project", "files are read through internal/project", "is not found", "databaseChangeLog:\n  - include:\n      file: ../../../outside/secret\n      relativeToChangelogFile: true\n"},
	{"liquibase's changelog", "itself", "the reader follows each file once", "dial error", "databaseChangeLog:\n  - include:\n      file: db.changelog-master.yaml\n      relativeToChangelogFile: true\n"},
	{"liquibase's changelog", "terminal and CI commands in a name", "standard error is escaped in one place", "is not found", "databaseChangeLog:\n  - include:\n      file: \"\\e[2J::error::x\\n##[group]x\"\n"},
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// project lays a project out in dir with everything but the file itself.
func (f inputFile) project(t *testing.T, dir string) {
	t.Helper()
	all := map[string]string{".git/config": "[http]\n\textraheader = " + secret + "\n"}
	own := false
	for name, text := range f.with {
		own = own || strings.HasPrefix(name, "@")
		all[strings.TrimPrefix(name, "@")] = text
	}
	if !own {
		all["migrations/000001_a.up.sql"], all["migrations/000002_b.up.sql"] = "CREATE TABLE t (a int);", "CREATE TABLE u (a int);"
	}
	delete(all, f.path)
	for name, text := range all {
		write(t, filepath.Join(dir, name), text)
	}
	check(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, f.path)), 0o755))
}

func write(t *testing.T, name, text string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(name), 0o755))
	check(t, os.WriteFile(name, []byte(text), 0o644))
}

// listing is everything below a directory: what a run may not change.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	check(t, filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		i, err := e.Info()
		if err == nil {
			fmt.Fprintln(&out, p, i.Mode(), i.Size()*int64(map[bool]int{true: 0, false: 1}[e.IsDir()]))
		}
		return err
	}))
	return out.String()
}

// attempt runs assay on a project in which one file is what somebody with bad intentions made of it.
func attempt(t *testing.T, f inputFile, want string, lay func(name, outside string)) {
	t.Helper()
	root := t.TempDir()
	dir, outside := filepath.Join(root, "project"), filepath.Join(root, "outside")
	write(t, filepath.Join(outside, "secret"), secret+"\n")
	f.project(t, dir)
	lay(filepath.Join(dir, f.path), outside)
	before := listing(t, root)
	args := []string{"lint", "-C", dir, "--latest", "1"}
	if len(f.args) > 0 {
		args = append([]string{"-C", dir}, f.args...)
	}
	env := map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "ASSAY_CACHE_DIR": os.Getenv("ASSAY_CACHE_DIR")}
	if !f.server {
		env["PATH"], env["ASSAY_DEV_URL"] = "", "postgres://nobody@127.0.0.1:1/none?sslmode=disable"
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), args, func(k string) string { return env[k] }, strings.NewReader(""), &out, &errs)
	if f.server && strings.Contains(errs.String(), "no PostgreSQL") {
		t.Skip("no PostgreSQL")
	}
	all := out.String() + errs.String()
	if want == "" || code != exitUsage && code != exitFailed && want[0] != '=' {
		t.Errorf("exit %d: %.400s", code, all)
	} else if !strings.Contains(all, strings.TrimPrefix(want, "=")) {
		t.Errorf("exit %d without %q: %.400s", code, want, all)
	}
	if strings.Contains(all, secret) {
		t.Errorf("it shows what it must not read: %.400s", all)
	}
	if len(all) > 64<<10 {
		t.Errorf("it says %d bytes", len(all))
	}
	harmlessLog(t, all)
	if after := listing(t, root); after != before {
		t.Errorf("files are other ones:\n%s\nbefore:\n%s", after, before)
	}
}

var updateSecurity = flag.Bool("update-security", false, "rewrite the table of attempts by input files in SECURITY.md")

// TestInputAttemptsAreListed holds SECURITY.md to the attempts.
func TestInputAttemptsAreListed(t *testing.T) {
	const begin, end = "<!-- input files: go test ./cmd/assay -run TestInputAttemptsAreListed -update-security -->\n", "<!-- end of input files -->\n"
	var kinds []string
	for _, f := range inputFiles {
		kinds = append(kinds, f.what)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%d attempts run as tests. Each kind of file is tried with each thing in its place: %s.\n\n| attempt by an input file | what stops it | test |\n|---|---|---|\n",
		begin, len(places)*len(inputFiles)+len(contents), strings.Join(kinds, ", "))
	name := strings.NewReplacer(" ", "_", "|", "")
	for _, p := range places {
		fmt.Fprintf(&b, "| in the place of each kind of file: %s | %s | TestInputAttempts/…/%s |\n", p.what, p.layer, name.Replace(p.what))
	}
	for _, c := range contents {
		fmt.Fprintf(&b, "| %s: %s | %s | TestInputAttempts/%s/%s |\n", c.file, c.what, c.layer, name.Replace(c.file), name.Replace(c.what))
	}
	b.WriteString(end)
	const path = "../../SECURITY.md"
	text := file(t, path)
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the attempts by input files", path)
	}
	if want := before + b.String() + after; want != text {
		if !*updateSecurity {
			t.Fatalf("%s is stale: run go test ./cmd/assay -run TestInputAttemptsAreListed -update-security", path)
		}
		check(t, os.WriteFile(path, []byte(want), 0o644))
	}
}

// TestInputAttempts puts what is no plain file in the place of every kind of file that
// assay reads, and hostile texts into it: each is refused with the reason, nothing of
// it is shown unescaped, and nothing is written.
func TestInputAttempts(t *testing.T) {
	for _, f := range inputFiles {
		t.Run(f.what, func(t *testing.T) {
			t.Parallel()
			for _, p := range places {
				t.Run(p.what, func(t *testing.T) {
					attempt(t, f, p.want, func(name, outside string) { p.lay(t, name, outside) })
				})
			}
			for _, c := range contents {
				if c.file == f.what {
					t.Run(c.what, func(t *testing.T) {
						attempt(t, f, c.want, func(name, _ string) { write(t, name, c.text) })
					})
				}
			}
		})
	}
}
