package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// missed notes a statement that is not run. One that loads data leaves the file
// without it: what then fails for want of the data must not be blamed on it.
func (r *recorder) missed(st *migration.Statement) {
	if w := words(strings.TrimPrefix(st.Text, `\`), 1); r.missing == nil && len(w) > 0 && strings.EqualFold(w[0], "copy") {
		r.missing = st
	}
}

// tolerant reports whether a statement may fail for want of data that was not loaded.
func (r *recorder) tolerant(st *migration.Statement) bool {
	if r.missing == nil {
		return false
	}
	if st.Kind == migration.CopyData {
		return true
	}
	w := words(st.Text, 1)
	if len(w) == 0 {
		return false
	}
	switch strings.ToUpper(w[0]) {
	case "INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "WITH":
		return true
	}
	return false
}

// forgives reports whether a refusal is one of data: a data exception, a
// violated constraint, or what a function raises.
func (r *recorder) forgives(st *migration.Statement, s sent) bool {
	if s.err == nil || s.canceled != "" || !r.tolerant(st) || len(s.err.Code) != 5 {
		return false
	}
	switch s.err.Code[:2] {
	case "22", "23", "P0":
		return true
	}
	return false
}

// skipNotice says why a statement was passed over.
func (r *recorder) skipNotice() devdb.Notice {
	first, _, _ := strings.Cut(r.missing.Text, "\n")
	return devdb.Notice{Severity: "NOTICE", Message: fmt.Sprintf("this statement was skipped: it needs the data that line %d (%s) would have loaded", r.missing.Pos.Line, short80(first))}
}

func short80(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}

// runTolerant runs a statement of an open transaction; one that fails for want
// of data that was not loaded is undone and passed over.
func (r *recorder) runTolerant(ctx context.Context, step *devdb.Step) (s sent, skipped bool, err error) {
	if !r.tolerant(step.Stmt) {
		s, err = r.run(ctx, step, r.probes(step))
		return s, false, err
	}
	s, skipped, err = r.savepoint(ctx, step.Stmt)
	step.Tag, step.Duration, step.Notices = s.tag, s.took, r.notices
	if err != nil || !skipped {
		return s, skipped, err
	}
	step.Tag, step.Notices = step.Stmt.Syntax.Tag, []devdb.Notice{r.skipNotice()}
	clear(r.strangers)
	_, err = r.count(ctx, &devdb.Step{Before: r.cat}, told{}) // what it scanned and wrote before it failed is nobody's
	return s, true, err
}

// savepoint sends a statement under a savepoint.
func (r *recorder) savepoint(ctx context.Context, st *migration.Statement) (s sent, skipped bool, err error) {
	if err := r.command(ctx, "SAVEPOINT assay_data"); err != nil {
		return s, false, err
	}
	if s, err = r.sendAny(ctx, st, false); err != nil {
		return s, false, err
	}
	skipped = r.forgives(st, s)
	if s.err != nil && !skipped || r.conn.IsClosed() {
		return s, false, nil
	}
	heard, notices := r.told, r.notices
	sql := "RELEASE SAVEPOINT assay_data"
	if skipped {
		sql = "ROLLBACK TO SAVEPOINT assay_data; " + sql
	}
	err = r.command(ctx, sql)
	r.told, r.notices = heard, notices
	return s, skipped, err
}
