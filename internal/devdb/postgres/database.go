package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

func version(num int, text, source string) devdb.Version {
	major := num / 10000
	return devdb.Version{Num: num, Text: text, Source: source, Tested: major >= oldestTested && major <= newestTested}
}

// Open gives the server that c asks for. One of assay's own is started when
// the first database is made on it.
func Open(ctx context.Context, c Config) (*Server, error) {
	if c.URL != "" {
		return openExisting(ctx, c)
	}
	return openOwn(ctx, c)
}

// Layers says what the operating system keeps a server of assay's own from, once
// it runs: whatever a migration became there, it could not do that.
func (s *Server) Layers() []string {
	if s.own == nil {
		return nil
	}
	return s.own.layers
}

// Close drops what is left on the server. One of assay's own is stopped and thrown away.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := s.pulse.stop()
	if s.own == nil {
		if failed == nil {
			failed = s.existing.sound()
		}
		return errors.Join(failed, s.existing.close())
	}
	wait := time.Duration(0)
	if s.admin != nil && s.own.done != nil {
		// It may have ended a moment ago, and nobody has been told yet.
		network, address := pgconn.NetworkAddress(s.admin.Host, s.admin.Port)
		if c, err := net.DialTimeout(network, address, time.Second); err != nil {
			wait = time.Second
		} else {
			_ = c.Close()
		}
	}
	err := s.own.died(wait)
	if failed != nil { // it says why
		err = failed
	}
	err = errors.Join(err, s.own.stop(false))
	if s.keeping != nil {
		<-s.keeping
	}
	return errors.Join(err, s.own.run.remove())
}

// up starts an own server.
func (s *Server) up(ctx context.Context) error {
	if s.own == nil || s.own.done != nil {
		return nil
	}
	if !isFile(filepath.Join(s.own.data, "PG_VERSION")) {
		if err := s.own.fill(ctx); err != nil {
			return err
		}
	}
	if err := s.own.start(ctx); err != nil {
		return err
	}
	if s.admin != nil {
		return nil
	}
	s.admin = s.own.connConfig()
	s.pulse = newPulse(s.config)
	wired(s.admin, s.pulse)
	fortify(s.admin, s.version.Num, true)
	s.pulse.server.Store(s)
	s.pulse.watch()
	return s.asAdmin(ctx, s.makeOwner)
}

// asAdmin runs f on a connection to the maintenance database. On a server of
// assay's own one is kept for the next time: a new one is a new process there.
func (s *Server) asAdmin(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	server := 0
	if s.own != nil {
		server = s.own.pid
	}
	s.idle.Lock()
	c, of := s.idle.conn, s.idle.server
	s.idle.conn = nil
	s.idle.Unlock()
	if c != nil && of != server { // it was restarted
		_ = c.Close(ctx)
		c = nil
	}
	if c == nil {
		var err error
		if c, err = dialPgx(ctx, s.admin); err != nil {
			return fmt.Errorf("connecting to the dev server: %w", err)
		}
	}
	err := f(ctx, c)
	s.idle.Lock()
	defer s.idle.Unlock()
	if err == nil && s.own != nil && s.idle.conn == nil && !c.IsClosed() {
		s.idle.conn, s.idle.server = c, server
		return nil
	}
	_ = c.Close(context.WithoutCancel(ctx)) // nothing of it is kept
	return err
}

// dropLater is how many databases that nobody needs any more may lie on a server
// of assay's own: dropping one takes a checkpoint, and all go with the server.
const dropLater = 8

// drop drops a database, on a server of assay's own a few together unless it is large.
func (s *Server) drop(ctx context.Context, d *DB) error {
	s.trash.Lock()
	s.dropped = append(s.dropped, d.name)
	names := s.dropped
	if s.own != nil && len(names) < dropLater && !d.large {
		s.trash.Unlock()
		return nil
	}
	s.dropped = nil
	s.trash.Unlock()
	return s.asAdmin(ctx, func(ctx context.Context, c *pgx.Conn) error {
		for _, name := range names {
			if err := s.deserted(ctx, c, name); err != nil {
				return err
			}
			if err := dropForced(ctx, c, name); err != nil {
				return fmt.Errorf("dropping the dev database %s: %w", name, err)
			}
		}
		return nil
	})
}

// dropForced drops a database and ends the sessions in it. Where autovacuum is at
// work there only a superuser may end them: without FORCE the server itself has
// autovacuum leave, and waits for it.
func dropForced(ctx context.Context, c *pgx.Conn, name string) error {
	for try := 0; ; try++ {
		_, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+quoted(name)+" WITH (FORCE)")
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "42501" || try == 3 {
			return err
		}
		_, err = c.Exec(ctx, "DROP DATABASE IF EXISTS "+quoted(name))
		if !errors.As(err, &refused) || refused.Code != "55006" { // object_in_use
			return err
		}
	}
}

// deserted waits until nobody is connected to a database any more, and takes
// away what else keeps it from being copied or dropped. A backend goes a moment
// after its client, and CREATE or DROP DATABASE that meet it sleep for a tenth of
// a second. Whoever stays is the server's to wait for and to name.
func (s *Server) deserted(ctx context.Context, c *pgx.Conn, name string) error {
	for range 100 {
		var n int
		var closed, template bool
		var prepared []string
		err := c.QueryRow(ctx, `SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_activity(NULL) a WHERE a.datid OPERATOR(pg_catalog.=) d.oid), NOT d.datallowconn, d.datistemplate,
			ARRAY(SELECT p.gid FROM pg_catalog.pg_prepared_xacts p WHERE p.database OPERATOR(pg_catalog.=) d.datname ORDER BY 1)
			FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) $1::pg_catalog.name`, name).Scan(&n, &closed, &template, &prepared)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("asking who is connected to the dev database %s: %w", name, err)
		}
		if name != "template0" && (template || closed && len(prepared) > 0) {
			if _, err := c.Exec(ctx, "ALTER DATABASE "+quoted(name)+" WITH IS_TEMPLATE false ALLOW_CONNECTIONS true"); err != nil {
				return fmt.Errorf("opening the dev database %s, which a migration has closed: %w", name, err)
			}
		}
		if len(prepared) > 0 {
			if err := s.rollBackPrepared(ctx, name, prepared); err != nil {
				return err
			}
			continue
		}
		if n == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// rollBackPrepared ends transactions that migrations have prepared and left: a
// database that has any can be neither copied nor dropped.
func (s *Server) rollBackPrepared(ctx context.Context, name string, gids []string) error {
	to := s.admin.Copy()
	to.Database = name
	c, err := dialPgx(ctx, to)
	if err != nil {
		return fmt.Errorf("connecting to roll back prepared transactions of %s: %w", name, err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	for _, gid := range gids {
		if _, err := c.PgConn().Exec(ctx, "ROLLBACK PREPARED"+" "+strings.TrimSpace(literal(gid))).ReadAll(); err != nil {
			return fmt.Errorf("rolling back the prepared transaction %q of %s: %w", gid, name, err)
		}
		s.config.say(fmt.Sprintf("the transaction that the migrations prepared as %q and left is rolled back", gid))
	}
	return nil
}

// Create makes an empty database that the migrations' role owns.
func (s *Server) Create(ctx context.Context) (*DB, error) { return s.create(ctx, "template0") }

// Clone makes a copy of d, whose connections it closes.
func (s *Server) Clone(ctx context.Context, d *DB) (*DB, error) {
	if err := s.alone(ctx, d); err != nil {
		return nil, err
	}
	copied, err := s.create(ctx, d.name)
	if err == nil {
		copied.equipped, copied.template, copied.pristine, copied.large = d.equipped, d.name, true, d.large
	}
	return copied, err
}

// alone makes a database ready to be copied: nobody is connected to it. Several
// may want a copy at once.
func (s *Server) alone(ctx context.Context, d *DB) error {
	s.cloning.Lock()
	defer s.cloning.Unlock()
	if err := s.equip(ctx, d); err != nil {
		return err
	}
	return d.Disconnect(ctx)
}

// equip installs the recorder in a database that will be copied, so that every
// copy has it. On an existing server each database gets its own when it needs it.
func (s *Server) equip(ctx context.Context, d *DB) error {
	if s.own == nil || d.equipped {
		return nil
	}
	if d.rec != nil && d.rec.tx.open {
		return nil // it is not the base
	}
	r := d.recorder()
	err := r.connect(ctx)
	if err == nil {
		err = r.install(ctx)
	}
	d.equipped = err == nil
	return err
}

func (s *Server) create(ctx context.Context, template string) (*DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.up(ctx); err != nil {
		return nil, err
	}
	s.n++
	name := fmt.Sprintf("assay_%d", s.n)
	if s.existing != nil {
		name = fmt.Sprintf("%s_%d", s.existing.name, s.n)
	}
	sql := "CREATE DATABASE " + quoted(name) + " OWNER " + quoted(s.owner) + " TEMPLATE " + template
	if template == "template0" {
		sql += " ENCODING 'UTF8'"
	}
	if s.version.Num >= 150000 {
		sql += " STRATEGY file_copy"
	}
	err := s.asAdmin(ctx, func(ctx context.Context, c *pgx.Conn) error {
		if err := s.deserted(ctx, c, template); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("making a database on the dev server: %w", err)
		}
		if err := s.copySettings(ctx, c, template, name); err != nil {
			return err
		}
		return s.existing.created(ctx, c, name)
	})
	if err != nil {
		return nil, err
	}
	d, err := s.database(name)
	if err == nil && template == "template0" {
		err = d.give(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// copySettings gives a copy the settings that ALTER DATABASE and ALTER ROLE … IN
// DATABASE made for its template: CREATE DATABASE does not.
func (s *Server) copySettings(ctx context.Context, c *pgx.Conn, from, to string) error {
	if s.super {
		_, err := c.Exec(ctx, `INSERT INTO pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig)
			SELECT n.oid, x.setrole, x.setconfig FROM pg_catalog.pg_db_role_setting x JOIN pg_catalog.pg_database o ON o.oid OPERATOR(pg_catalog.=) x.setdatabase, pg_catalog.pg_database n
			WHERE o.datname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND n.datname OPERATOR(pg_catalog.=) $2::pg_catalog.name`, from, to)
		if err != nil {
			return fmt.Errorf("copying the settings of a database: %w", err)
		}
		return nil
	}
	rows, err := c.Query(ctx, `SELECT coalesce(r.rolname::pg_catalog.text, ''), u.s FROM pg_catalog.pg_db_role_setting x JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) x.setdatabase
		LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) x.setrole, pg_catalog.unnest(x.setconfig) u(s)
		WHERE d.datname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND u.s OPERATOR(pg_catalog.!~) '^(role|session_authorization)='::pg_catalog.text`, from)
	if err != nil {
		return fmt.Errorf("reading the settings of a database: %w", err)
	}
	type setting struct{ A, B string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[setting])
	if err != nil {
		return fmt.Errorf("reading the settings of a database: %w", err)
	}
	for _, x := range all {
		name, value, _ := strings.Cut(x.B, "=")
		if _, err := c.Exec(ctx, "SELECT pg_catalog.set_config($1, $2, false)", name, value); err != nil {
			return fmt.Errorf("copying setting %s of a database: %w", name, err)
		}
		alter := "ALTER DATABASE " + quoted(to)
		if x.A != "" {
			alter = "ALTER ROLE " + quoted(x.A) + " IN DATABASE " + quoted(to)
		}
		if _, err := c.Exec(ctx, alter+" SET "+quoted(name)+" FROM CURRENT"); err != nil {
			return fmt.Errorf("copying setting %s of a database: %w", name, err)
		}
	}
	if len(all) > 0 {
		if _, err := c.Exec(ctx, "RESET ALL"); err != nil {
			return fmt.Errorf("copying the settings of a database: %w", err)
		}
	}
	return nil
}

// database describes a database that is there.
func (s *Server) database(name string) (*DB, error) {
	d := &DB{server: s, name: name, admin: s.admin.Copy(), owner: s.admin.Copy()}
	d.admin.Database, d.owner.Database = name, name
	if s.owner != s.admin.User {
		d.owner.User, d.owner.Password = s.owner, s.pass
	}
	d.owner.AfterConnect = nil // nothing of the admin's
	d.owner.RuntimeParams = maps.Clone(s.config.Settings)
	if d.owner.RuntimeParams == nil {
		d.owner.RuntimeParams = map[string]string{}
	}
	return d, nil
}

// Name is the database's name on the server.
func (d *DB) Name() string { return d.name }

// Close drops the database.
func (d *DB) Close() error {
	if d == nil {
		return nil
	}
	ctx := context.Background()
	d.kept.Lock()
	err := d.dropKept()
	d.kept.Unlock()
	err = errors.Join(err, d.Disconnect(ctx))
	s := d.server
	if s.own != nil && s.own.done == nil {
		return err // the server is gone, and the database with it
	}
	err = errors.Join(err, s.drop(ctx, d))
	if err != nil && s.own.died(time.Second) != nil {
		return nil //nolint:nilerr // the database has gone with its server, which says so when it is closed
	}
	return err
}
