package main

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

// directories are the migrations directories of a run, cleaned and without
// repetition; none if there is one, which is found or named.
func (a *app) directories(p *project, o *lintOptions) ([]string, error) {
	list := o.dirs
	switch {
	case o.allDirs && len(o.dirs) > 0:
		return nil, usagef("--all-dirs finds the directories that --dir names: give one of them")
	case o.allDirs:
		found, err := migration.Detect(p.fsys, ".")
		if len(found) == 0 {
			return nil, usageError{err}
		}
		list = severalOf(found)
	case len(o.dirs) == 0:
		list = p.config.Dirs
	}
	var out []string
	for _, d := range list {
		if d = path.Clean(filepath.ToSlash(d)); !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	if len(out) == 1 {
		o.migrations = out[0]
		return nil, nil
	}
	return out, nil
}

// lintAll reviews several migrations directories, each on a server of its own,
// and makes one result of it. Directories without anything new cost no server.
func (a *app) lintAll(ctx context.Context, base *project, o *lintOptions, dirs []string) (*project, *lint.Result, error) {
	named, err := filesOf(o.files, dirs)
	if err != nil {
		return nil, nil, err
	}
	var projects []*project
	var options []*lintOptions
	for _, dir := range dirs {
		if len(o.files) > 0 && len(named[dir]) == 0 {
			continue
		}
		p, own := *base, *o
		own.migrations, own.files = dir, named[dir]
		if err := a.readProject(ctx, &p, &own); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", dir, err)
		}
		projects, options = append(projects, &p), append(options, &own)
	}
	quiet := func(i int) bool { return len(projects[i].new)+len(projects[i].edited) == 0 }
	var results []*lint.Result
	reviewed := false
	for i, p := range projects {
		if quiet(i) && (reviewed || i < len(projects)-1) { // one is always reviewed: the change may edit what judges it
			results = append(results, &lint.Result{Tool: lint.Tool{Name: "assay", Version: buildVersion()}, Dir: p.dir.Path, Format: string(p.dir.Format), Base: len(p.base), Notices: p.notices})
			continue
		}
		reviewed = true
		res, err := a.lintProject(ctx, p, options[i])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.dir.Path, err)
		}
		results = append(results, res)
	}
	return projects[0], joined(results, base.config.Path), nil
}

// filesOf sorts named files by the directory they lie in.
func filesOf(names, dirs []string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, name := range names {
		file := path.Clean(filepath.ToSlash(name))
		best := ""
		for _, d := range dirs {
			if (d == "." || strings.HasPrefix(file, d+"/")) && len(d) > len(best) {
				best = d
			}
		}
		if best == "" {
			return nil, usagef("%s is in none of the migrations directories: %s", name, strings.Join(dirs, ", "))
		}
		out[best] = append(out[best], name)
	}
	return out, nil
}

// joined is the result of several directories as one.
func joined(results []*lint.Result, configFile string) *lint.Result {
	out := &lint.Result{Tool: results[0].Tool, Dir: "."}
	added, from := 0, 0
	seen := map[string]int{} // how many of the results have a notice
	rules, findings := map[string]bool{}, map[string]bool{}
	for _, r := range results {
		if out.Database.Version == "" {
			out.Database = r.Database
		}
		shift := func(f *lint.Finding) bool {
			if f.Migration >= 0 {
				f.Migration += len(out.Migrations)
			}
			id := fmt.Sprintf("%s\x00%s\x00%d\x00%d\x00%s", f.ID, f.Path, f.Line, f.Column, f.Message)
			repeated := findings[id]
			findings[id] = true
			return !repeated || f.Migration >= 0
		}
		for _, f := range r.Findings {
			if shift(f) {
				out.Findings = append(out.Findings, f)
			}
		}
		for _, s := range r.Suppressed {
			if shift(s.Finding) {
				out.Suppressed = append(out.Suppressed, s)
			}
		}
		for _, x := range r.Rules {
			if !rules[x.ID] {
				rules[x.ID] = true
				out.Rules = append(out.Rules, x)
			}
		}
		if len(r.Migrations) > 0 {
			from++
		}
		added += len(r.Migrations)
		out.Dirs = append(out.Dirs, r.Dir)
		out.Base += r.Base
		out.Config = r.Config
		out.Migrations = append(out.Migrations, r.Migrations...)
		for _, line := range r.Failed {
			if !slices.Contains(out.Failed, line) {
				out.Failed = append(out.Failed, line)
			}
		}
		for _, n := range r.Notices {
			seen[fmt.Sprint(n)]++
		}
		if r.Diagram != nil {
			if out.Diagram == nil {
				out.Diagram = &lint.Diagram{}
			}
			out.Diagram.Tables = append(out.Diagram.Tables, r.Diagram.Tables...)
			out.Diagram.Keys = append(out.Diagram.Keys, r.Diagram.Keys...)
			out.Diagram.Chains = append(out.Diagram.Chains, r.Diagram.Chains...)
		}
	}
	out.Notices = shared(results, seen, configFile)
	lint.Sort(out)
	lint.Summarize(out)
	out.Against = fmt.Sprintf("%s of %d of %d directories, on %s merged, PostgreSQL %s", counting(added, "new migration"), from, len(results), counting(out.Base, "migration"), out.Database.Version)
	return out
}

// shared are the notices of several results. One about the configuration, such
// as an ignore that matches nothing, holds where all say it.
func shared(results []*lint.Result, seen map[string]int, configFile string) []lint.Notice {
	var out []lint.Notice
	reviewed := 0
	for _, r := range results {
		if r.Database.Version != "" {
			reviewed++
		}
	}
	said := map[string]bool{}
	for _, r := range results {
		for _, n := range r.Notices {
			id := fmt.Sprint(n)
			if said[id] || n.Path != "" && n.Path == configFile && seen[id] < reviewed {
				continue
			}
			said[id] = true
			out = append(out, n)
		}
	}
	return out
}
