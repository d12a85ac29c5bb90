package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// defaultTimeZone is the session's when nothing else is asked for. It is not
// UTC: there timestamp ↔ timestamptz needs no rewrite, and a dev database in
// UTC would hide one that a server in any other zone has to do.
const defaultTimeZone = "Europe/Berlin"

// recorder runs migrations on one database and sees what they do. It keeps one
// connection as the role that owns the database, the traced one, and opens one
// as admin when it must look from outside.
type recorder struct {
	owner, admin *pgconn.Config
	timeout      time.Duration // of each statement, 0 for none
	timeZone     string

	// createExtension makes an extension that the owner may not make himself.
	createExtension func(ctx context.Context, e migration.Extension, here string) error

	alive func() error // of a server that is not assay's own: whether it is the same still
	pulse *pulse       // hears what the server says of itself
	// prepareStub gives the call that makes a stub of an extension that the server lacks; false if there is none.
	prepareStub func(ctx context.Context, e migration.Extension, here string) (string, bool, error)
	// prepareSuper gives the call that runs a statement which takes a superuser; nil: such are refused.
	prepareSuper func(ctx context.Context, st *migration.Statement) (string, error)
	stubbed      bool // stubs are taken even for extensions that the server has

	conn *pgconn.PgConn // traced
	obs  *pgconn.PgConn // admin's
	// blocker is the admin's, for what CONCURRENTLY waits for; nil until something does.
	blocker *pgconn.PgConn
	entries
	present   bool                                       // the recorder is in the database that this one is a copy of
	learned   func(*schema.Catalog, map[schema.OID]bool) // is told of the first reading; nil: nobody is
	functions string                                     // schema of the recorder's functions
	triggers  bool                                       // event triggers could be made
	major     int

	known
	sending sending
	notices []devdb.Notice // of the statement that runs
	told    *told
	probed  string // what the probe that went with the statement gave; empty if none did

	most      int                    // how many statements are sent ahead
	following []*migration.Statement // what the file has, in the open transaction, behind the statement that runs
	ending    *migration.Statement   // the tool's COMMIT behind all of it
	careful   bool                   // each statement of a transaction runs under a savepoint: one has been refused
	ahead     []*flight              // sent and not yet looked at, in order
	heard     time.Time              // when the last answer came

	base devdb.Settings // of a new session

	cat    *schema.Catalog // as the traced session sees it; nil: must be read
	tx     transaction
	lastTx int
	last   *migration.Statement // ran last
	// missing is the statement of the file that would have loaded data and was not run.
	missing *migration.Statement
	mode    migration.TxMode
	held    holding
	counts  map[schema.OID]counts // as last read
	totals  map[schema.OID]counts // with what the server was told, as last read of every table
	// strangers are locked relations that the catalog does not know.
	strangers map[schema.OID]stranger
	canary    int64 // what it reads if the counters ran on
	// written is how many rows of the catalogs of what is kept as text the
	// counters had when these were read last.
	written int64
	deleted int64 // of these, rows deleted from the catalogs of the whole server
	// uncounted: the session has done work since that no step is to be blamed for.
	uncounted bool
	settings  devdb.Settings
	snapshot  bool // the transaction has run something that SET TRANSACTION may not follow
	oneRun    bool // the files that follow are those of one run of the tool
	ran       bool // one of them has been run
}

// entries are the OIDs of the recorder's functions in a database, which the fast
// path calls them by; zero until they are known.
type entries struct{ probing, meeting, reading, readingAll, objects uint32 }

// newRecorder makes a recorder; nothing is connected yet.
func newRecorder(owner, admin *pgconn.Config, timeout time.Duration, timeZone string) *recorder {
	if timeZone == "" {
		timeZone = defaultTimeZone
	}
	return &recorder{owner: owner, admin: admin, timeout: timeout, timeZone: timeZone, held: holding{}, counts: map[schema.OID]counts{}, known: newKnown(), most: aheadMost}
}

// connect opens the traced connection unless it is open.
func (r *recorder) connect(ctx context.Context) error {
	if r.conn != nil && !r.conn.IsClosed() {
		return nil
	}
	c := r.owner.Copy()
	if c.RuntimeParams == nil {
		c.RuntimeParams = map[string]string{}
	}
	// In the startup packet, so that RESET ALL comes back to it.
	c.RuntimeParams["timezone"] = r.timeZone
	c.RuntimeParams["application_name"] = "assay"
	c.OnNotice = r.notice
	conn, err := dial(ctx, c)
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && (refused.Code == "42704" || refused.Code == "22023"): // a parameter, its value
		return ChoiceError{fmt.Errorf("beginning a session with the settings and time-zone of assay.yaml: %s", refused.Message)}
	case err != nil:
		return fmt.Errorf("connecting to the dev database: %w", err)
	}
	r.conn = conn
	r.tx, r.held, r.counts, r.totals, r.canary, r.written, r.deleted = transaction{}, holding{}, map[schema.OID]counts{}, map[schema.OID]counts{}, 0, 0, 0
	r.strangers = map[schema.OID]stranger{}
	_, err = fmt.Sscanf(conn.ParameterStatus("server_version"), "%d", &r.major)
	if err != nil {
		return fmt.Errorf("reading the server's version %q: %w", conn.ParameterStatus("server_version"), err)
	}
	r.base, err = r.show(ctx)
	r.settings = r.base
	return err
}

// disconnect closes the connections, as CREATE DATABASE … TEMPLATE needs.
func (r *recorder) disconnect(ctx context.Context) {
	for _, c := range []*pgconn.PgConn{r.conn, r.obs, r.blocker} {
		if c != nil {
			_ = c.Close(ctx) // throw-away server: nothing to lose
		}
	}
	r.conn, r.obs, r.blocker, r.cat = nil, nil, nil, nil
	r.tx = transaction{}
}

// observer gives the admin's connection.
func (r *recorder) observer(ctx context.Context) (*pgconn.PgConn, error) {
	if r.obs != nil && !r.obs.IsClosed() {
		return r.obs, nil
	}
	c, err := dial(ctx, r.admin)
	if err != nil {
		return nil, fmt.Errorf("connecting to the dev database as admin: %w", err)
	}
	r.obs = c
	return c, nil
}

// install makes the recorder's functions and event triggers. A superuser's go
// into pg_catalog: the migrations see no schema, function or grant of theirs,
// and a role that is no superuser can neither drop nor replace them. Where the
// admin is none there can be no event triggers; the catalog then tells alone.
func (r *recorder) install(ctx context.Context) error {
	if r.entries != (entries{}) {
		return nil
	}
	if r.present {
		r.functions, r.triggers = "pg_catalog", true
		return r.found(ctx, r.conn)
	}
	obs, err := r.observer(ctx)
	if err != nil {
		return err
	}
	r.functions, r.triggers = "pg_catalog", true
	text, err := query(ctx, obs, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user")
	if err != nil {
		return fmt.Errorf("asking for the admin's rights: %w", err)
	}
	prepare := "SELECT"
	if text != "t" {
		r.functions, r.triggers = "assay_recorder", false
		prepare = "CREATE SCHEMA IF NOT EXISTS assay_recorder; GRANT USAGE ON SCHEMA assay_recorder TO PUBLIC"
	}
	parts := []string{
		prepare,
		catalogFunction(r.functions, "assay_recorder_all", r.major, true),
		catalogFunction(r.functions, "assay_recorder_some", r.major, false),
		objectsFunction(r.functions, r.major, r.triggers),
		strings.ReplaceAll(probeFunction(), "{schema}", r.functions),
		strings.ReplaceAll(strangersFunction, "{schema}", r.functions),
	}
	if r.triggers {
		parts = append(parts, strings.ReplaceAll(eventSQL, "{schema}", r.functions))
	}
	for _, p := range parts {
		if _, err := obs.Exec(ctx, p).ReadAll(); err != nil {
			return fmt.Errorf("installing the recorder: %w", err)
		}
	}
	return r.found(ctx, obs)
}

// found notes the OIDs that the fast path calls the recorder's functions by.
func (r *recorder) found(ctx context.Context, c *pgconn.PgConn) error {
	text, err := query(ctx, c, strings.ReplaceAll(`SELECT pg_catalog.concat_ws(' ', '{f}.assay_recorder_probe'::pg_catalog.regproc::oid, '{f}.assay_recorder_strangers'::pg_catalog.regproc::oid,
		'{f}.assay_recorder_some'::pg_catalog.regproc::oid, '{f}.assay_recorder_all'::pg_catalog.regproc::oid, '{f}.assay_recorder_objects'::pg_catalog.regproc::oid)`, "{f}", r.functions))
	if err != nil {
		return fmt.Errorf("installing the recorder: %w", err)
	}
	if _, err := fmt.Sscan(text, &r.probing, &r.meeting, &r.reading, &r.readingAll, &r.objects); err != nil {
		return fmt.Errorf("installing the recorder: the server gave %q", text)
	}
	return nil
}

// recorderHash tells one version of what is installed from another.
var recorderHash = sync.OnceValue(func() string {
	h := sha256.New()
	fmt.Fprintln(h, catalogSQL, belongSQL(false), edgesSQL(false), objectsFunction("", 18, true), probeFunction(), strangersFunction, eventSQL)
	return hex.EncodeToString(h.Sum(nil))
})

// query gives the one value of a query, empty for null.
func query(ctx context.Context, c *pgconn.PgConn, sql string) (string, error) {
	res, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return "", err
	}
	for i := len(res) - 1; i >= 0; i-- {
		if len(res[i].Rows) > 0 && len(res[i].Rows[0]) > 0 {
			return string(res[i].Rows[0][0]), nil
		}
	}
	return "", nil
}

// mostNotices are kept of each statement; a loop in a migration can say millions.
const mostNotices = 1000

// notice takes in a message of the traced connection.
func (r *recorder) notice(_ *pgconn.PgConn, n *pgconn.Notice) {
	if r.told == nil || n.Code != "" && r.told.hear(n.Code, n.Message) {
		return
	}
	switch len(r.notices) {
	case mostNotices:
		r.notices = append(r.notices, devdb.Notice{Severity: "NOTICE", Message: "further notices of this statement are not kept"})
		return
	case mostNotices + 1:
		return
	}
	r.notices = append(r.notices, devdb.Notice{Severity: n.Severity, Code: n.Code, Message: n.Message})
}

// resetSQL makes the session as a new connection would be. It is DISCARD ALL
// without DISCARD PLANS, which would throw away the plans of the recorder's functions.
const resetSQL = `CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *;
SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES`

// reset forgets what the file before left in the session.
func (r *recorder) reset(ctx context.Context) error {
	r.settle(ctx)
	if _, err := r.conn.Exec(ctx, resetSQL).ReadAll(); err != nil {
		return fmt.Errorf("resetting the session: %w", err)
	}
	r.settings = r.base
	return nil
}

// sent is what came of a statement.
type sent struct {
	tag      string
	err      *pgconn.PgError // the server's refusal
	canceled string          // why assay ended it
	took     time.Duration
}

// send runs one statement on the traced connection. The error is one of the
// connection or the context; a refusal by the server is in sent.
func (r *recorder) send(ctx context.Context, st *migration.Statement) (sent, error) {
	return r.sendWith(ctx, st, false)
}

// sendWith sends a statement unless that is done already, and with probe the
// question for its locks right behind it: the answer waits in r.probed.
func (r *recorder) sendWith(ctx context.Context, st *migration.Statement, probe bool) (sent, error) {
	if len(r.ahead) > 0 && r.ahead[0].st == st {
		return r.landing(ctx)
	}
	r.settle(ctx)
	if st.Kind == migration.CopyData {
		return r.load(ctx, st)
	}
	with := []*migration.Statement{st}
	if probe && kindAhead(st) == "data" {
		with = append(with, r.next(false)...)
	}
	if err := post(r.conn, r.launch(probe, with...)...); err != nil && !r.conn.IsClosed() {
		return sent{}, fmt.Errorf("sending a statement to the dev database: %w", err)
	}
	return r.landing(ctx)
}

// load sends a COPY with its rows.
func (r *recorder) load(ctx context.Context, st *migration.Statement) (s sent, err error) {
	r.notices, r.told, r.probed = nil, &told{}, ""
	defer r.guard(ctx, &s)()
	start := time.Now()
	// The context must not cut the connection: guard asks the server to stop.
	tag, err := r.conn.CopyFrom(context.WithoutCancel(ctx), bytes.NewReader(st.Data), st.Text)
	s.tag, s.took = plainTag(tag.String()), time.Since(start)
	if err != nil && !errors.As(err, &s.err) {
		s.err = broken(err)
	}
	return s, ctx.Err()
}

// guard ends a statement that takes too long, or when the context is done: by
// a cancel request first, and by closing the connection if the statement
// catches that. It is the client's own, so no setting of a file can turn it off.
func (r *recorder) guard(ctx context.Context, s *sent) func() {
	conn := r.conn
	untimed := timed(conn)
	done := make(chan struct{})
	var why atomic.Pointer[string]
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		var late <-chan time.Time
		if r.timeout > 0 {
			t := time.NewTimer(r.timeout)
			defer t.Stop()
			late = t.C
		}
		select {
		case <-done:
			return
		case <-ctx.Done():
		case <-late:
			text := "statement timeout after " + r.timeout.String()
			why.Store(&text)
		}
		for range 3 {
			c, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			r.pulse.cancels()
			_ = conn.CancelRequest(c) // the next try or the close will do
			stop()
			select {
			case <-done:
				return
			case <-time.After(time.Second):
			}
		}
		if b, ok := conn.Conn().(*bounded); ok && r.pulse != nil && !r.ended(conn.PID()) {
			r.pulse.hangs(b)
		}
		_ = conn.Conn().Close() // the read in send fails and tells
	}()
	return func() {
		close(done)
		<-finished
		untimed()
		if w := why.Load(); w != nil && s.err != nil {
			s.canceled = *w
		}
	}
}

// plainTag is a command tag without counts.
func plainTag(t string) string {
	return strings.TrimRight(t, " 0123456789")
}

// show reads the settings. SHOW needs no snapshot, so SET TRANSACTION may still follow.
func (r *recorder) show(ctx context.Context) (devdb.Settings, error) {
	var out devdb.Settings
	r.settle(ctx)
	res, err := r.conn.Exec(ctx, "SHOW lock_timeout; SHOW statement_timeout; SHOW search_path; SHOW role; SHOW timezone; SHOW session_replication_role").ReadAll()
	if err != nil {
		return out, fmt.Errorf("reading the session's settings: %w", err)
	}
	v := func(i int) string { return string(res[i].Rows[0][0]) }
	out = devdb.Settings{LockTimeout: interval(v(0)), StatementTimeout: interval(v(1)), SearchPath: v(2), TimeZone: v(4), ReplicationRole: v(5)}
	if v(3) != "none" {
		out.Role = v(3)
	}
	return out, nil
}

// interval reads a time as SHOW prints it: "0", "2s", "1500ms", "1min", "2h", "1d".
func interval(s string) time.Duration {
	var n int64
	var unit string
	if _, err := fmt.Sscanf(s, "%d%s", &n, &unit); err != nil {
		return 0
	}
	return time.Duration(n) * map[string]time.Duration{
		"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
		"min": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}[unit]
}

// statementError tells of a refusal.
func statementError(st *migration.Statement, s sent) *devdb.StatementError {
	e := s.err
	return &devdb.StatementError{
		Statement: st, Code: e.Code, Message: e.Message, Detail: e.Detail, Hint: e.Hint, Where: e.Where,
		Position: int(e.Position), Canceled: s.canceled,
	}
}
