package policy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// The kinds of objects that have lists of their own.
const (
	roleKind    = "role"
	defaultsACL = "default acl"
)

// objects builds what the catalog keeps as text: roles, default privileges and
// all other kinds.
func (b *builder) objects(c *schema.Catalog, out *Catalog) {
	for _, o := range sorted(c.Objects, func(o *schema.Object) string { return o.Kind + " " + o.Name }) {
		switch o.Kind {
		case roleKind:
			out.Roles = append(out.Roles, role(o))
		case defaultsACL:
			out.DefaultPrivileges = append(out.DefaultPrivileges, defaultPrivileges(o)...)
		case "database", "tablespace", "parameter ACL": // the server's, not the schema's
		default:
			out.Objects = append(out.Objects, &Object{Kind: o.Kind, Name: o.Name, Object: o.Name, Definition: o.Definition, Owner: o.Owner, Comment: o.Comment})
		}
	}
}

var membership = regexp.MustCompile(`^(.*?) [tf](?: [tf] [tf])?$`)

// role reads what is set of a role. Its eight switches come first; of the rest
// only the memberships have this form.
func role(o *schema.Object) *Role {
	parts := strings.Split(o.Definition, " | ")
	is := func(i int) bool { return i < len(parts) && parts[i] == "t" }
	r := &Role{
		Name: o.Name, Object: o.Name, Superuser: is(0), Inherit: is(1), CreateRole: is(2), CreateDB: is(3), Login: is(4), Replication: is(5), BypassRLS: is(6),
		MemberOf: []string{}, Comment: o.Comment,
	}
	for _, part := range parts[min(8, len(parts)):] {
		groups := []string{}
		for _, g := range strings.Split(part, ", ") {
			if m := membership.FindStringSubmatch(g); m != nil {
				groups = append(groups, m[1])
			}
		}
		if len(groups) == len(strings.Split(part, ", ")) {
			r.MemberOf = groups
		}
	}
	return r
}

var (
	defaultsName = regexp.MustCompile(`^for role (.+?)(?: in schema (.+))? on (\w+)$`)
	aclItem      = regexp.MustCompile(`^(.*)=([a-zA-Z*]*)/`)
	privileges   = map[byte]string{
		'a': "INSERT", 'r': "SELECT", 'w': "UPDATE", 'd': "DELETE", 'D': "TRUNCATE", 'x': "REFERENCES", 't': "TRIGGER", 'm': "MAINTAIN",
		'X': "EXECUTE", 'U': "USAGE", 'C': "CREATE",
	}
)

// defaultPrivileges reads an object "for role app in schema public on tables".
func defaultPrivileges(o *schema.Object) []*DefaultPrivilege {
	m := defaultsName.FindStringSubmatch(o.Name)
	if m == nil {
		return nil
	}
	var out []*DefaultPrivilege
	for _, item := range strings.Split(o.Definition, ", ") {
		a := aclItem.FindStringSubmatch(item)
		if a == nil {
			continue
		}
		grantee := strings.Trim(a[1], `"`)
		if grantee == "" {
			grantee = "public"
		}
		for i := range len(a[2]) {
			name := privileges[a[2][i]]
			if name == "" || grantee == m[1] { // what a role may do with its own
				continue
			}
			out = append(out, &DefaultPrivilege{
				Object: o.Name, Role: m[1], Schema: m[2], Kind: strings.TrimSuffix(m[3], "s"), Grantee: grantee, Privilege: name,
				Grantable: strings.HasPrefix(a[2][i+1:], "*"),
			})
		}
	}
	return out
}

// reads are the columns that each view reads, by the view.
func (b *builder) reads(c *schema.Catalog) map[schema.OID][]string {
	all := b.namesOf(c)
	out := map[schema.OID][]string{}
	for d := range c.Depends.All() {
		r := c.Relations[d.Object.OID]
		if d.Object.Class != schema.ClassRelation || d.On.Class != schema.ClassRelation || d.On.Sub == 0 || d.On.OID == d.Object.OID ||
			r == nil || r.Kind != schema.View && r.Kind != schema.MaterializedView {
			continue
		}
		if n := all[d.On].name; n != "" && !slices.Contains(out[r.OID], n) {
			out[r.OID] = append(out[r.OID], n)
		}
	}
	for _, l := range out {
		slices.Sort(l)
	}
	return out
}

// sizes are the statistics of tables and indexes, by their names.
type sizes struct {
	tables  map[string]*TableStats
	indexes map[string]*IndexStats
	names   map[schema.Ref]named // before the change: what is renamed keeps its size
}

func (b *builder) size(f Facts) {
	if b.sized != nil || f.Stats == nil {
		return
	}
	b.sized = &sizes{tables: map[string]*TableStats{}, indexes: map[string]*IndexStats{}, names: b.namesOf(orEmpty(f.Record.Before))}
	for _, t := range f.Stats.Tables {
		b.sized.tables[t.Object] = t
	}
	for _, i := range f.Stats.Indexes {
		b.sized.indexes[i.Object] = i
	}
}

// name is what production calls a relation.
func (s *sizes) name(oid schema.OID, now string) string {
	if n, ok := s.names[schema.Ref{Class: schema.ClassRelation, OID: oid}]; ok {
		return n.name
	}
	return now
}

func (s *sizes) table(oid schema.OID, now string) (rows, bytes int64) {
	if s == nil || s.tables[s.name(oid, now)] == nil {
		return 0, 0
	}
	t := s.tables[s.name(oid, now)]
	return t.Rows, t.Bytes
}

func (s *sizes) index(oid schema.OID, now string) int64 {
	if s == nil || s.indexes[s.name(oid, now)] == nil {
		return 0
	}
	return s.indexes[s.name(oid, now)].Bytes
}

// header is the comment that a file begins with, without its dashes and stars.
func header(source string) string {
	var out []string
	block := false
	for line := range strings.Lines(strings.TrimPrefix(source, "\xef\xbb\xbf")) {
		line = strings.TrimSpace(line)
		switch {
		case block:
			rest, _, ends := strings.Cut(line, "*/")
			out, block = append(out, strings.TrimSpace(strings.TrimPrefix(rest, "*"))), !ends
		case strings.HasPrefix(line, "--"):
			out = append(out, strings.TrimSpace(strings.TrimLeft(line, "-")))
		case strings.HasPrefix(line, "/*"):
			rest, _, ends := strings.Cut(line[2:], "*/")
			out, block = append(out, strings.TrimSpace(strings.TrimLeft(rest, "*"))), !ends
		case line == "":
		default:
			return strings.Join(out, "\n")
		}
	}
	return strings.Join(out, "\n")
}
