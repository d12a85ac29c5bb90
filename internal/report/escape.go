package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Everything that comes from a migration, a policy or a person goes into
// Markdown and Mermaid through one of the functions of this file, one for each
// kind of place. Hosts add to Markdown: they turn @name, #1, !1, ~label, full
// addresses and commit ids into links, :name: into pictures, $x$ into formulas
// and lines such as /close into commands, partly after the Markdown has been
// rendered, where a backslash no longer helps. So those are broken up with a
// zero-width space, which shows as nothing.
const zeroWidth = "\u200b"

// mdText is text within a paragraph or a table cell, on one line.
func mdText(s string, limit int) string {
	s = oneLine(s, limit)
	var b strings.Builder
	for i, r := range s {
		switch r {
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '|':
			b.WriteString("&#124;")
		case '\\', '`', '*', '[', ']', '{', '}':
			fmt.Fprintf(&b, "&#%d;", r)
		case '_':
			if inWord(s, i) {
				b.WriteByte('_')
			} else {
				b.WriteString("&#95;")
			}
		case '@', '#', '!', '~', '$', '%', '^':
			fmt.Fprintf(&b, "&#%d;", r)
			b.WriteString(zeroWidth)
		case ':':
			b.WriteString(":")
			if next(s, i) != ' ' {
				b.WriteString(zeroWidth)
			}
		case '/':
			if i == 0 {
				b.WriteString("&#47;" + zeroWidth)
			} else {
				b.WriteByte('/')
			}
		case '-', '+', '=':
			if i == 0 || s[i-1] == byte(r) {
				fmt.Fprintf(&b, "&#%d;", r)
			} else {
				b.WriteRune(r)
			}
		case '.', ')':
			b.WriteRune(r)
			if w := lastWord(s[:i]); strings.HasSuffix(strings.ToLower(w), "www") || i > 0 && w == s[:i] && isDigits(w) {
				out := strings.TrimSuffix(b.String(), string(r))
				b.Reset()
				b.WriteString(out + fmt.Sprintf("&#%d;", r) + zeroWidth)
			}
		default:
			b.WriteRune(r)
		}
	}
	return breakHex(b.String())
}

func inWord(s string, i int) bool {
	return i > 0 && i+1 < len(s) && word(s[i-1]) && word(s[i+1])
}

func word(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func next(s string, i int) byte {
	if i+1 < len(s) {
		return s[i+1]
	}
	return ' '
}

func lastWord(s string) string {
	i := len(s)
	for i > 0 && word(s[i-1]) {
		i--
	}
	return s[i:]
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// breakHex breaks runs of 7 and more hexadecimal digits that hold a letter and
// a digit: hosts take them for commit ids.
func breakHex(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 0
		for i+n < len(s) && (s[i+n] >= '0' && s[i+n] <= '9' || s[i+n] >= 'a' && s[i+n] <= 'f') {
			n++
		}
		if n >= 7 && strings.ContainsAny(s[i:i+n], "0123456789") {
			b.WriteString(s[i:i+4] + zeroWidth)
			i += 4
			continue
		}
		if n == 0 {
			n = 1
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return b.String()
}

// mdCode is a name or a short piece of SQL in a code span, also in a table
// cell. Hosts make no links within one.
func mdCode(s string, limit int) string {
	s = oneLine(s, limit)
	if s == "" {
		return ""
	}
	if strings.IndexFunc(s, func(r rune) bool { return !plainInCode(r) }) < 0 && strings.TrimSpace(s) == s {
		return "`" + s + "`"
	}
	return htmlCode(s, limit)
}

func plainInCode(r rune) bool {
	return r >= utf8.RuneSelf || word(byte(r)) || strings.ContainsRune(` _.,:;()"'=+-/?*[]`, r)
}

// mdBreakable is mdCode that a narrow table cell may break, which it may at
// hyphens and blanks alone otherwise.
func mdBreakable(s string, limit int) string {
	if len(s) <= 24 {
		return mdCode(s, limit)
	}
	return breakable.Replace(htmlCode(s, limit))
}

var breakable = strings.NewReplacer("&#95;", "&#95;<wbr>", "&#47;", "&#47;<wbr>")

// htmlCode is the same as an HTML element, for the places where Markdown is
// not read (a <summary>) and for text that a code span cannot hold.
func htmlCode(s string, limit int) string {
	return "<code>" + entities(oneLine(s, limit)) + "</code>"
}

// entities writes all ASCII punctuation but the harmless as entities, so that
// neither HTML nor Markdown finds anything in it. Addresses are broken up too:
// GitHub's Markdown links them within HTML elements.
func entities(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r >= utf8.RuneSelf || word(byte(r)) || strings.ContainsRune(" ,()", r) || r == '.' && !strings.HasSuffix(strings.ToLower(lastWord(s[:i])), "www") {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, "&#%d;", r)
		if r == '@' || r == '#' || r == '.' || r == ':' && next(s, i) == '/' {
			b.WriteString(zeroWidth)
		}
	}
	return b.String()
}

// mdLink is a link, or just its label if there is no address that can be one.
// The label is Markdown that another function of this file made.
func mdLink(label, address string) string {
	if address = webURL(address); address == "" {
		return label
	}
	return "[" + label + "](" + address + ")"
}

// mdFence is a block of code, fenced by more backticks than it holds.
func mdFence(lang, s string) string {
	s = strings.Trim(visible(s), "\n")
	ticks := "```"
	for strings.Contains(s, ticks) {
		ticks += "`"
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if len(l) > 1 && l[0] == '/' && word(l[1]) { // GitLab carries out lines such as /close
			l = " " + l
		}
		// A marker of ours in the text must not be found by whoever looks for one.
		lines[i] = inert(strings.ReplaceAll(l, "<!--", "<!"+zeroWidth+"--"))
	}
	return ticks + lang + "\n" + strings.Join(lines, "\n") + "\n" + ticks + "\n"
}

// mermaidText is a label between double quotes: letters, digits and a few
// signs that no version of Mermaid gives a meaning to.
func mermaidText(s string) string {
	s = oneLine(s, 60)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r >= utf8.RuneSelf || word(byte(r)) || strings.ContainsRune(" _.()", r):
			return r
		}
		return '_'
	}, s)) + onlyIf(s == "", "_")
}

// mermaidWord is the type or the name of an attribute in an ER diagram: one
// word that begins with a letter.
func mermaidWord(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf && word(byte(r)), r == '_', r == '(', r == ')', r == '[', r == ']':
			return r
		}
		return '_'
	}, oneLine(s, 40))
	if s == "" || s[0] != '_' && (s[0] < 'A' || s[0] > 'z' || s[0] == '[' || s[0] == ']') {
		s = "_" + s
	}
	return s
}

func onlyIf(yes bool, s string) string {
	if yes {
		return s
	}
	return ""
}
