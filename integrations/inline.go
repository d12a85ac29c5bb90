package integrations

import (
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// inlineNote is the note that shows f on a line, ok is false if its place is
// not among the lines.
func inlineNote(f *lint.Finding, r Review, lines Lines, t Traits) (Note, bool) {
	if f.Line < 1 || f.Fingerprint == "" {
		return Note{}, false
	}
	at, ok := lines.Within(f.Line, f.EndLine)
	if !ok {
		return Note{}, false
	}
	suggestion := ""
	if span, text, ok := replacement(f, r, lines); ok && t.Suggestion != nil {
		at = span
		suggestion = t.Suggestion(span.To-span.From+1, text)
	}
	n := Note{Path: f.Path, Start: at.From, Line: at.To}
	n.Body = mark{scope: r.Scope, print: f.Fingerprint}.String() + "\n" + comment(f, suggestion)
	if len(n.Body) > t.BodyLimit {
		n.Body = mark{scope: r.Scope, print: f.Fingerprint}.String() + "\n" + Cut(comment(f, ""), t.BodyLimit-200, "")
	}
	return n, true
}

// comment is a finding in Markdown.
func comment(f *lint.Finding, suggestion string) string {
	var b strings.Builder
	b.WriteString("**" + Text(string(f.Severity)) + "** ")
	name := Text(f.ID + " " + f.Name)
	if link(f.URL) {
		name = "[" + name + "](" + f.URL + ")"
	}
	b.WriteString(name + ": " + Text(shorten(f.Message, 1000)) + "\n")
	if a := f.Approval; a != nil {
		b.WriteString("\nWaits for an approval by " + approver(*a))
		if a.Reason != "" {
			b.WriteString(": " + Text(shorten(a.Reason, 500)))
		}
		b.WriteString("\n")
	}
	if len(f.Evidence) > 0 {
		b.WriteString("\n")
	}
	for i, e := range f.Evidence {
		if i == 5 {
			b.WriteString("- …\n")
			break
		}
		b.WriteString("- " + Text(strings.TrimPrefix(string(f.Confidence)+": "+shorten(e.Text, 400), ": ")) + "\n")
	}
	// The rows that it fails on, of the first proof that has some.
	if i := slices.IndexFunc(f.Evidence, func(e lint.Evidence) bool { return e.SQL != "" && len(e.SQL) < 2000 }); i >= 0 {
		b.WriteString("\n" + Fenced("sql", printable(f.Evidence[i].SQL)))
	}
	if suggestion != "" {
		b.WriteString("\n" + Text(shorten(f.Fix.Title, 300)) + ":\n\n" + suggestion)
		return b.String()
	}
	if f.Advice != "" {
		prose, sql, _ := strings.Cut(f.Advice, "\n\n")
		b.WriteString("\n" + Text(shorten(prose, 2000)) + "\n")
		if strings.TrimSpace(sql) != "" {
			b.WriteString("\n" + Fenced("sql", printable(shorten(sql, 4000))))
		}
	}
	return b.String()
}

func approver(a lint.Approval) string {
	return Text(a.Who())
}

func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// link says whether an address can stand in Markdown as it is.
func link(url string) bool {
	return (strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")) && !strings.ContainsAny(url, " ()<>\"\\`\n\r\t")
}

// replacement is the fix as whole lines, if all of it lies within one span.
func replacement(f *lint.Finding, r Review, lines Lines) (Span, string, bool) {
	if f.Fix == nil || len(f.Fix.Edits) == 0 || len(f.Fix.Files) > 0 || f.Sensitive || r.Source == nil {
		return Span{}, "", false
	}
	src := r.Source(f.Path)
	edits := slices.Clone(f.Fix.Edits)
	slices.SortStableFunc(edits, func(a, b lint.Edit) int { return a.Pos.Offset - b.Pos.Offset })
	from, to := len(src), 0
	for i, e := range edits {
		if e.Pos.Path != f.Path || e.Pos.Offset < 0 || e.End.Offset < e.Pos.Offset || e.End.Offset > len(src) ||
			i > 0 && e.Pos.Offset < edits[i-1].End.Offset {
			return Span{}, "", false
		}
		from, to = min(from, e.Pos.Offset), max(to, e.End.Offset)
	}
	if src == "" || from > to {
		return Span{}, "", false
	}
	start := strings.LastIndexByte(src[:from], '\n') + 1
	end := len(src)
	// An edit that ends at the start of a line leaves that line alone, unless
	// it puts something there.
	if to > start && src[to-1] == '\n' && strings.HasSuffix(edits[len(edits)-1].Text, "\n") {
		end = to
	} else if i := strings.IndexByte(src[to:], '\n'); i >= 0 {
		end = to + i + 1
	}
	first := 1 + strings.Count(src[:start], "\n")
	last := first + strings.Count(strings.TrimSuffix(src[start:end], "\n"), "\n")
	span, ok := lines.Within(first, last)
	if !ok || span.To != last {
		return Span{}, "", false
	}
	var b strings.Builder
	at := start
	for _, e := range edits {
		b.WriteString(src[at:e.Pos.Offset] + e.Text)
		at = e.End.Offset
	}
	b.WriteString(src[at:end])
	text := b.String()
	// A suggestion shows nothing that the reader could not see he accepts.
	if printable(text) != text || len(text) > 8000 || command.MatchString(text) {
		return Span{}, "", false
	}
	return span, strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), true
}
