package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/queries"
	"github.com/assaydb/assay/internal/schema"
)

// Answer is what a server says of a query: why it cannot be run, or the
// columns of its result as "name type" and the types of its parameters.
type Answer struct {
	Code, Error string
	Planned     bool // Error is the planner's: it could be prepared
	Columns     []string
	Params      []string
}

// Asker is a database that migrations can be run on and queries prepared.
type Asker interface {
	devdb.DB
	Ask(context.Context, []string) ([]Answer, error)
}

// AskQueries prepares the application's queries before the new migrations and
// after each, on a database with the base, and puts into r what broke where.
func AskQueries(ctx context.Context, db Asker, r *devdb.Record, qs []queries.Query) error {
	texts, said := make([]string, len(qs)), make([]string, len(qs))
	for i, q := range qs {
		texts[i], said[i] = q.Ask, q.SQL
	}
	report := devdb.NewQueryReport(said)
	r.Queries = report
	was, err := db.Ask(ctx, texts)
	if err != nil {
		return err
	}
	var alive []int // queries that still work as they did
	for i, a := range was {
		if qs[i].Ask == "" {
			continue // all that is known of it is what it names
		}
		if a.Error != "" && !a.Planned {
			report.Failed = append(report.Failed, broken(qs[i], -1, -1, a, &a))
			continue
		}
		alive = append(alive, i)
	}
	for mi, m := range r.New {
		if err := replayed(ctx, db, m.Migration); err != nil {
			return err
		}
		// A transaction that goes on over all migrations is only seen at its end.
		if !changes(m) && m.TxMode != migration.TxAll || m.TxMode == migration.TxAll && mi < len(r.New)-1 {
			continue
		}
		if mi == len(r.New)-1 {
			if err := finished(ctx, db); err != nil {
				return err
			}
		}
		now, err := db.Ask(ctx, pick(texts, alive))
		if err != nil {
			return err
		}
		var left []int
		for k, i := range alive {
			b := broken(qs[i], 0, 0, now[k], &was[i])
			if b.Error == "" && b.Columns == "" {
				left = append(left, i)
				continue
			}
			b.Migration, b.Step = culprit(r.New[:mi+1], m.TxMode == migration.TxAll, strings.Join([]string{qs[i].SQL, b.Error, b.Columns}, " "))
			report.Broken = append(report.Broken, b)
		}
		alive = left
	}
	return nil
}

// replayed runs a migration; that the server refuses a statement is told by
// the record already.
func replayed(ctx context.Context, db devdb.DB, m *migration.Migration) error {
	var refused *devdb.StatementError
	if err := db.Replay(ctx, m); err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("running %s to ask the queries: %w", m.Path, err)
	}
	return nil
}

func finished(ctx context.Context, db devdb.DB) error {
	var refused *devdb.StatementError
	if err := db.Finish(ctx); err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("committing to ask the queries: %w", err)
	}
	return nil
}

func changes(m *devdb.Recorded) bool {
	return slices.ContainsFunc(m.Steps, func(s *devdb.Step) bool { return len(s.Changes) > 0 })
}

func pick(texts []string, at []int) []string {
	out := make([]string, len(at))
	for k, i := range at {
		out[k] = texts[i]
	}
	return out
}

// broken compares what a query was and is.
func broken(q queries.Query, mi, step int, a Answer, was *Answer) devdb.BrokenQuery {
	b := devdb.BrokenQuery{Path: q.Path, Line: q.Line, Name: q.Name, Migration: mi, Step: step}
	if a.Error != "" && (mi < 0 || !(a.Planned && was.Planned)) {
		b.Error, b.Code = a.Error, a.Code
		return b
	}
	if len(a.Columns) > len(was.Columns) && subsequence(was.Columns, a.Columns) {
		b.Columns, b.More = fmt.Sprintf("its result has %d columns, not %d", len(a.Columns), len(was.Columns)), true
		return b
	}
	if len(a.Columns) != len(was.Columns) {
		b.Columns = fmt.Sprintf("its result has %d columns, not %d", len(a.Columns), len(was.Columns))
		return b
	}
	for i, w := range was.Columns {
		if !alike(w, a.Columns[i]) {
			b.Columns = fmt.Sprintf("column %d of its result is %s, not %s", i+1, a.Columns[i], w)
			return b
		}
	}
	for i, w := range was.Params[:min(len(was.Params), len(a.Params))] {
		if !alike(w, a.Params[i]) {
			b.Columns = fmt.Sprintf("parameter $%d is %s, not %s", i+1, a.Params[i], w)
			return b
		}
	}
	return b
}

// subsequence reports whether all columns are among others, in their order.
func subsequence(some, all []string) bool {
	for _, c := range all {
		if len(some) > 0 && alike(some[0], c) {
			some = some[1:]
		}
	}
	return len(some) == 0
}

// families are types that drivers read and write alike.
var families = map[string]string{
	"smallint": "an integer", "integer": "an integer", "bigint": "an integer",
	"text": "a text", "character varying": "a text", "character": "a text", "citext": "a text", "name": "a text",
	"real": "a float", "double precision": "a float",
	"json": "JSON", "jsonb": "JSON",
}

// alike reports whether two columns or parameters are the same but for types
// that drivers take for each other.
func alike(a, b string) bool {
	if a == b {
		return true
	}
	of := func(s string) string {
		name, typ := "", s
		if i := strings.LastIndex(s, `" `); i >= 0 {
			name, typ = s[:i+2], s[i+2:]
		}
		if f := families[typ]; f != "" {
			typ = f
		}
		return name + typ
	}
	return of(a) == of(b)
}

// culprit finds the statement whose change the text speaks of: the last one
// that takes away or alters something it names.
func culprit(ms []*devdb.Recorded, all bool, text string) (migration, step int) {
	from := len(ms) - 1
	if all {
		from = 0
	}
	said := devdb.NewQueryReport([]string{text})
	best, migration, step := 0, len(ms)-1, -1
	for mi := from; mi < len(ms); mi++ {
		for si, s := range ms[mi].Steps {
			for _, c := range s.Changes {
				if n := blame(s.Before, c, said); n > best {
					best, migration, step = n, mi, si
				}
			}
			if step < 0 && len(s.Changes) > 0 && mi == len(ms)-1 {
				step = si
			}
		}
	}
	return migration, max(step, 0)
}

// blame is how much a change looks like the cause: taking away counts more
// than adding, a column that is named more than a table.
func blame(before *schema.Catalog, c schema.Change, said *devdb.QueryReport) int {
	score := func(n int, names ...string) int {
		if said.Mention(names...) {
			return n
		}
		return 0
	}
	switch c := c.(type) {
	case *schema.DropColumn:
		return max(score(9, c.Table.Name, c.Column.Name), score(5, c.Table.Name)) // SELECT * names no column
	case *schema.RenameColumn:
		return max(score(9, c.Table.Name, c.Before.Name), score(5, c.Table.Name))
	case *schema.DropTable:
		return score(8, c.Table.Name)
	case *schema.RenameTable:
		return score(8, c.Before.Name)
	case *schema.MoveTable:
		return score(8, c.Before.Name)
	case *schema.DropView:
		return score(8, c.View.Name)
	case *schema.DropFunction:
		return score(7, c.Function.Name)
	case *schema.RenameFunction:
		return score(7, c.Before.Name)
	case *schema.ReplaceView:
		return score(6, c.Before.Name)
	case *schema.AlterColumnType:
		return max(score(6, c.Table.Name, c.Before.Name), score(4, c.Table.Name))
	case *schema.DropConstraint: // ON CONFLICT wants the index of one
		if t := before.Relations[c.Constraint.Table]; t != nil && c.Constraint.Index != 0 {
			return score(5, t.Name)
		}
	case *schema.DropIndex:
		if t := before.Relations[c.Index.Table]; t != nil && c.Index.Unique {
			return score(5, t.Name)
		}
	case *schema.DropType:
		return score(6, c.Type.Name)
	case *schema.AddColumn: // SELECT * has one more, a bare name becomes ambiguous
		return score(3, c.Table.Name)
	case *schema.AddFunction:
		return score(3, c.Function.Name)
	case *schema.DropGrant:
		return score(2, c.Name[strings.LastIndexByte(c.Name, '.')+1:])
	}
	return 0
}
