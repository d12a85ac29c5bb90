package policy

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// span is the part of a record that a document is about: the catalogs that its
// before and after were made from, and the steps between them.
type span struct {
	b             *builder
	before, after *schema.Catalog
	steps         []*devdb.Step // those that change the catalog, in order
}

// compared reports whether a result is about a state and not about the change:
// it names an object and no place. Such a result is new if it does not hold of
// the catalog before.
func (a *answer) compared() bool {
	return !a.rule.Everywhere && len(a.in.Migrations) > 0 && a.r.Location == nil && a.r.Object != ""
}

// quiet is the document of a catalog that nothing changes: with it a rule says
// what holds of that catalog.
func (in *Input) quiet(c *Catalog) *Input {
	out := *in
	out.Before, out.After = c, c
	out.Added, out.Dropped, out.Renamed = []string{}, []string{}, []*Renamed{}
	out.Migrations, out.Edited, out.Statements, out.Changes, out.Findings = []*Migration{}, []*Edited{}, []*Statement{}, []*Change{}, []*Finding{}
	out.Writes = []*Write{}
	out.Evidence = Evidence{Locks: []*Lock{}, Rewrites: []*Rewrite{}, Scans: []*Scan{}, Rows: []*Rows{}, Dropped: []*Dropped{}, Counterexamples: []*Counterexample{}}
	out.span = nil
	return &out
}

// divided are the answers about one document: those that are new, and those
// that held before the change.
type divided struct{ fresh, old []answer }

// compare asks the rules whose results are about a state for the state before,
// and tells what is new.
func (p *Policies) compare(ctx context.Context, e *evaluation, in *Input, answers []answer) (divided, error) {
	var rules []*Rule
	for i := range answers {
		if answers[i].compared() && !slices.Contains(rules, answers[i].rule) {
			rules = append(rules, answers[i].rule)
		}
	}
	if len(rules) == 0 {
		return divided{fresh: answers}, nil
	}
	before, err := p.holds(ctx, e, in.quiet(in.Before), rules)
	if err != nil {
		return divided{}, err
	}
	ids := in.identities()
	old := ids.count(before)
	var out divided
	for i := range answers {
		a := &answers[i]
		if a.compared() && ids.take(old, a) {
			out.old = append(out.old, *a)
			continue
		}
		out.fresh = append(out.fresh, *a)
	}
	return out, p.causes(ctx, e, in, ids, out.fresh)
}

// holds are the results of some rules about one document.
func (p *Policies) holds(ctx context.Context, e *evaluation, in *Input, rules []*Rule) ([]answer, error) {
	queries, err := p.deal(ctx, rules)
	if err != nil {
		return nil, err
	}
	return p.runAll(e, queries, in)
}

// causes finds the statement after which a new result about an object that was
// there before began to hold. Where one statement alone changes the catalog it
// is that one; else the rule is asked about the catalogs between.
func (p *Policies) causes(ctx context.Context, e *evaluation, in *Input, ids *identities, fresh []answer) error {
	if in.span == nil || len(in.span.steps) == 0 {
		return nil
	}
	asked := between{p: p, e: e, in: in, said: map[asking]*counted{}, ids: map[int]*identities{}}
	for i := range fresh {
		a := &fresh[i]
		if !a.compared() || !ids.there(a.r.Object) {
			continue
		}
		// It does not hold before the first step, and does after the last.
		low, high := 0, len(in.span.steps)-1
		for low < high {
			mid := (low + high) / 2
			holds, err := asked.holds(ctx, a, mid)
			if err != nil {
				return err
			}
			if holds {
				high = mid
			} else {
				low = mid + 1
			}
		}
		a.cause = in.span.steps[low]
	}
	return nil
}

// between asks rules about the catalogs between the first statement and the last.
type between struct {
	p    *Policies
	e    *evaluation
	in   *Input
	said map[asking]*counted
	ids  map[int]*identities // by step
}

// asking is a rule that is asked about the catalog after a step.
type asking struct {
	rule *Rule
	step int
}

func (b *between) holds(ctx context.Context, a *answer, step int) (bool, error) {
	s, now := b.in.span, b.in.span.steps[step].After
	if b.ids[step] == nil {
		b.ids[step] = identify(s.b.namesOf(orEmpty(now)), s.b.namesOf(orEmpty(s.after)))
	}
	at, ids := asking{a.rule, step}, b.ids[step]
	if b.said[at] == nil {
		answers, err := b.p.holds(ctx, b.e, b.in.quiet(s.b.catalog(now)), []*Rule{a.rule})
		if err != nil {
			return false, err
		}
		b.said[at] = ids.count(answers)
	}
	return b.said[at].exact[ids.keyOf(a, false, true)] > 0 || b.said[at].renamed[ids.keyOf(a, false, false)] > 0, nil
}

// identities tell which object of one catalog is which of the other. A name can
// stand for several objects (a column and a constraint of a table): they go
// together.
type identities struct {
	before, after map[schema.Ref]named
	// canonical is, by name, what identifies its objects in both catalogs.
	canonBefore, canonAfter map[string]string
	// words are those that renames changed, for messages.
	wordsBefore, wordsAfter map[string]string
	beforeNames             map[string]bool
	tables                  map[string]schema.Ref // of after
}

func (in *Input) identities() *identities {
	if s := in.span; s != nil {
		return identify(s.b.namesOf(orEmpty(s.before)), s.b.namesOf(orEmpty(s.after)))
	}
	return identify(nil, nil) // a document alone: objects are their names
}

func identify(before, after map[schema.Ref]named) *identities {
	ids := &identities{before: before, after: after}
	ids.prepare()
	return ids
}

// prepare finds the names that stand for something else in the other catalog.
func (ids *identities) prepare() {
	ids.canonBefore, ids.canonAfter = map[string]string{}, map[string]string{}
	ids.wordsBefore, ids.wordsAfter = map[string]string{}, map[string]string{}
	ids.beforeNames = make(map[string]bool, len(ids.before))
	for _, n := range ids.before {
		ids.beforeNames[n.name] = true
	}
	ids.tables = map[string]schema.Ref{}
	for ref, n := range ids.after {
		if ref.Class == schema.ClassRelation && ref.Sub == 0 && n.kind != "index" {
			ids.tables[n.name] = ref
		}
	}
	var refs []schema.Ref
	for ref, was := range ids.before {
		if is, ok := ids.after[ref]; ok && is.name != was.name {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, func(a, b schema.Ref) int {
		return cmp.Or(strings.Compare(string(a.Class), string(b.Class)), cmp.Compare(a.OID, b.OID), cmp.Compare(a.Sub, b.Sub))
	})
	for _, ref := range refs {
		was, is := ids.before[ref].name, ids.after[ref].name
		ids.canonBefore[was], ids.canonAfter[is] = was, was
		olds, news := strings.Split(was, "."), strings.Split(is, ".")
		for i := range olds {
			if len(olds) == len(news) && olds[i] != news[i] {
				ids.wordsBefore[olds[i]], ids.wordsAfter[news[i]] = olds[i]+"\x00"+news[i], olds[i]+"\x00"+news[i]
			}
		}
	}
	// A name of an object that is made in the change: if there was another of that
	// name, it is not the same. What belongs to a table that stays is told by name.
	for ref, is := range ids.after {
		if _, ok := ids.before[ref]; ok || !ids.beforeNames[is.name] || ids.canonAfter[is.name] != "" {
			continue
		}
		if is.table != "" && is.table != is.name && ids.stays(ref, is) {
			continue
		}
		if !ids.sameName(ref, is.name) {
			ids.canonAfter[is.name] = "\x00new " + is.name
		}
	}
}

// stays reports whether the table that a new part belongs to was there before.
func (ids *identities) stays(ref schema.Ref, part named) bool {
	if ref.Sub != 0 {
		_, ok := ids.before[schema.Ref{Class: ref.Class, OID: ref.OID}]
		return ok
	}
	_, ok := ids.before[ids.tables[part.table]]
	return ok
}

// sameName reports whether another object of the name is in both catalogs.
func (ids *identities) sameName(not schema.Ref, name string) bool {
	for ref, n := range ids.after {
		if ref != not && n.name == name {
			if was, ok := ids.before[ref]; ok && was.name == name {
				return true
			}
		}
	}
	return false
}

// there reports whether an object of the new name was in the catalog before.
func (ids *identities) there(name string) bool {
	c := ids.canonAfter[name]
	return c == "" && ids.beforeNames[name] || c != "" && !strings.HasPrefix(c, "\x00new ")
}

// key is what makes two results the same.
type key struct{ id, verb, object, message string }

func (ids *identities) keyOf(a *answer, before, raw bool) key {
	canon, words := ids.canonAfter, ids.wordsAfter
	if before {
		canon, words = ids.canonBefore, ids.wordsBefore
	}
	if raw {
		words = nil
	}
	object := a.r.Object
	if c := canon[object]; c != "" {
		object = c
	}
	return key{a.rule.ID, a.verb, object, replaceWords(a.r.Message+"\x00"+a.r.Team+"\x00"+a.r.User+"\x00"+a.r.Severity, words)}
}

// count counts results by what makes them the same.
func (ids *identities) count(answers []answer) *counted {
	out := &counted{exact: make(map[key]int, len(answers)), renamed: make(map[key]int, len(answers))}
	for i := range answers {
		if a := &answers[i]; ids.before == nil || ids.beforeNames[a.r.Object] {
			out.exact[ids.keyOf(a, true, true)]++
			out.renamed[ids.keyOf(a, true, false)]++ // what a rule says of an object that is not there yet is not old
		}
	}
	return out
}

// take reports whether a result is one of the counted, which is then used up.
func (ids *identities) take(c *counted, a *answer) bool {
	if k := ids.keyOf(a, false, true); c.exact[k] > 0 {
		c.exact[k]--
		k.message = replaceWords(k.message, ids.wordsBefore)
		c.renamed[k]--
		return true
	}
	if k := ids.keyOf(a, false, false); c.renamed[k] > 0 {
		c.renamed[k]--
		return true
	}
	return false
}

// counted are results by what makes them the same: word by word, and with the
// words that renames changed taken for one another. A word of a message may
// look like a name that was changed and be none.
type counted struct{ exact, renamed map[key]int }

// replaceWords replaces whole words of a text.
func replaceWords(text string, words map[string]string) string {
	if len(words) == 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		n := strings.IndexFunc(text, func(r rune) bool { return !inWord(r) })
		if n < 0 {
			n = len(text)
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(text)
		}
		b.WriteString(orElse(words[text[:n]], text[:n]))
		text = text[n:]
	}
	return b.String()
}

func inWord(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r) }
