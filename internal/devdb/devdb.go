// Package devdb is the vocabulary of a dev database: what one statement did on
// a real server, as finished facts. devdb/postgres makes them; checks and
// policies judge them.
package devdb

import (
	"context"
	"time"

	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
	"github.com/assaydb/assay/internal/stats"
)

// DB is a throw-away database that migrations are run on.
type DB interface {
	// Replay applies a merged migration and records nothing. The error of a
	// statement that fails is a *StatementError.
	Replay(context.Context, *migration.Migration) error
	// Record applies a new migration and tells what each statement did. A
	// statement that fails is a step with its error, the others run as if it
	// were not there, and the first *StatementError comes with the steps.
	Record(context.Context, *migration.Migration) ([]*Step, error)
	// Finish commits what is still open when the last migration has run: tools
	// that run all migrations in one transaction commit there. A commit that
	// the server refuses (a deferred constraint) is a *StatementError of the
	// last statement. Without an open transaction it does nothing.
	Finish(context.Context) error
	// Catalog reads the whole catalog as it is now.
	Catalog(context.Context) (*schema.Catalog, error)
	// Close throws the database away.
	Close() error
}

// StubVersion is the version of an extension that the dev server lacks and a stub stands for.
const StubVersion = "stub"

// Version says what server the facts come from.
type Version struct {
	Num    int    // server_version_num: 170010
	Text   string // "17.10"
	Source string // where it came from, for the report's header: "pinned download", "installed", "--postgres", "--dev-url"
	Tested bool   // the major is in assay's test matrix
}

// Major is the server's major version.
func (v Version) Major() int { return v.Num / 10000 }

// Record is everything that judges may look at.
type Record struct {
	Version       Version
	Dir           *migration.Dir
	Base          []*migration.Migration // replayed, not judged
	New           []*Recorded
	Edited        []Edit          // merged files that the change edits or deletes
	Before, After *schema.Catalog // before the first new migration, after the last
	Config        Assumptions
	Stats         *stats.Stats // of production, nil if the team has none
	Queries       *QueryReport // of the application, nil if it has told none
	// Broken are statements in routines that the server does not understand after the last new migration.
	Broken []BrokenRoutine
	// NeedPath are statements in routines, which indexes, generated columns, checks and
	// materialized views call, that name what the search_path alone finds.
	NeedPath []BrokenRoutine
	// Filled are the tables that hold rows before the first new migration: merged
	// migrations have put them there. nil if nobody looked.
	Filled map[schema.OID]bool
	// Apart: each new migration is judged as a change of its own (--all), and is
	// not run in the session of the one before it.
	Apart bool
	// Exercise is what came of using what the new migrations touch; nil if nobody did.
	Exercise *Exercise
}

// RowHolder is a DB that can tell which tables hold rows.
type RowHolder interface {
	Filled(context.Context) (map[schema.OID]bool, error)
}

// SessionKeeper is a DB that can run migrations as one run of their tool, whose
// session keeps what a file sets.
type SessionKeeper interface{ KeepSession(on bool) }

// BrokenRoutine is a statement in a function or procedure that names what is
// not there after the last new migration: PostgreSQL accepts such bodies, and
// they fail when they run. Only routines that the new migrations make, replace
// or may have broken are looked at.
type BrokenRoutine struct {
	Function      schema.OID
	Raw           string     // the function's Raw then: it was not replaced since if it is the same
	Table         schema.OID // of a trigger function: the table it failed for, 0 otherwise
	Line          int        // in the routine's body, 1-based; 0 if unknown
	Statement     string     // the statement or expression as it stands in the body
	Code, Message string     // SQLSTATE and words of the server
}

// RoutineChecker is a DB that can tell which routines are broken. Names are
// those that the recorded migrations took away or changed.
type RoutineChecker interface {
	Broken(ctx context.Context, before, after *schema.Catalog, names []string) ([]BrokenRoutine, error)
	// NeedPath tells which of the routines do not run with an empty search_path.
	NeedPath(ctx context.Context, routines []schema.OID) ([]BrokenRoutine, error)
}

// Recorded is a new migration with what its statements did.
type Recorded struct {
	*migration.Migration
	Steps []*Step
	Err   *StatementError // the first statement that failed, if one did
	// Added is false when the migration is judged though git does not call it new (--latest, --all).
	Added bool
	// OutOfOrder names the newest merged migration that sorts after this one, empty if there is none.
	OutOfOrder string
	Down       *DownRun // nil if there was no down part to run
}

// Edit is a merged migration that the change edits, deletes or renames.
type Edit struct {
	Path    string
	OldPath string // of a rename
	Kind    string // "edited", "deleted", "renamed"
	Line    int    // first changed line, 1 if unknown
	Same    bool   // of an edited one: it runs the same statements, only comments and layout are others
}

// Assumptions are what the team says about the world outside the files.
type Assumptions struct {
	LockTimeoutSet      bool // the runner sets lock_timeout itself
	StatementTimeoutSet bool // the runner sets statement_timeout itself
	DownRequired        bool // every migration must have a way back
	TimeZone            string
}

// StatementError is a statement that the server refused.
type StatementError struct {
	Statement *migration.Statement
	Step      *Step  // nil on replay
	Code      string // SQLSTATE
	Message   string
	Detail    string
	Hint      string
	Where     string // context: function and line
	Position  int    // 1-based character in the statement's text, 0 if unknown
	Advice    string // what to do when the dev database is the cause, not the migration
	Canceled  string // why assay ended it: "statement timeout after 30s", empty if the server did
	// Follows is the statement that this one fails for: what that was to make is not there. nil if it fails by itself.
	Follows *Step
}

func (e *StatementError) Error() string {
	p := e.Statement.Pos
	s := e.Message
	if e.Code != "" {
		s += " (SQLSTATE " + e.Code + ")"
	}
	return p.Path + ":" + itoa(p.Line) + ": " + s
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// Step is one statement and what it did.
type Step struct {
	Stmt          *migration.Statement
	Index         int // 0-based in the migration
	Changes       []schema.Change
	Before, After *schema.Catalog
	// Locks are the relation locks the statement took on relations that were
	// there before it or not, strongest mode per relation, without those the
	// recorder took and without those held before in the same or a stronger mode.
	Locks []Lock
	// Held are the locks that earlier statements of the same transaction took
	// and that are still held while this one runs, without those on relations that
	// the transaction has made: nobody waits for them.
	Held     []Lock
	Rewrites []Rewrite
	Scans    []Scan
	Rows     []RowCount
	Created  []ObjectRef // from ddl_command_end, also inside DO and functions
	Dropped  []Dropped
	InTx     bool // ran inside a transaction block, the tool's or its own
	TxID     int  // numbers the transactions of one migration; two steps with the same one share it
	Settings Settings
	Notices  []Notice // NOTICE and WARNING of the server
	Caught   []Caught // errors that handlers in PL/pgSQL caught while the statement ran
	Err      *StatementError
	Duration time.Duration
	// Tag is the server's own command tag without counts ("INSERT", "CREATE TABLE").
	Tag string
	// Counterexamples are rows that the old schema accepts and that this statement fails on or changes.
	Counterexamples []*Counterexample
	Measured        *Measurement // on generated rows; nil if it was not
	// Lift is how the statement runs with what depends on what it changes; nil if
	// nothing is in its way, or nobody knows how.
	Lift *Lift
	// Proofs tell of each demand on existing rows what came of trying it; none if proofs are off.
	Proofs []Proof
}

// Lift is how a statement runs that dependent objects block, or that drops them
// by CASCADE: they are dropped by name before it and created again behind it,
// with owner, privileges, comments, indexes and triggers. It was run once, and
// each object was compared with what it was.
type Lift struct {
	Drop      []string             // statements before it, without semicolons
	Statement string               // its own text, without CASCADE
	PutBack   []string             // statements behind Until
	Until     *migration.Statement // the statement itself, or a later one of its file that creates what it drops
	Objects   []string             // what is dropped and created again, by kind and name: "view public.v"
}

// LockMode is a table-level lock mode as the manual writes it, without "LOCK": "ACCESS EXCLUSIVE".
type LockMode string

// The modes, from weak to strong.
const (
	AccessShare          LockMode = "ACCESS SHARE"
	RowShare             LockMode = "ROW SHARE"
	RowExclusive         LockMode = "ROW EXCLUSIVE"
	ShareUpdateExclusive LockMode = "SHARE UPDATE EXCLUSIVE"
	Share                LockMode = "SHARE"
	ShareRowExclusive    LockMode = "SHARE ROW EXCLUSIVE"
	Exclusive            LockMode = "EXCLUSIVE"
	AccessExclusive      LockMode = "ACCESS EXCLUSIVE"
)

var strengths = map[LockMode]int{
	AccessShare: 1, RowShare: 2, RowExclusive: 3, ShareUpdateExclusive: 4,
	Share: 5, ShareRowExclusive: 6, Exclusive: 7, AccessExclusive: 8,
}

// Strength orders the modes: 1 for ACCESS SHARE to 8 for ACCESS EXCLUSIVE, 0 for an unknown one.
func (m LockMode) Strength() int { return strengths[m] }

// BlocksReads reports whether plain SELECT must wait for the lock.
func (m LockMode) BlocksReads() bool { return m == AccessExclusive }

// BlocksWrites reports whether INSERT, UPDATE and DELETE must wait for the lock.
func (m LockMode) BlocksWrites() bool { return m.Strength() >= Share.Strength() }

// Lock is a lock on a relation.
type Lock struct {
	Relation schema.OID
	Object   string     // schema-qualified name as it was when the lock was taken: "public.orders"
	Kind     string     // "table", "index", "sequence", "view", "materialized view", "partitioned table", "toast table" …
	Table    schema.OID // of an index: its table; else Relation
	Mode     LockMode
	Step     int  // index of the step that took it; -1: an earlier migration of the same transaction (TxAll)
	Inferred bool // taken from the manual, not seen: statements that cannot be watched
}

// Rewrite is a relation whose storage was written anew.
type Rewrite struct {
	Relation schema.OID
	Object   string
	Kind     string     // "table", "index", "materialized view", "sequence"
	Table    schema.OID // of an index: its table
	Reason   string     // of table_rewrite: "column type", "default value", "persistence", "access method"; else "VACUUM FULL", "CLUSTER", "index rebuilt" …
}

// Scan is a sequential scan of a whole relation.
type Scan struct {
	Relation schema.OID
	Object   string
	Count    int
}

// RowCount is how many rows a statement wrote, on the dev database.
type RowCount struct {
	Relation                   schema.OID
	Object                     string
	Inserted, Updated, Deleted int64
}

// ObjectRef names an object that an event trigger told of.
type ObjectRef struct {
	Ref  schema.Ref
	Kind string // object_type: "table", "table column", "index"
	Name string // object_identity
	Tag  string // command tag, of a created or altered one
}

// Dropped is an object that is gone after the statement.
type Dropped struct {
	ObjectRef
	Original bool // named by the statement
	Normal   bool // fell because it depends on one that was named (CASCADE)
	// Via is the chain from the named object to this one, both included, by name.
	Via []string
}

// Settings are those in force when the statement ran.
type Settings struct {
	LockTimeout      time.Duration // 0: none
	StatementTimeout time.Duration // 0: none
	SearchPath       string
	Role             string
	TimeZone         string
	ReplicationRole  string // session_replication_role
}

// Caught is an error that an EXCEPTION block caught: what its block had done was
// rolled back, and the statement passed.
type Caught struct {
	Handler       migration.Handler
	Code, Message string
	Statement     string // that failed in the block, empty if it was none of SQL
}

// Notice is a message of the server that is not an error.
type Notice struct {
	Severity, Code, Message string
}

// Counterexample is a set of rows that proves a point.
type Counterexample struct {
	Kind    string // "fails": the migration fails with them; "changed", "lost": they are altered or gone after it
	Rows    string // INSERT statements, one line each
	Code    string // SQLSTATE
	Message string // the server's own
	Before  string // of "changed" and "lost": the row before and after, as text; After is empty if it is gone
	After   string
	Left    []string // what was left out of the way: triggers, row security
	Seeded  bool     // the rows come from --seed
	// Unlikely says why such rows are hardly there, "for a value that is seldom
	// stored"; empty for ordinary ones.
	Unlikely string
	// Twin is the table that rows like these were tried on: the same as theirs
	// but for its schema. Empty if it was these that were tried.
	Twin string
}

// Say tells what became of the rows: the server's error, or a row before and after.
func (c *Counterexample) Say() string {
	switch {
	case c.Message != "":
		return c.Message
	case c.Kind == "lost" && c.After == "":
		return "a row (" + c.Before + ") is lost"
	case c.Kind == "lost":
		return "the value of a row there (" + c.Before + ") is lost"
	}
	return "before " + c.Before + ", after " + c.After
}

// DownRun is what the way back did.
type DownRun struct {
	Migration *migration.Migration
	Steps     []*Step
	Err       *StatementError
	// Left are the changes from the catalog before the up part to that after the down part; none if it came back.
	Left []schema.Change
	// Tried: it was run over rows.
	Tried bool
	// Refused is the statement that fails on rows that are kept from before the
	// migration, nil if none does or it was not tried.
	Refused *StatementError
	// Lost are columns whose values from before the migration do not come back.
	Lost []LostColumn
}

// LostColumn is a column of before a migration whose values the migration keeps
// somewhere and the down migration does not bring back.
type LostColumn struct {
	Column string // "public.orders.note"
	Kept   string // where the migration has them
	Value  string // one of them
}
