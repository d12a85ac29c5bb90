package report

import (
	"fmt"
	"html"
	"html/template"
	"strings"
)

// svg collects a picture. Text always goes through text or title, which escape
// it; everything else is numbers and class names of ours. Colours come from the
// style sheet, so the pictures follow dark mode and print.
type svg struct{ strings.Builder }

func (s *svg) rect(x, y, w, h, r int, class string) {
	fmt.Fprintf(s, `<rect x="%d" y="%d" width="%d" height="%d" rx="%d" class="%s"/>`, x, y, w, h, r, class)
}

func (s *svg) line(x1, y1, x2, y2 int, class string) {
	fmt.Fprintf(s, `<line x1="%d" y1="%d" x2="%d" y2="%d" class="%s"/>`, x1, y1, x2, y2, class)
}

func (s *svg) text(x, y int, class, text string) {
	fmt.Fprintf(s, `<text x="%d" y="%d" class="%s">%s</text>`, x, y, class, html.EscapeString(oneLine(text, 200)))
}

// open starts a group that tells its title when pointed at.
func (s *svg) open(class, title string) {
	fmt.Fprintf(s, `<g class="%s"><title>%s</title>`, class, html.EscapeString(oneLine(title, 400)))
}

func (s *svg) close() { s.WriteString("</g>") }

// picture wraps what was drawn. A wide picture scrolls rather than shrinks.
func (s *svg) picture(w, h int, label string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">%s</svg>`,
		w, h, w, h, html.EscapeString(oneLine(label, 200)), s.String()))
}

// fit cuts a label to so many characters, in the middle, where names differ least.
func fit(s string, n int) string {
	r := []rune(oneLine(s, 1000))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n/2]) + "…" + string(r[len(r)-n+n/2+1:])
}
