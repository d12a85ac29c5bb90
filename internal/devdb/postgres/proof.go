package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/proof"
)

var _ proof.Lab = (*Bench)(nil)

// Bench is where rows are tried: on copies, which it throws away, of a database
// as it is before a change set.
type Bench struct {
	server *Server
	base   *DB            // nobody is connected to it while it is copied
	own    bool           // base is the bench's own
	copy   *DB            // as base is; nil: to be made
	conn   *pgconn.PgConn // the owner's, to copy: what is asked there may be written in a migration
	broom  *pgconn.PgConn // the owner's too, without triggers; nil until there is something to sweep
	tried  bool           // rows were in the copy
}

// Bench makes a bench of a database, which must stay as it is. Nothing is
// copied before something is tried.
func (s *Server) Bench(d *DB) *Bench { return &Bench{server: s, base: d} }

// Close throws the bench's copies away, or keeps one for the next bench of the database.
func (b *Bench) Close() error {
	err := b.giveBack()
	if b.own {
		err = errors.Join(err, b.base.Close())
	}
	return err
}

// Advance goes on to the state after a migration: what is tried from now on is
// tried there. A statement that the server refuses is a *devdb.StatementError,
// and the state then is as the tool would leave it.
func (b *Bench) Advance(ctx context.Context, m *migration.Migration) error {
	if err := b.giveBack(); err != nil {
		return err
	}
	if !b.own {
		base, err := b.server.Clone(ctx, b.base)
		if err != nil {
			return fmt.Errorf("copying the base to try rows on: %w", err)
		}
		b.base, b.own = base, true
	}
	return b.base.Replay(ctx, m)
}

// giveBack keeps the copy for the next bench of the same database, if it is as
// that is: no sequence was used, and the sessions are as new ones.
func (b *Bench) giveBack() error {
	if b.own || b.conn == nil || b.conn.IsClosed() || b.conn.TxStatus() != 'I' {
		return b.discard()
	}
	ctx := context.Background()
	if used, err := query(ctx, b.conn, "SELECT 1 FROM pg_catalog.pg_sequence LIMIT 1"); err != nil || b.tried && used != "" {
		return b.discard()
	}
	for _, c := range []*pgconn.PgConn{b.conn, b.broom} {
		if c == nil {
			continue
		}
		if _, err := c.Exec(ctx, "DISCARD ALL").ReadAll(); err != nil {
			return b.discard()
		}
	}
	d := b.base
	d.kept.Lock()
	defer d.kept.Unlock()
	if d.kept.bench != nil || d.kept.stale.Load() {
		return b.discard()
	}
	d.kept.bench = &Bench{server: b.server, base: d, copy: b.copy, conn: b.conn, broom: b.broom, tried: b.tried}
	b.copy, b.conn, b.broom = nil, nil, nil
	return nil
}

// takeKept takes the copy that another bench has left. It is false where there is none.
func (b *Bench) takeKept() (bool, error) {
	d := b.base
	d.kept.Lock()
	defer d.kept.Unlock()
	if b.own {
		return false, nil
	}
	if err := d.unkeep(); err != nil || d.kept.bench == nil {
		return false, err
	}
	k := d.kept.bench
	d.kept.bench = nil
	b.copy, b.conn, b.broom, b.tried = k.copy, k.conn, k.broom, k.tried
	return b.conn != nil && !b.conn.IsClosed(), nil
}

// discard throws the copy away.
func (b *Bench) discard() error {
	for _, c := range []*pgconn.PgConn{b.conn, b.broom} {
		if c != nil {
			_ = c.Close(context.Background()) // the database goes with it
		}
	}
	b.conn, b.broom, b.tried = nil, nil, false
	d := b.copy
	b.copy = nil
	return d.Close()
}

// fresh gives a connection to a copy that nothing has changed.
func (b *Bench) fresh(ctx context.Context) (*pgconn.PgConn, error) {
	if b.conn != nil && !b.conn.IsClosed() {
		return b.conn, nil
	}
	if err := b.discard(); err != nil { // its connection was cut: who knows what is in it
		return nil, err
	}
	if took, err := b.takeKept(); took || err != nil {
		return b.conn, err
	}
	if err := b.discard(); err != nil { // one that was taken, and whose connection was cut
		return nil, err
	}
	d, err := b.server.Clone(ctx, b.base)
	if err != nil {
		return nil, err
	}
	b.copy = d
	c, err := dial(ctx, &b.copy.owner.Config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the copy of the base: %w", err)
	}
	b.conn = c
	return c, nil
}

// inBlock opens a transaction in which types and functions of public are found
// by their bare name, as the rows are written.
const inBlock = "BEGIN; SET LOCAL search_path TO public, pg_catalog; SET LOCAL row_security TO off; "

// Query runs a query on a copy of the base.
func (b *Bench) Query(ctx context.Context, sql string) ([][]*string, error) {
	c, err := b.fresh(ctx)
	if err != nil {
		return nil, err
	}
	return ask(ctx, c, inBlock+sql+"; ROLLBACK")
}

// ask gives the rows of the last query that has any.
func ask(ctx context.Context, c *pgconn.PgConn, sql string) ([][]*string, error) {
	res, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, refusalOf(ctx, c, err)
	}
	return lastRows(res), nil
}

// lastRows are those of the last result that has any columns.
func lastRows(res []*pgconn.Result) [][]*string {
	var out [][]*string
	for _, r := range res {
		if len(r.FieldDescriptions) == 0 {
			continue
		}
		out = nil
		for _, row := range r.Rows {
			vals := make([]*string, len(row))
			for i, v := range row {
				if v != nil {
					s := string(v)
					vals[i] = &s
				}
			}
			out = append(out, vals)
		}
	}
	return out
}

// refusalOf rolls back and gives the server's error as one of the rows or the query.
func refusalOf(ctx context.Context, c *pgconn.PgConn, err error) error {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || c.IsClosed() {
		return fmt.Errorf("trying rows on the dev database: %w", err)
	}
	if c.TxStatus() != 'I' {
		if _, err := c.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
			return fmt.Errorf("trying rows on the dev database: %w", err)
		}
	}
	return asRefusal(pe)
}

func asRefusal(pe *pgconn.PgError) *proof.Refusal {
	return &proof.Refusal{Code: pe.Code, Message: pe.Message, Detail: pe.Detail, Table: pe.TableName, Column: pe.ColumnName, Constraint: pe.ConstraintName, Where: pe.Where}
}

// Try puts the rows into a copy of the base and runs the migrations over them,
// as the role and in the transactions that they would be run in.
func (b *Bench) Try(ctx context.Context, t proof.Trial) (out *proof.Tried, err error) {
	c, err := b.fresh(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil { // the time was up, or the server is gone: the rows may still be there
			err = errors.Join(err, b.discard())
		}
	}()
	out, b.tried = &proof.Tried{}, true
	parts := append(append([]string{}, t.Prepare...), t.Rows...)
	parts = append(append(parts, "SET CONSTRAINTS ALL IMMEDIATE"), t.Restore...)
	for i, p := range parts {
		parts[i] = strings.TrimSuffix(p, ";")
	}
	xid, err := ask(ctx, c, inBlock+strings.Join(parts, "; ")+"; SELECT pg_catalog.pg_current_xact_id()::text; COMMIT")
	if errors.As(err, &out.Refused) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	if t.Look != nil && t.Look.Before != "" {
		if out.Before, err = ask(ctx, c, t.Look.Before); err != nil {
			return nil, err
		}
	}
	if done, err := b.rehearse(ctx, t, out); err != nil || done {
		if err == nil {
			err = b.sweep(ctx, t.Tables, *xid[0][0])
		}
		return out, err
	}
	d := b.copy
	defer func() { err = errors.Join(err, b.discard()) }()
	for _, m := range t.Run {
		if err = d.Replay(ctx, m); errors.As(err, &out.Failed) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return out, lookAfter(ctx, c, t, out)
}

// lookAfter runs what is to come then, and asks what became of the rows. The role that migrations run as may
// not be allowed to see it, as after SET ROLE.
func lookAfter(ctx context.Context, c *pgconn.PgConn, t proof.Trial, out *proof.Tried) (err error) {
	if t.Then != "" {
		if _, err := ask(ctx, c, t.Then); !errors.As(err, &out.Then) && err != nil {
			return err
		}
	}
	if t.Look == nil || t.Look.After == "" {
		return nil
	}
	var refused *proof.Refusal
	if out.After, err = ask(ctx, c, t.Look.After); errors.As(err, &refused) {
		out.Unseen, err = true, nil
	}
	return err
}

// rehearse runs the migrations in one transaction that is rolled back, which
// takes a fraction of the time of a copy. It reports false, and leaves
// everything as it was, where a transaction of its own may be another thing.
func (b *Bench) rehearse(ctx context.Context, t proof.Trial, out *proof.Tried) (bool, error) {
	var all []*migration.Statement
	for _, m := range t.Run {
		for i, st := range m.Statements {
			word := controlOf(st.Text).word
			switch edge := i == 0 && word == "BEGIN" || i == len(m.Statements)-1 && word == "COMMIT"; {
			case st.Kind == migration.Skip || edge:
			case word != "" || alone(st):
				return false, nil
			default:
				all = append(all, st)
			}
		}
	}
	r := b.copy.recorder()
	if err := r.connect(ctx); err != nil {
		return false, err
	}
	if err := r.reset(ctx); err != nil {
		return false, err
	}
	r.cat, r.uncounted = nil, true
	if err := r.command(ctx, "BEGIN"); err != nil {
		return false, err
	}
	failed, err := r.runAll(ctx, all)
	if err == nil && failed == nil {
		err = lookAfter(ctx, r.conn, t, out)
	}
	if err != nil {
		return false, err
	}
	if !r.conn.IsClosed() && r.conn.TxStatus() != 'I' {
		if err := r.command(ctx, "ROLLBACK"); err != nil {
			return false, err
		}
	}
	if failed != nil && !strings.HasPrefix(failed.Code, "22") && !strings.HasPrefix(failed.Code, "23") {
		return false, nil // the one transaction may be the reason
	}
	out.Failed = failed
	return true, nil
}

// runAll sends statements up to the first that is refused, and checks what
// would be checked at the commit.
func (r *recorder) runAll(ctx context.Context, all []*migration.Statement) (*devdb.StatementError, error) {
	for i, st := range append(all[:len(all):len(all)], &migration.Statement{Text: "SET CONSTRAINTS ALL IMMEDIATE", Syntax: &migration.Syntax{}}) {
		s, err := r.sendAny(ctx, st, false)
		if err != nil {
			return nil, err
		}
		if s.err == nil {
			continue
		}
		if i == len(all) && i > 0 {
			st = &migration.Statement{Text: "COMMIT", Syntax: &migration.Syntax{}, Pos: all[i-1].Pos, End: all[i-1].End}
		}
		return statementError(st, s), nil
	}
	return nil, nil
}

// alone reports whether a statement may not run, or does another thing, within
// a transaction block.
func alone(st *migration.Statement) bool {
	if st.Syntax.Concurrently || strings.Contains(strings.ToUpper(st.Text), "CONCURRENTLY") {
		return true
	}
	w := words(st.Text, 2)
	if len(w) == 0 {
		return false
	}
	switch strings.ToUpper(w[0]) {
	case "VACUUM", "CLUSTER", "REINDEX", "CALL", "DISCARD":
		return true
	case "CREATE", "DROP", "ALTER":
		if len(w) > 1 {
			switch strings.ToUpper(w[1]) {
			case "DATABASE", "TABLESPACE", "SUBSCRIPTION", "SYSTEM", "EXTENSION":
				return true
			case "TYPE":
				return len(st.Syntax.Actions) > 0 && st.Syntax.Actions[0].Kind == "ADD VALUE"
			}
		}
	}
	return false
}

// sweep takes the rows of a trial out again, so that the copy can be used for
// the next; where that is not possible the copy is thrown away.
func (b *Bench) sweep(ctx context.Context, tables []string, xid string) error {
	if b.broom == nil {
		c, err := b.copy.connectQuiet(ctx)
		if err != nil {
			return err
		}
		if c == nil {
			return b.discard()
		}
		b.broom = c.PgConn()
	}
	sql := "BEGIN"
	for _, t := range tables {
		sql += "; DELETE FROM " + t + " WHERE xmin::text = '" + xid + "'"
	}
	var refused *proof.Refusal
	if _, err := ask(ctx, b.broom, sql+"; COMMIT"); errors.As(err, &refused) {
		return b.discard()
	} else if err != nil {
		return err
	}
	return nil
}

// connectQuiet opens a connection as the owner in which triggers do not fire
// and foreign keys are not checked; nil where the server does not allow that.
// Before PostgreSQL 15 only a superuser may ask for it, and neither seeds nor
// rows may run as one: so the admin makes it the owner's default for a moment.
func (d *DB) connectQuiet(ctx context.Context) (*pgx.Conn, error) {
	d.touch()
	role := "ALTER ROLE " + quoted(d.owner.User) + " IN DATABASE " + quoted(d.name)
	var out *pgx.Conn
	err := d.server.asAdmin(ctx, func(ctx context.Context, admin *pgx.Conn) error {
		if _, err := admin.Exec(ctx, role+" SET session_replication_role TO replica"); err != nil {
			if ctx.Err() != nil || admin.IsClosed() {
				return fmt.Errorf("leaving triggers out of the way: %w", err)
			}
			return nil
		}
		c, err := d.ConnectOwner(ctx)
		if err != nil {
			return fmt.Errorf("connecting to the dev database: %w", err)
		}
		if _, err := admin.Exec(ctx, role+" RESET session_replication_role"); err != nil {
			return errors.Join(fmt.Errorf("putting triggers back: %w", err), c.Close(context.WithoutCancel(ctx)))
		}
		out = c
		return nil
	})
	return out, err
}
