package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/proof"
)

// What no migration makes is provided by somebody: the platform, the program
// whose plugin this is, a server's administrator. Where the replay meets it,
// assay provides it, as little as is known of it, and says so.

//go:embed provided/supabase.sql
var supabaseSQL string

// parts are the pieces of what Supabase provides, by name.
var parts = func() map[string]string {
	out := map[string]string{}
	for _, p := range strings.Split("\n"+supabaseSQL, "\n-- part ")[1:] {
		name, sql, _ := strings.Cut(p, "\n")
		out[name] = sql
	}
	return out
}()

// provided is one thing that was missing.
type provided struct {
	what string // "extension "vector""; of a part of Supabase's: "schema auth"
	sql  string
	line string // for setup.sql, empty if it is a ready file
}

const readyFile = "docs/examples/supabase-setup.sql of assay's repository is a ready setup.sql"

var (
	noRole     = regexp.MustCompile(`^role "([^"]+)" does not exist$`)
	noSchema   = regexp.MustCompile(`^schema "([^"]+)" does not exist$`)
	noRelation = regexp.MustCompile(`^relation "([^"]+)" does not exist$`)
	noFunction = regexp.MustCompile(`^function ([a-z_]+)\.[a-z_0-9]+\(.*\) does not exist$`)
	noType     = regexp.MustCompile(`^(?:type|access method) "(?:([a-z_]+)\.)?([a-z_0-9]+)(?:\[\])?" does not exist$`)
	noCall     = regexp.MustCompile(`^function (?:([a-z_]+)\.)?([a-z_0-9]+)\(.*\) does not exist$`)
)

// platform gives the part of a platform that an error misses, with the
// extension that a missing schema or type is of; false if it is of none.
func platform(e *devdb.StatementError) (provided, bool) {
	schema := ""
	for _, re := range []*regexp.Regexp{noSchema, noRelation, noFunction} {
		if m := re.FindStringSubmatch(e.Message); m != nil {
			schema, _, _ = strings.Cut(m[1], ".")
			if re == noRelation && !strings.Contains(m[1], ".") {
				schema = ""
			}
		}
	}
	if m := noRole.FindStringSubmatch(e.Message); m != nil && strings.Contains(parts["roles"], "'"+m[1]+"'") {
		return provided{what: "roles", sql: parts["roles"]}, true
	}
	if e.Message == `publication "supabase_realtime" does not exist` {
		return provided{what: "publication supabase_realtime", sql: parts["publication"]}, true
	}
	for part, of := range map[string]string{
		"auth": "auth", "storage": "storage", "extensions": "extensions", "realtime": "realtime", "functions": "supabase_functions", "migrations": "supabase_migrations",
	} {
		if schema == of && noCallOf(e, schema) == "" {
			return provided{what: "schema " + schema, sql: parts[part]}, true
		}
	}
	if ext := postgres.ExtensionOfSchema(schema); ext != "" {
		return extensionLine(ext, ""), true
	}
	if m := noType.FindStringSubmatch(e.Message); m != nil {
		if ext := postgres.ExtensionOfType(m[2]); ext != "" {
			return extensionLine(ext, m[1]), true
		}
	}
	if ext := noCallOf(e, schema); schema != "" && ext != "" {
		return extensionLine(ext, schema), true
	}
	return provided{}, false
}

func extensionLine(name, schema string) provided {
	line := fmt.Sprintf("CREATE EXTENSION IF NOT EXISTS %q", name)
	if schema != "" {
		line += " SCHEMA " + schema
	}
	return provided{what: fmt.Sprintf("extension %q", name), sql: line + ";", line: line + ";"}
}

// called are functions of extensions that platforms have in every database.
var called = map[string]string{
	"gen_random_uuid": "pgcrypto", "crypt": "pgcrypto", "gen_salt": "pgcrypto", "digest": "pgcrypto", "hmac": "pgcrypto", "gen_random_bytes": "pgcrypto",
	"uuid_generate_v4": "uuid-ossp", "uuid_generate_v1": "uuid-ossp", "uuid_generate_v1mc": "uuid-ossp", "uuid_generate_v5": "uuid-ossp",
}

// noCallOf gives the extension whose function an error misses in a schema.
func noCallOf(e *devdb.StatementError, schema string) string {
	if m := noCall.FindStringSubmatch(e.Message); m != nil && m[1] == schema {
		return called[m[2]]
	}
	return ""
}

// standIn gives the little that a merged statement needs of somebody else's:
// a role, a schema, a table that it refers to.
func standIn(e *devdb.StatementError) (provided, bool) {
	if m := noRole.FindStringSubmatch(e.Message); m != nil {
		line := "CREATE ROLE " + quoteName(m[1]) + ";"
		return provided{what: fmt.Sprintf("role %q", m[1]), sql: line, line: line}, true
	}
	if m := noSchema.FindStringSubmatch(e.Message); m != nil {
		line := "CREATE SCHEMA IF NOT EXISTS " + quoteName(m[1]) + ";"
		return provided{what: fmt.Sprintf("schema %q", m[1]), sql: line, line: line}, true
	}
	if ext := noCallOf(e, ""); ext != "" {
		return extensionLine(ext, ""), true
	}
	m := noRelation.FindStringSubmatch(e.Message)
	if m == nil {
		return provided{}, false
	}
	table := referred(e.Statement, m[1])
	if table == "" {
		return provided{}, false
	}
	return provided{what: fmt.Sprintf("table %q", m[1]), sql: table, line: table}, true
}

func quoteName(n string) string { return `"` + strings.ReplaceAll(n, `"`, `""`) + `"` }

var referredColumn = regexp.MustCompile(`(?is)\bREFERENCES\s+([\w."]+)\s*\(\s*("?\w+"?)\s*\)`)

// referred is the table that a foreign key of a statement leads to, with the
// column that it names, of the type of the one that refers to it; empty if the
// statement only uses the table otherwise.
func referred(st *migration.Statement, name string) string {
	bare := func(s string) string {
		s = strings.ToLower(strings.ReplaceAll(s, `"`, ""))
		return s[strings.LastIndexByte(s, '.')+1:]
	}
	column := "id"
	for _, m := range referredColumn.FindAllStringSubmatch(st.Text, -1) {
		if bare(m[1]) == bare(name) {
			column = m[2]
		}
	}
	for _, c := range columnsOf(st) {
		for _, k := range c.Constraints {
			if k.Kind == "FOREIGN KEY" && bare(k.References) == bare(name) {
				return createTable(name, column, c.Type)
			}
		}
	}
	key := regexp.MustCompile(`(?is)FOREIGN\s+KEY\s*\(\s*"?(\w+)"?\s*\)\s*REFERENCES\s+([\w."]+)`)
	for _, m := range key.FindAllStringSubmatch(st.Text, -1) {
		if bare(m[2]) != bare(name) {
			continue
		}
		for _, c := range columnsOf(st) {
			if strings.EqualFold(strings.Trim(c.Name, `"`), m[1]) {
				return createTable(name, column, c.Type)
			}
		}
		return createTable(name, column, "bigint")
	}
	return ""
}

func columnsOf(st *migration.Statement) []migration.Column {
	out := slices.Clone(st.Syntax.Columns)
	for _, a := range st.Syntax.Actions {
		if a.Column != nil {
			out = append(out, *a.Column)
		}
	}
	return out
}

func createTable(name, column, typ string) string {
	switch strings.ToLower(typ) {
	case "serial":
		typ = "integer"
	case "bigserial":
		typ = "bigint"
	}
	quoted := quoteName(name)
	if schema, table, ok := strings.Cut(name, "."); ok {
		quoted = quoteName(schema) + "." + quoteName(table)
	}
	return fmt.Sprintf("CREATE TABLE %s (%s %s PRIMARY KEY);", quoted, column, typ)
}

// somebodysTable says what to do about a table that is not there: of the
// program that this is a plugin of, or of the tool's own bookkeeping.
func somebodysTable(e *devdb.StatementError) string {
	m := noRelation.FindStringSubmatch(e.Message)
	if m == nil || e.Follows != nil {
		return ""
	}
	line := "CREATE TABLE " + m[1] + " (…);"
	if p, ok := standIn(e); ok {
		line = p.line
	}
	return "If another program or the migration tool makes " + m[1] + ", write what is used of it into setup.sql beside assay.yaml:\n\n" + line
}

// tolerable reports whether a merged statement that the server refuses for this
// can be left out: what it names is not there, or not the migrations' own.
func tolerable(e *devdb.StatementError) bool {
	switch e.Code {
	case "42P01", "42703", "42704", "42883", "3F000", "42501", "58P01":
		return true
	case "0A000":
		return strings.Contains(e.Message, "is not available")
	}
	return false
}

// mostProvided bounds how many things that are missing are provided or left out.
const mostProvided = 60

// builder replays what is merged, and provides what is missing.
type builder struct {
	server   *postgres.Server
	project  *project
	provided []provided
	gone     map[*migration.Statement]bool
	left     []*devdb.StatementError
}

// build gives the database of the base. Each thing that is missing is provided
// before everything else, and the replay begun again; what cannot be provided is left out.
func (b *builder) build(ctx context.Context, base []*migration.Migration) (*postgres.DB, time.Duration, error) {
	for {
		db, err := b.server.Create(ctx)
		if err != nil {
			return nil, 0, err
		}
		start := time.Now()
		err = b.replay(ctx, db, base)
		var refused *devdb.StatementError
		if err == nil {
			return db, time.Since(start), nil
		}
		again := errors.As(err, &refused) && b.learn(refused)
		if err = errors.Join(err, db.Close()); !again {
			return nil, 0, err
		}
	}
}

func (b *builder) replay(ctx context.Context, db *postgres.DB, base []*migration.Migration) error {
	setup, err := b.setup()
	if err != nil {
		return err
	}
	if err := db.Setup(ctx, slices.Concat(b.project.setup, setup)); err != nil {
		return err
	}
	for _, m := range base {
		if err := db.Replay(ctx, proof.Without([]*migration.Migration{m}, b.gone)[0]); err != nil {
			return err
		}
	}
	return db.Finish(ctx)
}

// setup is what is provided, as scripts.
func (b *builder) setup() ([]*migration.Migration, error) {
	var out []*migration.Migration
	for _, p := range b.provided {
		m, err := migration.LoadScript(fstest.MapFS{"provided.sql": {Data: []byte(p.sql)}}, "provided.sql", migration.Options{})
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// learn takes a refusal of the base in; false if nothing can be done about it.
func (b *builder) learn(e *devdb.StatementError) bool {
	if len(b.provided)+len(b.gone) >= mostProvided || e.Statement == nil || e.Statement.Pos.Path == "provided.sql" {
		return false
	}
	for _, m := range b.project.setup {
		if slices.Contains(m.Statements, e.Statement) {
			return false // the team's own
		}
	}
	if b.provide(e, platform) || b.provide(e, standIn) {
		return true
	}
	if !tolerable(e) || b.gone[e.Statement] {
		return false
	}
	b.gone[e.Statement] = true
	b.left = append(b.left, e)
	return true
}

func (b *builder) provide(e *devdb.StatementError, from func(*devdb.StatementError) (provided, bool)) bool {
	p, ok := from(e)
	if schema, is := strings.CutPrefix(p.what, "schema "); is && p.line == "" && b.makes(schema) {
		return false // the project's own, whatever it is called
	}
	if !ok || !b.server.Own() || slices.Contains(b.provided, p) {
		return false
	}
	b.provided = append(b.provided, p)
	return true
}

// makes reports whether some migration creates a schema.
func (b *builder) makes(schema string) bool {
	for _, m := range b.project.dir.Migrations {
		for _, st := range m.Statements {
			if st.Syntax.Tag == "CREATE SCHEMA" && regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(schema)+`\b`).MatchString(st.Text) {
				return true
			}
		}
	}
	return false
}

// notices say what was provided and what was left out.
func (b *builder) notices() []lint.Notice {
	var out []lint.Notice
	var supabase []string
	for _, p := range b.provided {
		if p.line == "" {
			supabase = append(supabase, p.what)
			continue
		}
		out = append(out, lint.Notice{Text: "the migrations use " + p.what + ", which nothing creates: assay provided it; if your platform has it, write into setup.sql: " + p.line})
	}
	if len(supabase) > 0 {
		slices.Sort(supabase)
		out = append(out, lint.Notice{Text: "the migrations use what Supabase provides (" + strings.Join(supabase, ", ") + "), which nothing creates: assay provided it; " + readyFile})
	}
	for _, e := range b.left {
		text := fmt.Sprintf("this merged statement was left out, because it fails: %s (SQLSTATE %s)", e.Message, e.Code)
		if more := postgres.Explain(e); more != "" {
			text += "; " + more
		} else {
			text += "; write what it needs into setup.sql"
		}
		out = append(out, lint.Notice{Path: e.Statement.Pos.Path, Line: e.Statement.Pos.Line, Text: text})
	}
	return out
}
