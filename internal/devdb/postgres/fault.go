package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A statement that is refused is a fact about the statement, and what is made of
// it goes into the report. So a server that fails must not be taken for one: every
// error that any connection of the run receives passes here, and so does the loss
// of a connection, and a run in which the server has failed ends with an error,
// whoever it was that met the failure and whatever he made of it.

// serverError is what an error of the server says of itself. file is that of
// PostgreSQL's own source: no SQL can set it.
type serverError struct{ code, message, file string }

var (
	// raised are errors that code of a migration has raised: it may choose any code.
	raised = regexp.MustCompile(`^(?:pl_\w+|plperl|plpy_\w+|pltcl|plv8)\.(?:c|cc)$`)
	// storage reads and writes the files of tables and of the state of transactions.
	storage = []string{"md.c", "slru.c", "relmapper.c", "bufmgr.c", "bufpage.c", "xlog.c"}
	// lockTables have as many entries as the server's settings say: the migration takes too many.
	lockTables = []string{"lock.c", "predicate.c"}
	// copying reads and writes what a statement names: a file or a program.
	copying = []string{"copy.c", "copyto.c", "copyfrom.c"}
)

// ofServer reports whether an error says that the server has failed: disk or
// memory ran out, a file is damaged, and where others may do so, somebody has ended
// the session. On a server of assay's own only the migration can have ended it.
func (e serverError) ofServer(shared bool) bool {
	if len(e.code) != 5 || raised.MatchString(e.file) || slices.Contains(copying, e.file) {
		return false
	}
	switch e.code {
	case "53300", "57P03": // nobody is let in: whoever wanted to has got an error, or will ask again
		return false
	case "57P01", "57P02", "57P04": // admin_shutdown, crash_shutdown, database_dropped
		return shared
	case "58000", "58030", "XX001", "XX002": // system_error, io_error, data_corrupted, index_corrupted
		return true
	}
	switch e.code[:2] {
	case "53": // insufficient resources
		return !slices.Contains(lockTables, e.file)
	case "0A", "22", "54", "55": // what was asked for cannot be had
		return false
	}
	return slices.Contains(storage, e.file)
}

// heard takes in an error that a connection has received.
func (p *pulse) heard(e serverError) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault != nil {
		return
	}
	switch {
	case p.shared && !p.asked && e.code == "57014" && e.message == "canceling statement due to user request" && !raised.MatchString(e.file):
		p.fault = fmt.Errorf("a statement of the run was canceled on the --dev-url server, and not by assay; run assay again")
	case !e.ofServer(p.shared):
	case strings.HasPrefix(e.code, "57P"):
		p.fault = fmt.Errorf("a session of the run was ended on the --dev-url server (%s, SQLSTATE %s): by somebody else, or by a migration; run assay again", brief(e.message), e.code)
	default:
		p.fault = fmt.Errorf("the PostgreSQL server has failed in the middle of the run (%s, SQLSTATE %s), so that nothing it says counts; see to its disk, memory and limits, and run assay again", brief(e.message), e.code)
	}
}

// lost takes in that a connection has ended without a word. A server of assay's
// own then has ended, which its process says.
func (p *pulse) lost(err error) {
	var timeout net.Error
	if p == nil || !p.shared || errors.Is(err, net.ErrClosed) || errors.As(err, &timeout) && timeout.Timeout() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil && p.cause == nil {
		p.fault = fmt.Errorf("the connection to the --dev-url server was lost in the middle of the run (%w); run assay again", err)
	}
}

// cancels notes that assay itself has a statement canceled.
func (p *pulse) cancels() {
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = true
	}
}

// brief is the first line of a text, as far as a message has room for it.
func brief(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return short80(text)
}

// configuration reads the settings that the server gives every session, as no
// database and no role has set them.
func (e *existing) configuration(ctx context.Context) (map[string]string, error) {
	plain := e.server.admin.Copy()
	plain.AfterConnect, plain.RuntimeParams = nil, nil
	c, err := dialPgx(ctx, plain)
	if err != nil {
		return nil, fmt.Errorf("reading the settings of the --dev-url server: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	rows, err := c.Query(ctx, `SELECT name, setting FROM pg_catalog.pg_settings
		WHERE source OPERATOR(pg_catalog.=) ANY (ARRAY['default', 'environment variable', 'configuration file', 'command line']::pg_catalog.text[])
		UNION ALL SELECT 'in_recovery', pg_catalog.pg_is_in_recovery()::pg_catalog.text`, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return nil, fmt.Errorf("reading the settings of the --dev-url server: %w", err)
	}
	out := map[string]string{}
	var name, value string
	if _, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error { out[name] = value; return nil }); err != nil {
		return nil, fmt.Errorf("reading the settings of the --dev-url server: %w", err)
	}
	return out, nil
}

// sound gives an error if the server is not the one with which the run began, or
// not as it was then.
func (e *existing) sound() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	if err := e.alive(); err != nil {
		return err
	}
	return e.changed(ctx)
}

// changed gives an error if the server's settings are not those with which the
// run began: a server that has become read-only refuses what it took before.
// Migrations that run as a superuser may change them.
func (e *existing) changed(ctx context.Context) error {
	if e.server.config.Superuser || e.configured == nil {
		return nil
	}
	now, err := e.configuration(ctx)
	if err != nil {
		return fmt.Errorf("%w; they may have been changed in the middle of the run: run assay again", err)
	}
	var names []string
	for name, was := range e.configured {
		if is, ok := now[name]; ok && is != was {
			names = append(names, fmt.Sprintf("%s was %q and is %q", name, was, is))
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("the settings of the --dev-url server were changed in the middle of the run (%s); run assay again", brief(strings.Join(names, ", ")))
}
