package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/migration"
)

// runLock is the advisory lock that a run holds on a server: roles belong to
// the whole server, so two runs at once would trip over each other's.
const runLock = 0x617373_6179 // "assay"

const databaseComment = "throw-away database of assay"

// existing is a server that is not assay's own. conn holds the lock for the whole run.
type existing struct {
	conn   *pgx.Conn
	name   string   // prefix of the run's databases
	role   string   // made for the run, empty if the admin itself runs the migrations
	before []string // roles that were there
	say    func(string)

	mu    sync.Mutex
	texts []string // statements, in lower case, that may have made roles
}

// note keeps what a migration says of roles: those that it does not name are
// not the run's to drop.
func (e *existing) note(m *migration.Migration) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, st := range m.Statements {
		text := strings.ToLower(st.Text)
		if strings.Contains(text, "role") || strings.Contains(text, "user") || strings.Contains(text, "group") {
			e.texts = append(e.texts, text)
		}
	}
}

// named reports whether a role is the run's own or one that its SQL names.
func (e *existing) named(role string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return role == e.role || slices.ContainsFunc(e.texts, func(t string) bool { return strings.Contains(t, strings.ToLower(role)) })
}

func openExisting(ctx context.Context, c Config) (*Server, error) {
	cfg, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("reading --dev-url: it is not a PostgreSQL URL such as postgres://user:password@host:5432/postgres")
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to the --dev-url server: %w", err)
	}
	s := &Server{config: c, admin: cfg, existing: &existing{conn: conn, name: "assay_" + random(), say: c.say}}
	if err := s.prepare(ctx, conn); err != nil {
		return nil, errors.Join(err, s.existing.close())
	}
	return s, nil
}

func (s *Server) prepare(ctx context.Context, c *pgx.Conn) error {
	var num int
	var text string
	var createdb, createrole bool
	err := c.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, split_part(current_setting('server_version'), ' ', 1),
		rolsuper, rolsuper OR rolcreatedb, rolsuper OR rolcreaterole FROM pg_catalog.pg_roles WHERE rolname = current_user`).
		Scan(&num, &text, &s.super, &createdb, &createrole)
	if err != nil {
		return fmt.Errorf("asking the --dev-url server for its version: %w", err)
	}
	s.version = version(num, text, "--dev-url")
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
	if err := s.existing.removeLeft(ctx); err != nil {
		return err
	}
	if s.existing.before, err = roles(ctx, c); err != nil {
		return err
	}
	s.owner = user
	if !s.super || s.config.Superuser {
		return nil // no superuser: the server itself refuses what the sandbox is to keep out
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

// makeRunRole makes the role that the migrations run as, for this run only.
func (s *Server) makeRunRole(ctx context.Context, c *pgx.Conn) error {
	role, pass := s.existing.name+"_owner", random()+random()
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
	try.User, try.Password = role, pass
	t, err := pgx.ConnectConfig(ctx, try)
	if err != nil {
		return fmt.Errorf("connecting as the migrations' role %s: %w; let it log in with a password in pg_hba.conf, give a --dev-url of a role that is no superuser, or set `superuser: true`", role, err)
	}
	return t.Close(ctx)
}

func roles(ctx context.Context, c *pgx.Conn) ([]string, error) {
	rows, err := c.Query(ctx, "SELECT rolname::text FROM pg_catalog.pg_roles ORDER BY 1")
	if err != nil {
		return nil, fmt.Errorf("reading the server's roles: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// created marks a database as ours, so that the next run knows it if this one is killed.
func (e *existing) created(ctx context.Context, c *pgx.Conn, name string) error {
	if e == nil {
		return nil
	}
	_, err := c.Exec(ctx, "COMMENT ON DATABASE "+quoted(name)+" IS '"+databaseComment+"'")
	return err
}

// removeLeft drops the databases and roles of runs that were killed. The lock
// is ours, so none of them is alive.
func (e *existing) removeLeft(ctx context.Context) error {
	rows, err := e.conn.Query(ctx, `SELECT datname::text FROM pg_catalog.pg_database d
		WHERE datname ~ '^assay_[0-9a-f]{12}_[0-9]+$' AND pg_catalog.shobj_description(d.oid, 'pg_database') = $1
		AND pg_catalog.pg_has_role(datdba, 'MEMBER')`, databaseComment)
	if err != nil {
		return fmt.Errorf("looking for databases of killed runs: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("looking for databases of killed runs: %w", err)
	}
	for _, n := range names {
		if _, err := e.conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quoted(n)+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("dropping the database of a killed run: %w", err)
		}
	}
	rows, err = e.conn.Query(ctx, "SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname ~ '^assay_[0-9a-f]{12}_owner$'")
	if err != nil {
		return fmt.Errorf("looking for roles of killed runs: %w", err)
	}
	if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return fmt.Errorf("looking for roles of killed runs: %w", err)
	}
	_, err = e.dropRoles(ctx, names)
	return err
}

// dropRoles drops what can be dropped and gives the rest: a role that owns
// something in a database that is not ours stays.
func (e *existing) dropRoles(ctx context.Context, names []string) (left []string, err error) {
	for len(names) > 0 {
		left = nil
		for _, n := range names {
			if _, err = e.conn.Exec(ctx, "DROP ROLE IF EXISTS "+quoted(n)); err != nil {
				left = append(left, n)
			}
		}
		if len(left) == len(names) {
			return left, nil
		}
		names = left // one may have been in the way of another
	}
	return nil, nil
}

// close drops the run's databases, the roles that its migrations made and its own.
func (e *existing) close() error {
	if e.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	defer e.conn.Close(ctx)
	if e.before == nil {
		return nil // nothing was made
	}
	rows, err := e.conn.Query(ctx, "SELECT datname::text FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname::text, $1)", e.name+"_")
	if err != nil {
		return fmt.Errorf("looking for the run's databases: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("looking for the run's databases: %w", err)
	}
	for _, n := range names {
		if _, err := e.conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quoted(n)+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("dropping the run's database %s: %w", n, err)
		}
	}
	now, err := roles(ctx, e.conn)
	if err != nil {
		return err
	}
	var made, strange []string
	for _, n := range now {
		switch {
		case slices.Contains(e.before, n):
		case e.named(n):
			made = append(made, n)
		default:
			strange = append(strange, n)
		}
	}
	if len(strange) > 0 {
		e.say("these roles came to the --dev-url server during the run and stay, as no statement names them: " + strings.Join(strange, ", "))
	}
	left, err := e.dropRoles(ctx, made)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("these roles stay on the --dev-url server, they own something outside the run's databases: %s", strings.Join(left, ", "))
	}
	return err
}
