package lint

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Redacted returns r without any text, literal or data of what is sensitive:
// r itself if nothing is, else a copy. A finding stays, with its rule, place,
// object and the locks, scans and rewrites it rests on. Redacting twice
// changes nothing, so every report does it again before it writes.
func Redacted(r *Result) *Result {
	hidden := sensitive(r)
	if len(hidden) == 0 && !slices.ContainsFunc(r.Findings, func(f *Finding) bool { return f.Sensitive }) &&
		!slices.ContainsFunc(r.Suppressed, func(s *Suppressed) bool { return s.Sensitive }) {
		return r
	}
	c := *r
	c.Migrations = slices.Clone(r.Migrations)
	for i, m := range c.Migrations {
		c.Migrations[i] = redactMigration(m, hidden)
	}
	c.Findings = slices.Clone(r.Findings)
	for i, f := range c.Findings {
		c.Findings[i] = redactFinding(r, f, hidden)
	}
	c.Suppressed = slices.Clone(r.Suppressed)
	for i, s := range c.Suppressed {
		s2 := *s
		s2.Finding = redactFinding(r, s.Finding, hidden)
		c.Suppressed[i] = &s2
	}
	return &c
}

// sensitive collects the statements that are marked, or that a sensitive
// finding is about.
func sensitive(r *Result) map[*Statement]bool {
	hidden := map[*Statement]bool{}
	for _, m := range r.Migrations {
		for _, s := range m.Statements {
			if s.Sensitive {
				hidden[s] = true
			}
		}
	}
	mark := func(f *Finding) {
		if _, s := r.At(f); f.Sensitive && s != nil {
			hidden[s] = true
		}
	}
	for _, f := range r.Findings {
		mark(f)
	}
	for _, s := range r.Suppressed {
		mark(s.Finding)
	}
	return hidden
}

func redactMigration(m *Migration, hidden map[*Statement]bool) *Migration {
	if !slices.ContainsFunc(m.Statements, func(s *Statement) bool { return hidden[s] }) {
		return m
	}
	c := *m
	c.Source = "" // the excerpts of its other statements come from their texts
	c.Statements = slices.Clone(m.Statements)
	for i, s := range c.Statements {
		if !hidden[s] {
			continue
		}
		s2 := *s
		s2.Text, s2.Sensitive = "", true
		s2.Error = hideError(s.Error)
		s2.Changes = nil // a default or a check expression may hold a literal
		c.Statements[i] = &s2
	}
	return &c
}

func redactFinding(r *Result, f *Finding, hidden map[*Statement]bool) *Finding {
	_, s := r.At(f)
	if !f.Sensitive && !hidden[s] {
		return f
	}
	c := *f
	c.Sensitive = true
	c.Advice, c.Fix = "", nil
	c.Evidence = nil
	proof := ""
	for _, e := range f.Evidence {
		switch e.Kind {
		case "lock", "held", "scan", "rewrite", "rows", "dropped", "setting":
			e.SQL = ""
			e.Text = mask(e.Text)
			c.Evidence = append(c.Evidence, e)
		case "error", "counterexample":
			text := "rows prove it; they are hidden"
			if e.Kind == "error" || e.Code != "" {
				text = hideError("SQLSTATE " + e.Code)
			}
			proof = cmp.Or(proof, text)
			c.Evidence = append(c.Evidence, Evidence{Kind: e.Kind, Object: e.Object, Code: e.Code, Text: text})
		}
	}
	c.Message = mask(f.Message)
	// A message that rests on the server's own words may hold a value.
	if proof != "" {
		c.Message = "sensitive statement: " + proof
	}
	return &c
}

// literal matches what may be data in a sentence of ours: a string in single
// quotes, a dollar-quoted one, the value of "Key (a)=(b)". Names of objects
// stand in double quotes or bare, and stay.
var literal = regexp.MustCompile(`(?s)'(?:[^']|'')*'|\$(\w*)\$.*?\$\w*\$|=\s*\([^)]*\)`)

func mask(s string) string { return literal.ReplaceAllString(s, "'…'") }

var sqlstate = regexp.MustCompile(`SQLSTATE ([0-9A-Z]{5})`)

// hideError keeps nothing of a server's message but its code.
func hideError(s string) string {
	if s == "" {
		return ""
	}
	if m := sqlstate.FindStringSubmatch(s); m != nil {
		return "the server refused it (SQLSTATE " + m[1] + "); its words are hidden"
	}
	if strings.Contains(s, "its words are hidden") {
		return s
	}
	return "the server refused it; its words are hidden"
}
