package plan

import (
	"encoding/json"
	"slices"
	"strings"
)

// create gives the statements that make a wanted object with its own parts;
// what is attached comes after. Nothing for what comes with another object.
func (p *planner) create(o *Object) []string {
	if o.Inherited && o.Class != Column {
		return nil
	}
	written := strings.TrimRight(strings.TrimSpace(p.o.Written[o.Key]), "; \n")
	switch o.Class {
	case View, MaterializedView:
		return p.createView(o, written)
	case Function, Procedure:
		if written == "" {
			written = strings.TrimSpace(o.Parts["definition"])
		}
		return []string{written}
	case Schema:
		return []string{"CREATE SCHEMA " + o.name()}
	case Extension:
		s := "CREATE EXTENSION " + o.name() + " WITH SCHEMA " + ident(o.Parts["schema"])
		if v := o.Facts["version"]; v != o.Facts["usual version"] && o.Facts["usual version"] != "" {
			s += " VERSION " + strings.TrimSpace(literal(v))
		}
		return []string{s}
	case Table, ForeignTable:
		return p.createTable(o)
	case Column:
		return p.createColumn(o)
	case Default:
		return []string{"ALTER " + o.ofTable() + " ALTER COLUMN " + ident(o.Name) + " SET DEFAULT " + o.Parts["definition"]}
	case Constraint:
		return append([]string{"ALTER " + o.ofTable() + " ADD " + constraint(o)}, indexComment(nil, o)...)
	case Index:
		return p.createIndex(o)
	case Statistics:
		return append([]string{o.Parts["definition"]}, target(o)...)
	case Trigger, Rule:
		return append([]string{o.Parts["definition"]}, enabled(o)...)
	case Policy:
		return []string{createPolicy(o)}
	}
	return p.createOther(o)
}

func (p *planner) createOther(o *Object) []string {
	part := o.Parts
	switch o.Class {
	case Enum:
		var labels []string
		_ = json.Unmarshal([]byte(part["labels"]), &labels)
		for i := range labels {
			labels[i] = strings.TrimSpace(literal(labels[i]))
		}
		return []string{"CREATE TYPE " + o.name() + " AS ENUM (" + strings.Join(labels, ", ") + ")"}
	case Composite:
		var cols []string
		for _, c := range p.columns(o) {
			cols = append(cols, ident(c.Name)+" "+c.Parts["type"]+with(" COLLATE ", c.Parts["collation"]))
		}
		return []string{"CREATE TYPE " + o.name() + " AS (" + strings.Join(cols, ", ") + ")"}
	case Range:
		return []string{"CREATE TYPE " + o.name() + " AS RANGE (" + pairs(part, "subtype", "subtype_opclass", "collation", "canonical", "subtype_diff", "multirange_type_name") + ")"}
	case Domain:
		s := "CREATE DOMAIN " + o.name() + " AS " + part["type"] + with(" COLLATE ", part["collation"]) + with(" DEFAULT ", part["default"])
		if part["not null"] != "" {
			s += " NOT NULL"
		}
		for _, c := range p.wantOf(o.Key, DomainConstraint) {
			if p.folded[c.Key] {
				s += " " + constraint(c)
			}
		}
		return []string{s}
	case DomainConstraint:
		return []string{"ALTER DOMAIN " + o.table() + " ADD " + constraint(o)}
	case Collation:
		return []string{createCollation(o)}
	case Sequence:
		return []string{"CREATE " + strings.ToUpper(with("", part["persistence"])) + space(part["persistence"]) + "SEQUENCE " + o.name() + sequence(part, nil)}
	case Aggregate:
		return []string{"CREATE AGGREGATE " + o.name() + " (" + part["definition"] + ")"}
	case Cast:
		return []string{"CREATE CAST " + o.Name + " " + part["definition"]}
	case EventTrigger:
		s := "CREATE EVENT TRIGGER " + o.name() + " ON " + part["event"]
		if t := part["tags"]; t != "" {
			s += " WHEN TAG IN (" + t + ")"
		}
		return append([]string{s + " EXECUTE FUNCTION " + part["function"] + "()"}, enabled(o)...)
	case Publication:
		s := "CREATE PUBLICATION " + o.name()
		if part["all tables"] != "" {
			s += " FOR ALL TABLES"
		}
		return []string{s + " WITH (" + publish(part) + ")"}
	case PublishedTable:
		return []string{"ALTER PUBLICATION " + ident(o.Of) + " ADD TABLE " + published(o)}
	case PublishedSchema:
		return []string{"ALTER PUBLICATION " + ident(o.Of) + " ADD TABLES IN SCHEMA " + ident(o.Name)}
	case Wrapper:
		return []string{"CREATE FOREIGN DATA WRAPPER " + o.name() + with(" HANDLER ", part["handler"]) + with(" VALIDATOR ", part["validator"]) + p.foreign(o, nil)}
	case Server:
		return []string{"CREATE SERVER " + o.name() + with(" TYPE ", part["type"]) + with(" VERSION ", part["version"]) + " FOREIGN DATA WRAPPER " + part["wrapper"] + p.foreign(o, nil)}
	case UserMapping:
		return []string{"CREATE " + o.address() + p.foreign(o, nil)}
	case DefaultACL:
		return defaultACL(nil, o, p.want.Major)
	}
	return nil
}

func with(word, value string) string {
	if value == "" {
		return ""
	}
	return word + value
}

func space(s string) string {
	if s == "" {
		return ""
	}
	return " "
}

func pairs(part map[string]string, names ...string) string {
	var out []string
	for _, n := range names {
		if v := part[n]; v != "" {
			out = append(out, strings.ToUpper(n)+" = "+v)
		}
	}
	return strings.Join(out, ", ")
}

func constraint(o *Object) string {
	def := o.Parts["definition"]
	if list := lines(o.Parts["options"]); list != nil {
		w := " WITH (" + settings(list) + ")"
		if i := strings.Index(def, " DEFERRABLE"); i > 0 {
			def = def[:i] + w + def[i:]
		} else {
			def += w
		}
	}
	return "CONSTRAINT " + ident(o.Name) + " " + def + with(" USING INDEX TABLESPACE ", o.Parts["tablespace"])
}

// indexComment sets the comment that the index of a constraint has for itself.
func indexComment(have, want *Object) []string {
	was := ""
	if have != nil {
		was = have.Parts["comment of the index"]
	}
	if is := want.Parts["comment of the index"]; is != was {
		return []string{"COMMENT ON INDEX " + ident(want.Schema) + "." + ident(want.Facts["index"]) + " IS " + commentText(is)}
	}
	return nil
}

func createCollation(o *Object) string {
	var out []string
	for _, n := range []string{"provider", "locale", "lc_collate", "lc_ctype", "deterministic", "rules"} {
		v := o.Parts[n]
		switch {
		case v == "" || n == "deterministic" && v == "true":
		case n == "provider" || n == "deterministic":
			out = append(out, n+" = "+v)
		default:
			out = append(out, n+" = "+literal(v))
		}
	}
	return "CREATE COLLATION " + o.name() + " (" + strings.Join(out, ", ") + ")"
}

// sequence writes the parameters that are not what they are by default, or that
// differ from those of have.
func sequence(want, have map[string]string) string {
	var b strings.Builder
	low, high := "1", map[string]string{"smallint": "32767", "integer": "2147483647"}[want["type"]]
	if high == "" {
		high = "9223372036854775807"
	}
	if strings.HasPrefix(want["increment"], "-") {
		low, high = map[string]string{"smallint": "-32768", "integer": "-2147483648"}[want["type"]], "-1"
		if low == "" {
			low = "-9223372036854775808"
		}
	}
	start := want["min"]
	if strings.HasPrefix(want["increment"], "-") {
		start = want["max"]
	}
	for _, x := range [][3]string{{"type", " AS ", "bigint"}, {"increment", " INCREMENT BY ", "1"}, {"min", " MINVALUE ", low}, {"max", " MAXVALUE ", high},
		{"start", " START WITH ", start}, {"cache", " CACHE ", "1"}, {"cycle", " CYCLE", "false"}} {
		name, word, usual := x[0], x[1], x[2]
		v := want[name]
		if have == nil && v == usual || have != nil && v == have[name] && !(have["type"] != want["type"] && (name == "min" || name == "max")) {
			continue
		}
		switch {
		case name == "cycle" && v == "true":
			b.WriteString(" CYCLE")
		case name == "cycle":
			b.WriteString(" NO CYCLE")
		default:
			b.WriteString(word + v)
		}
	}
	return b.String()
}

func (p *planner) createView(o *Object, written string) []string {
	if written != "" && !p.isGone(o.Key) {
		return []string{written}
	}
	s := "CREATE " + strings.ToUpper(string(o.Class)) + " " + o.name() + with(" USING ", o.Parts["access method"])
	if list := lines(o.Parts["options"]); list != nil {
		s += " WITH (" + settings(list) + ")"
	}
	s += with(" TABLESPACE ", o.Parts["tablespace"]) + " AS\n" + o.Parts["definition"]
	if o.Parts["populated"] == "false" {
		s += "\n WITH NO DATA"
	}
	return []string{s}
}

func (p *planner) createIndex(o *Object) []string {
	s := o.Parts["definition"]
	if o.Parts["valid"] == "true" {
		s = strings.Replace(s, " ON ONLY ", " ON ", 1) // the server's text leaves out the partitions
	}
	if t := o.Parts["tablespace"]; t != "" && !strings.Contains(s, " TABLESPACE ") {
		if i := strings.LastIndex(s, " WHERE "); i > 0 {
			s = s[:i] + " TABLESPACE " + t + s[i:]
		} else {
			s += " TABLESPACE " + t
		}
	}
	return append([]string{s}, indexStatistics(nil, o)...)
}

func indexStatistics(have, want *Object) []string {
	var out []string
	old := map[string]string{}
	if have != nil {
		for _, l := range lines(have.Parts["statistics"]) {
			n, v, _ := strings.Cut(l, " ")
			old[n] = v
		}
	}
	set := func(n, v string) {
		out = append(out, "ALTER "+want.address()+" ALTER COLUMN "+n+" SET STATISTICS "+v)
	}
	for _, l := range lines(want.Parts["statistics"]) {
		n, v, _ := strings.Cut(l, " ")
		if old[n] != v {
			set(n, v)
		}
		delete(old, n)
	}
	for _, l := range sortedKeys(old) {
		set(l, "-1")
	}
	return out
}

func target(o *Object) []string {
	if t := o.Parts["target"]; t != "" {
		return []string{"ALTER STATISTICS " + o.name() + " SET STATISTICS " + t}
	}
	return nil
}

// enabled sets when a trigger or rule fires, where that is not always.
func enabled(o *Object) []string {
	e := o.Parts["enabled"]
	switch {
	case e == "":
		return nil
	case o.Class == EventTrigger:
		return []string{"ALTER EVENT TRIGGER " + o.name() + " " + e}
	}
	return []string{"ALTER TABLE " + o.table() + " " + e + " " + o.Class.kind() + " " + ident(o.Name)}
}

func createPolicy(o *Object) string {
	s := "CREATE POLICY " + ident(o.Name) + " ON " + o.table()
	if o.Parts["permissive"] == "RESTRICTIVE" {
		s += " AS RESTRICTIVE"
	}
	if c := o.Parts["command"]; c != "ALL" {
		s += " FOR " + c
	}
	return s + " TO " + o.Parts["roles"] + predicate(o, "using", "USING") + predicate(o, "check", "WITH CHECK")
}

func predicate(o *Object, part, word string) string {
	if e := o.Parts[part]; e != "" {
		return " " + word + " (" + e + ")"
	}
	return ""
}

func publish(part map[string]string) string {
	s := "publish = " + strings.TrimSpace(literal(part["publish"])) + ", publish_via_partition_root = "
	if part["publish_via_partition_root"] != "" {
		s += "true"
	} else {
		s += "false"
	}
	if g := part["publish_generated_columns"]; g != "" {
		s += ", publish_generated_columns = " + g
	}
	return s
}

func published(o *Object) string {
	s := o.name()
	if c := o.Parts["columns"]; c != "" {
		s += " (" + c + ")"
	}
	return s + predicate(o, "filter", "WHERE")
}

// foreign writes the options of a foreign-data object, as changes to have's
// where it is there. A secret that would have to be written is a reason not to plan.
func (p *planner) foreign(o, have *Object) string {
	old := map[string]string{}
	if have != nil {
		for _, l := range lines(have.Parts["foreign options"]) {
			n, v, _ := strings.Cut(l, "=")
			old[n] = v
		}
	}
	var out []string
	for _, l := range lines(o.Parts["foreign options"]) {
		n, v, _ := strings.Cut(l, "=")
		was, there := old[n]
		delete(old, n)
		if there && was == v {
			continue
		}
		if strings.HasPrefix(v, SecretMark) {
			p.refuse(o.Key, "the option "+n+" may hold a secret, which assay never prints: set it by hand")
		}
		word := ""
		if there {
			word = "SET "
		} else if have != nil {
			word = "ADD "
		}
		out = append(out, word+ident(n)+" "+strings.TrimSpace(literal(v)))
	}
	for _, n := range sortedKeys(old) {
		out = append(out, "DROP "+ident(n))
	}
	if out == nil {
		return ""
	}
	return " OPTIONS (" + strings.Join(out, ", ") + ")"
}

func sortedKeys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
