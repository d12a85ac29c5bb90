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

// Close drops what is left on the server. One of assay's own is stopped and thrown away.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil {
		return s.existing.close()
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
	var err error
	if s.admin, err = s.own.connConfig(); err != nil {
		return err
	}
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
		if c, err = pgx.ConnectConfig(ctx, s.admin.Copy()); err != nil {
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
			if err := deserted(ctx, c, name); err != nil {
				return err
			}
			sql := "DROP DATABASE IF EXISTS " + quoted(name)
			if s.version.Num >= 130000 {
				sql += " WITH (FORCE)"
			}
			if _, err := c.Exec(ctx, sql); err != nil {
				return fmt.Errorf("dropping the dev database %s: %w", name, err)
			}
		}
		return nil
	})
}

// deserted waits until nobody is connected to a database any more. A backend
// goes a moment after its client, and CREATE or DROP DATABASE that meet it sleep
// for a tenth of a second.
func deserted(ctx context.Context, c *pgx.Conn, name string) error {
	for range 100 {
		n := 0
		if err := c.QueryRow(ctx, `SELECT count(*) FROM pg_catalog.pg_stat_get_activity(NULL) a JOIN pg_catalog.pg_database d ON d.oid = a.datid
			WHERE d.datname = $1`, name).Scan(&n); err != nil {
			return fmt.Errorf("asking who is connected to the dev database %s: %w", name, err)
		}
		if n == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return nil // whoever stays is the server's to wait for and to tell
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
		if err := deserted(ctx, c, template); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("making a database on the dev server: %w", err)
		}
		if err := copySettings(ctx, c, template, name); err != nil {
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
func copySettings(ctx context.Context, c *pgx.Conn, from, to string) error {
	rows, err := c.Query(ctx, `SELECT coalesce(r.rolname::text, ''), u.s FROM pg_catalog.pg_db_role_setting x JOIN pg_catalog.pg_database d ON d.oid = x.setdatabase
		LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.setrole, unnest(x.setconfig) u(s) WHERE d.datname = $1`, from)
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
	err := d.Disconnect(ctx)
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
