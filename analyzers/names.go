package analyzers

import (
	"strings"

	"github.com/assaydb/assay/internal/migration"
)

// sqlIdent quotes an identifier where SQL needs it.
func sqlIdent(name string) string { return migration.QuoteIdent(name) }

// sqlName is a name as it is written in SQL: without the schema in public.
func sqlName(schemaName, name string) string {
	if schemaName == "public" || schemaName == "" {
		return sqlIdent(name)
	}
	return sqlIdent(schemaName) + "." + sqlIdent(name)
}

// listPlain joins phrases as people do; more than limit are counted.
func listPlain(items []string, limit int) string {
	if len(items) > limit {
		items = append(items[:limit:limit], plural(len(items)-limit, "more object"))
	}
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}
