package planned

import (
	"context"
	"errors"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/state"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
)

// trial tries plans on copies of a database: in a transaction where the
// migrations' role may run all of it, else as the recorder runs a file.
type trial struct {
	server *postgres.Server
	side   *Side
	plain  plan.Trial
}

func newTrial(s *postgres.Server, side *Side) *trial {
	return &trial{server: s, side: side, plain: state.NewTrial(s, side.DB, (*postgres.DB).ConnectOwner)}
}

// Run runs statements and reads what they lead to.
func (t *trial) Run(ctx context.Context, statements []plan.Statement) (_ *plan.State, err error) {
	var out *plan.State
	if slices.ContainsFunc(statements, func(s plan.Statement) bool { return postgres.ByAdmin(s.SQL) }) {
		out, err = t.copied(ctx, statements)
	} else {
		if err := t.side.DB.Disconnect(ctx); err != nil {
			return nil, err
		}
		out, err = t.plain.Run(ctx, statements)
	}
	if err == nil {
		clean(out)
	}
	return out, err
}

func (t *trial) copied(ctx context.Context, statements []plan.Statement) (_ *plan.State, err error) {
	d, err := t.server.Clone(ctx, t.side.DB)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	lines := Script(&plan.Plan{Statements: statements})
	m, err := file(Text(lines))
	if err != nil {
		return nil, err
	}
	if err := run(ctx, d, m); err != nil {
		return nil, refusal(err, m, statements)
	}
	return Read(ctx, d)
}

// run runs migrations on a database.
func run(ctx context.Context, d *postgres.DB, all ...*migration.Migration) error {
	for _, m := range all {
		if err := d.Replay(ctx, m); err != nil {
			return err
		}
	}
	if err := d.Finish(ctx); err != nil {
		return err
	}
	return d.Disconnect(ctx)
}

// refusal makes what the recorder says of a statement what the planner wants to hear.
func refusal(err error, m *migration.Migration, statements []plan.Statement) error {
	var e *devdb.StatementError
	if !errors.As(err, &e) {
		return err
	}
	at := 0
	for i := slices.Index(m.Statements, e.Statement) - 1; i >= 0; i-- {
		if m.Statements[i].Syntax.Transaction == "" {
			at++
		}
	}
	at = min(at, len(statements)-1)
	return &plan.Refused{At: at, SQL: statements[at].SQL, SQLState: e.Code, Message: e.Message, Detail: e.Detail}
}
