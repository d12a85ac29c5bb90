package plan

import (
	"cmp"
	"slices"
	"strings"
)

func (p *planner) alterTable(h, w *Object) change {
	var sql []string
	head := "ALTER " + w.address() + " "
	for _, d := range differing(h, w) {
		was, v := h.Parts[d], w.Parts[d]
		switch d {
		case "persistence":
			sql = append(sql, head+"SET "+cmp.Or(strings.ToUpper(v), "LOGGED"))
		case "options":
			sql = append(sql, optionChanges(head, "", was, v)...)
		case "toast options":
			sql = append(sql, optionChanges(head, "toast.", was, v)...)
		case "access method":
			sql = append(sql, head+"SET ACCESS METHOD "+cmp.Or(v, "heap"))
		case "tablespace":
			sql = append(sql, head+"SET TABLESPACE "+cmp.Or(v, "pg_default"))
		case "of type":
			sql = append(sql, head+cmp.Or(with("OF ", v), "NOT OF"))
		case "replica identity", "clustered on":
			if !p.hasIndex(w, strings.TrimPrefix(v, "USING INDEX ")) {
				continue // the next round knows it
			}
			if d == "clustered on" {
				sql = append(sql, head+cmp.Or(with("CLUSTER ON ", v), "SET WITHOUT CLUSTER"))
				continue
			}
			sql = append(sql, head+"REPLICA IDENTITY "+cmp.Or(v, "DEFAULT"))
		case "bound", "parents":
			if d == "bound" || h.Parts["bound"] == "" && w.Parts["bound"] == "" {
				sql = append(sql, p.parents(h, w)...)
			} else if was != v && h.Parts["bound"] == w.Parts["bound"] {
				sql = append(sql, p.parents(h, w)...)
			}
		case "row security", "forced row security":
		case "foreign options":
			sql = append(sql, strings.TrimSpace(head)+p.foreign(w, h))
		default:
			p.refuse(w.Key, "its "+d+" differs, and no ALTER changes that while the rows stay")
		}
	}
	return change{sql: append(sql, rowSecurity(h, w)...)}
}

// hasIndex reports whether the table of now has an index of the name; a mark that
// names none needs none.
func (p *planner) hasIndex(t *Object, name string) bool {
	if name == "" || name == "FULL" || name == "NOTHING" {
		return true
	}
	for k, o := range p.have.Objects {
		if k.Schema == t.Schema && k.Of == t.Name && ident(k.Name) == name && (k.Class == Index || k.Class == Constraint && o.Facts["index"] != "") {
			return true
		}
	}
	return false
}

// parents attaches and detaches a partition, or changes what a table inherits.
func (p *planner) parents(h, w *Object) []string {
	var sql []string
	if h.Parts["bound"] != "" {
		sql = append(sql, "ALTER TABLE "+h.Parts["parents"]+" DETACH PARTITION "+w.name())
	} else {
		for _, x := range names(h.Parts["parents"]) {
			if w.Parts["bound"] != "" || !slices.Contains(names(w.Parts["parents"]), x) {
				sql = append(sql, "ALTER TABLE "+w.name()+" NO INHERIT "+x)
			}
		}
	}
	if w.Parts["bound"] != "" {
		return append(sql, "ALTER TABLE "+w.Parts["parents"]+" ATTACH PARTITION "+w.name()+" "+w.Parts["bound"])
	}
	for _, x := range names(w.Parts["parents"]) {
		if h.Parts["bound"] != "" || !slices.Contains(names(h.Parts["parents"]), x) {
			sql = append(sql, "ALTER TABLE "+w.name()+" INHERIT "+x)
		}
	}
	return sql
}

func names(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ", ")
}

// follows reports whether these parts of a parent's column or default change in
// the same way: ALTER on the parent reaches its children.
func (p *planner) follows(h, w *Object, parts ...string) bool {
	table := p.want.Objects[Key{Table, w.Schema, w.Of, ""}]
	if table == nil {
		return false
	}
	for _, k := range table.Needs {
		ph, pw := p.have.Objects[Key{w.Class, k.Schema, w.Name, k.Name}], p.want.Objects[Key{w.Class, k.Schema, w.Name, k.Name}]
		if k.Class != Table || ph == nil || pw == nil || p.isGone(ph.Key) {
			continue
		}
		same := true
		for _, d := range parts {
			same = same && ph.Parts[d] == h.Parts[d] && pw.Parts[d] == w.Parts[d]
		}
		if same {
			return true
		}
	}
	return false
}

func (p *planner) alterColumn(h, w *Object) change {
	if p.follows(h, w, differing(h, w)...) {
		return change{}
	}
	var c change
	col := ident(w.Name)
	head := "ALTER " + w.ofTable() + " ALTER COLUMN " + col + " "
	g, wg := h.Parts["generated"], w.Parts["generated"]
	switch {
	case w.Facts["relation"] == "c":
		return p.alterAttribute(h, w)
	case g == wg:
	case g != "" && wg == "" && strings.HasSuffix(g, "STORED"):
		c.sql = append(c.sql, head+"DROP EXPRESSION")
	case g != "" && p.have.Major >= 17 && kindOf(g) == kindOf(wg):
		c.sql = append(c.sql, head+"SET EXPRESSION AS "+strings.TrimSuffix(wg, kindOf(wg)))
	case g != "" && wg != "":
		return change{replace: true} // its values come from other columns
	default:
		p.refuse(w.Key, "a column that holds values cannot become a generated column")
		return c
	}
	if h.Parts["identity"] != "" && w.Parts["identity"] == "" {
		c.sql = append(c.sql, head+"DROP IDENTITY")
	}
	if h.Parts["type"] != w.Parts["type"] || h.Parts["collation"] != w.Parts["collation"] {
		if p.swapped(w) || p.follows(h, w, "type", "collation") {
			// The exchange of the type, or the parent's change, converts the column.
		} else {
			c.lift = true
			s := head + "TYPE " + w.Parts["type"] + with(" COLLATE ", w.Parts["collation"])
			if p.using[w.Key] {
				s += " USING " + col + "::" + w.Parts["type"]
			}
			c.sql = append(c.sql, s)
		}
	}
	c.sql = append(c.sql, notNull(h, w, head)...)
	if i := w.Parts["identity"]; i != h.Parts["identity"] && i != "" {
		if h.Parts["identity"] == "" {
			c.sql = append(c.sql, head+"ADD GENERATED "+i+" AS IDENTITY"+p.identityOptions(w))
		} else {
			c.sql = append(c.sql, head+"SET GENERATED "+i)
		}
	}
	if h.Parts["foreign options"] != w.Parts["foreign options"] {
		c.sql = append(c.sql, strings.TrimSpace(head)+p.foreign(w, h))
	}
	c.sql = append(c.sql, columnAttributes(h, w)...)
	return c
}

func kindOf(generated string) string { return generated[strings.LastIndex(generated, " ")+1:] }

// notNull changes NOT NULL, which since 18 is a constraint with a name.
func notNull(h, w *Object, head string) []string {
	a, b := h.Parts["not null"], w.Parts["not null"]
	table := "ALTER TABLE " + w.table() + " "
	hn, wn := h.Facts["not null name"], w.Facts["not null name"]
	switch {
	case a == b:
		return nil
	case b == "":
		return []string{head + "DROP NOT NULL"}
	case a == "" && b == "NOT NULL":
		return []string{head + "SET NOT NULL"}
	case a == "":
		return []string{table + "ADD " + notNullConstraint(w)}
	}
	var sql []string
	if hn != wn {
		sql = append(sql, table+"RENAME CONSTRAINT "+ident(hn)+" TO "+ident(wn))
	}
	if strings.HasSuffix(a, "NOT VALID") && !strings.HasSuffix(b, "NOT VALID") {
		sql = append(sql, table+"VALIDATE CONSTRAINT "+ident(wn))
	}
	if x := strings.Contains(b, "NO INHERIT"); x != strings.Contains(a, "NO INHERIT") {
		sql = append(sql, table+"ALTER CONSTRAINT "+ident(wn)+map[bool]string{true: " NO INHERIT", false: " INHERIT"}[x])
	}
	if strings.HasSuffix(b, "NOT VALID") && !strings.HasSuffix(a, "NOT VALID") {
		return []string{head + "DROP NOT NULL", table + "ADD " + notNullConstraint(w)}
	}
	return sql
}

func notNullConstraint(w *Object) string {
	rest := w.Parts["not null"][strings.Index(w.Parts["not null"], "NOT NULL")+len("NOT NULL"):]
	return "CONSTRAINT " + ident(w.Facts["not null name"]) + " NOT NULL " + ident(w.Name) + rest
}

func (p *planner) alterAttribute(h, w *Object) change {
	return change{lift: true, sql: []string{"ALTER TYPE " + w.table() + " ALTER ATTRIBUTE " + ident(w.Name) + " TYPE " + w.Parts["type"] + with(" COLLATE ", w.Parts["collation"])}}
}
