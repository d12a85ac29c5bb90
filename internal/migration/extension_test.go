package migration

import "testing"

func TestExtensionOf(t *testing.T) {
	for text, want := range map[string]Extension{
		`CREATE EXTENSION hstore`: {Name: "hstore"},
		`create extension if not exists "uuid-ossp" with schema "A b" cascade;`: {Name: "uuid-ossp", Schema: "A b", IfNotExists: true, Cascade: true},
		`CREATE EXTENSION x VERSION '1.2'`:                                      {Name: "x", Version: "1.2"},
		// A comment ends at a carriage return too.
		"CREATE EXTENSION --\rdblink SCHEMA --\nxml2": {Name: "dblink", Schema: "xml2"},
		`CREATE EXTENSION U&"\0064blink"`:             {Name: "dblink"},
		`CREATE EXTENSION /* xml2 */ dblink`:          {Name: "dblink"},
	} {
		if got, ok := ExtensionOf(text); !ok || got != want {
			t.Errorf("%s: %+v %v", text, got, ok)
		}
	}
	for _, text := range []string{`CREATE EXTENSION a; CREATE EXTENSION b`, `CREATE TABLE extension ()`, `CREATE EXTENSION`, ``} {
		if got, ok := ExtensionOf(text); ok {
			t.Errorf("%s: %+v", text, got)
		}
	}
}
