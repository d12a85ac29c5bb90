package postgres

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// An extension that the dev server has not is stood in for by a stub: its
// types, functions, operators and access methods, without what they do. Types
// take and give any text; functions give NULL; access methods are built-in
// ones under another name. A stub is an extension like any other to the server
// (pg_extension names it, and its members depend on it), of version devdb.StubVersion.
//
// One file of stubs holds what one extension makes, a line for each:
//
//	image IMAGE                   a container image that has the real one
//	package NAME                  Debian's package, {major} is PostgreSQL's
//	schema NAME                   where it lives, if it is not the caller's choice
//	requires NAME                 another extension
//	type NAME [int|any]           a type, with a modifier of one number, or of anything
//	ops TYPE                      =, <> and the orders, for btree and hash
//	am NAME BUILT-IN              an access method
//	opclass NAME TYPE AM [default]
//	op LEFT OPERATOR RIGHT = TYPE
//	fn NAME(ARGUMENTS) = TYPE     gives NULL, or no rows
//	sql                           what follows, to the end, is run as it is
//
//go:embed stubs/*.stub
var stubFiles embed.FS

// stub is what stands in for one extension.
type stub struct {
	name, schema, image, debian string
	requires, provides          []string // provides: types and access methods
	sql                         string
}

// Declared is a stub of the team's own, as assay.yaml declares it.
type Declared struct {
	Name, Schema     string
	Types, Functions []string
}

// stubFor gives the stub of an extension, nil if there is none. The team's own comes first.
func (s *Server) stubFor(name string) *stub {
	known, err := fs.ReadFile(stubFiles, "stubs/"+name+".stub")
	for _, d := range s.config.Stubs {
		if d.Name == name && (err != nil || len(d.Types)+len(d.Functions) > 0) {
			return declaredStub(d)
		}
	}
	if err == nil {
		return readStub(name, string(known))
	}
	return nil
}

func declaredStub(d Declared) *stub {
	var b strings.Builder
	if d.Schema != "" {
		fmt.Fprintln(&b, "schema", d.Schema)
	}
	for _, t := range d.Types {
		fmt.Fprintf(&b, "type %s any\nops %s\n", t, t)
	}
	for _, f := range d.Functions {
		i := strings.LastIndex(strings.ToLower(f), " returns ")
		fmt.Fprintf(&b, "fn %s = %s\n", f[:i], f[i+len(" returns "):])
	}
	return readStub(d.Name, b.String())
}

// CheckStub says what is wrong with a declared stub; its parts go into SQL that the admin runs.
func CheckStub(d Declared) error {
	for _, n := range append(slices.Clone(d.Types), d.Schema) {
		if n != "" && !stubName.MatchString(n) {
			return fmt.Errorf("%q is no plain name", n)
		}
	}
	for _, f := range d.Functions {
		if !stubFunction.MatchString(f) || stubWords.MatchString(f) {
			return fmt.Errorf("%q is no function: write it as name(type, type) returns type", f)
		}
	}
	return nil
}

var (
	stubName     = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	stubFunction = regexp.MustCompile(`(?i)^[a-z_][a-z0-9_]*\s*\([a-z0-9_ ,.\[\]()]*\)\s+returns\s+[a-z0-9_ .\[\](),]+$`)
	stubWords    = regexp.MustCompile(`(?i)\b(as|language|security|set|cost|support|transform|window|leakproof)\b`)
)

// readStub makes SQL of a stub's lines.
func readStub(name, text string) *stub {
	s := &stub{name: name}
	var b strings.Builder
	head, rest, raw := strings.Cut("\n"+text, "\nsql\n")
	for _, line := range strings.Split(head, "\n") {
		word, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		w := strings.Fields(arg)
		switch word {
		case "image":
			s.image = arg
		case "package":
			s.debian = arg
		case "schema":
			s.schema = arg
		case "requires":
			s.requires = append(s.requires, arg)
		case "type":
			s.provides = append(s.provides, w[0])
			stubType(&b, w[0], strings.Join(w[1:], ""))
		case "ops":
			stubOperators(&b, w[0])
		case "am":
			s.provides = append(s.provides, w[0])
			fmt.Fprintf(&b, "CREATE ACCESS METHOD %s TYPE INDEX HANDLER %shandler;\n", w[0], w[1])
		case "opclass":
			stubClass(&b, w)
		case "op":
			name := fmt.Sprintf("stub_op_%d", b.Len())
			fmt.Fprintf(&b, "CREATE FUNCTION %s(%s, %s) RETURNS %s LANGUAGE sql IMMUTABLE AS 'SELECT NULL::%s';\nCREATE OPERATOR %s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = %s);\n",
				name, w[0], w[2], w[4], w[4], w[1], w[0], w[2], name)
		case "fn":
			call, result, _ := strings.Cut(arg, ") = ")
			stubRoutine(&b, call+")", result)
		}
	}
	if raw {
		b.WriteString(rest)
	}
	s.sql = b.String()
	return s
}

func stubType(b *strings.Builder, t, modifier string) {
	mod := ""
	switch modifier {
	case "int":
		fmt.Fprintf(b, "CREATE FUNCTION %s_typmod_in(cstring[]) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1[1]::text::int4';\n", t)
		mod = ", TYPMOD_IN = " + t + "_typmod_in"
	case "any":
		fmt.Fprintf(b, `CREATE FUNCTION %s_typmod_in(cstring[]) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS $q$
			SELECT CASE WHEN m ~ '^[0-9]{1,9}$' THEN m::int4 ELSE 1000000 + (hashtext(lower(m)) & 268435455) END FROM array_to_string($1, ',') m $q$;
`, t)
		mod = ", TYPMOD_IN = " + t + "_typmod_in"
	}
	fmt.Fprintf(b, `CREATE TYPE %[1]s;
CREATE FUNCTION %[1]s_in(cstring, oid, int4) RETURNS %[1]s LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textin';
CREATE FUNCTION %[1]s_out(%[1]s) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
CREATE TYPE %[1]s (INPUT = %[1]s_in, OUTPUT = %[1]s_out, STORAGE = extended%[2]s);
`, t, mod)
}

// stubOperators compares by bytes, as any text can be.
func stubOperators(b *strings.Builder, t string) {
	for _, o := range [][4]string{
		{"=", "byteaeq", "=", "<>"}, {"<>", "byteane", "<>", "="}, {"<", "bytealt", ">", ">="},
		{"<=", "byteale", ">=", ">"}, {">", "byteagt", "<", "<="}, {">=", "byteage", "<=", "<"},
	} {
		fmt.Fprintf(b, "CREATE FUNCTION %[1]s_%[2]s(%[1]s, %[1]s) RETURNS bool LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS '%[2]s';\n", t, o[1])
		more := ""
		if o[0] == "=" {
			more = ", HASHES, MERGES"
		}
		fmt.Fprintf(b, "CREATE OPERATOR %[2]s (LEFTARG = %[1]s, RIGHTARG = %[1]s, FUNCTION = %[1]s_%[3]s, COMMUTATOR = %[4]s, NEGATOR = %[5]s%[6]s);\n", t, o[0], o[1], o[2], o[3], more)
	}
	fmt.Fprintf(b, `CREATE FUNCTION %[1]s_cmp(%[1]s, %[1]s) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteacmp';
CREATE FUNCTION %[1]s_hash(%[1]s) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlena';
CREATE OPERATOR CLASS %[1]s_ops DEFAULT FOR TYPE %[1]s USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 %[1]s_cmp(%[1]s, %[1]s);
CREATE OPERATOR CLASS %[1]s_hash_ops DEFAULT FOR TYPE %[1]s USING hash AS OPERATOR 1 =, FUNCTION 1 %[1]s_hash(%[1]s);
`, t)
}

// stubClass makes an operator class: of the built-in methods with support
// functions that small tables never call, of a stub's own method as for hash.
func stubClass(b *strings.Builder, w []string) {
	name, t, am := w[0], w[1], w[2]
	def := ""
	if len(w) > 3 {
		def = "DEFAULT "
	}
	as := fmt.Sprintf("OPERATOR 1 =, FUNCTION 1 %s_hash(%s)", t, t)
	if strings.Contains("text varchar", t) {
		as = "OPERATOR 1 =, FUNCTION 1 hashtext(text)"
	}
	switch am {
	case "gist":
		as = "FUNCTION 1 range_gist_consistent(internal, anyrange, smallint, oid, internal), FUNCTION 2 range_gist_union(internal, internal), FUNCTION 5 range_gist_penalty(internal, internal, internal), " +
			"FUNCTION 6 range_gist_picksplit(internal, internal), FUNCTION 7 range_gist_same(anyrange, anyrange, internal)"
	case "brin":
		as = "OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 brin_minmax_opcinfo(internal), FUNCTION 2 brin_minmax_add_value(internal, internal, internal, internal), " +
			"FUNCTION 3 brin_minmax_consistent(internal, internal, internal), FUNCTION 4 brin_minmax_union(internal, internal, internal)"
	}
	fmt.Fprintf(b, "CREATE OPERATOR CLASS %s %sFOR TYPE %s USING %s AS %s;\n", name, def, t, am, as)
}

func stubRoutine(b *strings.Builder, call, result string) {
	body, kind := "BEGIN RETURN NULL; END", "FUNCTION "+call+" RETURNS "+result
	up := strings.ToUpper(result)
	switch {
	case result == "procedure":
		body, kind = "BEGIN END", "PROCEDURE "+call
	case up == "TRIGGER":
		body = "BEGIN RETURN NEW; END"
	case up == "VOID", strings.HasPrefix(up, "SETOF "), strings.HasPrefix(up, "TABLE"):
		body = "BEGIN RETURN; END"
	}
	volatility := ""
	if !strings.HasPrefix(kind, "PROCEDURE") && up != "TRIGGER" && up != "VOID" {
		volatility = " IMMUTABLE"
	}
	fmt.Fprintf(b, "CREATE %s LANGUAGE plpgsql%s AS $q$%s$q$;\n", kind, volatility, body)
}

// maker names the function that makes a stub. Each has its own: a session that
// has called one keeps it.
func (s *stub) maker() string { return quoted("assay_stub_" + s.name) }

// function gives the function that makes a stub in the session that calls
// it, with the rights of the admin: what it makes is the transaction's own.
func (s *stub) function() string {
	var requires strings.Builder
	own := "PERFORM 1;"
	if s.schema != "" {
		own = "EXECUTE 'CREATE SCHEMA IF NOT EXISTS " + s.schema + "'; sch := " + literal(s.schema) + ";"
	}
	for _, r := range s.requires {
		fmt.Fprintf(&requires, "IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = %[1]s) THEN RAISE EXCEPTION 'required extension \"%[2]s\" is not installed'; END IF;\n", literal(r), r)
	}
	return `CREATE OR REPLACE FUNCTION pg_catalog.` + s.maker() + `(sch name) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET client_min_messages = error AS $assay$
DECLARE ext oid; o record; was text := current_setting('search_path');
BEGIN
IF EXISTS (SELECT FROM pg_extension WHERE extname = ` + literal(s.name) + `) THEN RETURN; END IF;
` + requires.String() + `ext := pg_nextoid('pg_extension', 'oid', 'pg_extension_oid_index');
` + own + `
PERFORM set_config('search_path', quote_ident(sch) || coalesce((SELECT string_agg(', ' || quote_ident(n.nspname), '') FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = ANY (` + literal("{"+strings.Join(s.requires, ",")+"}") + `)), '') || ', pg_temp', true);
EXECUTE $stub$` + s.sql + `$stub$;
PERFORM set_config('search_path', was, true);
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT ext, ` + literal(s.name) + `, session_user::regrole::oid, oid, ` + fmt.Sprint(s.schema == "") + `, ` + literal(devdb.StubVersion) + ` FROM pg_namespace WHERE nspname = sch;
FOR o IN SELECT format('GRANT ALL ON SCHEMA %I TO %I WITH GRANT OPTION; GRANT ALL ON ALL TABLES IN SCHEMA %1$I TO %2$I WITH GRANT OPTION; GRANT ALL ON ALL SEQUENCES IN SCHEMA %1$I TO %2$I WITH GRANT OPTION', sch, session_user) AS sql WHERE ` + fmt.Sprint(s.schema != "") + ` LOOP
EXECUTE o.sql;
END LOOP;
INSERT INTO pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
SELECT x.c, x.m, 0, 'pg_extension'::regclass, ext, 0, 'e' FROM (
SELECT 'pg_type'::regclass::oid c, oid m FROM pg_type WHERE oid > ext AND typelem = 0 AND typrelid = 0
UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE oid > ext
UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oid > ext
UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE oid > ext
UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily WHERE oid > ext
UNION ALL SELECT 'pg_am'::regclass, oid FROM pg_am WHERE oid > ext
UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast WHERE oid > ext
UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE oid > ext
UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE oid > ext AND relkind IN ('r', 'v', 'm', 'S', 'p')) x
WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = x.c AND d.objid = x.m AND d.refclassid = 'pg_extension'::regclass);
END $assay$; REVOKE ALL ON FUNCTION pg_catalog.` + s.maker() + `(name) FROM PUBLIC; GRANT EXECUTE ON FUNCTION pg_catalog.` + s.maker() + `(name) TO {owner}`
}

// prepareStub makes the function that makes a stub, and gives the call of it.
// It is false where there is no stub or the admin may not make one.
func (d *DB) prepareStub(ctx context.Context, e migration.Extension, here string) (call string, ok bool, err error) {
	s := d.server
	st := s.stubFor(e.Name)
	if st == nil || !s.super {
		return "", false, nil
	}
	c, err := d.ConnectAdmin(ctx)
	if err != nil {
		return "", false, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	sql := strings.ReplaceAll(st.function(), "{owner}", quoted(s.owner))
	if _, err := c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		return "", false, fmt.Errorf("preparing the stub of extension %s: %w", e.Name, err)
	}
	schema := cmp.Or(e.Schema, here, "public")
	call = "SELECT pg_catalog." + st.maker() + "(" + literal(schema) + ")"
	for _, r := range st.requires {
		if !e.Cascade {
			break
		}
		first, ok, err := d.prepareStub(ctx, migration.Extension{Name: r, Schema: e.Schema}, here)
		if err != nil || !ok {
			return "", ok, err
		}
		call = first + "; " + call
	}
	return call, true, nil
}

// refusedExtension reports whether the server says that an extension cannot be had.
func refusedExtension(e *pgconn.PgError) bool {
	switch e.Code {
	case "42501", "0A000", "58P01", "55000", "F0000", "XX000", "42704":
		return true
	}
	return false
}

// stubSetup makes a stub for a CREATE EXTENSION of the setup that was refused.
func (d *DB) stubSetup(ctx context.Context, c *pgconn.PgConn, stmt string, err error) (bool, error) {
	ext, ok := extensionOf(stmt)
	var refused *pgconn.PgError
	if !ok || !errors.As(err, &refused) || !refusedExtension(refused) {
		return false, nil
	}
	call, ok, err := d.prepareStub(ctx, ext, "public")
	if err != nil || !ok {
		return false, err
	}
	_, err = c.Exec(ctx, call).ReadAll()
	return err == nil, err
}

// lacks reports whether the server has no such extension to make.
func (s *Server) lacks(ctx context.Context, c *pgx.Conn, name string) (bool, error) {
	if s.config.Stubbed {
		return true, nil
	}
	var there bool
	err := c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = $1)", name).Scan(&there)
	return !there, err
}

// StubOf gives the types and access methods that a stub has.
func (s *Server) StubOf(name string) []string {
	if st := s.stubFor(name); st != nil {
		return st.provides
	}
	return nil
}

// Own reports whether the server is one that assay started: what is made on it goes with it.
func (s *Server) Own() bool { return s.own != nil }

// ExtensionOfSchema names the extension that makes a schema, empty if none that assay knows does.
func ExtensionOfSchema(schema string) string {
	return knownStub(func(s *stub) bool { return s.schema != "" && s.schema == schema })
}

// ExtensionOfType names the extension that makes a type or an access method,
// empty if none does that is not PostgreSQL's own.
func ExtensionOfType(name string) string {
	return knownStub(func(s *stub) bool { return s.image+s.debian != "" && slices.Contains(s.provides, name) })
}

func knownStub(is func(*stub) bool) string {
	for _, n := range stubNames() {
		text, _ := fs.ReadFile(stubFiles, "stubs/"+n+".stub") // embedded
		if is(readStub(n, string(text))) {
			return n
		}
	}
	return ""
}

// Stubs says of what extensions a catalog holds stubs, and how to get the real ones.
func (s *Server) Stubs(names []string) []string {
	var out []string
	for _, n := range names {
		st := s.stubFor(n)
		if st == nil {
			continue
		}
		text := fmt.Sprintf("extension %q is not on the dev server: a stub stands for it, which has its types and functions but not what they do", n)
		major := fmt.Sprint(s.version.Major())
		var ways []string
		if st.image != "" {
			ways = append(ways, "give a server that has it with --dev-url (image "+strings.ReplaceAll(st.image, "{major}", major)+")")
		} else {
			ways = append(ways, "give a server that has it, such as the image that production runs, with --dev-url")
		}
		if st.debian != "" {
			ways = append(ways, "or install "+strings.ReplaceAll(st.debian, "{major}", major))
		}
		out = append(out, text+"; to see all that it does, "+strings.Join(ways, ", "))
	}
	return out
}

// blankOptions blanks the WITH (…) of a CREATE INDEX by an access method that
// some stub makes; false if there is none.
func blankOptions(text string) (string, bool) {
	if len(text) > 10000 {
		return "", false
	}
	m := stubMethod.FindStringSubmatchIndex(text)
	if m == nil || !stubMethods()[strings.ToLower(text[m[2]:m[3]])] {
		return "", false
	}
	w := indexOptions.FindStringIndex(text[m[3]:])
	if w == nil {
		return "", false
	}
	from, to := m[3]+w[0], m[3]+w[1]
	return text[:from] + strings.Repeat(" ", to-from) + text[to:], true
}

// hasStub reports whether assay knows a stub of an extension.
func hasStub(name string) bool { return slices.Contains(stubNames(), name) }

var (
	stubMethod   = regexp.MustCompile(`(?is)^\s*CREATE\s+(?:UNIQUE\s+)?INDEX\b.*?\bUSING\s+"?(\w+)"?\s*\(`)
	indexOptions = regexp.MustCompile(`(?is)\bWITH\s*\([^()]*\)`)
)

// stubMethods are the access methods that stubs make.
var stubMethods = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for _, n := range stubNames() {
		text, _ := fs.ReadFile(stubFiles, "stubs/"+n+".stub") // embedded
		for _, line := range strings.Split(string(text), "\n") {
			if w := strings.Fields(line); len(w) == 3 && w[0] == "am" {
				out[w[1]] = true
			}
		}
	}
	return out
})

// stubNames are the extensions that there is a stub for.
var stubNames = sync.OnceValue(func() []string {
	found, _ := fs.Glob(stubFiles, "stubs/*.stub") // the pattern is well formed
	var out []string
	for _, f := range found {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(f, "stubs/"), ".stub"))
	}
	return out
})
