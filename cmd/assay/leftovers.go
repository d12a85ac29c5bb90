package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/lint"
)

// leftovers are the notices about what can go: ignores of the configuration
// and entries of the baseline that nothing falls under any more. Only a whole
// run can tell; one that tries no rows or runs no way back finds less.
func leftovers(p *project, o *lintOptions, used map[int]bool, b *config.Baseline) []lint.Notice {
	whole := !o.quick && !o.noProofs
	var linted []string
	for _, m := range p.new {
		linted = append(linted, m.Path)
		if m.Migration.Down != nil {
			linted = append(linted, m.Migration.Down.Path)
		}
	}
	var out []lint.Notice
	hit := func(i int) bool { return !whole || used[i] }
	for _, s := range p.config.StaleIgnores(hit, linted, o.all, time.Now()) {
		file, rest, _ := strings.Cut(s.Where, ":")
		line, _, _ := strings.Cut(rest, ":")
		n, err := strconv.Atoi(line)
		if err != nil {
			n = 0
		}
		out = append(out, lint.Notice{Path: file, Line: n, Text: s.Text})
	}
	if !whole {
		return out
	}
	if gone := b.Unused(linted); len(gone) > 0 {
		text := fmt.Sprintf("%s in %s is found no more: take it out", gone[0].ID, gone[0].Path)
		if n := len(gone); n > 1 {
			text = fmt.Sprintf("%d entries of the linted files are found no more (%s in %s is the first): take them out", n, gone[0].ID, gone[0].Path)
		}
		out = append(out, lint.Notice{Path: b.Path(), Text: text})
	}
	return out
}

// untold leaves out the notices that a finding says as well.
func untold(res *lint.Result) []lint.Notice {
	said := func(n lint.Notice) bool {
		same := func(f *lint.Finding) bool { return f.Path == n.Path && f.Message == n.Text }
		return slices.ContainsFunc(res.Findings, same) || slices.ContainsFunc(res.Suppressed, func(s *lint.Suppressed) bool { return same(s.Finding) })
	}
	return slices.DeleteFunc(slices.Clone(res.Notices), said)
}
