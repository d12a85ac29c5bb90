package report

import (
	"regexp"
	"strings"
)

var (
	mdLinkText = regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)
	mdCodeText = regexp.MustCompile("`([^`]+)`")
	mdBoldText = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// Plain is a page of Markdown as text for a terminal: headings, lists and SQL
// without their marks, and links as their text.
func Plain(markdown string, o Options) string {
	p := newPrinter(o)
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			p.block("", "", plain, plainText(strings.Join(paragraph, " ")))
			paragraph = nil
		}
	}
	code := false
	for _, line := range strings.Split(strings.TrimRight(markdown, "\n"), "\n") {
		switch text := strings.TrimSpace(line); {
		case strings.HasPrefix(text, "```"):
			flush()
			code = !code
		case code:
			p.line("    ", p.paint(cyan, inert(visible(line))))
		case strings.HasPrefix(text, "#"):
			flush()
			p.line(p.paint(bold, plainText(strings.TrimLeft(text, "# "))))
		case strings.HasPrefix(text, "- "):
			flush()
			p.block("  ", "- ", plain, plainText(text[2:]))
		case text == "" || strings.HasPrefix(text, "|"):
			flush()
			p.line(visible(text))
		default:
			paragraph = append(paragraph, text)
		}
	}
	flush()
	return p.String()
}

func plainText(s string) string {
	s = mdLinkText.ReplaceAllString(s, "$1")
	s = mdCodeText.ReplaceAllString(s, "$1")
	return mdBoldText.ReplaceAllString(s, "$1")
}
