package integrations

import (
	"cmp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// Plan is what there is to do so that the notes on a pull request say what the
// review says.
type Plan struct {
	Put        []Note // to create, or with an ID to update
	Remove     []Note
	Keep       []Note // ours, right as they are or not to be touched
	Superseded bool   // the summary is by a newer run: all but second copies is left as it is
}

// Empty says that nothing is left to do.
func (p Plan) Empty() bool { return len(p.Put) == 0 && len(p.Remove) == 0 }

// NewPlan compares the notes that are there, oldest first, with the review.
// Notes of other scopes, and marked notes of accounts that do not speak for
// assay, do not exist for it.
func NewPlan(existing []Note, lines map[string]Lines, r Review, t Traits) Plan {
	var p Plan
	var summaries []Note
	inline := map[string][]Note{}
	var prints []string // in the order of the notes
	for _, n := range existing {
		m, ok := parseMark(n.Body)
		switch {
		case !ok || !n.Mine || m.scope != r.Scope:
		case m.summary() && n.Path == "":
			summaries = append(summaries, n)
			if r.Run > 0 && m.run > r.Run {
				p.Superseded = true
			}
		case !m.summary():
			if inline[m.print] == nil {
				prints = append(prints, m.print)
			}
			inline[m.print] = append(inline[m.print], n)
		}
	}
	if p.Superseded {
		return supersededPlan(existing, summaries, inline, r)
	}
	if !r.NoSummary {
		p.summary(summaries, r, t)
	}
	if !r.NoInline {
		p.inline(prints, inline, lines, r, t)
	}
	return p
}

// supersededPlan leaves everything to the newer run, but for what a run that was
// overtaken posted too late for the newer one to see: second copies.
func supersededPlan(existing, summaries []Note, inline map[string][]Note, r Review) Plan {
	p := Plan{Superseded: true}
	late := map[string]bool{}
	for i, n := range summaries {
		m, _ := parseMark(n.Body)
		late[n.ID] = i > 0 && m.run <= r.Run && !r.NoSummary
	}
	for _, copies := range inline {
		for _, n := range copies[1:] {
			late[n.ID] = !n.Answered && !r.NoInline
		}
	}
	for _, n := range existing {
		if late[n.ID] {
			p.Remove = append(p.Remove, n)
		} else {
			p.Keep = append(p.Keep, n)
		}
	}
	return p
}

// summary keeps the oldest of the summaries: of two that parallel runs made at
// once, both runs then take the same one.
func (p *Plan) summary(have []Note, r Review, t Traits) {
	head := mark{scope: r.Scope, run: r.Run}.String() + "\n"
	want := Note{Body: head + Cut(r.Body, t.BodyLimit-len(head), r.More)}
	if len(have) == 0 {
		if r.Always || len(r.Findings) > 0 {
			p.Put = append(p.Put, want)
		}
		return
	}
	p.Remove = append(p.Remove, have[1:]...)
	p.settle(have[0], want)
}

// settle keeps a note, or updates its text.
func (p *Plan) settle(have, want Note) {
	if plain(have.Body) == plain(want.Body) {
		p.Keep = append(p.Keep, have)
		return
	}
	have.Body = want.Body
	p.Put = append(p.Put, have)
}

// plain is a body as hosts give it back: they trim it and write line ends anew.
func plain(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}

func (p *Plan) inline(prints []string, have map[string][]Note, lines map[string]Lines, r Review, t Traits) {
	wanted := map[string]bool{}
	for _, f := range r.Findings {
		wanted[f.Fingerprint] = true
	}
	shown := 0
	for _, fp := range prints {
		for i, n := range have[fp] {
			switch {
			case n.Answered && (i > 0 || !wanted[fp]):
				p.Keep = append(p.Keep, n) // a conversation is people's
			case i > 0 || !wanted[fp]:
				p.Remove = append(p.Remove, n)
			}
		}
		if wanted[fp] {
			shown++
		}
	}
	for _, f := range gravest(r.Findings) {
		n, ok := inlineNote(f, r, lines[f.Path], t)
		if old := have[f.Fingerprint]; len(old) > 0 {
			// Also when the host lost its line: it is not posted again and again.
			p.again(old[0], f, n, ok, lines[f.Path], r, t)
			continue
		}
		if ok && shown < MaxInline {
			p.Put = append(p.Put, n)
			shown++
		}
	}
}

// again is about a finding that has a note already.
func (p *Plan) again(old Note, f *lint.Finding, want Note, ok bool, lines Lines, r Review, t Traits) {
	switch {
	case old.Answered || !ok:
		p.Keep = append(p.Keep, old)
		return
	case old.Start != want.Start || old.Line != want.Line:
		r.Source = nil // a suggestion would replace other lines than those it is for
		want, _ = inlineNote(f, r, lines, t)
	}
	p.settle(old, want)
}

// gravest are the findings with the gravest first, each fingerprint once.
func gravest(list []*lint.Finding) []*lint.Finding {
	seen := map[string]bool{}
	out := slices.DeleteFunc(slices.Clone(list), func(f *lint.Finding) bool {
		again := seen[f.Fingerprint]
		seen[f.Fingerprint] = true
		return again
	})
	slices.SortStableFunc(out, func(a, b *lint.Finding) int { return cmp.Compare(b.Severity.Rank(), a.Severity.Rank()) })
	return out
}
