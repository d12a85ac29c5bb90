package proof

import (
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// later adds what a statement lets pass and the next write of a row does not.
func (f *finder) later() {
	for _, c := range f.s.Changes {
		switch c := c.(type) {
		case *schema.AddConstraint:
			f.notValid(c.Constraint)
		case *schema.AddIndex:
			f.size(c.Index)
		}
	}
}

// notValid is a constraint that no row from before is looked at for, and that
// the change set leaves so: an UPDATE looks at the row, whatever it writes.
func (f *finder) notValid(k *schema.Constraint) {
	now := f.end.Constraints[k.OID]
	rel, to := f.old(k.Table), f.end.Relations[k.Table]
	if now == nil || now.Validated || !now.Enforced || k.Parent != 0 || k.Inherited || rel == nil || to == nil {
		return
	}
	i := slices.IndexFunc(to.Columns, func(c *schema.Column) bool { return c.Generated == "" && c.Identity != "always" })
	if i < 0 {
		return
	}
	var goals func(b *base) []goal
	after := f.s.After
	switch {
	case k.Kind == schema.Check:
		goals = func(b *base) []goal { return checkGoals(b, rel, after, k, nil) }
	case k.Kind == schema.NotNull && len(k.Columns) == 1:
		goals = func(*base) []goal { return notNullGoals(rel, k.Columns[0], nil) }
	default:
		return
	}
	n := len(f.tasks)
	f.add(devdb.DemandLater, schema.Ref{Class: schema.ClassConstraint, OID: k.OID}, k.Table, goals)
	if col := ident(to.Columns[i].Name); len(f.tasks) > n {
		f.tasks[n].then = "UPDATE " + fullName(to) + " SET " + col + " = " + col
	}
}

// laterName is what the server's error says of a constraint: its name, or its
// column if it is of NOT NULL.
func laterName(c *schema.Catalog, k *schema.Constraint) string {
	if k == nil {
		return ""
	}
	if t := c.Relations[k.Table]; k.Kind == schema.NotNull && t != nil && len(k.Columns) == 1 && t.Column(k.Columns[0]) != nil {
		return t.Column(k.Columns[0]).Name
	}
	return k.Name
}

// prose are the names of columns that hold texts of any length, or what comes
// from outside: about those alone a row is looked for that a B-tree does not take.
var prose = regexp.MustCompile(`(?i)(?:^|_)(?:body|bodies|content|contents|text|descriptions?|comments?|notes?|messages?|msg|bio|biography|summary|abstract|article|html|markdown|markup|raw|payload|json|xml|data|document|blob|query|sql|script|source|stack_?trace|backtrace|errors?|details?|logs?|output|response|request|headers?|transcript|instructions?|prompt|answer|question|feedback|review|remarks?|reason|urls?|uri|link|href|referrer|referer|user_?agent)(?:_|$)`)

// documents are types whose values are seldom short.
var documents = regexp.MustCompile(`^(?:jsonb|bytea|tsvector|(?:public\.)?hstore)$|\[\]$`)

var unlimited = regexp.MustCompile(`^(?:text|character varying|(?:public\.)?citext)$`)

// size is a B-tree over values without a length: one of more than a third of a
// page fails the build, and afterwards every INSERT that brings it.
func (f *finder) size(i *schema.Index) {
	rel := f.old(i.Table)
	if rel == nil || i.Parent != 0 || i.Method != "btree" {
		return
	}
	for _, k := range i.Keys {
		c := rel.Column(k.Column)
		if c == nil || c.Generated != "" || !documents.MatchString(c.Type) && !(unlimited.MatchString(c.Type) && prose.MatchString(c.Name)) {
			continue
		}
		n := len(f.tasks)
		f.add(devdb.DemandSize, schema.Ref{Class: schema.ClassRelation, OID: i.OID}, i.Table, func(*base) []goal {
			w := want{fixed: map[int16]string{c.Num: long(c.Type)}}
			if i.Predicate != "" {
				w.where = []string{i.Predicate}
			}
			return []goal{one(rel, w)}
		})
		if len(f.tasks) > n {
			f.tasks[n].column = c.Num
		}
		return
	}
}

// long is a value of some 5,000 bytes that hardly gets shorter when it is compressed.
func long(t string) string {
	const of = " FROM pg_catalog.generate_series(1, 150) n)"
	const texts = "(SELECT pg_catalog.string_agg(pg_catalog.md5(n::text), ' ')" + of
	switch {
	case t == "jsonb":
		return "pg_catalog.to_jsonb(" + texts + ")"
	case t == "bytea":
		return "pg_catalog.convert_to(" + texts + ", 'UTF8')"
	case t == "tsvector":
		return "pg_catalog.to_tsvector('simple', " + texts + ")"
	case strings.HasSuffix(t, "[]"):
		return "CAST(ARRAY(SELECT pg_catalog.md5(n::text)" + of + " AS " + t + ")"
	}
	return "CAST(" + texts + " AS " + t + ")"
}
