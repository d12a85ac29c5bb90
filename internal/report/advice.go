package report

import (
	"regexp"
	"strings"
)

// block is a part of an advice: prose, or SQL to copy.
type block struct {
	Code bool
	Text string
}

var sqlStart = regexp.MustCompile(`^(ALTER|ANALYZE|BEGIN|CALL|CLUSTER|COMMENT|COMMIT|CREATE|DELETE|DO|DROP|EXECUTE|GRANT|INSERT|LOCK|REFRESH|REINDEX|RESET|REVOKE|ROLLBACK|SELECT|SET|TRUNCATE|UPDATE|VACUUM|WITH) .*|^--`)

// adviceBlocks tells the lines of SQL in an advice from its sentences: SQL is
// indented, is a comment, or begins with a keyword in capitals and goes on to
// the semicolon.
func adviceBlocks(text string) []block {
	var out []block
	open := false   // within a statement that was not indented
	quoted := false // within the body of a block or function
	for _, line := range strings.Split(cut(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")), 8000), "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		starts := sqlStart.MatchString(line)
		code := open || starts || strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
		if starts || open {
			quoted = quoted != (strings.Count(line, "$$")%2 == 1)
			open = quoted || !strings.HasSuffix(strings.TrimSpace(line), ";") && !strings.HasPrefix(line, "--")
		}
		if n := len(out); code && n > 0 && out[n-1].Code {
			out[n-1].Text += "\n" + line
		} else {
			out = append(out, block{code, line})
		}
	}
	for i := range out {
		if out[i].Code {
			out[i].Text = dedent(out[i].Text)
		}
	}
	return out
}

// AdviceSQL is the SQL of an advice, as a reader would copy it.
func AdviceSQL(text string) string {
	var out []string
	for _, b := range adviceBlocks(text) {
		if b.Code {
			out = append(out, b.Text)
		}
	}
	return strings.Join(out, "\n")
}

// dedent takes away the indentation that all lines share.
func dedent(s string) string {
	lines := strings.Split(s, "\n")
	least := len(s)
	for _, l := range lines {
		least = min(least, len(l)-len(strings.TrimLeft(l, " ")))
	}
	for i, l := range lines {
		lines[i] = l[least:]
	}
	return strings.Join(lines, "\n")
}
