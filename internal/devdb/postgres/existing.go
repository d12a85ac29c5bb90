package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// runLock is the advisory lock that a run holds on a server: roles belong to
// the whole server, so two runs at once would trip over each other's.
const runLock = 0x617373_6179 // "assay"

const databaseComment = "throw-away database of assay"

// existing is a server that is not assay's own. conn holds the lock for the whole run.
type existing struct {
	server     *Server
	conn       *pgx.Conn
	name       string            // prefix of the run's databases
	role       string            // made for the run: it runs the migrations, or only marks the run; empty if the admin may make none
	before     things            // what was there
	configured map[string]string // the server's own settings at the beginning
	say        func(string)

	mu    sync.Mutex
	named map[string]bool // names in statements that may have made a role, a database or a slot
}

func openExisting(ctx context.Context, c Config) (*Server, error) {
	cfg, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("reading --dev-url: it is not a PostgreSQL URL such as postgres://user:password@host:5432/postgres")
	}
	p := newPulse(c)
	wired(cfg, p)
	fortify(cfg, 0, false)
	conn, err := dialPgx(ctx, cfg)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "08P01" && strings.Contains(refused.Message, "startup parameter") {
		return nil, fmt.Errorf("connecting to the --dev-url server: %s: this is a connection pooler, give the address of the server itself", refused.Message)
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to the --dev-url server: %w", err)
	}
	p.keep = conn.PgConn().Conn()
	s := &Server{config: c, admin: cfg, pulse: p}
	s.existing = &existing{server: s, conn: conn, name: "assay_" + random(), say: c.say, named: map[string]bool{}}
	s.pulse.watch()
	if err := s.prepare(ctx, conn); err != nil {
		if failed := s.pulse.stop(); failed != nil {
			err = fmt.Errorf("%w: %w", failed, err)
		}
		return nil, errors.Join(err, s.existing.close())
	}
	s.pulse.server.Store(s)
	return s, nil
}

func (s *Server) prepare(ctx context.Context, c *pgx.Conn) error {
	var num int
	var text string
	var createdb, createrole bool
	err := c.QueryRow(ctx, `SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4, pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
		rolsuper, rolsuper OR rolcreatedb, rolsuper OR rolcreaterole FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user`).
		Scan(&num, &text, &s.super, &createdb, &createrole)
	if err != nil {
		return fmt.Errorf("asking the --dev-url server for its version: %w", err)
	}
	s.version = version(num, text, "--dev-url")
	fortify(s.admin, num, s.super)
	if num < 130000 {
		return fmt.Errorf("the --dev-url server runs PostgreSQL %s: assay needs 13 or newer", text)
	}
	user := c.Config().User
	if !createdb {
		return fmt.Errorf("role %q may not create databases on the --dev-url server, and assay works only in one of its own: ALTER ROLE %s CREATEDB", user, quoted(user))
	}
	if err := s.lock(ctx, c); err != nil {
		return err
	}
	s.existing.removeLeft(ctx)
	if s.existing.before, err = s.existing.things(ctx); err != nil {
		return err
	}
	if s.existing.configured, err = s.existing.configuration(ctx); err != nil {
		return err
	}
	s.owner = user
	if !createrole {
		return nil // nor may the migrations make a role
	}
	return s.makeRunRole(ctx, c)
}

// lock waits for other runs on the server.
func (s *Server) lock(ctx context.Context, c *pgx.Conn) error {
	for told := false; ; told = true {
		var got bool
		if err := c.QueryRow(ctx, "SELECT pg_catalog.pg_try_advisory_lock($1)", int64(runLock)).Scan(&got); err != nil {
			return fmt.Errorf("locking the --dev-url server for this run: %w", err)
		}
		if got {
			return nil
		}
		if !told {
			s.config.say("waiting for another run on the --dev-url server")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for another run on the --dev-url server: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// makeRunRole makes a role for this run only, by which the next run knows what
// this one left if it is killed. Where the admin is a superuser the migrations
// run as that role; elsewhere the server itself refuses what the sandbox is to
// keep out.
func (s *Server) makeRunRole(ctx context.Context, c *pgx.Conn) error {
	role, pass := s.existing.name+"_owner", random()+random()
	if !s.super || s.config.Superuser {
		if _, err := c.Exec(ctx, "CREATE ROLE "+quoted(role)+" NOLOGIN"); err != nil {
			return fmt.Errorf("making a role that marks the run on the --dev-url server: %w", err)
		}
		s.existing.role = role
		return nil
	}
	sql := "CREATE ROLE " + quoted(role) + " LOGIN NOSUPERUSER CREATEDB REPLICATION BYPASSRLS PASSWORD '" + pass + "'"
	if s.version.Num >= 160000 {
		// Before, CREATEROLE could grant itself pg_execute_server_program: no
		// roles can then be made by migrations, but in the setup.
		sql += " CREATEROLE; ALTER ROLE " + quoted(role) + " SET createrole_self_grant = 'set, inherit'"
	}
	if _, err := c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("making a role for the migrations on the --dev-url server: %w", err)
	}
	s.owner, s.pass, s.existing.role = role, pass, role
	try := s.admin.Copy()
	try.AfterConnect, try.RuntimeParams = nil, nil
	try.User, try.Password = role, pass
	t, err := dialPgx(ctx, try)
	if err != nil {
		return fmt.Errorf("connecting as the migrations' role %s: %w; let it log in with a password in pg_hba.conf, give a --dev-url of a role that is no superuser, or set `superuser: true`", role, err)
	}
	return t.Close(ctx)
}

// created marks a database as ours, for whoever looks at the server.
func (e *existing) created(ctx context.Context, c *pgx.Conn, name string) error {
	if e == nil {
		return nil
	}
	_, err := c.Exec(ctx, "COMMENT ON DATABASE "+quoted(name)+" IS '"+databaseComment+"'")
	return err
}
