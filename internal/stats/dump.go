package stats

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	restoreCall = regexp.MustCompile(`(?s)pg_restore_(relation|attribute)_stats\((.*?)\n\);`)
	pair        = regexp.MustCompile(`(?s)^\s*'([a-z_]+)',\s*E?'((?:[^'\\]|''|\\.)*)'(?:::[a-z ]+(?:\[\])?)?\s*,?`)
	dumpVersion = regexp.MustCompile(`(?m)^-- Dumped from database version ([0-9.]+)`)
)

// FromDump reads what `pg_dump --statistics-only` of PostgreSQL 18 writes.
// taken is the day it was written.
func FromDump(name, text, taken string) (*Stats, error) {
	s := &Stats{Format: Format, Taken: taken, Source: "pg_dump --statistics-only", Tables: []*Table{}}
	if m := dumpVersion.FindStringSubmatch(text); m != nil {
		s.Server.Version = m[1]
	}
	calls := restoreCall.FindAllStringSubmatch(text, -1)
	if len(calls) == 0 {
		return nil, fmt.Errorf("%s: holds no statistics: write it with pg_dump --statistics-only of PostgreSQL 18 or later, in plain format", name)
	}
	tables := map[string]*Table{}
	whole := map[*Table][]*Column{} // columns with those of the partitions
	for _, c := range calls {
		args := arguments(c[2])
		if args["relname"] == "" || c[1] != "relation" && args["attname"] == "" {
			return nil, fmt.Errorf("%s: statistics of a table or a column without a name: write them again with pg_dump --statistics-only", name)
		}
		key := args["schemaname"] + "\x00" + args["relname"]
		t := tables[key]
		if t == nil {
			t = &Table{Schema: args["schemaname"], Name: args["relname"]}
			tables[key] = t
			s.Tables = append(s.Tables, t)
		}
		if c[1] == "relation" {
			pages, _ := strconv.ParseInt(args["relpages"], 10, 64) // absent: 0
			rows, _ := strconv.ParseFloat(args["reltuples"], 64)
			pages = max(0, pages) // a partitioned table has -1
			t.Rows, t.Bytes, t.TotalBytes = int64(rows), pages*8192, pages*8192
			continue
		}
		col := &Column{Name: args["attname"]}
		col.Nulls, _ = strconv.ParseFloat(args["null_frac"], 64)
		col.Distinct, _ = strconv.ParseFloat(args["n_distinct"], 64)
		col.Width, _ = strconv.Atoi(args["avg_width"])
		col.Unique = col.LooksUnique()
		if args["inherited"] != "t" {
			t.Columns = append(t.Columns, col)
		} else {
			whole[t] = append(whole[t], col)
		}
	}
	for t, columns := range whole {
		if len(t.Columns) == 0 { // a partitioned table has none of its own
			t.Columns = columns
		}
	}
	s.sort()
	return s, nil
}

// arguments reads the name, value pairs of a call. Values are taken of the few
// names that are wanted; those that hold data are passed over.
func arguments(text string) map[string]string {
	out := map[string]string{}
	for {
		m := pair.FindStringSubmatch(text)
		if m == nil {
			return out
		}
		switch m[1] {
		case "schemaname", "relname", "relpages", "reltuples", "attname", "inherited", "null_frac", "avg_width", "n_distinct":
			out[m[1]] = strings.ReplaceAll(m[2], "''", "'")
		}
		text = text[len(m[0]):]
	}
}
