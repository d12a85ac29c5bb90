package migration

import (
	"encoding/json"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Extension is what a CREATE EXTENSION asks for.
type Extension struct {
	Name, Schema, Version string // Schema and Version are empty if none is named
	IfNotExists, Cascade  bool
}

// ExtensionOf reads a CREATE EXTENSION as the server does. False for any other
// text, and for one that holds more than that statement.
func ExtensionOf(text string) (Extension, bool) {
	out, err := pg_query.ParseToJSON(text)
	if err != nil {
		return Extension{}, false
	}
	type value struct {
		String  *struct{ Sval string }
		Boolean *struct{ Boolval bool }
	}
	var tree struct {
		Stmts []struct {
			Stmt struct {
				CreateExtensionStmt *struct {
					Extname     string
					IfNotExists bool `json:"if_not_exists"`
					Options     []struct {
						DefElem struct {
							Defname string
							Arg     value
						}
					}
				}
			}
		}
	}
	if json.Unmarshal([]byte(out), &tree) != nil || len(tree.Stmts) != 1 || tree.Stmts[0].Stmt.CreateExtensionStmt == nil {
		return Extension{}, false
	}
	s := tree.Stmts[0].Stmt.CreateExtensionStmt
	e := Extension{Name: s.Extname, IfNotExists: s.IfNotExists}
	for _, o := range s.Options {
		arg := ""
		if o.DefElem.Arg.String != nil {
			arg = o.DefElem.Arg.String.Sval
		}
		switch o.DefElem.Defname {
		case "schema":
			e.Schema = arg
		case "new_version":
			e.Version = arg
		case "cascade":
			e.Cascade = true
		}
	}
	return e, true
}
