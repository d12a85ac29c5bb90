package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/assaydb/assay/internal/migration"
)

// replay applies a migration without looking: statements go out as they are, in
// the transactions that the tool would have opened. An error of a statement is
// a *devdb.StatementError, and the transaction is rolled back.
func (r *recorder) replay(ctx context.Context, m *migration.Migration) error {
	if err := r.finish(ctx); err != nil {
		return err
	}
	if err := r.connect(ctx); err != nil {
		return err
	}
	if on, err := r.goesOn(ctx, m); err != nil {
		return err
	} else if !on {
		if err := r.reset(ctx); err != nil {
			return err
		}
	}
	r.cat, r.uncounted = nil, true
	r.missing = nil
	tool := m.TxMode == migration.TxFile || m.TxMode == migration.TxAll
	batch := 0 // of the implicit transaction that is open
	var last *migration.Statement
	for i := 0; i < len(m.Statements); i++ {
		st := m.Statements[i]
		if st.Kind == migration.Skip {
			r.missed(st)
			continue
		}
		if n := r.alike(m.Statements[i:]); n > 1 && last != nil && batch == st.Batch {
			if err := r.applyAll(ctx, m.Statements[i:i+n]); err != nil {
				return err
			}
			i += n - 1
			last = m.Statements[i]
			continue
		}
		if batch != 0 && batch != st.Batch {
			if err := r.commit(ctx, last); err != nil {
				return err
			}
			batch = 0
		}
		begin := tool && last == nil
		if !begin && r.conn.TxStatus() == 'I' && r.sentWith(m, st) > 1 && controlOf(st.Text).word == "" {
			begin, batch = true, st.Batch // 0 for a whole file
		}
		last = st
		if begin {
			if err := r.command(ctx, "BEGIN"); err != nil {
				return err
			}
		}
		if err := r.apply(ctx, st); err != nil {
			return err
		}
		switch controlOf(st.Text).word {
		case "BEGIN", "COMMIT", "ROLLBACK":
			batch = 0 // the file takes over
		}
	}
	if last == nil {
		return nil
	}
	return r.commit(ctx, last)
}

// alike counts the INSERTs that stand at the front of an open transaction's
// statements, as a seed file has them by the hundred thousand, and may be sent
// in one go.
func (r *recorder) alike(sts []*migration.Statement) int {
	if r.conn.TxStatus() != 'T' || r.missing != nil {
		return 0
	}
	size := 0
	for n, st := range sts {
		if size += len(st.Text); n == alikeMost || size > alikeBytes || st.Batch != sts[0].Batch || st.Kind != migration.SQL ||
			len(st.Text) < 7 || !strings.EqualFold(st.Text[:7], "INSERT ") {
			return n
		}
	}
	return len(sts)
}

// applyAll sends statements one behind the other and then takes the answers.
func (r *recorder) applyAll(ctx context.Context, sts []*migration.Statement) (err error) {
	r.notices, r.told = nil, &told{}
	var s sent
	refused := sts[0]
	func() {
		defer r.guard(ctx, &s)()
		messages := make([]pgproto3.FrontendMessage, len(sts))
		for i, st := range sts {
			messages[i] = &pgproto3.Query{String: st.Text}
		}
		if err = post(r.conn, messages...); err != nil {
			return
		}
		for _, st := range sts {
			var said reply
			if said, err = receive(r.conn); err != nil || r.conn.IsClosed() {
				if s.err == nil {
					s.err, refused = said.err, st
				}
				break
			}
			if said.err != nil && s.err == nil { // the others are refused for it
				s.err, refused = said.err, st
			}
		}
	}()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && s.err == nil {
		s.err = broken(err)
	}
	if s.err == nil {
		return nil
	}
	if !r.conn.IsClosed() && r.conn.TxStatus() != 'I' {
		if err := r.command(ctx, "ROLLBACK"); err != nil {
			return fmt.Errorf("after %s: %w", s.err.Message, err)
		}
	}
	return statementError(refused, s)
}

// commit ends what is open after a statement.
func (r *recorder) commit(ctx context.Context, last *migration.Statement) error {
	if r.conn.TxStatus() == 'I' {
		return nil
	}
	return r.apply(ctx, &migration.Statement{Text: "COMMIT", Syntax: &migration.Syntax{}, Pos: last.Pos, End: last.End})
}

// apply sends one statement; if it is refused the transaction is rolled back.
func (r *recorder) apply(ctx context.Context, st *migration.Statement) error {
	var s sent
	var skipped bool
	var err error
	if r.conn.TxStatus() == 'T' && r.tolerant(st) {
		s, skipped, err = r.savepoint(ctx, st)
	} else {
		s, err = r.sendAny(ctx, st, false)
		skipped = r.forgives(st, s)
	}
	if err != nil || s.err == nil || skipped {
		return err
	}
	if !r.conn.IsClosed() && r.conn.TxStatus() != 'I' {
		if err := r.command(ctx, "ROLLBACK"); err != nil {
			return fmt.Errorf("after %s: %w", s.err.Message, err)
		}
	}
	return statementError(st, s)
}

// extensionOf reads a CREATE EXTENSION.
func extensionOf(text string) (migration.Extension, bool) {
	w := words(text, 2)
	if len(w) < 2 || !strings.EqualFold(w[0], "CREATE") || !strings.EqualFold(w[1], "EXTENSION") {
		return migration.Extension{}, false
	}
	return migration.ExtensionOf(text)
}
