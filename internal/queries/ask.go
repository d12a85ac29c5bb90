package queries

import (
	"regexp"
	"slices"
	"strings"
)

// session are the first words of statements that use no object of the
// application, which exports are full of.
var session = strings.Fields("SET RESET SHOW BEGIN START COMMIT END ABORT ROLLBACK SAVEPOINT RELEASE DISCARD DEALLOCATE LISTEN UNLISTEN NOTIFY CHECKPOINT FETCH MOVE CLOSE LOAD")

// asked are the first words of statements that can be prepared as they are.
var asked = strings.Fields("SELECT INSERT UPDATE DELETE MERGE WITH VALUES TABLE CALL")

const relationName = `((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))?)`

var (
	explain  = regexp.MustCompile(`(?is)^EXPLAIN\s*(?:\((?:[^()]|\([^()]*\))*\)|(?:ANALYZE\s+|VERBOSE\s+)*)\s*(.*)$`)
	copyOf   = regexp.MustCompile(`(?is)^COPY\s*\((.*)\)\s*TO\b`)
	copyRows = regexp.MustCompile(`(?is)^COPY\s+(?:BINARY\s+)?` + relationName + `\s*(?:\(([^()]*)\))?\s*(?:FROM|TO)\b`)
	createAs = regexp.MustCompile(`(?is)^CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:GLOBAL\s+|LOCAL\s+)?(?:TEMP|TEMPORARY)\s+|UNLOGGED\s+|MATERIALIZED\s+|RECURSIVE\s+)*(?:TABLE|VIEW)\s.*?\bAS\s+((?:SELECT|WITH|VALUES|TABLE|\()\b?.*)$`)
	noData   = regexp.MustCompile(`(?is)\s+WITH\s+(?:NO\s+)?DATA\s*$`)
	declare  = regexp.MustCompile(`(?is)^DECLARE\s.*?\bCURSOR\b(?:\s+WITH(?:OUT)?\s+HOLD)?\s+FOR\s+(.*)$`)
	prepared = regexp.MustCompile(`(?is)^PREPARE\s+\S+?\s*(?:\([^()]*\))?\s+AS\s+(.*)$`)
	refresh  = regexp.MustCompile(`(?is)^REFRESH\s+MATERIALIZED\s+VIEW\s+(?:CONCURRENTLY\s+)?` + relationName)
	locked   = regexp.MustCompile(`(?is)^(?:LOCK|TRUNCATE|ANALYZE|VACUUM|CLUSTER)\s+(?:TABLE\s+)?(?:ONLY\s+)?` + relationName)
)

// question is what of a statement can be prepared by a server: itself, the query
// inside of it, or one that needs the same objects; empty if there is no such.
func question(sql string) string {
	sql = strings.TrimRight(strings.TrimSpace(bare(sql)), ";")
	if slices.Contains(asked, strings.ToUpper(firstWord(sql))) {
		return normalized(sql)
	}
	if m := copyRows.FindStringSubmatch(sql); m != nil {
		if strings.TrimSpace(m[2]) == "" {
			return "SELECT * FROM " + m[1]
		}
		return "SELECT " + m[2] + " FROM " + m[1]
	}
	for _, inner := range []*regexp.Regexp{explain, copyOf, createAs, declare, prepared} {
		if m := inner.FindStringSubmatch(sql); m != nil {
			return question(noData.ReplaceAllString(m[1], ""))
		}
	}
	for _, of := range []*regexp.Regexp{refresh, locked} {
		if m := of.FindStringSubmatch(sql); m != nil {
			return "SELECT FROM " + m[1]
		}
	}
	return ""
}

// bare is a statement without the comments before it.
func bare(sql string) string {
	for {
		sql = strings.TrimSpace(sql)
		end := ""
		switch {
		case strings.HasPrefix(sql, "--"):
			end = "\n"
		case strings.HasPrefix(sql, "/*"):
			end = "*/"
		default:
			return sql
		}
		_, rest, ok := strings.Cut(sql, end)
		if !ok {
			return ""
		}
		sql = rest
	}
}

var (
	typedParam   = regexp.MustCompile(`(?i)\b(interval|date|timestamp|timestamptz|time|timestamp\s+with\s+time\s+zone)\s+(\$\d+)`)
	extractParam = regexp.MustCompile(`(?i)\bextract\s*\(\s*\$\d+\s+FROM\b`)
)

// normalized undoes what pg_stat_statements leaves of constants where grammar
// wants one: `interval $1` is no SQL.
func normalized(sql string) string {
	sql = typedParam.ReplaceAllString(sql, "$2::$1")
	return extractParam.ReplaceAllString(sql, "extract(epoch FROM")
}

// counts reports whether a statement of a file or an export is the
// application's use of its objects.
func counts(sql string) bool {
	w := strings.ToUpper(firstWord(sql))
	return w != "" && !slices.Contains(session, w)
}
