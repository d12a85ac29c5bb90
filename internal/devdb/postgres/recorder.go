package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

var _ devdb.DB = (*DB)(nil)

// recorder gives the database's one recorder.
func (d *DB) recorder() *recorder {
	if d.rec == nil {
		d.rec = newRecorder(&d.owner.Config, &d.admin.Config, d.server.config.StatementTimeout, d.server.config.TimeZone)
		d.rec.createExtension, d.rec.prepareStub, d.rec.stubbed = d.CreateExtension, d.prepareStub, d.server.config.Stubbed
		if d.server.config.Schemas && d.server.super && d.server.owner != d.server.admin.User {
			d.rec.prepareSuper = d.prepareSuper
		}
		d.rec.alive, d.rec.pulse = d.server.existing.alive, d.server.pulse
		d.rec.present = d.equipped
		d.share()
	}
	return d.rec
}

// share hands what is known of a copy's catalog from one recorder to the next.
func (d *DB) share() {
	if !d.pristine {
		return
	}
	s := d.server
	s.learn.Lock()
	defer s.learn.Unlock()
	if l, ok := s.copies[d.template]; ok {
		d.rec.cat, d.rec.owned = l.catalog, l.owned
		if d.equipped { // the functions were copied with the rest
			d.rec.functions, d.rec.triggers, d.rec.entries = "pg_catalog", true, l.entries
		}
	}
	d.rec.learned = func(c *schema.Catalog, owned map[schema.OID]bool) {
		s.learn.Lock()
		defer s.learn.Unlock()
		if d.pristine {
			if s.copies == nil {
				s.copies = map[string]learned{}
			}
			s.copies[d.template] = learned{catalog: c, owned: owned, entries: d.rec.entries}
		}
	}
}

// Replay applies a merged migration in the transactions its tool would have
// used, and records nothing. A refused statement is a *devdb.StatementError.
func (d *DB) Replay(ctx context.Context, m *migration.Migration) error {
	d.touch()
	if err := d.server.existing.note(ctx, m); err != nil {
		return err
	}
	return d.recorder().replay(ctx, m)
}

// Record applies a new migration and tells what each statement did. With a
// statement that fails the steps so far come with a *devdb.StatementError, the
// transaction is rolled back, and later migrations can still be recorded. A
// migration with TxAll leaves its transaction open for the next one; Finish
// commits it.
func (d *DB) Record(ctx context.Context, m *migration.Migration) ([]*devdb.Step, error) {
	r := d.recorder()
	if d.pristine { // what is read now holds for other copies
		if _, err := d.Catalog(ctx); err != nil {
			return nil, err
		}
	}
	d.touch()
	if err := d.server.existing.note(ctx, m); err != nil {
		return nil, err
	}
	return r.record(ctx, m)
}

// Finish commits the transaction that migrations with TxAll run in together. A
// refused commit (a deferred constraint) is a *devdb.StatementError of the last
// statement that ran. Without an open transaction it does nothing.
func (d *DB) Finish(ctx context.Context) error { return d.recorder().finish(ctx) }

// Undo rolls back the transaction that migrations with TxAll have left open,
// with all they did. Without an open transaction it does nothing.
func (d *DB) Undo(ctx context.Context) error {
	r := d.recorder()
	if !r.tx.open || r.conn == nil {
		return nil
	}
	r.uncounted = true
	r.tx.points = nil // nothing of it is kept
	return r.rollback(ctx, r.tx.start)
}

// Catalog reads the whole catalog as it is now, in the open transaction if there is one.
func (d *DB) Catalog(ctx context.Context) (*schema.Catalog, error) {
	r := d.recorder()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	if r.cat != nil {
		return r.cat, nil
	}
	if err := r.observeFrom(ctx); err != nil {
		return nil, err
	}
	return r.cat, nil
}

// Stale compares the catalog that was kept up statement by statement with what
// the server has, and gives a line for each difference. It is for tests.
func (d *DB) Stale(ctx context.Context) ([]string, error) {
	r := d.recorder()
	kept := r.cat
	if kept == nil || r.conn == nil || r.conn.IsClosed() {
		return nil, nil
	}
	r.cat = nil
	if err := r.readAll(ctx); err != nil {
		return nil, err
	}
	return schema.Stale(kept, r.cat), nil
}

// Filled gives the tables and materialized views that have storage with
// something in it.
func (d *DB) Filled(ctx context.Context) (map[schema.OID]bool, error) {
	r, s := d.recorder(), d.server
	if d.pristine {
		s.learn.Lock()
		l := s.copies[d.template]
		s.learn.Unlock()
		if l.filled != nil {
			return maps.Clone(l.filled), nil
		}
	}
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	text, err := query(ctx, r.conn, `SELECT pg_catalog.string_agg(c.oid::pg_catalog.text, ' ') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND pg_catalog.pg_relation_size(c.oid) > 0`)
	if err != nil {
		return nil, fmt.Errorf("looking which tables hold rows: %w", err)
	}
	out := map[schema.OID]bool{}
	for _, f := range strings.Fields(text) {
		out[oidOf(f)] = true
	}
	s.learn.Lock()
	defer s.learn.Unlock()
	if l, ok := s.copies[d.template]; ok && d.pristine {
		l.filled = maps.Clone(out)
		s.copies[d.template] = l
	}
	return out, nil
}

// Disconnect closes the recorder's connections, so that the database can be the
// template of another or be dropped. The next call connects anew.
func (d *DB) Disconnect(ctx context.Context) error {
	if d.rec == nil {
		return nil
	}
	err := d.rec.finish(ctx)
	d.rec.disconnect(ctx)
	return err
}

// Owner gives the connection that migrations run on, for whoever must insert
// rows between them. The session is as the last migration left it; what is done
// on it is not recorded, and the next Record reads the catalog anew.
func (d *DB) Owner(ctx context.Context) (*pgconn.PgConn, error) {
	r := d.recorder()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	d.touch()
	r.cat, r.uncounted = nil, true
	return r.conn, nil
}

// asStatementError is errors.As for the one type that callers look for.
func asStatementError(err error) (*devdb.StatementError, bool) {
	var e *devdb.StatementError
	ok := errors.As(err, &e)
	return e, ok
}
