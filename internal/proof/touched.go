package proof

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// subject is something that a change touches, and that is used to see whether
// it still works. OIDs are those of the record.
type subject struct {
	defaults     []int16 // columns that an INSERT leaves out
	defaultsOnly bool    // nothing else is to be used
	ref          schema.Ref
	roles        []string   // of the application, that have privileges on it
	text         string     // of what runs with it: bodies of triggers and functions, expressions
	via          schema.OID // the function for which alone it counts as touched; 0 if the change touches it itself
}

// toucher finds what a change touches: objects that it makes or alters, and
// those in which something runs that names them. The server knows little of
// what bodies name, so words decide; a subject too many is used in vain.
type toucher struct {
	before, after *schema.Catalog
	words         map[schema.OID]map[string]bool // of a function's body and signature
	byName        map[string][]*schema.Function
	calling       map[schema.OID]bool // relations that depend on a function that is touched
	named         map[string]bool     // names of old tables, types and functions that are not as they were
	functions     map[schema.OID]bool // that the change makes, replaces, or that name what it touches
	triggers      map[schema.OID][]*schema.Trigger
	policies      map[schema.OID][]*schema.Policy
	rules         map[schema.OID][]*schema.Rule
	checks        map[schema.OID][]*schema.Constraint
}

// mostVia bounds how many tables are used for a function that runs with them all.
const mostVia = 6

// touched gives the subjects of a change, tables, then views, then functions,
// and those that are not to be used since others stand for them.
func touched(before, after *schema.Catalog) (out, alike []*subject) {
	t := &toucher{
		before: before, after: after, words: map[schema.OID]map[string]bool{}, named: map[string]bool{}, functions: map[schema.OID]bool{},
		triggers: map[schema.OID][]*schema.Trigger{}, policies: map[schema.OID][]*schema.Policy{},
		rules: map[schema.OID][]*schema.Rule{}, checks: map[schema.OID][]*schema.Constraint{},
	}
	for _, x := range schema.Sorted(after.Triggers) {
		if x.Enabled != "disabled" && x.Enabled != "replica" && x.Parent == 0 {
			t.triggers[x.Table] = append(t.triggers[x.Table], x)
		}
	}
	for _, x := range schema.Sorted(after.Policies) {
		t.policies[x.Table] = append(t.policies[x.Table], x)
	}
	for _, x := range schema.Sorted(after.Rules) {
		t.rules[x.Table] = append(t.rules[x.Table], x)
	}
	for _, x := range schema.Sorted(after.Constraints) {
		if x.Kind == schema.Check && x.Table != 0 {
			t.checks[x.Table] = append(t.checks[x.Table], x)
		}
	}
	t.names()
	t.routines()
	via := map[schema.OID]int{}
	for _, kinds := range [][]schema.RelationKind{{schema.Table, schema.PartitionedTable}, {schema.View, schema.MaterializedView}} {
		for _, r := range schema.Sorted(after.Relations) {
			if !slices.Contains(kinds, r.Kind) || r.PartitionOf != 0 || r.Persistence == "temporary" {
				continue
			}
			s := t.relation(r)
			if s == nil {
				continue
			}
			if via[s.via]++; s.via != 0 && via[s.via] > mostVia {
				alike = append(alike, s)
				continue
			}
			out = append(out, s)
		}
	}
	for _, f := range schema.Sorted(after.Functions) {
		if t.functions[f.OID] && f.Returns != "trigger" && f.Returns != "event_trigger" && (f.Kind == "function" || f.Kind == "procedure") {
			out = append(out, &subject{ref: schema.Ref{Class: schema.ClassFunction, OID: f.OID}, text: t.running(f, 0, map[schema.OID]bool{})})
		}
	}
	return out, alike
}

// names notes what old tables, types and functions are called that are no
// longer as they were.
func (t *toucher) names() {
	add := func(names ...string) {
		for _, n := range names {
			t.named[strings.ToLower(n)] = true
		}
	}
	for oid, r := range t.before.Relations {
		if now := t.after.Relations[oid]; now == nil {
			add(r.Name)
		} else if t.reshaped(oid) {
			add(r.Name, now.Name)
		}
	}
	for oid, u := range t.before.Types {
		now := t.after.Types[oid]
		if now == nil || now.Name != u.Name || !slices.Equal(now.Labels, u.Labels) || !sameColumns(u.Attributes, now.Attributes) {
			add(u.Name)
		}
	}
	for oid, f := range t.before.Functions {
		if now := t.after.Functions[oid]; now == nil || now.Raw != f.Raw || now.Name != f.Name {
			add(f.Name)
		}
	}
}

// reshaped reports whether a table takes other rows than before: columns,
// constraints or unique indexes have changed.
func (t *toucher) reshaped(oid schema.OID) bool {
	was, now := t.before.Relations[oid], t.after.Relations[oid]
	if was.Name != now.Name || was.Schema != now.Schema || !sameColumns(was.Columns, now.Columns) {
		return true
	}
	return t.demands(t.before, oid) != t.demands(t.after, oid)
}

// demands counts, by OID, the constraints and unique indexes of a table.
func (t *toucher) demands(c *schema.Catalog, oid schema.OID) [3]uint64 {
	var out [3]uint64
	for _, k := range c.Constraints {
		if k.Table == oid && k.Kind != schema.NotNull {
			out[0] += uint64(k.OID)
			out[2]++
		}
	}
	for _, i := range c.Indexes {
		if i.Table == oid && i.Unique {
			out[1] += uint64(i.OID)
		}
	}
	return out
}

func sameColumns(a, b []*schema.Column) bool {
	return slices.EqualFunc(a, b, func(x, y *schema.Column) bool {
		return x.Num == y.Num && x.Name == y.Name && x.Type == y.Type && x.NotNull == y.NotNull && x.Default == y.Default &&
			x.Identity == y.Identity && x.Generated == y.Generated && x.Collation == y.Collation
	})
}

// routines notes the functions that are new, replaced, or name what is not as
// it was.
func (t *toucher) routines() {
	for _, f := range t.after.Functions {
		was := t.before.Functions[f.OID]
		if was == nil || was.Raw != f.Raw || t.namesAny(t.wordsOf(f)) {
			t.functions[f.OID] = true
		}
	}
}

func (t *toucher) namesAny(words map[string]bool) bool {
	if len(words) < len(t.named) {
		for w := range words {
			if t.named[w] {
				return true
			}
		}
		return false
	}
	for n := range t.named {
		if words[n] {
			return true
		}
	}
	return false
}

var aWord = regexp.MustCompile(`[\pL_][\pL\d_$]*`)

func wordSet(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range aWord.FindAllString(strings.ToLower(text), -1) {
		out[w] = true
	}
	return out
}

func (t *toucher) wordsOf(f *schema.Function) map[string]bool {
	w := t.words[f.OID]
	if w == nil {
		w = wordSet(f.Arguments + " " + f.Returns + " " + f.Body)
		t.words[f.OID] = w
	}
	return w
}

// relation makes a subject of a table or view, nil if the change does not
// touch what runs with it.
func (t *toucher) relation(r *schema.Relation) *subject {
	was := t.before.Relations[r.OID]
	s := &subject{ref: schema.Ref{Class: schema.ClassRelation, OID: r.OID}, roles: rolesOf(r)}
	anew := was == nil || was.Raw != r.Raw
	if r.Kind == schema.View || r.Kind == schema.MaterializedView {
		s.text = r.Definition
		if anew || t.dependsOnFunction(r.OID) || t.rights(was, r) {
			return s
		}
		return nil
	}
	hit := was == nil || t.reshaped(r.OID) || was.RowSecurity != r.RowSecurity || was.ForceRowSecurity != r.ForceRowSecurity || t.rights(was, r)
	runs := r.RowSecurity || len(s.roles) > 0 && was != nil
	seen := map[schema.OID]bool{}
	uses := func(text string) { // an expression that may call functions
		words := wordSet(text)
		hit = hit || t.namesAny(words)
		for _, f := range t.calledIn(words) {
			if !seen[f.OID] {
				runs = true
				s.via = cmp.Or(s.via, t.reaches(f, 0, map[schema.OID]bool{}))
				s.text += "\n" + t.running(f, 0, seen)
			}
		}
	}
	for _, g := range t.triggers[r.OID] {
		runs = true
		old := t.before.Triggers[g.OID]
		hit = hit || old == nil || old.Raw != g.Raw || old.Enabled != g.Enabled
		s.text += "\n" + g.Definition
		if f := t.after.Functions[g.Function]; f != nil {
			s.via = cmp.Or(s.via, t.reaches(f, 0, map[schema.OID]bool{}))
			s.text += "\n" + t.running(f, 0, seen)
		}
	}
	if r.RowSecurity {
		for _, p := range t.policies[r.OID] {
			old := t.before.Policies[p.OID]
			hit = hit || old == nil || old.Raw != p.Raw || old.Command != p.Command || !slices.Equal(old.Roles, p.Roles)
			s.text += "\n" + p.Using + "\n" + p.WithCheck
			uses(p.Using + "\n" + p.WithCheck)
		}
	}
	for _, x := range t.rules[r.OID] {
		old := t.before.Rules[x.OID]
		runs, hit = true, hit || old == nil || old.Raw != x.Raw
		uses(x.Definition)
	}
	for _, k := range t.checks[r.OID] {
		uses(k.Expression)
	}
	for _, c := range r.Columns {
		if strings.Contains(c.Default, "(") {
			uses(c.Default)
		}
	}
	s.defaults = t.defaultsOf(was, r)
	switch {
	case (!runs || !hit && s.via == 0) && len(s.defaults) > 0:
		s.defaultsOnly, s.via = true, 0
	case !runs || !hit && s.via == 0:
		return nil
	case hit:
		s.via = 0
	}
	return s
}

// rights reports whether other roles have privileges on a relation than before.
func (t *toucher) rights(was, now *schema.Relation) bool {
	return was != nil && (was.Owner != now.Owner || !slices.Equal(was.ACL, now.ACL))
}

// dependsOnFunction reports whether a view calls a function that is touched.
func (t *toucher) dependsOnFunction(view schema.OID) bool {
	if t.calling == nil {
		t.calling = map[schema.OID]bool{}
		for d := range t.after.Depends.All() {
			if d.Object.Class == schema.ClassRelation && d.On.Class == schema.ClassFunction && t.functions[d.On.OID] {
				t.calling[d.Object.OID] = true
			}
		}
	}
	return t.calling[view]
}

// calledIn are the functions that a text may call, by OID.
func (t *toucher) calledIn(words map[string]bool) []*schema.Function {
	if t.byName == nil {
		t.byName = map[string][]*schema.Function{}
		for _, f := range t.after.Functions {
			n := strings.ToLower(f.Name)
			t.byName[n] = append(t.byName[n], f)
		}
	}
	var out []*schema.Function
	for w := range words {
		out = append(out, t.byName[w]...)
	}
	slices.SortFunc(out, func(a, b *schema.Function) int { return cmp.Compare(a.OID, b.OID) })
	return out
}

// mostDeep bounds how far calls from function to function are followed.
const mostDeep = 3

// reaches gives the touched function that a function is or calls, 0 if none.
func (t *toucher) reaches(f *schema.Function, deep int, seen map[schema.OID]bool) schema.OID {
	if t.functions[f.OID] {
		return f.OID
	}
	if deep == mostDeep || seen[f.OID] {
		return 0
	}
	seen[f.OID] = true
	for _, g := range t.calledIn(t.wordsOf(f)) {
		if to := t.reaches(g, deep+1, seen); to != 0 {
			return to
		}
	}
	return 0
}

// running is the text of a function and of those that it calls.
func (t *toucher) running(f *schema.Function, deep int, seen map[schema.OID]bool) string {
	if seen[f.OID] || deep > mostDeep {
		return ""
	}
	seen[f.OID] = true
	text := f.Body
	for _, g := range t.calledIn(t.wordsOf(f)) {
		text += "\n" + t.running(g, deep+1, seen)
	}
	return text
}

// mostRoles bounds as how many roles of the application an object is used.
const mostRoles = 4

// rolesOf are the roles that have privileges on a relation, its owner and
// those of the server aside.
func rolesOf(r *schema.Relation) []string {
	var out []string
	add := func(acl []schema.Grant) {
		for _, g := range acl {
			if g.Grantee != r.Owner && g.Grantee != "public" && !strings.HasPrefix(g.Grantee, "pg_") && !slices.Contains(out, g.Grantee) && len(out) < mostRoles {
				out = append(out, g.Grantee)
			}
		}
	}
	add(r.ACL)
	for _, c := range r.Columns {
		add(c.ACL)
	}
	return out
}
