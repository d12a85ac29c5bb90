package migration

import (
	"crypto/sha1"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var graphileMigrate = &format{
	load:    loadGraphile,
	follows: "graphile-migrate 1.4.1",
	sending: sending{bom: bomRefused, readsAll: true},
	tx: txRule{
		TxFile, "graphile-migrate runs each migration in a transaction",
		"write `--! no-transaction` as the first line of current.sql, and leave a single statement in the file",
	},
	bookkeeping: `CREATE SCHEMA IF NOT EXISTS graphile_migrate;
CREATE TABLE IF NOT EXISTS graphile_migrate.migrations (
	hash text PRIMARY KEY,
	previous_hash text REFERENCES graphile_migrate.migrations,
	filename text NOT NULL,
	date timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS graphile_migrate.current (
	filename text PRIMARY KEY DEFAULT 'current.sql',
	content text NOT NULL,
	date timestamptz NOT NULL DEFAULT now()
);`,
}

var (
	graphileFile        = regexp.MustCompile(`^([0-9]{6,})(?:-(.*))?\.sql$`)
	graphileHeader      = regexp.MustCompile(`(?i)^--!\s*(previous|hash|allowinvalidhash|no-transaction)\b:?(.*)$`)
	graphileHead        = regexp.MustCompile(`\A(?:--![^\n]*\n)+\n?`)
	graphilePlaceholder = regexp.MustCompile(`:[A-Z][0-9A-Z_]+\b`)
	graphileCurrent     = regexp.MustCompile(`^([0-9]+)?(?:-?[^.]*)?\.sql$`)
)

// loadGraphile reads committed/ and then what is current, which is not yet a
// migration but becomes the next one.
func loadGraphile(l *loader) error {
	dir := "committed"
	files, _, err := l.entries(l.in(dir))
	if err != nil {
		return err
	}
	var units []*unit
	for _, f := range files {
		m := graphileFile.FindStringSubmatch(f)
		if m == nil {
			continue
		}
		u, err := l.unit(l.in(dir+"/"+f), m[1], m[2])
		if err != nil {
			return err
		}
		units = append(units, u)
	}
	byVersion(units, compareNumbers)
	previous := ""
	for _, u := range units {
		hash := l.graphileUnit(u, &previous)
		if u.name == "" {
			u.name = u.version
		}
		previous = hash
	}
	l.units = units
	return l.graphileCurrent()
}

// graphileUnit follows the head of a committed file and returns its hash. The
// hashes make a chain: each file names the one before.
func (l *loader) graphileUnit(u *unit, previous *string) (hash string) {
	u.script.fills = append(u.script.fills, colonNames)
	allowed, body, chain := false, 0, ""
	if blank := strings.Index(u.source, "\n\n"); previous != nil && blank >= 0 {
		body = blank + len("\n\n")
	}
	if end := graphileHead.FindString(strings.TrimPrefix(u.source, bom)); previous != nil && end != "" && !strings.HasSuffix(end, "\n\n") {
		l.out.Notices = append(l.out.Notices, Notice{
			Kind: "misread-annotation", Refused: RefusedRun, Pos: Position{Path: u.path, Line: 1, Column: 1},
			Text: "graphile-migrate refuses to run: invalid migration: there should be two newlines after the headers section, without carriage returns",
		})
	}
	for _, m := range marks(u.source, graphileHeader) {
		if stripComments(u.source[:m.start]) != "" {
			break
		}
		switch m.word {
		case "previous":
			p := strings.Trim(m.rest, " \r-")
			if chain = p; previous != nil && p != *previous {
				l.sumNotice("sum-mismatch", u.path, m.line, "the file before it is not the one that this was committed on: "+
					"its hash is another (edited, missing or reordered)")
			}
		case "hash":
			hash = strings.TrimSpace(m.rest)
		case "allowinvalidhash":
			allowed = true
		case "no-transaction":
			// src/header.ts: on the first line of the body and nowhere else.
			if m.start != body {
				continue
			}
			u.tx = txRule{
				TxImplicit, "the file says `--! no-transaction`; it is sent as one query, which PostgreSQL runs as one transaction if it has several statements",
				"leave a single statement in the file",
			}
		}
	}
	sum := fmt.Sprintf("sha1:%x", sha1.Sum([]byte(strings.TrimSpace(chain+"\n"+strings.TrimSpace(u.source[body:]))+"\n")))
	if hash != "" && hash != sum && !allowed {
		l.sumNotice("sum-mismatch", u.path, 1, "the file was edited since it was committed: its `--! Hash` is that of another text")
	}
	return hash
}

func (l *loader) graphileCurrent() error {
	current := []string{"current.sql"}
	if !l.exists(l.in("current.sql")) {
		files, _, err := l.entries(l.in("current"))
		if err != nil {
			return nil //nolint:nilerr // there is no such directory: nothing is current
		}
		current = nil
		slices.SortFunc(files, compareNatural)
		for _, f := range files {
			if graphileCurrent.MatchString(f) {
				current = append(current, "current/"+f)
			}
		}
	}
	for _, f := range current {
		u, err := l.unit(l.in(f), strings.TrimSuffix(f, ".sql"), "current")
		if err != nil {
			return err
		}
		l.graphileUnit(u, nil)
		if stripComments(u.source) != "" {
			l.add(u)
		}
	}
	return nil
}

// colonNames is the syntax of graphile-migrate: :DATABASE_OWNER, upper case.
func colonNames(src string, values map[string]string) ([]placeholder, error) {
	var out []placeholder
	for _, m := range graphilePlaceholder.FindAllStringIndex(src, -1) {
		if m[0] > 0 && src[m[0]-1] == ':' {
			continue // a cast
		}
		p := placeholder{span: span{m[0], m[1]}, name: src[m[0]+1 : m[1]]}
		if p.value, p.found = values[p.name]; !p.found {
			p.value, p.found = values[":"+p.name]
		}
		if p.found {
			out = append(out, p)
		} else if p.name == "DATABASE_NAME" || p.name == "DATABASE_OWNER" || strings.Contains(p.name, "_") {
			out = append(out, p)
		}
	}
	return out, nil
}
