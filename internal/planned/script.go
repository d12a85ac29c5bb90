// Package planned makes plans on a server: it loads the two schemas, has the
// way between them planned, runs the very text that is given out, and proves
// what it does.
package planned

import (
	"fmt"
	"strings"
	"testing/fstest"

	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
)

// Line is one statement of a script, of the plan or around it.
type Line struct {
	SQL   string
	Of    *plan.Statement // nil for BEGIN and COMMIT
	Group int             // what is committed together has the same number, from 0
}

// Script writes the statements of a plan as psql runs them: what belongs
// together between BEGIN and COMMIT, what must be committed by itself alone.
func Script(p *plan.Plan) []Line {
	var out []Line
	group, open := 0, false
	for i := range p.Statements {
		st := &p.Statements[i]
		if st.Alone && open {
			out = append(out, Line{SQL: "COMMIT", Group: group})
			group, open = group+1, false
		}
		if !st.Alone && !open {
			out = append(out, Line{SQL: "BEGIN", Group: group})
			open = true
		}
		out = append(out, Line{SQL: st.SQL, Of: st, Group: group})
		if st.Alone {
			group++
		}
	}
	if open {
		out = append(out, Line{SQL: "COMMIT", Group: group})
	}
	return out
}

// unnamed takes the role of the dev server out of a plan's default privileges:
// they are those of whoever runs the plan.
func unnamed(p *plan.Plan, role string) *plan.Plan {
	for i, st := range p.Statements {
		if st.Object.Class != plan.DefaultACL {
			continue
		}
		for _, name := range []string{role, `"` + role + `"`} {
			p.Statements[i].SQL = strings.ReplaceAll(p.Statements[i].SQL, "ALTER DEFAULT PRIVILEGES FOR ROLE "+name+" ", "ALTER DEFAULT PRIVILEGES ")
		}
	}
	return p
}

// Text is a script as a file.
func Text(lines []Line) string {
	var b strings.Builder
	for i, l := range lines {
		if i > 0 && lines[i-1].Group != l.Group {
			b.WriteByte('\n')
		}
		b.WriteString(strings.TrimRight(l.SQL, "; \n"))
		b.WriteString(";\n")
	}
	return b.String()
}

// file is a script as something that can be run.
func file(text string) (*migration.Migration, error) {
	m, err := migration.LoadScript(fstest.MapFS{"plan.sql": {Data: []byte(text)}}, "plan.sql", migration.Options{})
	if err != nil {
		return nil, fmt.Errorf("reading the plan's own text: %w", err)
	}
	return m, nil
}
