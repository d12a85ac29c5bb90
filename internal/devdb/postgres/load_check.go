package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// replacing are the catalogs in which CREATE OR REPLACE keeps the row that is there.
var replacing = []struct{ tag, count string }{
	{"CREATE FUNCTION", "pg_catalog.pg_proc WHERE proname"}, {"CREATE PROCEDURE", "pg_catalog.pg_proc WHERE proname"}, {"CREATE AGGREGATE", "pg_catalog.pg_proc WHERE proname"},
	{"CREATE VIEW", "pg_catalog.pg_class WHERE relname"}, {"CREATE TRIGGER", "pg_catalog.pg_trigger WHERE tgname"}, {"CREATE RULE", "pg_catalog.pg_rewrite WHERE rulename"},
}

// key is what a statement makes, by kind and last name; empty if it makes nothing.
func key(st *migration.Statement) string {
	if !strings.HasPrefix(st.Syntax.Tag, "CREATE ") {
		return ""
	}
	return st.Syntax.Tag + " " + nameMade(st)
}

// nameMade is the last part of the name of what a statement makes.
func nameMade(st *migration.Statement) string {
	return lastName(fullName(st))
}

// fullName is the name of what a statement makes, as written.
func fullName(st *migration.Statement) string {
	if st.Syntax.Name != "" {
		return st.Syntax.Name
	}
	if len(st.Syntax.Objects) > 0 {
		return st.Syntax.Objects[0]
	}
	tag := strings.Fields(st.Syntax.Tag)
	text := skipBlank(st.Text)
	for len(tag) > 0 { // the words of the tag, and those that may stand between them
		w := words(text, 1)
		if len(w) == 0 {
			return ""
		}
		at := strings.Index(text, w[0])
		text = skipBlank(text[at+len(w[0]):])
		if strings.EqualFold(w[0], tag[0]) {
			tag = tag[1:]
		}
	}
	if w := words(text, 3); len(w) == 3 && strings.EqualFold(w[0], "IF") {
		at := strings.Index(strings.ToUpper(text), "EXISTS")
		text = skipBlank(text[at+len("EXISTS"):])
	}
	return regexp.MustCompile(`^(?:"(?:[^"]|"")+"|[\w$\x80-\xff]+)(?:\.(?:"(?:[^"]|"")+"|[\w$\x80-\xff]+))*`).FindString(text)
}

// others counts the objects that a CREATE OR REPLACE may replace; -1 where it
// cannot replace one that the files made.
func (l *loader) others(ctx context.Context, p *piece) (int, error) {
	if !p.st.Syntax.OrReplace || len(l.made[key(p.st)]) == 0 {
		return -1, nil
	}
	return l.count(ctx, p.st)
}

func (l *loader) count(ctx context.Context, st *migration.Statement) (int, error) {
	for _, c := range replacing {
		if c.tag != st.Syntax.Tag {
			continue
		}
		text, err := query(ctx, l.r.conn, "SELECT pg_catalog.count(*) FROM "+c.count+" OPERATOR(pg_catalog.=) "+literal(nameMade(st)))
		if err != nil {
			return -1, fmt.Errorf("counting what %s:%d may replace: %w", st.Pos.Path, st.Pos.Line, err)
		}
		return strconv.Atoi(text)
	}
	return -1, nil
}

// ran looks at a piece that the server has taken: whether it made what another
// one had made, and what its hints are about.
func (l *loader) ran(ctx context.Context, p *piece, before int) (*devdb.StatementError, error) {
	notices := slices.Clone(l.r.notices)
	k := key(p.st)
	if before >= 0 {
		after, err := l.count(ctx, p.st)
		if err != nil {
			return nil, err
		}
		if first := l.made[k][len(l.made[k])-1]; after == before && !stubOf(first, p) {
			e := &devdb.StatementError{Statement: p.st, Code: "42710", Message: fmt.Sprintf("%s is made twice", nameMade(p.st))}
			l.twice(p, e)
			return e, nil
		}
	}
	for _, n := range notices {
		if !duplicate(n.Code) || !p.st.Syntax.IfNotExists {
			continue
		}
		if first := l.first(p); first != nil && !agreed(first.st, p.st) {
			e := &devdb.StatementError{Statement: p.st, Code: n.Code, Message: strings.TrimSuffix(n.Message, ", skipping")}
			l.twice(p, e)
			return e, nil
		}
	}
	if k != "" {
		l.made[k] = append(l.made[k], p)
	}
	return nil, l.hints(ctx, p)
}

// agreed reports whether two statements only ask that something be there, in
// the same words: a schema, an extension.
func agreed(a, b *migration.Statement) bool {
	if a.Syntax.Tag != b.Syntax.Tag || a.Syntax.Tag != "CREATE SCHEMA" && a.Syntax.Tag != "CREATE EXTENSION" {
		return false
	}
	plain := func(st *migration.Statement) string {
		text := strings.ToUpper(strings.Join(strings.Fields(st.Text), " "))
		return strings.Replace(text, "IF NOT EXISTS ", "", 1)
	}
	return plain(a) == plain(b)
}

var stubView = regexp.MustCompile(`(?is)\bAS\s+SELECT\s+NULL::`)

// stubOf reports whether the first of two views stands for the second until
// what this one needs is there, as pg_dump writes views that need each other.
func stubOf(first, then *piece) bool {
	return first.file == then.file && first.at < then.at && first.st.Syntax.Tag == "CREATE VIEW" && stubView.MatchString(first.st.Text)
}

// first is the piece that made what another one makes again.
func (l *loader) first(p *piece) *piece {
	if all := l.made[key(p.st)]; len(all) > 0 {
		return all[0]
	}
	name := nameMade(p.st)
	for _, all := range l.made { // a view and a table share their names
		for _, x := range all {
			if nameMade(x.st) == name && x.st.Syntax.Tag != p.st.Syntax.Tag && p.st.Syntax.Tag != "CREATE SCHEMA" && x.st.Syntax.Tag != "CREATE SCHEMA" {
				return x
			}
		}
	}
	return nil
}

// twice adds to a refusal where the object was made first.
func (l *loader) twice(p *piece, e *devdb.StatementError) {
	if first := l.first(p); first != nil {
		e.Advice = fmt.Sprintf("%s:%d makes it first: a schema says what each object is in one place", first.st.Pos.Path, first.st.Pos.Line)
	}
}

// checkRoutines has the server check the bodies of the routines, which waits
// until everything that they name is there. A file that switches the check off
// for itself, as dumps do, is left in peace.
func (l *loader) checkRoutines(ctx context.Context) error {
	var check []*piece
	for _, all := range l.made {
		for _, p := range all {
			if (p.st.Syntax.Tag == "CREATE FUNCTION" || p.st.Syntax.Tag == "CREATE PROCEDURE") && !unchecked(p) {
				check = append(check, p)
			}
		}
	}
	if len(check) == 0 {
		return nil
	}
	if err := l.r.reset(ctx); err != nil {
		return err
	}
	text, err := query(ctx, l.r.conn, validateSQL)
	if err != nil {
		return fmt.Errorf("asking for the routines: %w", err)
	}
	var all []struct{ Name, Call, Path string }
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return fmt.Errorf("reading the routines: %w", err)
	}
	slices.SortFunc(check, func(a, b *piece) int { return a.at - b.at })
	byName := map[string][]*piece{}
	for _, p := range check {
		byName[nameMade(p.st)] = append(byName[nameMade(p.st)], p)
	}
	used := map[*piece]bool{}
	for _, f := range all {
		pieces := byName[f.Name]
		if len(pieces) == 0 {
			continue
		}
		s, err := l.r.send(ctx, &migration.Statement{Kind: migration.SQL, Text: f.Call, Syntax: &migration.Syntax{}})
		if err != nil {
			return err
		}
		if s.err == nil || s.err.Code == "42501" {
			continue
		}
		p := pieces[0] // of overloaded ones the first that was not blamed
		for _, x := range pieces {
			if !used[x] {
				p = x
				break
			}
		}
		used[p] = true
		e := statementError(p.st, s)
		e.Position = 0
		e.Message = fmt.Sprintf("the body of %s: %s", f.Name, e.Message)
		l.bad = append(l.bad, e)
	}
	return nil
}

// unchecked reports whether the file switches the check of bodies off before a piece.
func unchecked(p *piece) bool {
	for s := p.before; s != nil; s = s.before {
		if set := s.st.Syntax.Set; set != nil && set.Name == "check_function_bodies" {
			v := strings.ToLower(set.Value)
			return v == "off" || v == "false" || v == "0" || v == "no"
		}
	}
	return false
}

const validateSQL = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('name', p.proname, 'call',
 pg_catalog.format('SET check_function_bodies = on; SELECT pg_catalog.%I(%s::pg_catalog.oid)', v.proname, p.oid)) ORDER BY p.oid), '[]')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language g ON g.oid = p.prolang JOIN pg_catalog.pg_proc v ON v.oid = g.lanvalidator
WHERE g.lanname IN ('sql', 'plpgsql') AND n.nspname !~ '^pg_|^information_schema$' AND p.prokind IN ('f', 'p', 'w')
 AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')`
