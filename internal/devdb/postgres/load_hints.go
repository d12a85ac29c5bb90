package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/migration"
)

// hints notes what the comments of a piece say about names before, with the
// schema that the server has put its object into.
func (l *loader) hints(ctx context.Context, p *piece) error {
	for _, d := range p.st.Directives {
		if d.Kind != migration.Was && d.Kind != migration.New {
			continue
		}
		kind := strings.ToLower(strings.TrimPrefix(p.st.Syntax.Tag, "CREATE "))
		if kind == "alter table" && len(p.st.Syntax.Objects) > 0 {
			kind = "table"
		}
		parts := nameParts(fullName(p.st))
		if len(parts) == 0 {
			continue
		}
		h := Hint{Pos: d.Pos, Kind: kind, Name: parts[len(parts)-1], Old: oldName(d.Reason), New: d.Kind == migration.New}
		switch {
		case len(parts) > 1:
			h.Schema = parts[len(parts)-2]
		case kind != "schema" && kind != "extension":
			here, err := query(ctx, l.r.conn, "SELECT pg_catalog.current_schema()")
			if err != nil {
				return fmt.Errorf("asking for the schema of %s:%d: %w", p.st.Pos.Path, p.st.Pos.Line, err)
			}
			h.Schema = here
		}
		if c := columnAt(p.st, d.Pos); c != "" {
			h.Kind, h.Column = "column", c
		}
		if kind == "type" {
			if label := labelAt(p, d.Pos); label != "" {
				h.Kind, h.Column = "label", label
			}
		}
		l.out.Hints = append(l.out.Hints, h)
	}
	return nil
}

func oldName(text string) string {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "*/"))
	parts := nameParts(strings.Trim(text, "'`"))
	if len(parts) == 0 || parts[len(parts)-1] == "" {
		return text
	}
	return strings.Join(parts, ".")
}

// columnAt is the column whose definition stands on the line of a comment, or
// below a comment that has a line for itself.
func columnAt(st *migration.Statement, at migration.Position) string {
	all := st.Syntax.Columns
	for _, a := range st.Syntax.Actions {
		if a.Column != nil {
			all = append(all, *a.Column)
		}
	}
	for _, c := range all {
		if c.Pos.Line <= at.Line && at.Line <= c.End.Line && c.Pos.Offset < at.Offset {
			return nameParts(c.Name)[0]
		}
	}
	for _, c := range all {
		if c.Pos.Line == at.Line+1 && at.Line > st.Pos.Line {
			return nameParts(c.Name)[0]
		}
	}
	return ""
}

var labelBefore = regexp.MustCompile(`'((?:[^']|'')*)'[\s,)]*(?:--|/\*)`)

// labelAt is the label of an enumeration that stands before a comment on its line.
func labelAt(p *piece, at migration.Position) string {
	lines := strings.Split(p.file.Source, "\n")
	if at.Line < 1 || at.Line > len(lines) || at.Line == p.st.Pos.Line && !strings.Contains(lines[at.Line-1], "'") {
		return ""
	}
	if m := labelBefore.FindStringSubmatch(lines[at.Line-1]); m != nil {
		return strings.ReplaceAll(m[1], "''", "'")
	}
	return ""
}
