package integrations

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// joiner is an invisible character that ends a word for the hosts' parsers.
const joiner = "\u2060"

var (
	special = regexp.MustCompile("[\\\\`*_{}\\[\\]()<>#+|~!$^=]")
	// What the hosts make links of: people, numbers of issues and merge requests,
	// labels, milestones, addresses, emoji.
	reference = regexp.MustCompile(`[@#!~%&$][\p{L}\p{N}"_]|:[a-z0-9_+-]+:|://|\bwww\.|\b(?i:GH|GL)-\d`)
)

// Text makes a text of others' making harmless on one line of Markdown: it
// shows as it is, and is no markup, mention, reference or link.
func Text(s string) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	s = reference.ReplaceAllStringFunc(s, func(m string) string {
		switch {
		case m == "://":
			return ":" + joiner + "//"
		case strings.HasPrefix(m, "www"):
			return "www" + joiner + "."
		case m[0] == ':':
			return ":" + joiner + m[1:]
		case m[0] >= 'A' && m[0] <= 'z':
			return m[:2] + joiner + m[2:]
		}
		return m[:1] + joiner + m[1:]
	})
	s = strings.ReplaceAll(s, "&", "&amp;")
	s = special.ReplaceAllStringFunc(s, func(c string) string {
		switch c {
		case "<":
			return "&lt;"
		case ">":
			return "&gt;"
		}
		return `\` + c
	})
	switch {
	case strings.HasPrefix(s, "-"), strings.HasPrefix(s, "="):
		s = `\` + s
	case strings.HasPrefix(s, "/"): // GitLab carries out lines such as /close
		s = "&#47;" + s[1:]
	}
	return commit.ReplaceAllStringFunc(s, func(m string) string { return m[:6] + joiner + m[6:] })
}

// commit matches what the hosts take for a commit's name.
var commit = regexp.MustCompile(`\b[0-9a-f]{7,40}\b`)

// command matches a line that GitLab may carry out, also within a fence whose
// end it sees elsewhere.
var command = regexp.MustCompile(`(?m)^/[a-z]`)

// Code is a code span that shows s, whatever s holds.
func Code(s string) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	f := strings.Repeat("`", longest(s, '`')+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || s == "" {
		s = " " + s + " "
	}
	return f + s + f
}

// Plain is a text of others' making for a place without markup, such as an
// annotation: what it has shows, no more than limit bytes of it, and nothing in
// it is a command of a CI's runner.
func Plain(s string, limit int) string {
	return strings.ReplaceAll(printable(shorten(s, limit)), "##", "#"+joiner+"#")
}

// Fenced is a fenced block that shows text, whatever it holds. Lines that look
// like commands of GitLab's are indented by a blank, and HTML comments, which
// may be somebody's marker, are broken up; not so in a suggestion, whose text is
// taken as it is.
func Fenced(info, text string) string {
	f := strings.Repeat("`", max(3, longest(text, '`')+1))
	if !strings.HasPrefix(info, "suggestion") {
		text = strings.ReplaceAll(text, "<!--", "<!"+joiner+"--")
	}
	text = command.ReplaceAllString(text, " $0")
	return f + info + "\n" + strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n") + "\n" + f + "\n"
}

func longest(s string, c byte) int {
	best, n := 0, 0
	for i := range len(s) {
		if s[i] == c {
			n++
			best = max(best, n)
			continue
		}
		n = 0
	}
	return best
}

// printable replaces what does not show, or turns the direction of what does.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r':
			return r
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Cf, r):
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// Cut shortens a body to limit bytes on a line's end, closes what is open
// there and says so; more is added to the notice: where the rest is.
func Cut(body string, limit int, more string) string {
	if len(body) <= limit {
		return body
	}
	notice := "\n_The rest is left out: the comment would be longer than the host allows._"
	if more != "" {
		notice += " " + more
	}
	notice += "\n"
	const reserve = 600 // closing tags
	room := limit - len(notice) - reserve
	var out strings.Builder
	fence, folds := "", 0
	for line := range strings.Lines(body) {
		if out.Len()+len(line) > room {
			break
		}
		out.WriteString(line)
		t := strings.TrimSpace(line)
		switch {
		case fence != "":
			if strings.HasPrefix(t, fence) && strings.Trim(t, "`") == "" {
				fence = ""
			}
		case strings.HasPrefix(t, "```"):
			fence = t[:len(t)-len(strings.TrimLeft(t, "`"))]
		default:
			folds += strings.Count(line, "<details") - strings.Count(line, "</details>")
		}
	}
	if fence != "" {
		fmt.Fprintf(&out, "%s\n", fence)
	}
	for range min(max(folds, 0), 20) {
		out.WriteString("\n</details>\n")
	}
	return out.String() + notice
}
