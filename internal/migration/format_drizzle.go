package migration

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

var drizzle = &format{
	byName:  true,
	load:    loadDrizzle,
	follows: "drizzle-orm 0.45.4",
	sending: sending{bom: bomSent},
	tx:      txRule{TxAll, "drizzle runs all pending migrations in one transaction", ""},
	bookkeeping: `CREATE SCHEMA IF NOT EXISTS drizzle;
CREATE TABLE IF NOT EXISTS drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);`,
}

const breakpoint = "--> statement-breakpoint"

type drizzleJournal struct {
	Dialect string `json:"dialect"`
	Entries []struct {
		Idx         int    `json:"idx"`
		When        int64  `json:"when"`
		Tag         string `json:"tag"`
		Breakpoints bool   `json:"breakpoints"`
	} `json:"entries"`
}

// loadDrizzle goes by the journal. Without one it is the newer layout, with a
// directory for each migration.
func loadDrizzle(l *loader) error {
	file := l.in("meta/_journal.json")
	if !l.exists(file) {
		keep := func(d string) (string, string, bool) {
			version, name, _ := strings.Cut(d, "_")
			return version, name, true
		}
		return l.addDirs("migration.sql", "", keep, strings.Compare, drizzleUnit)
	}
	text, err := l.read(file)
	if err != nil {
		return err
	}
	var journal drizzleJournal
	if err := json.Unmarshal([]byte(text), &journal); err != nil {
		return fmt.Errorf("reading %s: %w: drizzle-kit writes it, restore it from git", file, err)
	}
	if d := journal.Dialect; d != "" && !ours(d) && d != "pg" {
		return fmt.Errorf("%s: the migrations are for %s, not for PostgreSQL: choose another directory with --dir", file, d)
	}
	l.out.List = file
	listed := map[string]bool{}
	last := int64(0)
	for _, e := range journal.Entries {
		f := l.in(e.Tag + ".sql")
		if !l.exists(f) {
			return fmt.Errorf("%s lists %q, but %s is not there: restore it or remove the entry", file, e.Tag, f)
		}
		listed[path.Base(f)] = true
		version := digits(e.Tag)
		u, err := l.unit(f, version, strings.TrimLeft(e.Tag[len(version):], "_"))
		if err != nil {
			return err
		}
		if err := drizzleUnit(u); err != nil {
			return err
		}
		if e.When < last {
			l.notice("journal-order", f, "its time in %s is before that of an earlier entry: databases that ran that one never run this file", file)
		}
		last = max(last, e.When)
		l.add(u)
	}
	files, _, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".sql") && !listed[f] {
			l.notice("ignored-file", l.in(f), "%s does not list this file: drizzle leaves it out", file)
		}
	}
	return nil
}

// drizzleUnit: what stands between two breakpoints is sent as one query.
func drizzleUnit(u *unit) error {
	u.script.whole = chunks(u.source, 0, len(u.source), breakpoint)
	return nil
}
