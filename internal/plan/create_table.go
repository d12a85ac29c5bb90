package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// columns are the wanted columns of a table or type, in order.
func (p *planner) columns(o *Object) []*Object { return p.wantOf(o.Key, Column) }

// wantOf gives the wanted objects of a class that belong to a table.
func (p *planner) wantOf(table Key, class Class) []*Object {
	var out []*Object
	for _, k := range p.parts[Key{Schema: table.Schema, Name: table.Name}] {
		if k.Class == class {
			out = append(out, p.want.Objects[k])
		}
	}
	slices.SortStableFunc(out, func(a, b *Object) int { return cmp.Compare(position(a), position(b)) })
	return out
}

func position(o *Object) int {
	n, _ := strconv.Atoi(o.Facts["position"])
	return n
}

// createTable writes a new table with its columns and what can be written in place.
func (p *planner) createTable(o *Object) []string {
	var body []string
	part := o.Parts
	for _, c := range p.columns(o) {
		if c.Inherited || part["of type"] != "" {
			continue
		}
		s := p.column(c)
		if d := p.want.Objects[Key{Default, c.Schema, c.Name, c.Of}]; d != nil && p.folded[d.Key] {
			s += " DEFAULT " + d.Parts["definition"]
		}
		body = append(body, s)
	}
	for _, c := range p.wantOf(o.Key, Constraint) {
		if p.folded[c.Key] {
			body = append(body, constraint(c))
		}
	}
	s := "CREATE "
	switch {
	case o.Class == ForeignTable:
		s += "FOREIGN "
	case part["persistence"] != "":
		s += "UNLOGGED "
	}
	s += "TABLE " + o.name()
	list := " ("
	if len(body) > 0 {
		list += "\n    " + strings.Join(body, ",\n    ") + "\n"
	}
	list += ")"
	switch {
	case part["bound"] != "":
		s += " PARTITION OF " + part["parents"]
		if len(body) > 0 {
			s += list
		}
		s += " " + part["bound"]
	case part["of type"] != "":
		s += " OF " + part["of type"]
		if len(body) > 0 {
			s += list
		}
	default:
		s += list
		if part["parents"] != "" {
			s += " INHERITS (" + part["parents"] + ")"
		}
	}
	s += with(" PARTITION BY ", part["partition key"]) + with(" SERVER ", part["server"])
	if o.Class == ForeignTable {
		s += p.foreign(o, nil)
	}
	s += with(" USING ", part["access method"])
	var all []string
	all = append(all, lines(part["options"])...)
	for _, l := range lines(part["toast options"]) {
		all = append(all, "toast."+l)
	}
	if len(all) > 0 {
		s += " WITH (" + settings(all) + ")"
	}
	out := []string{s + with(" TABLESPACE ", part["tablespace"])}
	for _, c := range p.columns(o) {
		if part["of type"] != "" || c.Inherited {
			out = append(out, p.inheritedColumn(o, c)...)
			continue
		}
		out = append(out, columnAttributes(nil, c)...)
	}
	return append(out, rowSecurity(nil, o)...)
}

// inheritedColumn sets what a column of a child or typed table has beside what it
// has from the parent.
func (p *planner) inheritedColumn(table, c *Object) []string {
	parent := &Object{Parts: map[string]string{}}
	for _, k := range table.Needs {
		if x := p.want.Objects[Key{Column, k.Schema, c.Name, k.Name}]; x != nil && (k.Class == Table || k.Class == ForeignTable || k.Class == Composite) {
			parent = x
		}
	}
	out := columnAttributes(parent, c)
	if c.Parts["not null"] != "" && parent.Parts["not null"] == "" {
		out = append(out, "ALTER "+c.ofTable()+" ALTER COLUMN "+ident(c.Name)+" SET NOT NULL")
	}
	return out
}

// column writes a column's definition without its default.
func (p *planner) column(c *Object) string {
	s := ident(c.Name) + " " + c.Parts["type"] + with(" COLLATE ", c.Parts["collation"])
	if c.Facts["relation"] == "f" {
		s += p.foreign(c, nil)
	}
	if g := c.Parts["generated"]; g != "" {
		s += " GENERATED ALWAYS AS " + g
	}
	if g := c.Parts["identity"]; g != "" {
		s += " GENERATED " + g + " AS IDENTITY" + p.identityOptions(c)
	}
	if n := c.Parts["not null"]; n != "" && !(c.Parts["identity"] != "" && n == "NOT NULL") {
		s += " " + strings.TrimSuffix(n, " NOT VALID")
	}
	return s
}

// identityOptions are the parameters of an identity column's sequence that are not the usual ones.
func (p *planner) identityOptions(c *Object) string {
	for _, k := range p.sequences[c.Key] {
		q := p.want.Objects[k]
		part := map[string]string{}
		for n, v := range q.Parts {
			part[n] = v
		}
		s := sequence(part, nil)
		if strings.HasPrefix(s, " AS ") {
			rest := strings.TrimPrefix(s, " AS "+part["type"])
			s = rest
		}
		if q.Name != c.Of+"_"+c.Name+"_seq" {
			s = " SEQUENCE NAME " + q.name() + s
		}
		if s != "" {
			return " (" + strings.TrimSpace(s) + ")"
		}
	}
	return ""
}

// createColumn adds a column to a table, view or type that exists.
func (p *planner) createColumn(c *Object) []string {
	switch c.Facts["relation"] {
	case "v", "m":
		return columnAttributes(nil, c)
	case "c":
		return []string{"ALTER TYPE " + c.table() + " ADD ATTRIBUTE " + ident(c.Name) + " " + c.Parts["type"] + with(" COLLATE ", c.Parts["collation"])}
	}
	if c.Inherited && !p.beforeAttach(c) {
		return nil
	}
	word := " ADD COLUMN "
	if !c.Inherited && c.Facts["parents"] != "0" {
		word += "IF NOT EXISTS " // it may have come with the parent's
	}
	s := "ALTER " + c.ofTable() + word + p.column(c)
	if d := p.want.Objects[Key{Default, c.Schema, c.Name, c.Of}]; d != nil && p.folded[d.Key] {
		s += " DEFAULT " + d.Parts["definition"]
	}
	return append([]string{s}, columnAttributes(nil, c)...)
}

// columnAttributes are what ALTER COLUMN sets beside type, default and NOT NULL.
func columnAttributes(have, want *Object) []string {
	h := map[string]string{}
	if have != nil {
		h = have.Parts
	}
	head := "ALTER " + want.ofTable() + " ALTER COLUMN " + ident(want.Name) + " "
	if r := want.Facts["relation"]; r == "v" {
		head = "ALTER TABLE " + want.table() + " ALTER COLUMN " + ident(want.Name) + " "
	}
	var out []string
	if w := want.Parts["storage"]; w != h["storage"] {
		if w == "" {
			w = map[string]string{"p": "PLAIN", "e": "EXTERNAL", "x": "EXTENDED", "m": "MAIN"}[want.Facts["storage of type"]]
		}
		out = append(out, head+"SET STORAGE "+w)
	}
	if w := want.Parts["compression"]; w != h["compression"] {
		out = append(out, head+"SET COMPRESSION "+cmp.Or(w, "default"))
	}
	if w := want.Parts["statistics"]; w != h["statistics"] {
		out = append(out, head+"SET STATISTICS "+cmp.Or(w, "-1"))
	}
	return append(out, optionChanges(head, "", h["options"], want.Parts["options"])...)
}

// optionChanges sets and resets stored options.
func optionChanges(head, prefix, have, want string) []string {
	var set, reset []string
	for _, l := range lines(want) {
		if !slices.Contains(lines(have), l) {
			set = append(set, prefix+l)
		}
	}
	for _, l := range lines(have) {
		n, _, _ := strings.Cut(l, "=")
		if !slices.ContainsFunc(lines(want), func(w string) bool { return strings.HasPrefix(w, n+"=") }) {
			reset = append(reset, prefix+n)
		}
	}
	var out []string
	if set != nil {
		out = append(out, head+"SET ("+settings(set)+")")
	}
	if reset != nil {
		out = append(out, head+"RESET ("+strings.Join(reset, ", ")+")")
	}
	return out
}

func rowSecurity(have, want *Object) []string {
	h := map[string]string{}
	if have != nil {
		h = have.Parts
	}
	var out []string
	if w := want.Parts["row security"]; w != h["row security"] {
		out = append(out, "ALTER TABLE "+want.name()+" "+cmp.Or(w, "DISABLE")+" ROW LEVEL SECURITY")
	}
	if w := want.Parts["forced row security"]; w != h["forced row security"] {
		out = append(out, "ALTER TABLE "+want.name()+" "+cmp.Or(w, "NO FORCE")+" ROW LEVEL SECURITY")
	}
	return out
}

// beforeAttach reports whether a column must be added before its table is attached
// to a parent that has it already.
func (p *planner) beforeAttach(c *Object) bool {
	t := Key{Table, c.Schema, c.Of, ""}
	h, w := p.have.Objects[t], p.want.Objects[t]
	if h == nil || w == nil || p.isGone(t) || h.Parts["parents"] == w.Parts["parents"] {
		return false
	}
	return slices.ContainsFunc(w.Needs, func(k Key) bool {
		x := Key{Column, k.Schema, c.Name, k.Name}
		return k.Class == Table && p.have.Objects[x] != nil && !p.isGone(x)
	})
}
