package plan

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// differing are the names of the parts that two objects do not share.
func differing(h, w *Object) []string {
	names := map[string]bool{}
	for _, m := range []map[string]string{h.Parts, w.Parts} {
		for n := range m {
			if h.Parts[n] != w.Parts[n] {
				names[n] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// change is how an object is brought from what it is to what is wanted.
type change struct {
	sql     []string
	replace bool // it is dropped and created again
	lift    bool // what depends on it is in the way
}

// alter says how an object that is in both states is changed.
func (p *planner) alter(h, w *Object) change {
	d := differing(h, w)
	// Both are versions on one server, so that only a pinned one differs.
	update := w.Class == Extension && h.Facts["version"] != w.Facts["version"]
	switch {
	case len(d) == 0 && !update:
		return change{}
	case p.forced[w.Key]:
		return change{replace: true}
	case update && len(d) == 0:
		return change{sql: []string{"ALTER EXTENSION " + w.name() + " UPDATE TO " + strings.TrimSpace(literal(w.Facts["version"]))}}
	}
	only := func(names ...string) bool {
		for _, x := range d {
			if !slices.Contains(names, x) {
				return false
			}
		}
		return true
	}
	switch w.Class {
	case Table, ForeignTable:
		return p.alterTable(h, w)
	case Column:
		return p.alterColumn(h, w)
	case Default:
		if p.follows(h, w, differing(h, w)...) {
			return change{}
		}
		return change{sql: p.create(w)}
	case Constraint, DomainConstraint:
		return alterConstraint(h, w, only)
	case Index:
		if !only("statistics") {
			return change{replace: true}
		}
		return change{sql: indexStatistics(h, w)}
	case View:
		return p.alterView(h, w)
	case MaterializedView:
		if only("options") {
			return change{sql: optionChanges("ALTER MATERIALIZED VIEW "+w.name()+" ", "", h.Parts["options"], w.Parts["options"])}
		}
		if only("populated") {
			return change{sql: []string{"REFRESH MATERIALIZED VIEW " + w.name() + with(" WITH ", map[string]string{"false": "NO DATA"}[w.Parts["populated"]])}}
		}
		return change{replace: true}
	case Function, Procedure:
		return p.alterRoutine(h, w)
	case Trigger, Rule:
		if only("enabled") {
			if sql := enabled(w); sql != nil {
				return change{sql: sql}
			}
			return change{sql: []string{"ALTER TABLE " + w.table() + " ENABLE " + w.Class.kind() + " " + ident(w.Name)}}
		}
		return change{replace: true}
	case Policy:
		return alterPolicy(h, w, only)
	}
	return p.alterOther(h, w, only)
}

func (p *planner) alterOther(h, w *Object, only func(...string) bool) change {
	switch w.Class {
	case Enum:
		return alterEnum(h, w)
	case Domain:
		return alterDomain(h, w, only)
	case Sequence:
		return change{sql: p.alterSequence(h, w)}
	case Extension:
		if h.Facts["relocatable"] == "true" {
			return change{sql: []string{"ALTER EXTENSION " + w.name() + " SET SCHEMA " + ident(w.Parts["schema"])}}
		}
		p.refuse(w.Key, "the extension cannot be moved to another schema")
	case Statistics:
		if only("target") {
			return change{sql: []string{"ALTER STATISTICS " + w.name() + " SET STATISTICS " + cmp.Or(w.Parts["target"], "-1")}}
		}
		return change{replace: true}
	case EventTrigger:
		if only("enabled") {
			return change{sql: []string{"ALTER EVENT TRIGGER " + w.name() + " " + cmp.Or(w.Parts["enabled"], "ENABLE")}}
		}
		return change{replace: true}
	case Publication:
		if only("all tables") {
			return change{replace: true}
		}
		return change{sql: []string{"ALTER PUBLICATION " + w.name() + " SET (" + publish(w.Parts) + ")"}}
	case Server, UserMapping, Wrapper:
		if only("foreign options", "version") {
			var out []string
			if w.Parts["version"] != h.Parts["version"] || w.Parts["foreign options"] != h.Parts["foreign options"] {
				out = append(out, "ALTER "+w.address()+with(" VERSION ", w.Parts["version"])+p.foreign(w, h))
			}
			return change{sql: out}
		}
		if w.Class == Wrapper {
			return change{sql: []string{"ALTER " + w.address() + cmp.Or(with(" HANDLER ", w.Parts["handler"]), " NO HANDLER") + cmp.Or(with(" VALIDATOR ", w.Parts["validator"]), " NO VALIDATOR") + p.foreign(w, h)}}
		}
		return change{replace: true}
	case Composite:
		return change{replace: !appended(h, w)}
	case Schema, DefaultACL:
		return change{}
	}
	if !w.Class.supported() {
		p.refuse(w.Key, "assay does not plan changes of a "+string(w.Class)+" yet")
		return change{}
	}
	return change{replace: true}
}

func alterConstraint(h, w *Object, only func(...string) bool) change {
	hd, wd := h.Parts["definition"], w.Parts["definition"]
	on := "TABLE " + w.table()
	if w.Class == DomainConstraint {
		on = "DOMAIN " + w.table()
	} else if w.Facts["relation"] == "f" {
		on = w.ofTable()
	}
	if only("definition") && hd == wd+" NOT VALID" {
		return change{sql: []string{"ALTER " + on + " VALIDATE CONSTRAINT " + ident(w.Name)}}
	}
	if only("options", "comment of the index") && w.Facts["index"] != "" {
		sql := optionChanges("ALTER INDEX "+ident(w.Schema)+"."+ident(w.Facts["index"])+" ", "", h.Parts["options"], w.Parts["options"])
		return change{sql: append(sql, indexComment(h, w)...)}
	}
	return change{replace: true}
}

func (p *planner) alterView(h, w *Object) change {
	if h.Parts["definition"] == w.Parts["definition"] {
		return change{sql: optionChanges("ALTER VIEW "+w.name()+" ", "", h.Parts["options"], w.Parts["options"])}
	}
	// CREATE OR REPLACE may append columns, and change nothing of those that are there.
	if w.Facts["columns"] != h.Facts["columns"] && !strings.HasPrefix(w.Facts["columns"], h.Facts["columns"]+"\n") {
		return change{replace: true}
	}
	sql := strings.TrimSpace(p.o.Written[w.Key])
	if up := strings.ToUpper(sql); !strings.HasPrefix(up, "CREATE OR REPLACE ") {
		sql = strings.Replace(p.createView(w, "")[0], "CREATE VIEW", "CREATE OR REPLACE VIEW", 1)
	}
	return change{sql: []string{strings.TrimRight(sql, "; \n")}}
}

func (p *planner) alterRoutine(h, w *Object) change {
	same := func(facts ...string) bool {
		for _, f := range facts {
			if h.Facts[f] != w.Facts[f] {
				return false
			}
		}
		return true
	}
	// A parameter without a name may get one; a name or a default may not be lost.
	if !same("result", "kind", "out names", "variadic") || !named(h.Facts["input names"], w.Facts["input names"]) || w.Facts["defaults"] < h.Facts["defaults"] {
		return change{replace: true}
	}
	return change{sql: []string{strings.TrimSpace(w.Parts["definition"])}}
}

func named(have, want string) bool {
	var h, w []*string
	_ = json.Unmarshal([]byte(have), &h)
	_ = json.Unmarshal([]byte(want), &w)
	for i, n := range h {
		if n != nil && *n != "" && (i >= len(w) || w[i] == nil || *w[i] != *n) {
			return false
		}
	}
	return true
}

func alterPolicy(h, w *Object, only func(...string) bool) change {
	if !only("roles", "using", "check") || h.Parts["using"] != "" && w.Parts["using"] == "" || h.Parts["check"] != "" && w.Parts["check"] == "" {
		return change{replace: true}
	}
	s := "ALTER POLICY " + ident(w.Name) + " ON " + w.table()
	if h.Parts["roles"] != w.Parts["roles"] {
		s += " TO " + w.Parts["roles"]
	}
	if h.Parts["using"] != w.Parts["using"] {
		s += predicate(w, "using", "USING")
	}
	if h.Parts["check"] != w.Parts["check"] {
		s += predicate(w, "check", "WITH CHECK")
	}
	return change{sql: []string{s}}
}

// alterEnum adds labels in their places. Labels that are gone or in another order
// need another type.
func alterEnum(h, w *Object) change {
	var have, want []string
	_ = json.Unmarshal([]byte(h.Parts["labels"]), &have)
	_ = json.Unmarshal([]byte(w.Parts["labels"]), &want)
	kept := slices.DeleteFunc(slices.Clone(want), func(l string) bool { return !slices.Contains(have, l) })
	if !slices.Equal(kept, have) {
		return change{replace: true}
	}
	var sql []string
	for i, l := range want {
		if slices.Contains(have, l) {
			continue
		}
		s := "ALTER TYPE " + w.name() + " ADD VALUE " + strings.TrimSpace(literal(l))
		rest := slices.ContainsFunc(want[i:], func(x string) bool { return slices.Contains(have, x) })
		switch {
		case rest && i == 0:
			s += " BEFORE " + strings.TrimSpace(literal(have[0]))
		case rest:
			s += " AFTER " + strings.TrimSpace(literal(want[i-1]))
		}
		sql = append(sql, s)
	}
	return change{sql: sql}
}

// appended reports whether the attributes of a type that stay keep their order and
// come before the new ones, which is all that ALTER TYPE can do.
func appended(h, w *Object) bool {
	have, want := attributes(h), attributes(w)
	order := slices.DeleteFunc(slices.Clone(have), func(a string) bool { return !slices.Contains(want, a) })
	for _, a := range want {
		if !slices.Contains(have, a) {
			order = append(order, a)
		}
	}
	return slices.Equal(order, want)
}

// attributes are the names of a composite type's attributes, in order.
func attributes(o *Object) []string {
	var out []string
	_ = json.Unmarshal([]byte(o.Parts["attributes"]), &out)
	return out
}

func alterDomain(h, w *Object, only func(...string) bool) change {
	if !only("default", "not null") {
		return change{replace: true}
	}
	var sql []string
	head := "ALTER DOMAIN " + w.name() + " "
	if d := w.Parts["default"]; d != h.Parts["default"] {
		sql = append(sql, head+cmp.Or(with("SET DEFAULT ", d), "DROP DEFAULT"))
	}
	if n := w.Parts["not null"]; n != h.Parts["not null"] {
		sql = append(sql, head+map[bool]string{true: "SET NOT NULL", false: "DROP NOT NULL"}[n != ""])
	}
	return change{sql: sql}
}

func (p *planner) alterSequence(h, w *Object) []string {
	var sql []string
	if s := sequence(w.Parts, h.Parts); s != "" {
		sql = append(sql, "ALTER SEQUENCE "+w.name()+s)
	}
	owner := Key{Column, w.Facts["table schema"], w.Facts["column"], w.Facts["table"]}
	switch {
	case w.Parts["owned by"] == h.Parts["owned by"]:
	case w.Parts["owned by"] != "" && p.have.Objects[owner] == nil:
		// The next round knows the column. Until then nothing takes the sequence along.
		if h.Parts["owned by"] != "" {
			sql = append(sql, "ALTER SEQUENCE "+w.name()+" OWNED BY NONE")
		}
	default:
		if w.Owner != h.Owner && w.Parts["owned by"] != "" {
			sql = append(sql, "ALTER SEQUENCE "+w.name()+" OWNER TO "+ident(w.Owner))
		}
		sql = append(sql, "ALTER SEQUENCE "+w.name()+" OWNED BY "+cmp.Or(w.Parts["owned by"], "NONE"))
	}
	if x := w.Parts["persistence"]; x != h.Parts["persistence"] {
		sql = append(sql, "ALTER SEQUENCE "+w.name()+" SET "+cmp.Or(strings.ToUpper(x), "LOGGED"))
	}
	return sql
}
