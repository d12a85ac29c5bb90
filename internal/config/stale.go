package config

import (
	"fmt"
	"slices"
	"time"
)

// Stale is an ignore entry that can go.
type Stale struct {
	Index int    // in Config.Ignore
	Where string // its place in the file
	Text  string // what is wrong with it
}

// StaleIgnores are the entries that have expired and those that ignored
// nothing although their path was linted. An entry without a path may be
// meant for any file, so that it is only told when everything was linted.
func (c *Config) StaleIgnores(used func(index int) bool, linted []string, all bool, today time.Time) []Stale {
	var out []Stale
	for i, ig := range c.Ignore {
		reached := all
		if ig.Path != "" {
			reached = slices.ContainsFunc(linted, func(p string) bool { return matchPath(ig.Path, p) })
		}
		s := Stale{Index: i, Where: c.At(fmt.Sprintf("ignore.%d", i))}
		switch {
		case ig.Expired(today):
			s.Text = fmt.Sprintf("the ignore of %s ended on %s: take it out, or give it a new day", ig.Check, ig.Expires)
		case reached && !used(i):
			s.Text = fmt.Sprintf("the ignore of %s ignores nothing: take it out", ig.Check)
		default:
			continue
		}
		out = append(out, s)
	}
	return out
}
