package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/migration"
)

// TestProveSandbox holds that what a pull request brings is never run with more
// rights than migrations have: not the expressions of its constraints, not the
// defaults and triggers that fire for the rows, not its seed.
func TestProveSandbox(t *testing.T) {
	ctx := context.Background()
	for _, major := range pgtest.Majors(t) {
		server := pgtest.Server(t, major)
		p, err := proveOne(server, "CREATE TABLE t (id int PRIMARY KEY, a text)", "ALTER TABLE t ADD CHECK (a IS NULL OR session_user = 'assay_admin')")
		if must(t, err); p.Outcome != devdb.Fails {
			t.Errorf("%s: a constraint's expression: %s (%s): it was asked as another role", major, p.Outcome, p.Why)
		}
		p, err = proveOne(server, "CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT session_user)", "DROP TABLE t")
		if must(t, err); p.Counterexample == nil || strings.Contains(p.Counterexample.Before, "assay_admin") {
			t.Errorf("%s: a default is computed by the admin: %+v", major, p.Counterexample)
		}
		db, err := server.Create(ctx)
		must(t, err)
		must(t, db.Replay(ctx, script("base.sql", "CREATE TABLE t (a text)")))
		must(t, db.Disconnect(ctx))
		bench := server.Bench(db)
		var refused *devdb.StatementError
		_, err = bench.Seed(ctx, []*migration.Migration{script("seed.sql", "COPY (SELECT 1) TO PROGRAM 'true'")})
		if !errors.As(err, &refused) || refused.Code != "42501" {
			t.Errorf("%s: a seed that runs a program: %v, want it refused", major, err)
		}
		must(t, errors.Join(bench.Close(), db.Close()))
	}
}
