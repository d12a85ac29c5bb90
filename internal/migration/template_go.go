package migration

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	goAction = regexp.MustCompile(`\{\{(-\s)?\s*((?:if|else|end|index|with|range|template|define|block)\b|\.[A-Za-z_]|/\*|[A-Za-z_]\w*\s+["` + "`" + `.])`)
	goField  = regexp.MustCompile(`^\.([A-Za-z_][\w.]*)$`)
	goIndex  = regexp.MustCompile(`^index\s+\.([A-Za-z_][\w.]*)?\s*"([^"]*)"$`)
	goIf     = regexp.MustCompile(`^(else\s+)?if\s+(not\s+)?\.([A-Za-z_][\w.]*)$`)
)

// goTemplate is the syntax of Go's text/template as far as migrations use it:
// {{ .Name }}, {{ index .Options "Name" }}, {{ if .Name }} … {{ else }} … {{ end }}
// and comments, with trimming. '{{1,2},{3,4}}', an array, is not taken for one.
func goTemplate(src string, values map[string]string) ([]placeholder, error) {
	g := &goReader{src: src, values: values}
	for at := 0; ; {
		i := strings.Index(src[at:], "{{")
		if i < 0 {
			break
		}
		start := at + i
		if m := goAction.FindStringIndex(src[start:min(start+80, len(src))]); m == nil || m[0] != 0 {
			at = start + 2
			continue
		}
		j := strings.Index(src[start:], "}}")
		if j < 0 {
			return nil, g.errorf(start, "{{ has no }}")
		}
		at = start + j + 2
		if err := g.action(span{start, at}); err != nil {
			return nil, err
		}
	}
	if len(g.branches) > 0 {
		return nil, g.errorf(g.branches[0].cut, "{{ if }} has no {{ end }}")
	}
	return g.out, nil
}

// goReader collects the placeholders of a Go template.
type goReader struct {
	src      string
	values   map[string]string
	out      []placeholder
	branches []goBranch
}

// goBranch is an open {{ if }}.
type goBranch struct {
	on, done bool
	cut      int // where text that is left out begins, if not on
}

func (g *goReader) errorf(at int, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", 1+strings.Count(g.src[:at], "\n"), fmt.Sprintf(format, args...))
}

// on reports whether the text here is kept.
func (g *goReader) on() bool { return len(g.branches) == 0 || g.branches[len(g.branches)-1].on }

// put replaces a span, unless it is in a branch that is left out.
func (g *goReader) put(p placeholder) {
	if g.on() {
		g.out = append(g.out, p)
	}
}

func (g *goReader) action(at span) error {
	body := g.src[at.start+2 : at.end-2]
	whole := at
	if strings.HasPrefix(body, "-") {
		body = body[1:]
		whole.start = len(strings.TrimRight(g.src[:at.start], " \t\r\n"))
	}
	if strings.HasSuffix(body, "-") {
		body = body[:len(body)-1]
		whole.end = len(g.src) - len(strings.TrimLeft(g.src[at.end:], " \t\r\n"))
	}
	body = strings.TrimSpace(body)
	field, index, cond := goField.FindStringSubmatch(body), goIndex.FindStringSubmatch(body), goIf.FindStringSubmatch(body)
	switch {
	case strings.HasPrefix(body, "/*"):
		g.put(placeholder{span: whole, found: true})
	case field != nil:
		p := placeholder{span: whole, name: field[1]}
		p.value, p.found = lookUp(g.values, p.name)
		g.put(p)
	case index != nil:
		p := placeholder{span: whole, name: index[2]}
		p.value, p.found = lookUp(g.values, p.name)
		g.put(p)
	case cond != nil && cond[1] == "":
		kept := g.on()
		holds := g.holds(cond[3]) != (cond[2] != "")
		g.put(placeholder{span: whole, found: true})
		g.branches = append(g.branches, goBranch{on: kept && holds, done: !kept || holds, cut: whole.end})
	case body == "else" || cond != nil || body == "end":
		return g.branch(whole, body, cond)
	default:
		g.put(placeholder{span: whole, problem: fmt.Sprintf(
			"assay cannot run the template action {{ %s }}: give it SQL in the place of this file (steps: in assay.yaml)", body)})
	}
	return nil
}

// branch ends one branch of an if, and begins the next.
func (g *goReader) branch(at span, body string, cond []string) error {
	n := len(g.branches) - 1
	if n < 0 {
		return g.errorf(at.start, "{{ %s }} without {{ if }}", body)
	}
	b := &g.branches[n]
	if b.on {
		g.put(placeholder{span: at, found: true})
	} else if n == 0 || g.branches[n-1].on {
		g.out = append(g.out, placeholder{span: span{b.cut, max(at.end, b.cut)}, found: true})
	}
	if body == "end" {
		g.branches = g.branches[:n]
		return nil
	}
	b.on = !b.done && (cond == nil || g.holds(cond[3]) != (cond[2] != ""))
	b.done = b.done || b.on
	b.cut = at.end
	return nil
}

// holds is the truth of a value as text/template sees it, and of the words for no.
func (g *goReader) holds(name string) bool {
	v, _ := lookUp(g.values, name)
	return v != "" && v != "false" && v != "0"
}
