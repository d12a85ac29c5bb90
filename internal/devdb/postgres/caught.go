package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// mostCaught bounds how many errors of one statement are kept.
const mostCaught = 20

// caughtMark begins the message in which a handler tells what it caught.
const caughtMark = "assay caught "

// An error that a PL/pgSQL handler catches leaves no trace on the server: no
// message, no log line. So a statement with handlers is first run under a
// savepoint with another text, in which each handler begins by sending what it
// caught, and rolled back; the statement itself then runs as it is written.

// catching finds the routines with handlers that a statement runs: its own body
// and those of functions that it names.
func (r *recorder) catching(st *migration.Statement) (own []migration.Handler, called []*schema.Function) {
	first := words(st.Text, 1)
	if len(first) == 0 || st.Kind != migration.SQL {
		return nil, nil
	}
	switch strings.ToUpper(first[0]) {
	case "DO", "SELECT", "CALL":
	default:
		return nil, nil
	}
	own = migration.Handlers(st)
	if len(st.Text) > 64<<10 {
		return own, nil
	}
	for _, f := range schema.Sorted(r.cat.Functions) {
		if f.Language == "plpgsql" && namesFunction(st.Text, f.Name) && len(migration.BodyHandlers(f.Body)) > 0 {
			called = append(called, f)
		}
	}
	return own, called
}

func namesFunction(text, name string) bool {
	return strings.Contains(text, name) && regexp.MustCompile(`(?:^|[^\w$])`+regexp.QuoteMeta(name)+`"?\s*\(`).MatchString(text)
}

// trial runs a statement with handlers once for what they catch, inside the
// open transaction, and rolls it back.
func (r *recorder) trial(ctx context.Context, step *devdb.Step) error {
	own, called := r.catching(step.Stmt)
	if len(own) == 0 && len(called) == 0 {
		return nil
	}
	var handlers []migration.Handler
	number := func(hs []migration.Handler) func(int) string {
		first := len(handlers)
		handlers = append(handlers, hs...)
		return func(n int) string { return traceOf(first + n) }
	}
	text := step.Stmt.Text
	if body := step.Stmt.Syntax.Routine; len(own) > 0 {
		traced, ok := migration.Traced(body.Body, own, number(own))
		if !ok || strings.Contains(traced, "$assay_traced$") {
			return nil
		}
		text = "DO LANGUAGE plpgsql $assay_traced$" + traced + "$assay_traced$"
	}
	if err := r.command(ctx, "SAVEPOINT assay_trial"); err != nil {
		return err
	}
	notices, err := r.try(ctx, step, text, called, number)
	if e := r.command(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT assay_trial; RELEASE SAVEPOINT assay_trial"); err == nil {
		err = e
	}
	clear(r.strangers)
	step.Caught = caughtIn(notices, handlers)
	return err
}

// try makes the functions send what they catch, and runs the text.
func (r *recorder) try(ctx context.Context, step *devdb.Step, text string, called []*schema.Function, number func([]migration.Handler) func(int) string) ([]devdb.Notice, error) {
	for _, f := range called {
		definition, err := query(ctx, r.conn, fmt.Sprintf("SELECT pg_catalog.pg_get_functiondef(%d)", f.OID))
		if err != nil {
			return nil, nil //nolint:nilerr // it cannot be read: the statement is run as it is, and nothing is known
		}
		hs := migration.BodyHandlers(f.Body)
		traced, ok := migration.Traced(f.Body, hs, number(hs))
		if !ok {
			continue
		}
		if _, err := r.conn.Exec(ctx, "SAVEPOINT assay_traced; "+strings.Replace(definition, f.Body, traced, 1)+"; RELEASE SAVEPOINT assay_traced").ReadAll(); err != nil {
			return nil, r.command(ctx, "ROLLBACK TO SAVEPOINT assay_trial")
		}
	}
	s, err := r.send(ctx, &migration.Statement{Kind: migration.SQL, Text: text, Syntax: step.Stmt.Syntax})
	notices := r.notices
	if err != nil || s.err != nil || r.conn.IsClosed() {
		return notices, err
	}
	_, err = r.count(ctx, &devdb.Step{Before: r.cat}, told{}) // what it scanned and wrote counts for nobody
	return notices, err
}

// traceOf is the statement that sends what the n-th handler has caught. INFO is
// sent whatever client_min_messages says.
func traceOf(n int) string {
	return fmt.Sprintf("DECLARE assay_where pg_catalog.text; BEGIN GET STACKED DIAGNOSTICS assay_where = PG_EXCEPTION_CONTEXT; RAISE INFO '%s%%', pg_catalog.json_build_object('handler', %d, 'code', SQLSTATE, 'message', SQLERRM, 'where', assay_where); END;", caughtMark, n)
}

// caughtIn reads what the handlers sent, each error once.
func caughtIn(notices []devdb.Notice, handlers []migration.Handler) []devdb.Caught {
	var out []devdb.Caught
	for _, n := range notices {
		text, ok := strings.CutPrefix(n.Message, caughtMark)
		if !ok || len(out) == mostCaught {
			continue
		}
		var said struct {
			Handler              int
			Code, Message, Where string
		}
		if json.Unmarshal([]byte(text), &said) != nil || said.Handler >= len(handlers) {
			continue
		}
		c := devdb.Caught{Handler: handlers[said.Handler], Code: said.Code, Message: said.Message, Statement: statementIn(said.Where)}
		if !slices.ContainsFunc(out, func(o devdb.Caught) bool {
			return o.Code == c.Code && o.Message == c.Message && o.Handler.Line == c.Handler.Line
		}) {
			out = append(out, c)
		}
	}
	return out
}

var statementInContext = regexp.MustCompile(`(?s)^SQL statement "(.*?)"\nPL/pgSQL function`)

// statementIn is the statement that an error's context says was running.
func statementIn(where string) string {
	if m := statementInContext.FindStringSubmatch(where); m != nil {
		return m[1]
	}
	return ""
}
