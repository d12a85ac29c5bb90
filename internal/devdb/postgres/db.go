// Package postgres is the dev database: it finds, fetches and starts servers,
// replays migrations on them, and records what each statement does.
package postgres

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// Server is a PostgreSQL to make throw-away databases on: one of assay's own,
// or an existing one (Config.URL).
type Server struct {
	config  Config
	version devdb.Version
	admin   *pgx.ConnConfig // to the maintenance database
	super   bool            // the admin is a superuser
	owner   string          // the role that migrations run as
	pass    string          // of the owner, on an existing server

	cloning sync.Mutex
	trash   sync.Mutex
	dropped []string // databases that are still there and nobody's

	idle struct { // the admin's connection that nobody uses now
		sync.Mutex
		conn   *pgx.Conn
		server int // process ID of the server it is to
	}

	mu       sync.Mutex
	n        int // databases made so far
	own      *own
	pulse    *pulse // nil until the server runs
	existing *existing
	without  bool            // it has no plpgsql_check
	keeping  <-chan struct{} // closed when a base is in the cache; nil if none is being kept

	learn  sync.Mutex
	copies map[string]learned // by the database they are copies of
}

// DB is one throw-away database. It is used by one goroutine at a time.
type DB struct {
	server *Server
	name   string
	owner  *pgx.ConnConfig // what migrations run as: owns the database, is no superuser
	admin  *pgx.ConnConfig // what sees and may everything; never runs a migration
	rec    *recorder       // made when first asked for

	equipped bool   // the recorder is installed
	template string // what it is a copy of
	pristine bool   // nothing has been done in it since
	large    bool   // it has rows that take up room

	kept keptCopies
}

// keptCopies are copies of a database that are kept for the next who needs one,
// as long as nothing is done in the database itself.
type keptCopies struct {
	sync.Mutex
	stale  atomic.Bool // something was done in the database
	seeded []*seeded
	bench  *Bench // with a copy that is as the database is; nil: none
}

// learned is what the first recorder of a copy read: it holds for every copy of
// the same database, whose OIDs are the same.
type learned struct {
	catalog *schema.Catalog
	owned   map[schema.OID]bool
	filled  map[schema.OID]bool // nil: nobody has asked
	entries
}

// touch notes that something is done in the database: what was read of it and
// of copies of it holds no longer.
func (d *DB) touch() {
	d.pristine = false
	d.kept.stale.Store(true)
	d.server.learn.Lock()
	defer d.server.learn.Unlock()
	delete(d.server.copies, d.name)
}

// unkeep drops the copies if the database is another by now. The caller holds the lock.
func (d *DB) unkeep() error {
	if !d.kept.stale.Swap(false) {
		return nil
	}
	return d.dropKept()
}

// dropKept drops the copies. The caller holds the lock.
func (d *DB) dropKept() error {
	var err error
	for _, s := range d.kept.seeded {
		err = errors.Join(err, s.close(d))
	}
	if b := d.kept.bench; b != nil {
		err = errors.Join(err, b.discard())
	}
	d.kept.seeded, d.kept.bench = nil, nil
	return err
}

// Version says what the server is and where it came from.
func (s *Server) Version() devdb.Version { return s.version }

// ConnectOwner opens a connection as the role that migrations run as.
func (d *DB) ConnectOwner(ctx context.Context) (*pgx.Conn, error) {
	d.touch()
	return dialPgx(ctx, d.owner)
}

// ConnectAdmin opens a connection as the admin.
func (d *DB) ConnectAdmin(ctx context.Context) (*pgx.Conn, error) {
	d.touch()
	return dialPgx(ctx, d.admin)
}
