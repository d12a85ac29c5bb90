package main

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// fitDump leaves out of a dump what an older server does not know and nobody
// misses: pg_dump 17 and later sets transaction_timeout at the head of each
// dump, whatever server it dumps, and psql goes on after the error.
func fitDump(dump *migration.Migration, server devdb.Version) {
	if dump == nil || server.Major() >= 17 {
		return
	}
	for _, st := range dump.Statements {
		if st.Syntax.Set != nil && st.Syntax.Set.Name == "transaction_timeout" {
			st.Kind, st.SkipReason = migration.Skip, "PostgreSQL before 17 has no transaction_timeout"
		}
	}
}

var dumpedFrom = regexp.MustCompile(`(?m)^-- Dumped from database version (\d+)`)

// newerDump tells what to do where the server refused a statement of a dump
// that was made of a later major; empty where that is not so.
func newerDump(dump *migration.Migration, refused *devdb.StatementError, server devdb.Version) string {
	if dump == nil || dump.Path != refused.Statement.Pos.Path {
		return ""
	}
	m := dumpedFrom.FindStringSubmatch(dump.Source)
	if m == nil {
		return ""
	}
	if major, err := strconv.Atoi(m[1]); err != nil || major <= server.Major() {
		return ""
	}
	return fmt.Sprintf("%s was dumped from PostgreSQL %s, this server is %d: run with --postgres %s, or write postgres: %s into assay.yaml", dump.Path, m[1], server.Major(), m[1], m[1])
}
