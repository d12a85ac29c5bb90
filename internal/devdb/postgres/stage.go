package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/proof"
)

var _ proof.Stage = (*Stage)(nil)

// Stage is a copy of a database, at one point of a change, in which what the
// change touches is used. Nothing that is done there is kept.
type Stage struct {
	db     *DB
	conn   *pgconn.PgConn
	open   bool            // a transaction is
	anyone string          // the role with every privilege; empty until it is made
	member map[string]bool // roles that the owner was made a member of
	lost   bool            // something that was used has ended the connection: nothing more until Reset
}

// useTimeout guards against uses that never end: a loop in a function. What
// takes that long counts as not tried, so that no verdict depends on it.
const useTimeout = "20s"

// Stage makes a copy of a database and runs migrations in it. Statements that
// the server refuses end their migration, as the tool would.
func (s *Server) Stage(ctx context.Context, base *DB, run []*migration.Migration) (_ *Stage, err error) {
	d, err := s.Clone(ctx, base)
	if err != nil {
		return nil, fmt.Errorf("copying the base to use what the change touches: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	var refused *devdb.StatementError
	for _, m := range run {
		if err := d.Replay(ctx, m); err != nil && !errors.As(err, &refused) {
			return nil, fmt.Errorf("running %s to use what it touches: %w", m.Path, err)
		}
	}
	if err := d.Finish(ctx); err != nil && !errors.As(err, &refused) {
		return nil, fmt.Errorf("committing to use what the change touches: %w", err)
	}
	c, err := dial(ctx, &d.owner.Config)
	if err != nil {
		return nil, fmt.Errorf("connecting to use what the change touches: %w", err)
	}
	return &Stage{db: d, conn: c}, nil
}

// Close throws the copy away.
func (s *Stage) Close() error {
	_ = s.conn.Close(context.Background()) // the database goes with it
	return s.db.Close()
}

// begin opens the transaction, unless it is open.
func (s *Stage) begin(ctx context.Context) error {
	if s.open {
		return nil
	}
	if _, err := s.conn.Exec(ctx, "BEGIN; SET LOCAL statement_timeout = '"+useTimeout+"'; SET LOCAL client_min_messages = error").ReadAll(); err != nil {
		return fmt.Errorf("using what the change touches: %w", err)
	}
	s.open = true
	return nil
}

// Reset rolls back everything.
func (s *Stage) Reset(ctx context.Context) error {
	s.open, s.anyone, s.member, s.lost = false, "", nil, false
	if s.conn.TxStatus() == 'I' {
		return nil
	}
	if _, err := s.conn.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		return fmt.Errorf("using what the change touches: %w", err)
	}
	return nil
}

// Query runs a query, of which nothing is kept.
func (s *Stage) Query(ctx context.Context, sql string) ([][]*string, error) {
	did, err := s.run(ctx, "SET LOCAL search_path TO public, pg_catalog; "+sql, "", false)
	if err == nil && did.Refused != nil {
		return nil, did.Refused
	}
	if err != nil {
		return nil, err
	}
	return did.Rows, nil
}

// Do runs an act. What the server refuses is undone.
func (s *Stage) Do(ctx context.Context, a proof.Act) (*proof.Did, error) {
	sql := ""
	if a.Path != "" {
		sql = "SET LOCAL search_path TO " + a.Path + "; "
	}
	end := "; SET CONSTRAINTS ALL IMMEDIATE"
	if a.Role != "" {
		role, err := s.role(ctx, a.Role)
		if err != nil {
			return nil, err
		}
		if role == "" {
			return untried("the role cannot be made on this server"), nil
		}
		sql += "SET LOCAL ROLE " + role + "; "
		end += "; RESET ROLE"
	}
	if a.Look != "" {
		end += "; " + a.Look
	}
	return s.run(ctx, sql+strings.TrimSuffix(strings.TrimSpace(a.SQL), ";"), end, a.Keep)
}

// run runs SQL in a savepoint.
func (s *Stage) run(ctx context.Context, sql, end string, keep bool) (*proof.Did, error) {
	if s.lost {
		return untried("the connection was ended before"), nil
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	after := "; RESET ROLE; ROLLBACK TO SAVEPOINT assay_use; RELEASE SAVEPOINT assay_use"
	if keep {
		after = "; RELEASE SAVEPOINT assay_use"
	}
	// The time limit is set each time: something that was kept may have taken it away.
	res, err := s.conn.Exec(ctx, "SAVEPOINT assay_use; SET LOCAL statement_timeout = '"+useTimeout+"'; "+sql+end+after).ReadAll()
	var pe *pgconn.PgError
	switch {
	case err == nil:
		return &proof.Did{Rows: lastRows(res)}, nil
	case ctx.Err() == nil && s.conn.IsClosed():
		c, err := dial(ctx, &s.db.owner.Config)
		if err != nil { // the closed connection stays: Reset and Close need one
			return nil, fmt.Errorf("connecting again to use what the change touches: %w", err)
		}
		s.conn, s.lost = c, true
		return untried("it ends the connection"), nil
	case !errors.As(err, &pe):
		return nil, fmt.Errorf("using what the change touches: %w", err)
	}
	out := &proof.Did{Refused: asRefusal(pe)}
	if s.conn.TxStatus() != 'E' { // it has ended the transaction by itself
		return out, s.Reset(ctx)
	}
	if _, err := s.conn.Exec(ctx, "ROLLBACK TO SAVEPOINT assay_use; RELEASE SAVEPOINT assay_use; RESET ROLE").ReadAll(); err != nil {
		return nil, fmt.Errorf("using what the change touches: %w", err)
	}
	return out, nil
}

// untried is the outcome of an act that says nothing of what was to be used.
func untried(why string) *proof.Did {
	return &proof.Did{Refused: &proof.Refusal{Code: "57014", Message: why}}
}

// role gives the name of a role, and makes the one that has every privilege; empty
// where the server does not allow that.
func (s *Stage) role(ctx context.Context, name string) (string, error) {
	if name != devdb.AnyRole {
		// Before PostgreSQL 16 whoever makes a role is no member of it.
		if !s.member[name] {
			if s.member == nil {
				s.member = map[string]bool{}
			}
			s.member[name] = true
			if _, err := s.run(ctx, "GRANT "+quoted(name)+" TO CURRENT_USER", "", true); err != nil {
				return "", err
			}
		}
		return quoted(name), nil
	}
	if s.anyone != "" {
		return s.anyone, nil
	}
	role := quoted("assay_user_of_" + s.db.name)
	grants := "GRANT pg_read_all_data, pg_write_all_data TO " + role
	if s.db.server.version.Num < 140000 {
		grants = strings.ReplaceAll(grantAll, "{role}", role)
	}
	did, err := s.run(ctx, "CREATE ROLE "+role+" NOLOGIN; GRANT "+role+" TO CURRENT_USER; "+grants, "", true)
	if err != nil || did.Refused != nil {
		return "", err
	}
	s.anyone = role
	return role, nil
}

// grantAll gives a role every privilege, before there were predefined roles for it.
const grantAll = `DO $$ DECLARE s name; BEGIN
  FOR s IN SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_|^information_schema$' LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA %I TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA %I TO {role}', s, s, s);
  END LOOP; END $$`
