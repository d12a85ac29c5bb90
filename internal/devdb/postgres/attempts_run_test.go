package postgres

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/migration"
)

var update = flag.Bool("update", false, "rewrite the table in SECURITY.md")

func majors() []string {
	if v := os.Getenv("ASSAY_TEST_MAJORS"); v != "" {
		return strings.Split(v, ",")
	}
	return []string{""}
}

// TestAttempts runs what the table has, as the role that migrations run as.
func TestAttempts(t *testing.T) {
	ctx := context.Background()
	for _, major := range majors() {
		s := testServer(t, major)
		d := testDatabase(t, s)
		must(t, s.equip(ctx, d))
		must(t, d.Disconnect(ctx))
		c, err := d.ConnectOwner(ctx)
		must(t, err)
		defer c.Close(ctx)
		for _, a := range attempts {
			t.Run(a.group+"/"+a.name+major, func(t *testing.T) {
				_, err := c.PgConn().Exec(ctx, strings.ReplaceAll(a.sql, "{admin}", s.admin.User)).ReadAll()
				codes := strings.Fields(a.codes)
				if len(codes) == 0 {
					codes = []string{"42501"}
				}
				var refused *pgconn.PgError
				if !errors.As(err, &refused) || !slices.Contains(codes, refused.Code) {
					t.Errorf("%s: %v", a.sql, err)
				}
			})
		}
	}
	if _, err := os.Stat("/tmp/assay-breach"); err == nil {
		t.Error("a file was written")
	}
}

// oneStatement is a migration of one statement, as it is.
func oneStatement(sql string) *migration.Migration {
	return &migration.Migration{Path: "m.sql", Source: sql, Statements: []*migration.Statement{{Kind: migration.SQL, Text: sql, Syntax: &migration.Syntax{}, Pos: migration.Position{Path: "m.sql", Line: 1}}}}
}

// servers gives a server of assay's own and one of somebody else's with a
// superuser, by what they are.
func servers(t *testing.T, major string) map[string]*Server {
	t.Helper()
	s := testServer(t, major)
	_ = testDatabase(t, s)
	return map[string]*Server{"own": s, "--dev-url": onURL(t, s, nil)}
}

// onURL opens a server as --dev-url does.
func onURL(t testing.TB, host *Server, say func(string)) *Server {
	t.Helper()
	return configured(t, host, Config{Progress: say})
}

// configured opens a run on the host as on a server of somebody's.
func configured(t testing.TB, host *Server, c Config) *Server {
	t.Helper()
	c.URL = fmt.Sprintf("postgres:///postgres?host=%s&port=%d&user=%s&sslmode=disable", host.admin.Host, host.admin.Port, host.admin.User)
	s, err := Open(context.Background(), c)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestTricks has the admin make extensions, and none that is on no list.
func TestTricks(t *testing.T) {
	ctx := context.Background()
	for _, major := range majors() {
		for name, s := range servers(t, major) {
			d := testDatabase(t, s)
			for _, trick := range tricks {
				t.Run(trick.name+"/"+name+major, func(t *testing.T) {
					_ = d.Replay(ctx, oneStatement(trick.sql)) // refused or not
					c, err := d.ConnectAdmin(ctx)
					must(t, err)
					defer c.Close(ctx)
					var there bool
					must(t, c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'dblink')").Scan(&there))
					if there {
						t.Errorf("%q made dblink", trick.sql)
					}
				})
			}
		}
	}
}

// trapsSQL makes, in a schema that every session of the database is to look
// through first, all operators between types of the server's own, functions and
// views of its names, each with a trap in it: it goes off if a superuser steps in,
// also by a function that runs with a superuser's rights.
const trapsSQL = `CREATE SCHEMA evil; CREATE SEQUENCE evil.marks;
CREATE FUNCTION evil.trap() RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN
  IF (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) current_user) THEN PERFORM pg_catalog.nextval('evil.marks'); END IF; RETURN true; END $f$;
GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT ALL ON SEQUENCE evil.marks TO PUBLIC;
DO $do$ DECLARE o record; n int := 0; BEGIN
  FOR o IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, oprresult::regtype AS res FROM pg_operator
    WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft <> 0 AND oprname IN ('=', '<>', '~', '!~', '||', '<', '>', '~~', '!~~', '->', '->>')
      AND NOT EXISTS (SELECT FROM pg_type WHERE oid IN (oprleft, oprright, oprresult) AND typtype = 'p') LOOP
    n := n + 1;
    EXECUTE format('CREATE FUNCTION evil.o%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.trap(); RETURN $1 OPERATOR(pg_catalog.%s) $2; END $f$', n, o.l, o.r, o.res, o.oprname);
    EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.o%s)', o.oprname, o.l, o.r, n);
  END LOOP;
  FOR o IN SELECT proname, oidvectortypes(proargtypes) AS args, prorettype::regtype AS res, (SELECT string_agg('$' || i, ', ') FROM generate_series(1, pronargs) i) AS given FROM pg_proc p
    WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset AND provariadic = 0 AND pronargs BETWEEN 1 AND 3 AND prorettype <> 0
      AND proname ~ '^(set_config|current_setting|format_type|quote_|pg_get_|has_|pg_has_role|concat|to_char|json|md5|obj_description|shobj|starts_with|split_part|length|lower|regexp_|array_|oidvector|round|greatest|pg_table_is|pg_relation|pg_total|pg_table)'
      AND NOT EXISTS (SELECT FROM pg_type t WHERE t.oid = ANY (p.proargtypes::oid[] || p.prorettype) AND typtype = 'p') LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.trap(); RETURN pg_catalog.%I(%s); END $f$', o.proname, o.args, o.res, o.proname, o.given);
    EXCEPTION WHEN OTHERS THEN NULL; END;
  END LOOP;
  FOR o IN SELECT relname, c.oid FROM pg_class c WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v') LOOP
    BEGIN
      EXECUTE format('CREATE VIEW evil.%I AS SELECT * FROM pg_catalog.%I WHERE evil.trap()', o.relname, o.relname);
    EXCEPTION WHEN OTHERS THEN NULL; END;
  END LOOP;
  EXECUTE format('ALTER DATABASE %I SET search_path = evil, public, pg_catalog', current_database());
  EXECUTE format('ALTER DATABASE %I SET role = %I', current_database(), current_user);
END $do$;
CREATE FUNCTION public.i(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.trap(); RETURN $1; END $f$;
CREATE DOMAIN public.d AS int CHECK (evil.trap());
CREATE TABLE public.t (a int PRIMARY KEY, b public.d DEFAULT public.i(1), c int GENERATED ALWAYS AS (public.i(2)) STORED, CHECK (public.i(a) > 0 OR a <= 0));
CREATE INDEX ON public.t (public.i(a)); CREATE INDEX ON public.t (a) WHERE public.i(a) > 1;
CREATE STATISTICS public.s ON a, b FROM public.t;
INSERT INTO public.t VALUES (1, 1), (2, 2);
ALTER TABLE public.t ENABLE ROW LEVEL SECURITY; ALTER TABLE public.t FORCE ROW LEVEL SECURITY; CREATE POLICY p ON public.t USING (evil.trap());
CREATE MATERIALIZED VIEW public.m AS SELECT public.i(a) FROM public.t;
CREATE FUNCTION public.tf() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.trap(); RETURN NEW; END $f$;
CREATE TRIGGER tg BEFORE INSERT OR UPDATE OR DELETE ON public.t FOR EACH ROW EXECUTE FUNCTION public.tf();
CREATE RULE r AS ON UPDATE TO public.t DO ALSO SELECT evil.trap();
CREATE TYPE public.e AS (a int); CREATE FUNCTION public.cast_e(public.e) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN PERFORM evil.trap(); RETURN ''; END $f$;
CREATE CAST (public.e AS text) WITH FUNCTION public.cast_e(public.e) AS IMPLICIT;
CREATE FUNCTION public.lost() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN (SELECT gone FROM public.t); END $f$;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC`

// TestTraps does everything that assay does as admin in a database full of traps.
func TestTraps(t *testing.T) {
	ctx := context.Background()
	for _, major := range majors() {
		for name, s := range servers(t, major) {
			t.Run(name+major, func(t *testing.T) {
				d := testDatabase(t, s)
				o, err := d.ConnectOwner(ctx)
				must(t, err)
				_, err = o.PgConn().Exec(ctx, trapsSQL).ReadAll()
				must(t, err)
				must(t, o.Close(ctx))
				steps(t, s, d)
				c, err := d.ConnectAdmin(ctx)
				must(t, err)
				defer c.Close(ctx)
				var sprung bool
				must(t, c.QueryRow(ctx, "SELECT is_called FROM evil.marks").Scan(&sprung))
				if sprung {
					t.Error("a superuser has run code of the migrations")
				}
				// The traps do work: one that is stepped into goes off.
				_, err = c.Exec(ctx, "SELECT evil.trap()")
				must(t, err)
				must(t, c.QueryRow(ctx, "SELECT is_called FROM evil.marks").Scan(&sprung))
				if !sprung {
					t.Error("the traps do not work")
				}
			})
		}
	}
}

// steps has the admin do all that it does.
func steps(t *testing.T, s *Server, d *DB) {
	t.Helper()
	ctx := context.Background()
	if _, err := d.Record(ctx, file(migration.TxNone, `CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public; CREATE EXTENSION IF NOT EXISTS xml2 SCHEMA public; ALTER TABLE public.t ADD COLUMN z int; CREATE INDEX CONCURRENTLY ON public.t (a, z);
		LOCK TABLE public.t; VACUUM public.t; CREATE EXTENSION pgstattuple SCHEMA evil; REFRESH MATERIALIZED VIEW public.m; ALTER TABLE public.t ALTER a TYPE bigint; DROP TABLE gone_long_ago`)); err == nil {
		t.Error("a table that is not there was dropped")
	}
	before, err := d.Catalog(ctx)
	must(t, err)
	_, err = d.Broken(ctx, before, before, []string{"gone"})
	must(t, err)
	_, err = d.Prepare(ctx, []string{"SELECT * FROM public.t WHERE a = 1"})
	must(t, err)
	c, err := d.ConnectAdmin(ctx)
	must(t, err)
	must(t, d.giveSetup(ctx, c))
	_, err = d.giveChecker(ctx, c)
	must(t, err)
	must(t, c.Close(ctx))
	quiet, err := d.connectQuiet(ctx)
	must(t, err)
	if quiet != nil {
		must(t, quiet.Close(ctx))
	}
	e, err := s.Clone(ctx, d)
	must(t, err)
	must(t, e.Close())
	b := s.Bench(d)
	seeded, err := b.Seed(ctx, []*migration.Migration{file(migration.TxNone, "INSERT INTO public.t (a) VALUES (7)")})
	if err == nil {
		must(t, seeded.Close())
	}
	must(t, b.Close())
	must(t, s.asAdmin(ctx, func(ctx context.Context, c *pgx.Conn) error { return s.copySettings(ctx, c, d.name, d.name+"_none") }))
	s.own.died(0) //nolint:errcheck // it lives
}

// TestLongText keeps the memory that a server's words take small.
func TestLongText(t *testing.T) {
	ctx := context.Background()
	d := testDatabase(t, testServer(t, ""))
	_, err := d.Catalog(ctx)
	must(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	steps, err := d.Record(ctx, oneStatement(`DO $$ BEGIN
		RAISE NOTICE '%', repeat('<b>@all ', 8000000);
		FOR i IN 1..20000 LOOP RAISE NOTICE 'again %', repeat('x', 1000); END LOOP;
		RAISE EXCEPTION USING MESSAGE = repeat('<b>@all ', 8000000), DETAIL = repeat('é', 1000000), HINT = repeat('h', 1000000);
	END $$`))
	runtime.ReadMemStats(&after)
	refused, ok := asStatementError(err)
	if !ok || len(refused.Message) > 5000 || len(refused.Detail) > 5000 || len(refused.Hint) > 5000 || !strings.HasSuffix(refused.Message, " bytes more)") {
		t.Fatalf("the server says %.200v", err)
	}
	if n := len(steps[0].Notices); n != mostNotices+1 || len(steps[0].Notices[0].Message) > 5000 {
		t.Errorf("%d notices are kept", n)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 100<<20 {
		t.Errorf("%d MB were taken", took>>20)
	}
}

// otherRows are attempts that have tests of their own.
var otherRows = [][3]string{
	{"operators, functions and views with the names of the server's, in front of them by `ALTER DATABASE … SET search_path`", "startup parameters of the admin's sessions", "TestTraps"},
	{"casts, domains, defaults, generated columns, index expressions, row security, rules, triggers, materialized views and default privileges that run code", "the admin reads no table of a migration", "TestTraps"},
	{"temporary views, types and domains with the names of the server's, in front of them in the session in which a function with the admin's rights runs (stubs, the reading of objects)", "the function's search_path names pg_temp last", "TestStubTraps"},
	{"`ALTER DATABASE … SET` role, read-only, timeouts, preloaded libraries, `exit_on_error`, encodings", "startup parameters of the admin's sessions", "TestDatabaseSettings"},
	{"the same while a statement is measured", "startup parameters of the admin's sessions", "TestMeasureSandbox"},
	{"a connection that is opened elsewhere in the program", "one file opens them all", "TestOnlyDial"},
	{"`PG*` of the environment", "they are not read for a server of assay's own", "TestEnvironment"},
	{"messages of 64 MB, 20,000 notices", "text is cut when it arrives", "TestLongText, TestBounded"},
	{"a setup.sql of a stranger's checkout that runs programs", "it runs as the migrations' role", "TestStrangersSetup"},
	{"a superuser who writes, reads or starts what lies outside of the server's directory", "Landlock, where the kernel has it", "TestLayers"},
	{"a prepared transaction, a template, a closed database, a database and roles that are left", "assay takes them away", "TestLeavings"},
	{"the same when assay is killed", "the next run takes them away", "TestKilledRun"},
	{"an event trigger of the setup or of a schema directory, whose function a migration replaces, at what the admin makes", "no event trigger fires in the admin's sessions", "TestEventTriggers, TestSuperTraps"},
	{"a second statement behind one that takes a superuser, in a string or comment that ends elsewhere", "statements with a backslash are not run by the admin", "TestSuperTraps"},
	{"a function, trigger or view that is used on generated rows and takes the time limit away, reaches files and programs, becomes somebody else, ends the transaction or the session", "the migrations' role, a limit that is set for each use, savepoints", "TestStageAttempts"},
	{"a `--dev-url` server that becomes read-only, gets other settings, ends sessions or loses connections in the middle of a run", "errors of the server are told from refusals where they arrive", "TestServerFails"},
	{"an error with a code of the server's that a migration raises, to end the run", "the file of PostgreSQL that raised it, which no SQL can set", "TestOfServer"},
	{"a server that is stopped, or crashes", "assay sees it and ends with exit code 3", "TestStopped, TestCrash"},
}

// testNames are the tests of this package.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	files, err := filepath.Glob("*_test.go")
	must(t, err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		must(t, err)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllSubmatch(text, -1) {
			out[string(m[1])] = true
		}
	}
	return out
}

const tableMark = "<!-- what migrations have tried: made by go test ./internal/devdb/postgres -run TestSecurityTable -update -->\n"

// TestSecurityTable keeps the table in SECURITY.md as the tests are.
func TestSecurityTable(t *testing.T) {
	if n := len(attempts) + len(tricks) + len(otherRows); n < 120 {
		t.Errorf("there are only %d attempts", n)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%d attempts by migrations run as tests, on every supported major.\n\n| attempt | what stops it | test |\n|---|---|---|\n", tableMark, len(attempts)+len(tricks)+len(otherRows))
	seen := map[string]bool{}
	for _, a := range attempts {
		if seen[a.group+a.name] {
			t.Errorf("%s: %s is there twice", a.group, a.name)
		}
		seen[a.group+a.name] = true
		by := "the migrations' role is no superuser"
		if a.group == psql {
			by = "assay speaks to the server itself; psql is never run"
		} else if strings.Contains(a.sql, "_replication_slot") {
			by = "the function is revoked"
		}
		fmt.Fprintf(&b, "| %s: %s | %s | TestAttempts |\n", a.group, a.name, by)
	}
	for _, x := range tricks {
		fmt.Fprintf(&b, "| an extension that is on no list: %s | the admin's statement is put together from its parts | TestTricks |\n", x.name)
	}
	there := testNames(t)
	for _, r := range otherRows {
		for _, name := range strings.Split(r[2], ", ") {
			if !there[name] {
				t.Errorf("%s: there is no %s", r[0], name)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r[0], r[1], r[2])
	}
	path := filepath.Join("..", "..", "..", "SECURITY.md")
	text, err := os.ReadFile(path)
	must(t, err)
	head, rest, ok := strings.Cut(string(text), tableMark)
	_, tail, ok2 := strings.Cut(rest, "\n<!-- end -->\n")
	if !ok || !ok2 {
		t.Fatal("SECURITY.md has no place for the table")
	}
	want := head + b.String() + "\n<!-- end -->\n" + tail
	if *update {
		must(t, os.WriteFile(path, []byte(want), 0o644))
	} else if want != string(text) {
		t.Error("the table in SECURITY.md is not what the tests are: run go test ./internal/devdb/postgres -run TestSecurityTable -update")
	}
}
