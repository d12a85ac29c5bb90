package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

// lifted drops what depends on what the statement changes before it, and creates
// it again behind it.
func (o *offer) lifted() *lint.Fix {
	l := o.step.Lift
	if l == nil || !o.editable(l.Until) || o.step.Stmt.Batch != 0 || l.Until.Batch != 0 {
		return nil
	}
	drops := migration.FileText(o.m.Format, l.Drop)
	edits := []lint.Edit{o.replace(drops + l.Statement)}
	if len(l.PutBack) > 0 {
		at, text := o.behind(l.Until), "\n"+strings.TrimSuffix(migration.FileText(o.m.Format, l.PutBack), "\n")
		if o.m.Source[at.Offset-1] != ';' {
			text = ";" + text
		}
		if at.Offset == l.Until.End.Offset && l.Until == o.step.Stmt {
			edits[0].Text += text
		} else {
			edits = append(edits, lint.Edit{Pos: at, End: at, Text: text})
		}
	}
	return &lint.Fix{Title: fmt.Sprintf("drop %s before it and re-create %s behind it", listPlain(l.Objects, 3), map[bool]string{true: "it", false: "them"}[len(l.Objects) == 1]), Edits: edits, Restores: true}
}

// behind is the place behind a statement's semicolon; where it has none, its end.
func (o *offer) behind(st *migration.Statement) migration.Position {
	at := st.End.Offset
	for at < len(o.m.Source) && strings.IndexByte(" \t\r\n", o.m.Source[at]) >= 0 {
		at++
	}
	if at < len(o.m.Source) && o.m.Source[at] == ';' {
		return o.m.PlaceOf(at + 1)
	}
	return st.End
}
