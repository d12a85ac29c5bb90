package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

var _ devdb.RoutineChecker = (*DB)(nil)

// Broken asks the server about the bodies of the routines that are new or
// replaced since before, that a new trigger fires, or that mention one of names. PostgreSQL looks into
// the body of an SQL function when it is made, and into nothing of PL/pgSQL's;
// so each statement of such a body is made the body of an SQL function whose
// arguments are the variables, and thrown away again.
func (d *DB) Broken(ctx context.Context, before, after *schema.Catalog, names []string) ([]devdb.BrokenRoutine, error) {
	oids := suspects(before, after, names)
	if len(oids) == 0 {
		return nil, nil
	}
	routines, found, err := d.tried(ctx, oids, nil)
	if err == nil {
		found, err = d.checked(ctx, routines, found)
	}
	for i, b := range found {
		found[i].Raw = after.Functions[b.Function].Raw
	}
	return found, err
}

// NeedPath asks the server about the bodies of routines once more, with an empty search_path.
func (d *DB) NeedPath(ctx context.Context, oids []schema.OID) ([]devdb.BrokenRoutine, error) {
	if len(oids) == 0 {
		return nil, nil
	}
	none := ""
	_, found, err := d.tried(ctx, oids, &none)
	return found, err
}

// tried tries the statements of routines, with a search_path of their own or
// that of migrations, and leaves nothing behind.
func (d *DB) tried(ctx context.Context, oids []schema.OID, path *string) ([]*routine, []devdb.BrokenRoutine, error) {
	r := d.recorder()
	if err := r.connect(ctx); err != nil {
		return nil, nil, err
	}
	begin, end := "BEGIN", "ROLLBACK"
	if r.conn.TxStatus() != 'I' {
		begin, end = "SAVEPOINT assay_routines", "ROLLBACK TO SAVEPOINT assay_routines; RELEASE SAVEPOINT assay_routines"
	}
	begin += "; SET LOCAL check_function_bodies = on; SET LOCAL client_min_messages = error"
	if path != nil {
		begin += "; SET LOCAL search_path = " + literal(*path) // types are written with their schema then
	}
	if err := r.command(ctx, begin); err != nil {
		return nil, nil, err
	}
	routines, found, err := r.broken(ctx, oids, path)
	if e := r.command(context.WithoutCancel(ctx), end); err == nil {
		err = e
	}
	return routines, found, err
}

// suspects are the routines worth asking about, by OID.
func suspects(before, after *schema.Catalog, names []string) []schema.OID {
	var mention *regexp.Regexp
	if len(names) > 0 {
		var quoted []string
		for _, n := range names {
			quoted = append(quoted, regexp.QuoteMeta(n))
		}
		mention = regexp.MustCompile(`(?i)\b(?:` + strings.Join(quoted, "|") + `)\b`)
	}
	fires := map[schema.OID]bool{} // for a table that did not fire it before
	for oid, t := range after.Triggers {
		fires[t.Function] = fires[t.Function] || before.Triggers[oid] == nil
	}
	var out []schema.OID
	for _, f := range schema.Sorted(after.Functions) {
		if f.Language != "plpgsql" && f.Language != "sql" || f.Kind != "function" && f.Kind != "procedure" || atomicBody.MatchString(f.Body) {
			continue
		}
		b := before.Functions[f.OID]
		if b == nil || b.Raw != f.Raw || fires[f.OID] || mention != nil && mention.MatchString(f.Body) {
			out = append(out, f.OID)
		}
	}
	return out
}

// atomicBody is one that the server keeps parsed, and whose dependencies it knows.
var atomicBody = regexp.MustCompile(`^\s*(?:BEGIN ATOMIC|RETURN)\b`)

// routine is what the server says of one.
type routine struct {
	OID        schema.OID `json:"oid"`
	Name       string     `json:"name"`
	Definition string     `json:"definition"`
	Language   string     `json:"language"`
	Names      []string   `json:"names"`
	Types      []string   `json:"types"`
	Trigger    bool       `json:"trigger"`
	Path       *string    `json:"path"`
	Tables     []struct {
		OID  schema.OID `json:"oid"`
		Name string     `json:"name"`
	} `json:"tables"`
	Transitions []string `json:"transitions"`
}

const routinesSQL = `SELECT pg_catalog.json_agg(pg_catalog.json_build_object('oid', p.oid, 'name', p.proname, 'definition', pg_catalog.pg_get_functiondef(p.oid), 'language', l.lanname,
 'names', pg_catalog.to_json(p.proargnames), 'types', (SELECT pg_catalog.json_agg(pg_catalog.format_type(t, NULL) ORDER BY o) FROM pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::pg_catalog.oid[])) WITH ORDINALITY u(t, o)),
 'trigger', p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype,
 'path', (SELECT pg_catalog.substr(s, 13) FROM pg_catalog.unnest(p.proconfig) s WHERE s LIKE 'search_path=%%'),
 'tables', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('oid', x.oid, 'name', pg_catalog.quote_ident(x.nspname) || '.' || pg_catalog.quote_ident(x.relname)) ORDER BY x.oid) FROM (SELECT DISTINCT c.oid, n.nspname, c.relname FROM pg_catalog.pg_trigger g
   JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE g.tgfoid = p.oid AND NOT g.tgisinternal AND g.tgparentid = 0 AND NOT c.relispartition) x),
 'transitions', (SELECT pg_catalog.json_agg(v) FROM pg_catalog.pg_trigger g, LATERAL (VALUES (g.tgoldtable), (g.tgnewtable)) w(v) WHERE g.tgfoid = p.oid AND v IS NOT NULL)) ORDER BY p.oid)
 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE p.oid = ANY('{%s}'::pg_catalog.oid[])`

// tryFunction runs each text in a subtransaction that is rolled back, and tells how it failed.
const tryFunction = `CREATE FUNCTION pg_temp.assay_try(probes pg_catalog.json) RETURNS pg_catalog.text LANGUAGE plpgsql AS $assay$
DECLARE said pg_catalog.json[] := '{}'; probe pg_catalog.json;
BEGIN
  FOR probe IN SELECT pg_catalog.json_array_elements(probes) LOOP
    BEGIN
      PERFORM pg_catalog.set_config('search_path', probe->>'path', true);
      EXECUTE probe->>'sql';
      RAISE EXCEPTION USING ERRCODE = 'AS000';
    EXCEPTION WHEN OTHERS THEN
      said := said || pg_catalog.json_build_object('code', SQLSTATE, 'message', SQLERRM);
    END;
  END LOOP;
  RETURN pg_catalog.to_json(said)::pg_catalog.text;
END $assay$`

var (
	rowOfTrigger = regexp.MustCompile(`(?i)\b(?:new|old)\b`)
	// generic is a trigger function for tables of different columns: which of
	// its statements run for which table only a run would tell.
	generic = regexp.MustCompile(`(?i)\b(?:tg_table_name|tg_relname|tg_relid|tg_argv|to_jsonb?|row_to_json|hstore)\b`)
	fieldOf = regexp.MustCompile(`not found in data type`)
)

// probe is one text to try, and what it stands for.
type probe struct {
	Path string `json:"path"`
	SQL  string `json:"sql"`

	routine   *routine
	table     schema.OID
	statement string
	line      int
	declares  bool // tries the declarations alone
}

// answer is how a probe failed.
type answer struct{ Code, Message string }

func (r *recorder) broken(ctx context.Context, oids []schema.OID, path *string) ([]*routine, []devdb.BrokenRoutine, error) {
	var ids []string
	for _, o := range oids {
		ids = append(ids, fmt.Sprint(o))
	}
	text, err := query(ctx, r.conn, fmt.Sprintf(routinesSQL, strings.Join(ids, ",")))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the routines: %w", err)
	}
	var routines []*routine
	if err := json.Unmarshal([]byte(text), &routines); text != "" && err != nil {
		return nil, nil, fmt.Errorf("reading the routines: %w", err)
	}
	if path == nil {
		path = &r.base.SearchPath
	}
	var probes []probe
	for _, x := range routines {
		probes = append(probes, x.probes(*path)...)
	}
	if len(probes) == 0 {
		return routines, nil, nil
	}
	sent, err := json.Marshal(probes)
	if err != nil {
		return nil, nil, err
	}
	if err := r.command(ctx, tryFunction); err != nil {
		return nil, nil, err
	}
	text, err = query(ctx, r.conn, "SELECT pg_temp.assay_try("+literal(string(sent))+")")
	if err != nil {
		return nil, nil, fmt.Errorf("trying the statements of routines: %w", err)
	}
	var answers []answer
	if err := json.Unmarshal([]byte(text), &answers); err != nil {
		return nil, nil, fmt.Errorf("trying the statements of routines: %w", err)
	}
	for _, a := range answers { // the function has caught them, so nobody has heard of them
		r.pulse.heard(serverError{code: a.Code, message: a.Message})
	}
	return routines, judgeProbes(probes, answers), nil
}

func literal(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if strings.Contains(s, `\`) {
		return " E'" + strings.ReplaceAll(s, `\`, `\\`) + "'"
	}
	return "'" + s + "'"
}

// judgeProbes keeps the answers that say that a name means nothing.
func judgeProbes(probes []probe, answers []answer) []devdb.BrokenRoutine {
	var out []devdb.BrokenRoutine
	hopeless := map[*routine]bool{}
	for i, a := range answers {
		p := probes[i]
		if hopeless[p.routine] || !undefined(a) || p.routine.makes(a.Message) || fieldOf.MatchString(a.Message) && generic.MatchString(p.routine.Definition) {
			continue
		}
		hopeless[p.routine] = p.declares
		b := devdb.BrokenRoutine{Function: p.routine.OID, Table: p.table, Line: p.line, Statement: p.statement, Code: a.Code, Message: a.Message}
		if !slices.ContainsFunc(out, func(x devdb.BrokenRoutine) bool {
			return x.Function == b.Function && x.Line == b.Line && x.Message == b.Message && x.Statement == b.Statement
		}) {
			out = append(out, b)
		}
	}
	return out
}

// undefined reports whether an error says that a name does not exist. What the
// probe itself may get wrong, types that are known at run time alone and
// labels, gives other errors.
func undefined(a answer) bool {
	switch a.Code {
	case "42P01":
		return !strings.Contains(a.Message, "FROM-clause")
	case "42703", "42883", "42704", "3F000":
		return true
	}
	return false
}

var made = regexp.MustCompile(`(?i)(?:\bcreate\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?(?:temp|temporary|unlogged|materialized)?\s*(?:table|view|sequence)\s+(?:if\s+not\s+exists\s+)?|\binto\s+temp(?:orary)?\s+(?:table\s+)?)([\w."]+)`)

var named = regexp.MustCompile(`"([^"]+)"`)

// makes reports whether the routine itself makes what a message says is
// missing, or a trigger hands it over.
func (x *routine) makes(message string) bool {
	own := slices.Clone(x.Transitions)
	for _, m := range made.FindAllStringSubmatch(x.Definition, -1) {
		own = append(own, m[1])
	}
	for _, n := range named.FindAllStringSubmatch(message, -1) {
		for _, o := range own {
			if strings.EqualFold(strings.ReplaceAll(o, `"`, ""), n[1]) || strings.EqualFold(bareName(o), bareName(n[1])) {
				return true
			}
		}
	}
	return false
}

func bareName(s string) string {
	s = strings.ReplaceAll(s, `"`, "")
	return s[strings.LastIndexByte(s, '.')+1:]
}

// probes are the texts that tell whether a routine is whole.
func (x *routine) probes(path string) []probe {
	if x.Path != nil {
		path = *x.Path
	}
	embedded, vars, err := migration.RoutineSQL(x.Definition)
	if err != nil {
		return nil // what the parser cannot read is not judged
	}
	if x.Language == "sql" {
		statement := ""
		if len(embedded) == 1 {
			statement = embedded[0].SQL
		}
		return []probe{{Path: path, SQL: x.Definition, routine: x, statement: statement}}
	}
	tables := x.Tables
	if len(tables) == 0 {
		tables = append(tables, struct {
			OID  schema.OID `json:"oid"`
			Name string     `json:"name"`
		}{})
	}
	var out []probe
	for i, t := range tables {
		names := x.scope(vars, t.Name)
		if i == 0 {
			out = append(out, probe{Path: path, SQL: names.function(x.Name, "SELECT 1", true), routine: x, table: t.OID, statement: "DECLARE", declares: true})
		}
		for _, e := range embedded {
			sql, ok := statementOf(e)
			if !ok || i > 0 && !rowOfTrigger.MatchString(sql) {
				continue
			}
			if sql, ok = names.blank(sql); ok {
				out = append(out, probe{Path: path, SQL: names.function(x.Name, sql, false), routine: x, table: t.OID, statement: e.SQL, line: e.Pos.Line})
			}
		}
	}
	return out
}
