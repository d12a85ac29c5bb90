package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// wireMigration puts a recorded migration into the wire format.
func wireMigration(r *devdb.Record, m *devdb.Recorded, timing bool) *lint.Migration {
	out := &lint.Migration{
		Path: m.Path, Version: m.Version, Name: m.Name, TxMode: string(m.TxMode), Source: m.Source,
		Statements: []*lint.Statement{},
	}
	whole := isSensitive(m.Directives)
	if whole {
		out.Source = ""
	}
	for _, s := range m.Steps {
		w := wireStatement(r, m, s)
		if whole || isSensitive(s.Stmt.Directives) {
			w.Text, w.TextCut, w.Sensitive, out.Source = "", false, true, ""
			if w.Error != "" {
				w.Error = "SQLSTATE " + s.Err.Code
			}
		}
		if timing {
			w.DurationMS = float64(s.Duration) / float64(time.Millisecond)
		}
		out.Statements = append(out.Statements, w)
	}
	return out
}

// mostText is as many bytes of a statement as the wire format carries: seeds of
// many megabytes are not shown by anybody.
const mostText = 4000

func wireText(s string) string {
	if len(s) <= mostText {
		return s
	}
	return strings.ToValidUTF8(s[:mostText], "") + " …"
}

func wireStatement(r *devdb.Record, m *devdb.Recorded, s *devdb.Step) *lint.Statement {
	st := s.Stmt
	w := &lint.Statement{
		Line: st.Pos.Line, Column: st.Pos.Column, EndLine: st.End.Line, EndColumn: st.End.Column,
		Text: wireText(st.Text), TextCut: len(st.Text) > mostText, Tag: s.Tag, InTransaction: s.InTx, Transaction: s.TxID,
		Locks: []lint.Lock{}, Held: []lint.Lock{}, Rewrites: []lint.Rewrite{}, Scans: []lint.Scan{}, Dropped: []lint.Dropped{},
	}
	if w.Tag == "" {
		w.Tag = st.Syntax.Tag
	}
	if st.Pos.Path != m.Path {
		w.Path = st.Pos.Path
	}
	isNew := func(oid schema.OID) bool { return r.Before.Relations[oid] == nil && r.Before.Indexes[oid] == nil }
	for _, l := range s.Locks {
		w.Locks = append(w.Locks, lint.Lock{Object: l.Object, Kind: l.Kind, Mode: string(l.Mode), New: isNew(l.Relation), Inferred: l.Inferred})
	}
	for _, l := range s.Held {
		h := lint.Lock{Object: l.Object, Kind: l.Kind, Mode: string(l.Mode), New: isNew(l.Relation), Inferred: l.Inferred}
		if l.Step >= 0 && l.Step < len(m.Steps) {
			h.Since = m.Steps[l.Step].Stmt.Pos.Line
		}
		w.Held = append(w.Held, h)
	}
	for _, x := range s.Rewrites {
		w.Rewrites = append(w.Rewrites, lint.Rewrite{Object: x.Object, Kind: x.Kind, Reason: x.Reason, New: isNew(x.Relation)})
	}
	for _, x := range s.Scans {
		w.Scans = append(w.Scans, lint.Scan{Object: x.Object, Count: x.Count, New: isNew(x.Relation)})
	}
	for _, x := range s.Rows {
		w.Rows = append(w.Rows, lint.RowCount{Object: x.Object, Inserted: x.Inserted, Updated: x.Updated, Deleted: x.Deleted})
	}
	for _, d := range s.Dropped {
		w.Dropped = append(w.Dropped, lint.Dropped{Kind: d.Kind, Object: d.Name, Cascade: !d.Original && d.Normal, Via: d.Via})
	}
	for _, c := range s.Created {
		if c.Tag != "" && strings.HasPrefix(c.Tag, "CREATE") {
			w.Created = append(w.Created, c.Kind+" "+c.Name)
		}
	}
	for _, c := range s.Changes {
		w.Changes = append(w.Changes, strings.TrimPrefix(fmt.Sprintf("%T", c), "*schema."))
	}
	if s.Err != nil {
		w.Error, w.NotJudged = s.Err.Code+" "+s.Err.Message, unjudged(m, s)
	}
	slices.Sort(w.Created)
	return w
}
