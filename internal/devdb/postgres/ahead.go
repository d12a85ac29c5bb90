package postgres

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// flight is a statement on its way: sent, with the question for its locks
// behind it if one is wanted, and not yet answered or not yet looked at. What
// follows in the same transaction is sent before its turn where nothing that
// is still to be asked can come out otherwise for it: the server then works
// while the recorder does, and neither waits for the other.
type flight struct {
	st    *migration.Statement
	probe bool

	launched time.Time
	landed   bool // both answers are there
	sent     sent
	told     *told
	notices  []devdb.Notice
	probed   string
}

// How much is sent without waiting for an answer: little enough that neither
// side's buffer fills up.
const (
	alikeMost  = 200
	alikeBytes = 64 << 10
	aheadMost  = 50
	aheadBytes = 32 << 10
	aheadLocks = 1000 // lines of all the probes' answers
)

// launch notes statements as sent and gives the messages that send them, with
// probes behind all but a COMMIT.
func (r *recorder) launch(probe bool, sts ...*migration.Statement) []pgproto3.FrontendMessage {
	var out []pgproto3.FrontendMessage
	first := !r.tx.probed
	for i, st := range sts {
		probe := probe && (i == 0 || kindAhead(st) != "end")
		r.ahead = append(r.ahead, &flight{st: st, probe: probe, launched: time.Now(), told: &told{}})
		out = append(out, &pgproto3.Query{String: st.Text})
		if probe {
			out = append(out, call(r.probing, "false", strconv.FormatBool(first)))
			first = false
		}
	}
	return out
}

// await takes the answers to a flight; those before it have theirs.
func (r *recorder) await(ctx context.Context, f *flight) {
	if f.landed {
		return
	}
	f.landed = true
	told, notices := r.told, r.notices
	r.told, r.notices = f.told, nil
	defer func() {
		f.notices = r.notices
		r.told, r.notices = told, notices
	}()
	defer r.guard(ctx, &f.sent)()
	said, err := receive(r.conn)
	now := time.Now()
	f.sent.took = now.Sub(f.launched)
	if r.heard.After(f.launched) {
		f.sent.took = now.Sub(r.heard)
	}
	f.sent.tag = plainTag(said.tag)
	f.sent.err = said.err
	if err == nil && f.probe && !r.conn.IsClosed() {
		var p reply
		p, err = receive(r.conn) // refused if the statement was
		f.probed = p.value
		if f.sent.err == nil {
			f.sent.err = p.err // a timeout that the file has set
		}
	}
	r.heard = time.Now()
	if err != nil && f.sent.err == nil {
		f.sent.err = broken(err)
	}
}

// broken is the refusal of a statement whose connection broke.
func broken(err error) *pgconn.PgError {
	return &pgconn.PgError{Severity: "FATAL", Code: "08006", Message: "the connection was lost: " + err.Error()}
}

// settle takes every answer that is still to come, so that something else can
// be asked. The statements keep theirs until it is their turn.
func (r *recorder) settle(ctx context.Context) {
	for _, f := range r.ahead {
		r.await(ctx, f)
	}
}

// link gives the connection to ask a question on: the traced one unless its
// transaction has been refused something, or it is gone.
func (r *recorder) link(ctx context.Context) (*pgconn.PgConn, error) {
	r.settle(ctx)
	if r.conn.IsClosed() || r.conn.TxStatus() == 'E' {
		return r.observer(ctx)
	}
	return r.conn, nil
}

// value calls a function on the traced connection and waits for what it gives.
// What is sent ahead goes with the call.
func (r *recorder) value(ctx context.Context, ahead []*migration.Statement, function uint32, arguments ...string) (string, error) {
	r.settle(ctx)
	messages := []pgproto3.FrontendMessage{call(function, arguments...)}
	messages = append(messages, r.launch(true, ahead...)...)
	if err := post(r.conn, messages...); err != nil {
		return "", err
	}
	said, err := receive(r.conn)
	r.heard = time.Now()
	if err == nil && said.err != nil {
		err = said.err
	}
	return said.value, err
}

// landing gives what came of a statement that was sent, and forgets those behind
// one that was refused: they were refused for it.
func (r *recorder) landing(ctx context.Context) (sent, error) {
	f := r.ahead[0]
	r.await(ctx, f)
	if f.sent.err != nil {
		r.settle(ctx)
		r.ahead = nil
	} else {
		r.ahead = r.ahead[1:]
	}
	r.notices, r.told, r.probed = f.notices, f.told, f.probed
	return f.sent, ctx.Err()
}

// next tells what may be sent behind a statement before anything more is asked
// of it. Behind a change of data: changes of data, which leave the catalog as it
// is. Behind the reading of what a change of the schema touched: those, or one
// more change of the schema. Last the COMMIT, the tool's or the file's. Nothing
// of it sets what the session is asked for, and a refusal ends the migration.
func (r *recorder) next(schemaToo bool) []*migration.Statement {
	if r.following == nil || r.missing != nil || r.most == 0 {
		return nil
	}
	var out []*migration.Statement
	size := 0
	for _, st := range r.following {
		if r.tx.batch != 0 && !r.tx.explicit && st.Batch != r.tx.batch {
			return out
		}
		switch kindAhead(st) {
		case "":
			return out
		case "end":
			return append(out, st)
		case "schema":
			if len(out) == 0 && schemaToo {
				out = append(out, st)
			}
			return out
		}
		if size += len(st.Text); size > aheadBytes || len(out) == r.most || len(out)*len(r.held) > aheadLocks {
			return out
		}
		out = append(out, st)
	}
	if r.tx.all {
		return out
	}
	return append(out, r.ending)
}

// kindAhead tells "data", "schema" and "end" of a statement that may be sent before its turn.
func kindAhead(st *migration.Statement) string {
	if st.Kind != migration.SQL {
		return ""
	}
	w := words(st.Text, 2)
	if len(w) == 0 {
		return ""
	}
	switch strings.ToUpper(w[0]) {
	case "INSERT", "UPDATE", "DELETE":
		return "data"
	case "CREATE", "ALTER", "DROP", "COMMENT":
		if _, odd := blankOptions(st.Text); odd {
			return ""
		}
		if len(w) == 2 && !strings.EqualFold(w[1], "EXTENSION") {
			return "schema"
		}
	case "COMMIT", "END":
		if c := controlOf(st.Text); c.word == "COMMIT" && !c.chain {
			return "end"
		}
	}
	return ""
}
