package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

var cascadeDrop = &Analyzer{
	Rule: lint.Rule{
		ID: "DS105", Name: "cascade-drop", Title: "objects that fall with CASCADE and are not named", Severity: lint.Error,
		Hazards: []string{"D02", "C17", "F11", "F22", "F29", "F30"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			var fell []devdb.Dropped
			named := ""
			for _, d := range s.Dropped {
				switch {
				case d.Original && named == "":
					named = d.Name
				case !d.Original && d.Normal && p.existed(d):
					fell = append(fell, d)
				}
			}
			if len(fell) == 0 {
				continue
			}
			p.Report(At{Migration: m, Step: s}, cascadeFinding(named, fell))
		}
	},
}

func cascadeFinding(named string, fell []devdb.Dropped) lint.Finding {
	f := lint.Finding{Object: named}
	var names []string
	for _, d := range fell {
		names = append(names, d.Kind+" "+short(d.Name))
		chain := d.Via
		text := d.Kind + " " + d.Name + " falls"
		if len(chain) > 1 {
			text += ": " + strings.Join(chain, " → ")
		}
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "dropped", Text: text, Object: d.Name, Chain: chain})
	}
	f.Message = fmt.Sprintf("CASCADE also drops %s", listPlain(names, 4))
	if named != "" {
		f.Message = fmt.Sprintf("dropping %s with CASCADE also drops %s", quote(named), listPlain(names, 4))
	}
	f.Advice = "Drop or change each of them by name first, in the order of the chain, so that the reviewer sees what goes:\n"
	for i := len(fell) - 1; i >= 0; i-- {
		if sql := dropSQL(fell[i]); sql != "" {
			f.Advice += "\n" + sql
		}
	}
	return f
}

// existed reports whether a dropped object was there before the change.
func (p *Pass) existed(d devdb.Dropped) bool {
	return p.Before.Has(d.Ref)
}

func dropSQL(d devdb.Dropped) string {
	switch d.Kind {
	case "view", "materialized view", "function", "procedure", "type", "sequence", "foreign table", "table", "index":
		return "DROP " + strings.ToUpper(d.Kind) + " " + short(d.Name) + ";"
	}
	return ""
}
