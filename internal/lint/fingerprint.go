package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// Fingerprints gives every finding of r, suppressed ones too, a fingerprint
// that says "the same finding as last time": made from the rule, the object,
// the statement's text without blanks and comments, and a number among equals.
// It does not depend on line numbers or on the file's name, so it survives
// edits elsewhere in the file and a renumbered migration. No two findings of a
// result share one. The text of a sensitive statement is left out: a hash of a
// short secret can be guessed.
func Fingerprints(r *Result) {
	all := slices.Clone(r.Findings)
	for _, s := range r.Suppressed {
		all = append(all, s.Finding)
	}
	// One order for both lists: a finding keeps its number when a directive
	// comes to suppress its twin.
	slices.SortStableFunc(all, compare)
	seen := map[string]int{}
	for _, f := range all {
		key := identity(r, f)
		n := seen[key]
		seen[key] = n + 1
		sum := sha256.Sum256([]byte(key + "\x00" + strconv.Itoa(n)))
		f.Fingerprint = hex.EncodeToString(sum[:8])
	}
}

func identity(r *Result, f *Finding) string {
	var text string
	_, s := r.At(f)
	switch {
	case f.Sensitive || s != nil && s.Sensitive:
		text = "sensitive"
	case s != nil:
		text = Normalize(s.Text)
	default: // about the file, or about one that is not new: the file is what it is about
		text = f.Path
	}
	return strings.Join([]string{f.ID, normalName(f.Object), text}, "\x00")
}

// normalName drops the quotes that PostgreSQL does not need, so that
// public."orders" and public.orders are one object.
func normalName(name string) string {
	if strings.ToLower(name) != name {
		return name
	}
	return strings.ReplaceAll(name, `"`, "")
}

// Normalize returns SQL text as fingerprints see it: without comments, blanks
// run together, lower case outside quotes, without a final semicolon.
func Normalize(sql string) string {
	var b strings.Builder
	space := false
	for i := 0; i < len(sql); {
		n, blank := token(sql[i:])
		part := sql[i : i+n]
		i += n
		if blank {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		if part[0] != '\'' && part[0] != '"' && part[0] != '$' && n > 0 && !(len(part) > 1 && part[1] == '\'') {
			part = strings.ToLower(part)
		}
		b.WriteString(part)
	}
	return strings.TrimRight(b.String(), "; ")
}

// token measures the piece of SQL that s starts with: a quoted string, a
// comment, a run of blanks, a word, or one other character. It never returns 0.
func token(s string) (n int, blank bool) {
	switch c := s[0]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		return run(s, func(c byte) bool { return strings.IndexByte(" \t\n\r\f\v", c) >= 0 }), true
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return i, true
		}
		return len(s), true
	case strings.HasPrefix(s, "/*"):
		return comment(s), true
	case c == '\'' || c == '"':
		return quoted(s, 0, false), false
	case (c == 'e' || c == 'E') && len(s) > 1 && s[1] == '\'':
		return quoted(s, 1, true), false
	case c == '$':
		return dollar(s), false
	case word(c):
		return run(s, func(c byte) bool { return word(c) || c == '$' }), false
	}
	return 1, false
}

func word(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func run(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

// comment measures a block comment; PostgreSQL's nest.
func comment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); {
		switch s[i : i+2] {
		case "/*":
			depth++
			i += 2
		case "*/":
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return len(s)
}

// quoted measures a string or name whose opening quote is at s[at].
func quoted(s string, at int, escapes bool) int {
	q := s[at]
	for i := at + 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == q && i+1 < len(s) && s[i+1] == q:
			i++
		case s[i] == q:
			return i + 1
		}
	}
	return len(s)
}

// dollar measures a dollar-quoted string, or just the sign if none starts here.
func dollar(s string) int {
	n := 1 + run(s[1:], word)
	if n >= len(s) || s[n] != '$' || n > 1 && s[1] >= '0' && s[1] <= '9' {
		return 1
	}
	tag := s[:n+1]
	if i := strings.Index(s[n+1:], tag); i >= 0 {
		return n + 1 + i + len(tag)
	}
	return len(s)
}
