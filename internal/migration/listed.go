package migration

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"
)

// Listed says what to write into the tool's own list of migrations (drizzle's
// journal, sqitch's plan) for it to run files that are added, in their order:
// at its end, as their tools write it. Nothing where a tool goes by the files.
func Listed(fsys fs.FS, d *Dir, added []NewFile) ([]Insert, error) {
	if d.List == "" || len(added) == 0 {
		return nil, nil
	}
	text, err := readSource(fsys, d.List)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.List, err)
	}
	var at int
	var entry string
	switch d.Format {
	case Drizzle:
		at, entry, err = journalEntries(text, added)
	case Sqitch:
		at, entry, err = planEntries(text, d, added)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.List, err)
	}
	if entry == "" {
		return nil, nil
	}
	return []Insert{{newPlaces(d.List, text).at(at), entry}}, nil
}

// journalEntries continues the journal's numbers and times.
func journalEntries(text string, added []NewFile) (int, string, error) {
	var journal struct {
		Entries []struct {
			Idx     int    `json:"idx"`
			Version string `json:"version"`
			When    int64  `json:"when"`
		} `json:"entries"`
	}
	if err := json.Unmarshal([]byte(text), &journal); err != nil {
		return 0, "", fmt.Errorf("reading the journal: %w", err)
	}
	list := strings.LastIndexByte(text, ']')
	if len(journal.Entries) == 0 || list < 0 {
		return 0, "", fmt.Errorf("the journal has no entry to continue: let drizzle-kit write the first")
	}
	at := strings.LastIndexByte(text[:list], '}') + 1
	idx, when, version := 0, int64(0), ""
	for _, e := range journal.Entries {
		idx, when, version = max(idx, e.Idx), max(when, e.When), e.Version
	}
	var b strings.Builder
	for _, f := range added {
		tag, ok := strings.CutSuffix(path.Base(f.Path), ".sql")
		if !ok {
			continue
		}
		idx, when = idx+1, when+1000
		fmt.Fprintf(&b, ",\n    {\n      \"idx\": %d,\n      \"version\": %q,\n      \"when\": %d,\n      \"tag\": %q,\n      \"breakpoints\": true\n    }", idx, version, when, tag)
	}
	return at, b.String(), nil
}

// planned is a change in a plan with when and by whom it was planned.
var planned = regexp.MustCompile(`(?m)^\s*[^\s@%#][^#\n]*?\s(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\s+([^#\n]*?>)`)

// planEntries plans each file for whoever planned the last change, a second after it.
func planEntries(text string, d *Dir, added []NewFile) (int, string, error) {
	all := planned.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return 0, "", fmt.Errorf("no change in the plan says by whom it was planned: add the change with `sqitch add`")
	}
	last := all[len(all)-1]
	at, err := time.Parse(time.RFC3339, last[1])
	if err != nil {
		return 0, "", fmt.Errorf("reading the time of the last change: %w", err)
	}
	var b strings.Builder
	if !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
	for _, f := range added {
		name := deployed(d, f.Path)
		if name == "" {
			continue
		}
		at = at.Add(time.Second)
		fmt.Fprintf(&b, "%s %s %s # %s\n", name, at.UTC().Format("2006-01-02T15:04:05Z"), last[2], strings.ReplaceAll(path.Base(name), "_", " "))
	}
	return len(text), b.String(), nil
}

// deployed is the name of the change whose deploy script a file is, empty for other files.
func deployed(d *Dir, file string) string {
	for _, m := range d.Migrations {
		ext := path.Ext(m.Path)
		if top, ok := strings.CutSuffix(m.Path, m.Name+ext); ok && top != "" {
			if name, ok := strings.CutPrefix(file, top); ok {
				return strings.TrimSuffix(name, ext)
			}
		}
	}
	return ""
}
