package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible makes characters that a reader cannot see, or that would act on a
// terminal, into escapes: control characters, bidi controls, invalid UTF-8.
// Newlines and tabs stay.
func visible(s string) string {
	clean := true
	for _, r := range s {
		if hidden(r) || r == utf8.RuneError {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\r' && i+1 < len(s) && s[i+1] == '\n': // CRLF is a line end
		case hidden(r):
			if r < 0x80 {
				fmt.Fprintf(&b, `\x%02x`, r)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// hidden tells characters that do not show or that reorder what is around
// them: controls, and Unicode's format characters (bidi, zero width) but the
// joiners that emoji and some scripts need.
func hidden(r rune) bool {
	if r == '\n' || r == '\t' || r == '\u200c' || r == '\u200d' {
		return false
	}
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' ||
		unicode.Is(unicode.Noncharacter_Code_Point, r)
}

// oneLine is visible text on a single line, blanks run together, cut at limit
// characters.
func oneLine(s string, limit int) string {
	return cut(visible(strings.Join(strings.Fields(s), " ")), limit)
}

// cut shortens s to limit characters, saying how much is left out.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	n := utf8.RuneCountInString(s)
	if n <= limit {
		return s
	}
	r := []rune(s)
	return string(r[:limit]) + fmt.Sprintf("… (%d more characters)", n-limit)
}

// runnerCommand matches the old style of commands that CI runners look for
// anywhere in a line: ##[error], ##vso[…], ##teamcity[….
var runnerCommand = regexp.MustCompile(`##(\w*)\[`)

// workflowCommand matches GitHub's own: ::error file=a::text. A line of SQL
// that begins with a cast has no second pair of colons.
var workflowCommand = regexp.MustCompile(`^::[^:]*::`)

// inert keeps a line of terminal output from being taken for a command by the
// CI runner that prints it: GitHub's ::error, Azure's and TeamCity's ##….
func inert(line string) string {
	if strings.Contains(line, "##") {
		line = runnerCommand.ReplaceAllString(line, `##\$1[`)
	}
	if rest := strings.TrimLeftFunc(line, unicode.IsSpace); workflowCommand.MatchString(rest) {
		line = line[:len(line)-len(rest)] + `\` + rest
	}
	return line
}

// Harmless gives a writer for text that people read on a terminal or in the log
// of a CI, whatever it was made of: characters that do not show or that would
// act on the terminal are written as escapes, and no line is a command of a CI's
// runner. Each Write is taken as whole lines.
func Harmless(w io.Writer) io.Writer { return harmless{w} }

type harmless struct{ io.Writer }

// Write writes the harmless form of the text, and counts what was given.
func (h harmless) Write(p []byte) (int, error) {
	lines := strings.Split(visible(string(p)), "\n")
	for i, line := range lines {
		lines[i] = inert(line)
	}
	if _, err := io.WriteString(h.Writer, strings.Join(lines, "\n")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// columns is how many terminal cells s takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += cells(r)
	}
	return n
}

func cells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf && r != 0x303f, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6,
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// wrap breaks text into lines of at most width cells, at blanks. A word that is
// longer stays whole. Line breaks and the indentation after them stay.
func wrap(text string, width int) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), " ")
		if columns(line) <= width {
			out = append(out, line)
			continue
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		cur := indent
		for _, word := range strings.Fields(line) {
			if cur != indent && columns(cur)+1+columns(word) > width {
				out = append(out, cur)
				cur = indent
			}
			if cur != indent {
				cur += " "
			}
			cur += word
		}
		out = append(out, cur)
	}
	return out
}
