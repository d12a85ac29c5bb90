package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
)

// TestProveRandom makes random schemas, always the same ones, and for each a
// statement that two rows, or one, can break: the rows must be accepted by the
// old schema and break it. ASSAY_TEST_SCHEMAS sets how many.
func TestProveRandom(t *testing.T) {
	n := 20 // make test-matrix runs 300
	if v, err := strconv.Atoi(os.Getenv("ASSAY_TEST_SCHEMAS")); err == nil {
		n = v
	}
	server := pgtest.Server(t, "")
	found := 0
	for i := range n {
		g := &schemas{r: rand.New(rand.NewPCG(1, uint64(i)))}
		base, change := g.make()
		p, err := proveOne(server, base, change)
		switch {
		case err != nil:
			t.Fatalf("schema %d: %v\n%s\n%s", i, err, base, change)
		case p.Outcome == devdb.Fails:
			found++
		default:
			t.Logf("schema %d: %s: %s\n%s\n%s", i, p.Outcome, p.Why, base, change)
		}
	}
	share := 100 * float64(found) / float64(n)
	t.Logf("rows were made, accepted and broke the statement for %d of %d random schemas: %.1f %%", found, n, share)
	if share < 98 {
		t.Errorf("%.1f %%: at least 98 %% are wanted", share)
	}
}

func script(name, sql string) *migration.Migration {
	m, err := migration.LoadScript(fstest.MapFS{name: {Data: []byte(sql + ";\n")}}, name, migration.Options{})
	if err != nil {
		panic(fmt.Sprintf("%s: %v", sql, err))
	}
	m.TxMode = migration.TxNone
	return m
}

func proveOne(server *postgres.Server, base, change string) (p devdb.Proof, err error) {
	ctx := context.Background()
	db, err := server.Create(ctx)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Replay(ctx, script("base.sql", base)); err != nil {
		return p, err
	}
	work, err := server.Clone(ctx, db)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, work.Close()) }()
	rec := &devdb.Record{New: []*devdb.Recorded{{Migration: script("new.sql", change)}}}
	if err := pipeline.RecordAll(ctx, work, rec); err != nil {
		return p, err
	}
	if rec.New[0].Err != nil {
		return p, rec.New[0].Err
	}
	bench := server.Bench(db)
	defer func() { err = errors.Join(err, bench.Close()) }()
	if err := pipeline.Prove(ctx, bench, rec, pipeline.Proving{}); err != nil {
		return p, err
	}
	steps := rec.New[0].Steps
	if proofs := steps[len(steps)-1].Proofs; len(proofs) > 0 {
		for _, p := range proofs {
			if p.Outcome == devdb.Fails {
				return p, nil
			}
		}
		return proofs[len(proofs)-1], nil
	}
	return devdb.Proof{Outcome: devdb.Unknown, Why: "no demand was seen"}, nil
}

// schemas makes random schemas.
type schemas struct {
	r   *rand.Rand
	sql strings.Builder
}

func (g *schemas) pick(of ...string) string { return of[g.r.IntN(len(of))] }

func (g *schemas) column(i int) string {
	name := fmt.Sprintf("c%d", i)
	def := g.pick(
		"integer", "bigint", "smallint", "text", "varchar(3)", "char(2)", "numeric(6,2)", "boolean", "date", "timestamp", "timestamptz", "uuid",
		"jsonb", "json", "bytea", "inet", "interval", "time", "int4range", "tstzrange", "text[]", "integer[]", "mood", "mood[]", "positive", "code", "pair",
		"double precision", "bit(3)", "macaddr", "point", `"Odd Type"`,
		"integer CHECK ("+name+" > 10)", "integer CHECK ("+name+" BETWEEN 5 AND 7)", "text CHECK ("+name+" IN ('x', 'y', 'z'))",
		"text CHECK (length("+name+") >= 4)", "text CHECK ("+name+" ~ '^[a-z]{2}-[0-9]+$')", "text CHECK ("+name+" LIKE 'ab%')",
		"date CHECK ("+name+" >= '2030-01-01')", "numeric CHECK ("+name+" > 0 AND "+name+" < 1)", "jsonb CHECK (jsonb_typeof("+name+") = 'array')",
		"timestamptz DEFAULT now()", "text DEFAULT 'd'", "uuid DEFAULT gen_random_uuid()", "integer GENERATED ALWAYS AS (1 + 1) STORED",
	)
	null := g.pick("", " NOT NULL")
	if strings.Contains(def, "GENERATED") {
		null = ""
	}
	return name + " " + def + null
}

// table makes one with foreign keys to earlier ones and gives its statement.
func (g *schemas) table(i int) {
	id := g.pick("bigint", "integer GENERATED ALWAYS AS IDENTITY", "bigserial", "uuid DEFAULT gen_random_uuid()", "text", "code")
	var parts []string
	partitioned := g.r.IntN(6) == 0
	if partitioned {
		parts = append(parts, "id bigint", "at date NOT NULL", "PRIMARY KEY (id, at)")
	} else {
		parts = append(parts, "id "+id+" PRIMARY KEY")
	}
	for c := range 1 + g.r.IntN(5) {
		parts = append(parts, g.column(c))
	}
	parts = append(parts, "lo integer", "hi integer", "CHECK (lo < hi)")
	if i > 0 && g.r.IntN(4) > 0 {
		parts = append(parts, fmt.Sprintf("parent %s REFERENCES t%d (k)", g.pick("integer", "integer NOT NULL", "integer NOT NULL UNIQUE"), g.r.IntN(i)))
	}
	key := "k integer NOT NULL"
	if !partitioned {
		key += " UNIQUE"
		if g.r.IntN(5) == 0 {
			parts = append(parts, fmt.Sprintf("boss integer REFERENCES t%d (k)", i))
		}
	}
	parts = append(parts, key)
	end := ""
	if partitioned {
		end = " PARTITION BY RANGE (at)"
	}
	fmt.Fprintf(&g.sql, "CREATE TABLE t%d (%s)%s;\n", i, strings.Join(parts, ", "), end)
	if partitioned {
		fmt.Fprintf(&g.sql, "CREATE TABLE t%dp PARTITION OF t%d FOR VALUES FROM ('2031-01-01') TO ('2032-01-01');\n", i, i)
		fmt.Fprintf(&g.sql, "CREATE TABLE t%ds (k integer UNIQUE);\n", i)
		fmt.Fprintf(&g.sql, "DROP TABLE t%ds;\n", i)
	}
}

// make gives a schema and a change that rows can break.
func (g *schemas) make() (base, change string) {
	g.sql.WriteString("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');\nCREATE TYPE \"Odd Type\" AS ENUM ('A b', 'c''d');\n" +
		"CREATE DOMAIN positive AS integer CHECK (VALUE > 0);\nCREATE DOMAIN code AS text CHECK (VALUE ~ '^[A-Z]{3}[0-9]?$');\nCREATE TYPE pair AS (a integer, b text);\n")
	n := 1 + g.r.IntN(5)
	parents := []int{}
	for i := range n {
		before := g.sql.Len()
		g.table(i)
		_ = before
		parents = append(parents, i)
	}
	base = g.fix(g.sql.String())
	if n > 1 && g.r.IntN(5) == 0 && strings.Contains(base, "t0 (id") && !strings.Contains(base, "t1p") && !strings.Contains(base, "t0p") {
		base += "ALTER TABLE t0 ADD COLUMN ring integer NOT NULL REFERENCES t1 (k);\nALTER TABLE t1 ADD COLUMN ring integer NOT NULL REFERENCES t0 (k)" +
			g.pick("", " DEFERRABLE INITIALLY DEFERRED") + ";\n"
	}
	last := fmt.Sprintf("t%d", parents[len(parents)-1])
	partitioned := strings.Contains(base, last+"p ")
	base += "ALTER TABLE " + last + " ADD COLUMN target text, ADD COLUMN num integer, ADD COLUMN during daterange;\n"
	changes := []string{
		"ALTER TABLE " + last + " ALTER COLUMN target SET NOT NULL;\n",
		"ALTER TABLE " + last + " ADD CONSTRAINT x CHECK (num > 100);\n",
		"ALTER TABLE " + last + " ADD COLUMN must text NOT NULL;\n",
		"CREATE TABLE other (id integer PRIMARY KEY);\nALTER TABLE " + last + " ADD FOREIGN KEY (num) REFERENCES other;\n",
		"ALTER TABLE " + last + " ALTER COLUMN target TYPE varchar(4);\n",
		"ALTER TABLE " + last + " ALTER COLUMN target TYPE integer USING target::integer;\n",
		"ALTER TABLE " + last + " ADD CHECK (target IS NOT NULL OR num IS NOT NULL);\n",
	}
	if !partitioned {
		changes = append(changes, "CREATE UNIQUE INDEX x ON "+last+" (target);\n", "CREATE UNIQUE INDEX x ON "+last+" (lower(target)) WHERE num > 7;\n",
			"ALTER TABLE "+last+" ADD EXCLUDE USING gist (during WITH &&);\n", "ALTER TABLE "+last+" ADD UNIQUE (num, target);\n")
	}
	return base, changes[g.r.IntN(len(changes))]
}

// fix takes out foreign keys to partitioned tables, whose k cannot be unique.
func (g *schemas) fix(sql string) string {
	var gone []string
	for _, line := range strings.Split(sql, "\n") {
		if strings.Contains(line, "PARTITION BY") {
			gone = append(gone, strings.Fields(line)[2])
		}
	}
	for _, t := range gone {
		sql = strings.ReplaceAll(sql, " REFERENCES "+t+" (k)", "")
	}
	lines := strings.Split(sql, "\n")
	for i, line := range lines { // a unique key of a partitioned table must hold the partition key
		if strings.Contains(line, "PARTITION BY") {
			lines[i] = strings.ReplaceAll(line, " UNIQUE", "")
		}
	}
	return strings.Join(lines, "\n")
}
