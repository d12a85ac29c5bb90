package policy

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/migration"
)

// compared is a case of rules that judge a state: the same on both sides is old.
type compared struct{ name, base, change, want string }

var comparisons = []compared{
	{"an index is dropped", "CREATE TABLE c (id bigint PRIMARY KEY); CREATE TABLE o (id bigint PRIMARY KEY, c bigint REFERENCES c); CREATE INDEX o_c ON o (c);", "DROP INDEX o_c;", "KY103@1"},
	{"it is dropped by another statement", "CREATE TABLE c (id bigint PRIMARY KEY); CREATE TABLE o (id bigint PRIMARY KEY, c bigint REFERENCES c); CREATE INDEX o_c ON o (c);", "ALTER TABLE o ADD COLUMN x text;\nDROP INDEX o_c;\nALTER TABLE o ADD COLUMN y text;\nCREATE INDEX o_x ON o (x);", "KY103@2"},
	{"an index is replaced", "CREATE TABLE c (id bigint PRIMARY KEY); CREATE TABLE o (id bigint PRIMARY KEY, c bigint REFERENCES c); CREATE INDEX o_c ON o (c);", "DROP INDEX o_c;\nCREATE INDEX o_c2 ON o (c);", ""},
	{"a key without an index is old", "CREATE TABLE c (id bigint PRIMARY KEY); CREATE TABLE o (id bigint PRIMARY KEY, c bigint REFERENCES c);", "CREATE INDEX o_id ON o (id, c);\nALTER TABLE o ADD COLUMN x text;", ""},
	{"and stays old when it is renamed", "CREATE TABLE c (id bigint PRIMARY KEY); CREATE TABLE o (id bigint PRIMARY KEY, c bigint REFERENCES c);", "ALTER TABLE o RENAME TO orders;\nALTER TABLE orders RENAME CONSTRAINT o_c_fkey TO fk;\nALTER TABLE orders RENAME COLUMN c TO customer;", ""},
	{"and when it is moved", "CREATE SCHEMA s; CREATE TABLE l (a integer);", "ALTER TABLE l SET SCHEMA s;", ""},
	{"a new table takes the name of one without a key", "CREATE TABLE l (a integer);", "ALTER TABLE l RENAME TO l_old;\nCREATE TABLE l (a integer);", "CL101@2 CL101@2 KY101@2"},
	{"names are swapped", "CREATE TABLE a (x integer); CREATE TABLE b (x integer PRIMARY KEY);", "ALTER TABLE a RENAME TO t;\nALTER TABLE b RENAME TO a;\nALTER TABLE t RENAME TO b;", ""},
	{"a table is dropped and made again", "CREATE TABLE l (a integer);", "DROP TABLE l;\nCREATE TABLE l (a integer);", "CL101@2 CL101@2 KY101@2"},
	{"a primary key is dropped", "CREATE TABLE l (a bigint PRIMARY KEY);", "ALTER TABLE l DROP CONSTRAINT l_pkey;", "KY101@1"},
	{"and added again", "CREATE TABLE l (a bigint PRIMARY KEY);", "ALTER TABLE l DROP CONSTRAINT l_pkey;\nALTER TABLE l ADD PRIMARY KEY (a);", ""},
	{"in a DO block", "CREATE TABLE l (a bigint PRIMARY KEY);", "DO $$ BEGIN EXECUTE 'ALTER TABLE l DROP CONSTRAINT l_pkey'; END $$;", "KY101@1"},
	{"NOT NULL of a unique column is dropped", "CREATE TABLE l (a bigint PRIMARY KEY, e text NOT NULL UNIQUE);", "ALTER TABLE l ALTER COLUMN e DROP NOT NULL;", "CL104@1"},
	{"the referenced type changes", "CREATE TABLE c (id int PRIMARY KEY); CREATE TABLE o (id bigint PRIMARY KEY, c int REFERENCES c); CREATE INDEX ON o (c);", "ALTER TABLE c ALTER COLUMN id TYPE bigint;", "KY104@1"},
	{"an old column becomes the key", "CREATE TABLE l (id integer NOT NULL);", "ALTER TABLE l ADD PRIMARY KEY (id);", "KY102@1"},
	{"row security is switched off", "CREATE TABLE l (a bigint PRIMARY KEY); ALTER TABLE l ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON l USING (a > 0);", "ALTER TABLE l DISABLE ROW LEVEL SECURITY;", "RL105@1"},
	{"and for personal data", "CREATE TABLE l (a bigint PRIMARY KEY, e text); COMMENT ON COLUMN l.e IS 'pii: mail'; ALTER TABLE l ENABLE ROW LEVEL SECURITY;", "ALTER TABLE l DISABLE ROW LEVEL SECURITY;", "PI102@1"},
	{"a better index replaces a unique one", "CREATE TABLE l (a bigint PRIMARY KEY, b bigint); CREATE INDEX l_b ON l (b);", "CREATE UNIQUE INDEX l_b2 ON l (b);", "CL104@1 KY105@1"},
	{"a type changes back and forth", "CREATE TABLE l (a bigint PRIMARY KEY, b text);", "ALTER TABLE l ALTER b TYPE varchar(5);\nALTER TABLE l ALTER b TYPE text;", ""},
	{"a column changes its type", "CREATE TABLE l (a bigint PRIMARY KEY, b text);", "ALTER TABLE l ALTER b TYPE varchar(5);", "TY102@1"},
	{"a part is made again by the server", "CREATE TABLE c (id bigint PRIMARY KEY); CREATE TABLE o (id bigint PRIMARY KEY, c int REFERENCES c);", "ALTER TABLE o ALTER COLUMN c TYPE bigint;", ""},
}

// TestComparison holds what is new: what is there after the change and was not before.
func TestComparison(t *testing.T) {
	p, err := Load(context.Background(), Options{Packs: []string{"keys", "columns", "rls", "sensitive", "types"}})
	if err != nil {
		t.Fatal(err)
	}
	server := pgtest.Server(t, pgtest.Majors(t)[0])
	for _, c := range comparisons {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := judged(t, p, recorder(t, server), c.base, c.change); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// judged are the findings of a change, as ID@LINE.
func judged(t *testing.T, p *Policies, record Recorder, base, change string) string {
	t.Helper()
	fsys := fstest.MapFS{"m/1_base.sql": {Data: []byte(base)}, "m/2_new.sql": {Data: []byte(change)}}
	dir := loadDir(t, fsys)
	first := dir.Migrations[0]
	dir.Migrations = dir.Migrations[1:]
	rec, _, err := record(t.Context(), first, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range rec.New {
		if m.Err != nil {
			t.Fatal(m.Err)
		}
	}
	r := &Rules{Policies: p}
	found, err := r.Judge(t.Context(), rec, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failed {
		t.Error(f)
	}
	var out []string
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s@%d", f.ID, f.Line))
	}
	return strings.Join(out, " ")
}

// loadDir reads the plain migrations of directory m.
func loadDir(t *testing.T, fsys fstest.MapFS) *migration.Dir {
	t.Helper()
	dir, err := migration.Load(fsys, "m", migration.Options{Format: migration.Plain})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
