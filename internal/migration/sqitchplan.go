package migration

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// planChange is one change of a sqitch.plan.
type planChange struct {
	name     string
	requires []string
	line     int
	tags     []string // those written directly after it, without @
	reworked []string // for a change that comes again later: the tags between the two
}

// version is the change as sqitch shows it: name@tag for one that was reworked.
func (c *planChange) version() string {
	if len(c.reworked) > 0 {
		return c.name + "@" + c.reworked[0]
	}
	return c.name
}

// files are the names its script can have, without the extension, the likeliest first.
func (c *planChange) files() []string {
	if len(c.reworked) == 0 {
		return []string{c.name}
	}
	var out []string
	for _, t := range c.reworked {
		out = append(out, c.name+"@"+t)
	}
	return out
}

var (
	planPragma = regexp.MustCompile(`^\s*%\s*([\w-]+)(?:\s*=\s*(.*?))?\s*$`)
	// A name, dependencies in brackets, then a time and the planner.
	planLine = regexp.MustCompile(`^\s*([+-]?)\s*([^\s\[\]#]+)\s*(?:\[([^\]]*)\])?`)
)

// plan is the state of reading a sqitch.plan.
type plan struct {
	file, project string
	changes       []*planChange
	tags          map[string]int // tag to the number of changes before it
}

// parsePlan reads the changes in the order of the plan and checks that each
// comes after those that it requires.
func parsePlan(file, text string) ([]*planChange, error) {
	p := &plan{file: file, tags: map[string]int{}}
	for i, line := range strings.Split(strings.TrimPrefix(text, bom), "\n") {
		if err := p.line(i+1, strings.TrimRight(line, " \t\r")); err != nil {
			return nil, err
		}
	}
	p.rework()
	if err := p.check(); err != nil {
		return nil, err
	}
	return p.changes, nil
}

func (p *plan) line(number int, line string) error {
	if m := planPragma.FindStringSubmatch(line); m != nil {
		if m[1] == "project" {
			p.project = m[2]
		}
		return nil
	}
	line, _, _ = strings.Cut(line, " #")
	if t := strings.TrimSpace(line); t == "" || t[0] == '#' {
		return nil
	}
	m := planLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("%s:%d: this line is no change, tag or pragma", p.file, number)
	}
	name := m[2]
	if tag, ok := strings.CutPrefix(name, "@"); ok {
		if len(p.changes) == 0 {
			return fmt.Errorf("%s:%d: the tag @%s stands before any change", p.file, number, tag)
		}
		if _, ok := p.tags[tag]; ok {
			return fmt.Errorf("%s:%d: the tag @%s is there twice", p.file, number, tag)
		}
		p.tags[tag] = len(p.changes)
		last := p.changes[len(p.changes)-1]
		last.tags = append(last.tags, tag)
		return nil
	}
	if m[1] == "-" {
		return fmt.Errorf("%s:%d: a revert in the plan (-%s) is not supported by sqitch since 1.0: remove the line", p.file, number, name)
	}
	p.changes = append(p.changes, &planChange{name: name, requires: strings.Fields(m[3]), line: number})
	return nil
}

// rework gives each change that comes again the tags between the two.
func (p *plan) rework() {
	later := map[string]int{}
	for i := len(p.changes) - 1; i >= 0; i-- {
		c := p.changes[i]
		if next, ok := later[c.name]; ok {
			for _, between := range p.changes[i:next] {
				c.reworked = append(c.reworked, between.tags...)
			}
			slices.Reverse(c.reworked) // rework names the copy after the newest tag
		}
		later[c.name] = i
	}
}

// check holds every change against what it requires.
func (p *plan) check() error {
	first, last := map[string]int{}, map[string]int{}
	for i, c := range p.changes {
		if prior, ok := last[c.name]; ok && len(p.changes[prior].reworked) == 0 {
			return fmt.Errorf("%s:%d: the change %q is already in line %d, with no tag between them: only a change before a tag can be reworked",
				p.file, c.line, c.name, p.changes[prior].line)
		}
		if _, ok := first[c.name]; !ok {
			first[c.name] = i
		}
		last[c.name] = i
	}
	for i, c := range p.changes {
		for _, written := range c.requires {
			name, tag, ours := p.required(written)
			if !ours {
				continue
			}
			if before, ok := p.tags[tag]; tag != "" && (!ok || before > i) {
				return fmt.Errorf("%s:%d: the change %q requires %q, but no tag @%s stands before it", p.file, c.line, c.name, written, tag)
			}
			if name == "" {
				continue
			}
			at, ok := first[name]
			if !ok {
				return fmt.Errorf("%s:%d: the change %q requires %q, which the plan does not have", p.file, c.line, c.name, written)
			}
			if at < i {
				continue
			}
			if cycle := p.cycle(i, first); cycle != nil {
				return fmt.Errorf("%s:%d: a cycle in the plan: %s", p.file, c.line, strings.Join(cycle, ", which requires "))
			}
			return fmt.Errorf("%s:%d: the change %q requires %q, which comes only in line %d: move it after that", p.file, c.line, c.name, name, p.changes[at].line)
		}
	}
	return nil
}

// required takes a dependency apart; those on other projects, on change ids and
// conflicts are not ours to check.
func (p *plan) required(written string) (name, tag string, ours bool) {
	if strings.HasPrefix(written, "!") {
		return "", "", false
	}
	if project, rest, ok := strings.Cut(written, ":"); ok {
		if project != p.project {
			return "", "", false
		}
		written = rest
	}
	name, tag, _ = strings.Cut(written, "@")
	if tag == "HEAD" || tag == "ROOT" {
		tag = ""
	}
	return name, tag, true
}

// cycle returns the names on a way from a change back to itself, nil if there is none.
func (p *plan) cycle(from int, first map[string]int) []string {
	seen := map[int]bool{}
	var walk func(int) []string
	walk = func(i int) []string {
		if seen[i] {
			return nil
		}
		seen[i] = true
		for _, written := range p.changes[i].requires {
			name, _, ours := p.required(written)
			next, ok := first[name]
			switch {
			case !ours || !ok:
			case next == from:
				return []string{quoted(p.changes[i].name), quoted(name)}
			default:
				if way := walk(next); way != nil {
					return slices.Concat([]string{quoted(p.changes[i].name)}, way)
				}
			}
		}
		return nil
	}
	return walk(from)
}

func quoted(s string) string { return `"` + s + `"` }

// sqitchRegistry is the schema that sqitch keeps its books in.
const sqitchRegistry = `CREATE SCHEMA IF NOT EXISTS sqitch;
CREATE TABLE IF NOT EXISTS sqitch.releases (
	version real PRIMARY KEY, installed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	installer_name text NOT NULL, installer_email text NOT NULL
);
CREATE TABLE IF NOT EXISTS sqitch.projects (
	project text PRIMARY KEY, uri text NULL UNIQUE, created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	creator_name text NOT NULL, creator_email text NOT NULL
);
CREATE TABLE IF NOT EXISTS sqitch.changes (
	change_id text PRIMARY KEY, script_hash text NULL, change text NOT NULL,
	project text NOT NULL REFERENCES sqitch.projects(project) ON UPDATE CASCADE, note text NOT NULL DEFAULT '',
	committed_at timestamptz NOT NULL DEFAULT clock_timestamp(), committer_name text NOT NULL, committer_email text NOT NULL,
	planned_at timestamptz NOT NULL, planner_name text NOT NULL, planner_email text NOT NULL, UNIQUE (project, script_hash)
);
CREATE TABLE IF NOT EXISTS sqitch.tags (
	tag_id text PRIMARY KEY, tag text NOT NULL, project text NOT NULL REFERENCES sqitch.projects(project) ON UPDATE CASCADE,
	change_id text NOT NULL REFERENCES sqitch.changes(change_id) ON UPDATE CASCADE, note text NOT NULL DEFAULT '',
	committed_at timestamptz NOT NULL DEFAULT clock_timestamp(), committer_name text NOT NULL, committer_email text NOT NULL,
	planned_at timestamptz NOT NULL, planner_name text NOT NULL, planner_email text NOT NULL, UNIQUE (project, tag)
);
CREATE TABLE IF NOT EXISTS sqitch.dependencies (
	change_id text NOT NULL REFERENCES sqitch.changes(change_id) ON UPDATE CASCADE ON DELETE CASCADE, type text NOT NULL,
	dependency text NOT NULL, dependency_id text NULL REFERENCES sqitch.changes(change_id) ON UPDATE CASCADE,
	PRIMARY KEY (change_id, dependency)
);
CREATE TABLE IF NOT EXISTS sqitch.events (
	event text NOT NULL, change_id text NOT NULL, change text NOT NULL,
	project text NOT NULL REFERENCES sqitch.projects(project) ON UPDATE CASCADE, note text NOT NULL DEFAULT '',
	requires text[] NOT NULL DEFAULT '{}', conflicts text[] NOT NULL DEFAULT '{}', tags text[] NOT NULL DEFAULT '{}',
	committed_at timestamptz NOT NULL DEFAULT clock_timestamp(), committer_name text NOT NULL, committer_email text NOT NULL,
	planned_at timestamptz NOT NULL, planner_name text NOT NULL, planner_email text NOT NULL,
	PRIMARY KEY (change_id, committed_at)
);`
