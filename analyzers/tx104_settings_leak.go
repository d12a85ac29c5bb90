package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

var settingsLeak = &Analyzer{
	Rule: lint.Rule{
		ID: "TX104", Name: "setting-leaks", Title: "a session setting leaks into later migrations and the migration tool", Severity: lint.Warning,
		Hazards: []string{"X05"},
	},
	Run: func(p *Pass) {
		for _, m := range p.New {
			// psql, which these formats are run with, has a session for each file.
			if m.Format == migration.Plain || m.Format == migration.Sqitch {
				continue
			}
			hidden := p.hidesLedger(m)
			if hidden != nil {
				p.Report(At{Migration: m, Step: hidden}, ledgerHidden(m, hidden))
			}
			for i, s := range m.Steps {
				if s == hidden {
					continue
				}
				set := s.Stmt.Syntax.Set
				if (s.Err == nil || s.Err.Code == notAllowed) && set != nil && !set.Local && !set.Reset && leaking[set.Name] != "" && !setBack(m.Steps[i+1:], set.Name) {
					p.Report(At{Migration: m, Step: s}, leak(m, s, set))
				}
			}
		}
	},
}

// notAllowed is what the server says of a role that may be another's to take:
// who migrates production may well be allowed to.
const notAllowed = "42501"

// hidesLedger gives the step that leaves a search_path with which the tool does
// not find its own table when it records the migration, nil if none does. Where
// a merged migration does the same the team's table is found some other way.
func (p *Pass) hidesLedger(m *devdb.Recorded) *devdb.Step {
	if m.Format.Ledger() == "" {
		return nil
	}
	st := lastPath(m.Migration)
	if st == nil || publicInPath.MatchString(st.Syntax.Set.Value) || slices.ContainsFunc(p.Base, func(b *migration.Migration) bool {
		o := lastPath(b)
		return o != nil && !publicInPath.MatchString(o.Syntax.Set.Value)
	}) {
		return nil
	}
	i := slices.IndexFunc(m.Steps, func(s *devdb.Step) bool { return s.Stmt == st && s.Err == nil })
	if i < 0 {
		return nil
	}
	return m.Steps[i]
}

var publicInPath = regexp.MustCompile(`(?i)(?:^|[\s,'"])public(?:$|[\s,'"])`)

// lastPath is the statement whose search_path is in force at the end of the
// file, nil if it is that of the session.
func lastPath(m *migration.Migration) *migration.Statement {
	var last *migration.Statement
	inTx := m.TxMode != migration.TxNone
	for _, st := range m.Statements {
		switch x := st.Syntax; {
		case x.Transaction == "BEGIN":
			inTx = true
		case x.Transaction == "COMMIT" || x.Transaction == "ROLLBACK":
			if inTx = false; last != nil && (last.Syntax.Set.Local || x.Transaction == "ROLLBACK") {
				last = nil
			}
		case strings.HasPrefix(x.Tag, "DISCARD") || x.Set != nil && x.Set.Reset && (x.Set.Name == "all" || x.Set.Name == "search_path"):
			last = nil
		case x.Set != nil && x.Set.Name == "search_path" && (inTx || !x.Set.Local):
			last = st
		}
	}
	return last
}

func ledgerHidden(m *devdb.Recorded, s *devdb.Step) lint.Finding {
	set := s.Stmt.Syntax.Set
	until := "stays set on the connection"
	if set.Local {
		until = "holds until the end of the transaction"
	}
	return lint.Finding{
		Severity: lint.Error, Confidence: lint.Inferred, Object: set.Name,
		Message: fmt.Sprintf("search_path %s, and %s records the migration with it: its table %s is not found, and the migration fails", until, m.Format, m.Format.Ledger()),
		Evidence: []lint.Evidence{{Kind: "setting", Text: fmt.Sprintf("search_path = %s when %s writes into %s, whose name it gives without a schema",
			valueText(set.Value), m.Format, m.Format.Ledger())}},
		Advice: "End the file with the old value:\n\nRESET search_path;",
	}
}

// leaking are the settings that change what later statements mean, and what
// then goes wrong. Timeouts are not among them: they are there to protect.
var leaking = map[string]string{
	"search_path":                   "unqualified names refer to other objects, even in the tool's own queries",
	"role":                          "later objects are owned by that role",
	"session_authorization":         "later statements run as that user",
	"session_replication_role":      "later statements run without triggers and foreign keys",
	"row_security":                  "later statements see other rows",
	"timezone":                      "later statements read and write times in another time zone",
	"datestyle":                     "later statements parse dates differently",
	"default_transaction_isolation": "later transactions run at another isolation level",
	"default_transaction_read_only": "later transactions cannot write",
	"check_function_bodies":         "later function bodies are not checked",
	"standard_conforming_strings":   "later string literals are parsed differently",
	"default_tablespace":            "later tables are created in that tablespace",
	"default_table_access_method":   "later tables are created with that access method",
	"client_encoding":               "later text is interpreted in that encoding",
}

func leak(m *devdb.Recorded, s *devdb.Step, set *migration.Setting) lint.Finding {
	f := lint.Finding{
		Object: set.Name, Message: fmt.Sprintf("%s stays set on the connection: %s", set.Name, leaking[set.Name]),
		Evidence: []lint.Evidence{{Kind: "setting", Text: fmt.Sprintf("%s = %s until the connection closes", set.Name, valueText(set.Value))}},
		Advice:   fmt.Sprintf("Reset it at the end of the file:\n\nRESET %s;", set.Name),
	}
	if s.InTx && m.TxMode != migration.TxAll {
		f.Advice = fmt.Sprintf("Limit it to the transaction:\n\nSET LOCAL %s = %s;", set.Name, valueText(set.Value))
	}
	return f
}

func valueText(v string) string {
	if v == "" {
		return "''"
	}
	return v
}

// setBack reports whether a later step resets the setting.
func setBack(steps []*devdb.Step, name string) bool {
	for _, s := range steps {
		x := s.Stmt.Syntax
		if x.Set != nil && !x.Set.Local && (x.Set.Name == name || x.Set.Name == "all" && x.Set.Reset) && (x.Set.Reset || name != "search_path" || x.Set.Value != "") {
			return true
		}
		if x.Tag == "DISCARD" || x.Tag == "DISCARD ALL" || s.Tag == "DISCARD ALL" {
			return true
		}
	}
	return false
}
