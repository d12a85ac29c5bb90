package policy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
)

// Write is a table whose rows a statement may change, itself or by what it runs.
type Write struct {
	Table     string    `json:"table" jsonschema_description:"Qualified name."`
	Kind      string    `json:"kind" jsonschema_description:"What the statement does to it: insert, update, delete, truncate or merge; unknown if only the lock shows that it writes." jsonschema:"enum=insert,enum=update,enum=delete,enum=truncate,enum=merge,enum=unknown"`
	Named     bool      `json:"named" jsonschema_description:"The statement's text names the table beside the word; else the words stand elsewhere in it."`
	Migration string    `json:"migration"`
	Statement int       `json:"statement"`
	Location  *Location `json:"location"`
}

// The words of SQL that change rows, and the name that follows.
var writing = regexp.MustCompile(`(?is)\b(insert\s+into|update|delete\s+from|truncate|merge\s+into)(?:\s+table)?(?:\s+only)?\s+((?:"(?:[^"]|"")+"|[\w$]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\w$]+))?(?:\s*\*?\s*,\s*(?:only\s+)?(?:"(?:[^"]|"")+"|[\w$]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\w$]+))?)*)`)

var dmlTags = []string{"INSERT", "UPDATE", "DELETE", "TRUNCATE TABLE", "MERGE", "DO", "SELECT", "WITH", "CALL", "EXECUTE", "COPY"}

// writes finds the tables that a statement writes to: those on which the server
// took a lock for it. What it does to them its text says, also that of a DO block.
func writes(s *devdb.Step, x *Statement) []*Write {
	out := []*Write{}
	if !slices.Contains(dmlTags, x.Tag) {
		return out
	}
	named, words := verbsOf(s.Stmt.Text)
	add := func(table, kind string, isNamed bool) {
		w := &Write{Table: table, Kind: kind, Named: isNamed, Migration: x.Migration, Statement: x.Index, Location: x.Location}
		if !slices.ContainsFunc(out, func(o *Write) bool { return o.Table == w.Table && o.Kind == w.Kind }) {
			out = append(out, w)
		}
	}
	for i, locks := range [][]*Lock{x.Locks, x.Held} {
		for _, l := range locks {
			if l.New || !strings.HasSuffix(l.Kind, "table") || !slices.Contains([]string{"ROW EXCLUSIVE", "ACCESS EXCLUSIVE"}, l.Mode) {
				continue
			}
			_, bare, _ := strings.Cut(l.Object, ".")
			kinds := append(slices.Clone(named[l.Object]), named[bare]...)
			for _, k := range kinds {
				add(l.Object, k, true)
			}
			if len(kinds) > 0 || i == 1 { // a lock that is held may be that of an earlier statement
				continue
			}
			for _, k := range words {
				add(l.Object, k, false)
			}
			if len(words) == 0 && l.Mode == "ROW EXCLUSIVE" {
				add(l.Object, "unknown", false)
			}
		}
	}
	return out
}

// verbsOf are the kinds of writing in a text, by the name that follows, and all
// of them in order.
func verbsOf(text string) (named map[string][]string, all []string) {
	named = map[string][]string{}
	for _, m := range writing.FindAllStringSubmatch(text, -1) {
		kind := strings.ToLower(strings.Fields(m[1])[0])
		if !slices.Contains(all, kind) {
			all = append(all, kind)
		}
		for _, name := range strings.Split(m[2], ",") {
			parts := strings.Split(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(name), "*")), ".")
			for i, p := range parts {
				if p = strings.TrimSpace(p); strings.HasPrefix(p, `"`) {
					parts[i] = strings.ReplaceAll(strings.Trim(p, `"`), `""`, `"`)
				} else {
					parts[i] = strings.ToLower(strings.TrimPrefix(strings.ToLower(p), "only "))
				}
			}
			key := strings.Join(parts, ".")
			named[key] = append(named[key], kind)
		}
	}
	return named, all
}
