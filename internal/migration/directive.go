package migration

import (
	"regexp"
	"strings"
)

// directiveWords match the start of a comment's line that asks for something.
// The group "rest" is what follows.
var directiveWords = regexp.MustCompile(`(?i)^(?:` +
	`(?P<assay>assay\s*:\s*(?:ignore(?P<file>-file)?|(?P<as>sensitive)))|` +
	`(?P<atlas>atlas\s*:\s*(?:nolint|(?P<ts>sensitive)))|` +
	`(?P<squawk>squawk-ignore(?P<sfile>-file)?)|` +
	`(?P<eugene>eugene\s*:\s*ignore)` +
	`)(?P<rest>$|[\s:].*)`)

var checkList = regexp.MustCompile(`^[\w.-]+(?:\s*,\s*[\w.-]+)*`)

// directivesIn reads the directives of one comment. at gives the position of
// an offset in the comment.
func directivesIn(comment string, at func(offset int) Position) []Directive {
	if !mayDirect(comment) {
		return nil
	}
	var out []Directive
	for offset := 0; offset < len(comment); {
		line := comment[offset:]
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
		}
		body := strings.TrimLeft(line, "-/* \t")
		start := offset + len(line) - len(body)
		offset += len(line) + 1
		body = strings.TrimRight(strings.TrimSuffix(strings.TrimSpace(body), "*/"), " \t\r")
		if d, ok := directive(body); ok {
			d.Pos = at(start)
			d.Text = strings.TrimSpace(line)
			out = append(out, d)
		}
	}
	return out
}

// mayDirect is a cheap no for nearly every comment.
func mayDirect(comment string) bool {
	for _, w := range []string{"ignore", "nolint", "sensitive", "IGNORE", "NOLINT", "SENSITIVE", "Ignore", "Nolint", "Sensitive", "assay:", "@rename"} {
		if strings.Contains(comment, w) {
			return true
		}
	}
	return false
}

// schemaWords are the comments of schema files: what an object was called
// before, that it is new, and that the file holds rows.
var schemaWords = regexp.MustCompile(`(?i)^(?:assay\s*:\s*was\s+|@renamed?\s+from\s*=\s*)(?P<old>\S.*)$|^assay\s*:\s*(?P<word>data|new)\s*$`)

func directive(body string) (Directive, bool) {
	if m := schemaWords.FindStringSubmatch(body); m != nil {
		d := Directive{Kind: Was, Tool: "assay", Reason: m[1]}
		switch {
		case strings.EqualFold(m[2], "data"):
			d.Kind, d.File = Data, true
		case m[2] != "":
			d.Kind = New
		case strings.HasPrefix(body, "@"):
			d.Tool = "sqldef"
		}
		return d, true
	}
	m := directiveWords.FindStringSubmatch(body)
	if m == nil {
		return Directive{}, false
	}
	group := func(name string) string { return m[directiveWords.SubexpIndex(name)] }
	rest := strings.TrimSpace(group("rest"))
	d := Directive{Kind: Ignore}
	switch {
	case group("as") != "", group("ts") != "":
		d.Kind = Sensitive
		d.Tool = "assay"
		if group("ts") != "" {
			d.Tool = "atlas"
		}
		d.Reason = reason(rest)
	case group("assay") != "":
		d.Tool, d.File = "assay", group("file") != ""
		d.Checks, d.Reason = checksThenReason(rest)
	case group("atlas") != "":
		d.Tool = "atlas"
		d.Checks = strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
	case group("squawk") != "":
		d.Tool, d.File = "squawk", group("sfile") != ""
		d.Checks, d.Reason = checksThenReason(rest)
	default:
		d.Tool = "eugene"
		d.Checks, d.Reason = checksThenReason(rest)
	}
	return d, true
}

// checksThenReason reads "LK101, LK102 because …".
func checksThenReason(s string) (checks []string, why string) {
	s = strings.TrimLeft(s, ": \t")
	list := checkList.FindString(s)
	for _, c := range strings.Split(list, ",") {
		if c = strings.TrimSpace(c); c != "" {
			checks = append(checks, c)
		}
	}
	return checks, reason(s[len(list):])
}

func reason(s string) string { return strings.TrimSpace(strings.TrimLeft(s, "-–—:, \t")) }
