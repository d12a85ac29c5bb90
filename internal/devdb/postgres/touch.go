package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// touch is what must be read again.
type touch struct {
	rels                                                oids // relations with all that is theirs
	heads                                               oids // relations with their columns, nothing else
	cons                                                oids // relations whose constraints are read, nothing else
	idxs, kons, types, procs, trigs, pols, rules, stats oids

	small      bool // the classes of few objects
	foreigners bool // foreign keys of others that reference rels
	granted    bool // what a GRANT in this transaction changed
	strange    bool // some of rels and heads the catalog does not have as relations: row types of composite types, perhaps
	all        bool
}

type oids map[schema.OID]bool

func newTouch() *touch {
	return &touch{rels: oids{}, heads: oids{}, cons: oids{}, idxs: oids{}, kons: oids{}, types: oids{}, procs: oids{}, trigs: oids{}, pols: oids{}, rules: oids{}, stats: oids{}}
}

func (t *touch) sets() []oids {
	return []oids{t.rels, t.heads, t.cons, t.idxs, t.kons, t.types, t.procs, t.trigs, t.pols, t.rules, t.stats}
}

func (t *touch) any() bool {
	return t.all || t.small || t.granted || slices.ContainsFunc(t.sets(), func(s oids) bool { return len(s) > 0 })
}

// arguments are those of the function that reads again. With fresh it need not
// tell what this transaction did not write.
func (t *touch) arguments(fresh bool) []string {
	var out []string
	var b []byte
	for _, s := range t.sets() {
		b = append(b[:0], '{')
		for o := range s {
			if o == 0 {
				continue
			}
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = strconv.AppendUint(b, uint64(o), 10)
		}
		out = append(out, string(append(b, '}')))
	}
	for _, v := range []bool{t.small, t.foreigners, t.granted, t.strange, fresh} {
		out = append(out, strconv.FormatBool(v))
	}
	return out
}

// compare notes what the catalog tells of what is touched.
func (t *touch) compare(c *schema.Catalog) {
	t.family(c)
	t.foreigners = t.foreigners && referenced(c, t.rels)
	for _, s := range []oids{t.rels, t.heads} {
		for o := range s {
			t.strange = t.strange || c.Relations[o] == nil
		}
	}
}

// family adds the relations that change with those that are touched: children,
// whether they stay or leave, and the sequences that their columns own.
func (t *touch) family(c *schema.Catalog) {
	if len(t.rels) == 0 {
		return
	}
	for more := true; more; {
		more = false
		for o, r := range c.Relations {
			if t.rels[o] || r.PartitionOf == 0 && len(r.Inherits) == 0 && r.OwnedBy.OID == 0 {
				continue
			}
			if t.rels[r.PartitionOf] || t.rels[r.OwnedBy.OID] || slices.ContainsFunc(r.Inherits, func(p schema.OID) bool { return t.rels[p] }) {
				t.rels[o], more = true, true
			}
		}
	}
}

// referenced reports whether foreign keys, as the catalog has them, reference
// any of the relations. Of new ones the event of their own table tells.
func referenced(c *schema.Catalog, rels oids) bool {
	for _, k := range c.Constraints {
		if k.RefTable != 0 && rels[k.RefTable] {
			return true
		}
	}
	return false
}

// parent reports whether a relation has partitions or children.
func parent(c *schema.Catalog, o schema.OID) bool {
	if r := c.Relations[o]; r == nil || r.Kind == schema.PartitionedTable {
		return r != nil
	}
	for _, r := range c.Relations {
		if slices.Contains(r.Inherits, o) {
			return true
		}
	}
	return false
}

// touched works out what a statement may have changed: what the event triggers
// told, and the relations it locked in a mode that DDL takes.
func (r *recorder) touched(step *devdb.Step, facts told, now []seenLock) *touch {
	t := newTouch()
	if t.all = facts.lost; t.all {
		return t
	}
	adds := r.triggers && columnwise(step) && len(facts.dropped)+len(facts.rewrites) == 0
	for _, d := range facts.ddl {
		if adds && d.tag == "ALTER TABLE" && d.class == pgClass && d.kind == "table" && !parent(r.cat, d.oid) {
			t.heads[d.oid], t.cons[d.oid] = true, true
			continue
		}
		t.told(d)
	}
	for _, d := range facts.dropped {
		t.gone(step.Before, d)
	}
	for o := range facts.rewrites {
		t.rels[o] = true
	}
	if step.Tag == "LOCK TABLE" || r.triggers && partTags[step.Tag] {
		return t
	}
	t.foreigners = len(facts.rewrites) > 0 || !ownTags[step.Tag] || changesType(step)
	again := storageTags[step.Tag] || r.kinship(facts)
	for _, l := range now {
		_, had := r.held[l.relation][l.mode]
		if l.mode.Strength() < devdb.ShareUpdateExclusive.Strength() || had && !again && !r.moved(l) {
			continue
		}
		table := l.relation
		if l.index != 0 {
			table = l.index
		}
		if r.triggers && ownTags[step.Tag] && l.mode.Strength() <= devdb.ShareRowExclusive.Strength() && !parent(r.cat, table) {
			continue // the table of an index or trigger, one that a foreign key references: nothing of it changes
		}
		if t.heads[table] && adds {
			continue
		}
		if r.triggers && t.idxs[l.relation] && !parent(r.cat, table) {
			continue
		}
		t.rels[table] = true
	}
	if wideTags[step.Tag] && (!strings.HasSuffix(step.Tag, "ROLE") || strings.Contains(strings.ToUpper(step.Stmt.Text), "RENAME")) ||
		!r.triggers && !plainTags[step.Tag] {
		t.all = true
	}
	t.granted = t.granted || grantTags[step.Tag]
	return t
}

// kinship reports whether the statement may give a table another parent: the
// event names the one table of the two that it was written for, and the other
// may be locked from before.
func (r *recorder) kinship(facts told) bool {
	for _, d := range facts.ddl {
		if d.tag != "ALTER TABLE" || d.class != pgClass {
			continue
		}
		t := r.cat.Relations[d.oid]
		if t == nil || t.Kind == schema.PartitionedTable || parent(r.cat, d.oid) {
			return true
		}
	}
	return false
}

// columnwise reports whether an ALTER TABLE adds columns, foreign keys and
// checks, sets defaults and NOT NULL, and does nothing else: what the table has
// beside columns and constraints stays as it is.
func columnwise(step *devdb.Step) bool {
	x := step.Stmt.Syntax
	simple := func(c migration.Constraint) bool {
		return c.Kind == "FOREIGN KEY" || c.Kind == "CHECK" || c.Kind == "NOT NULL"
	}
	for _, a := range x.Actions {
		switch {
		case a.Kind == "ADD COLUMN" && a.Column != nil:
			if slices.ContainsFunc(a.Column.Constraints, func(c migration.Constraint) bool { return !simple(c) }) {
				return false
			}
		case a.Kind == "ADD CONSTRAINT" && a.Constraint != nil && simple(*a.Constraint):
		case a.Kind == "SET NOT NULL", a.Kind == "SET DEFAULT", a.Kind == "DROP DEFAULT":
		default:
			return false
		}
	}
	return step.Tag == "ALTER TABLE" && x.Tag == "ALTER TABLE" && len(x.Actions) > 0
}

// changesType reports whether a statement may give a column another type, which
// makes constraints of other tables anew.
func changesType(step *devdb.Step) bool {
	return strings.Contains(strings.ToUpper(step.Stmt.Text), "TYPE")
}

// moved reports whether a relation lies elsewhere than the catalog has it
// (TRUNCATE in a DO block of a table that was locked before).
func (r *recorder) moved(l seenLock) bool {
	if i := r.cat.Indexes[l.relation]; i != nil {
		return l.filenode != 0 && i.FileNode != l.filenode
	}
	if t := r.cat.Relations[l.relation]; t != nil {
		return l.filenode != 0 && t.FileNode != l.filenode
	}
	return false
}

// ownTags change what their events name, and relations that they lock in a
// stronger mode than SHARE ROW EXCLUSIVE.
var ownTags = map[string]bool{
	"CREATE TABLE": true, "CREATE INDEX": true, "CREATE TRIGGER": true, "ALTER TABLE": true, "COMMENT": true,
	"CREATE TABLE AS": true, "CREATE STATISTICS": true, "CREATE POLICY": true, "CREATE VIEW": true, "CREATE FUNCTION": true, "CREATE SEQUENCE": true,
}

// partTags take parts from tables, each named by sql_drop; the tables, which
// are locked for it, stay as they are.
var partTags = map[string]bool{"DROP INDEX": true, "DROP TRIGGER": true, "DROP POLICY": true, "DROP RULE": true}

// storageTags change storage without an event for each relation.
var storageTags = map[string]bool{"TRUNCATE TABLE": true, "CLUSTER": true, "REINDEX": true, "VACUUM": true, "REFRESH MATERIALIZED VIEW": true}

// wideTags change objects that no event names.
var wideTags = map[string]bool{"ALTER ROLE": true, "ALTER TABLESPACE": true, "CREATE EVENT TRIGGER": true, "ALTER EVENT TRIGGER": true, "DROP EVENT TRIGGER": true}

// grantTags change owners and access control lists of any number of objects.
var grantTags = map[string]bool{"GRANT": true, "REVOKE": true, "REASSIGN OWNED": true, "DROP OWNED": true}

// plainTags change no catalog when there are no event triggers to tell.
var plainTags = map[string]bool{"INSERT": true, "UPDATE": true, "DELETE": true, "MERGE": true, "COPY": true, "LOCK TABLE": true, "EXPLAIN": true, "ANALYZE": true}

// told marks an object that ddl_command_end named.
func (t *touch) told(d toldDDL) {
	switch d.class {
	case pgClass:
		switch {
		case d.kind == "index":
			t.idxs[d.oid] = true
		case d.tag == "COMMENT":
			t.heads[d.oid] = true
		default:
			t.rels[d.oid] = true
		}
	case pgType:
		t.types[d.oid] = true
	case pgProc:
		t.procs[d.oid] = true
	case pgConstraint:
		t.kons[d.oid] = true
	case pgTrigger:
		t.trigs[d.oid] = true
	case pgPolicy:
		t.pols[d.oid] = true
	case pgRewrite:
		t.rules[d.oid] = true
	case pgStatExt:
		t.stats[d.oid] = true
	case pgNamespace, pgExtension, pgPub, pgPubRel, pgPubNS, pgEventTrig:
		t.small = true
	case 0: // GRANT and REVOKE name no object
		t.granted, t.small = true, true
	default:
		// An ALTER may rename what other objects' definitions mention.
		t.all = t.all || strings.HasPrefix(d.tag, "ALTER") && d.tag != "ALTER DEFAULT PRIVILEGES"
	}
	if d.tag == "ALTER EXTENSION" || d.tag == "IMPORT FOREIGN SCHEMA" {
		t.all = true
	}
}

// gone marks what an object that sql_drop named belonged to.
func (t *touch) gone(c *schema.Catalog, d toldDrop) {
	switch d.class {
	case pgClass:
		if c.Indexes[d.oid] != nil {
			t.idxs[d.oid] = true
		} else {
			t.rels[d.oid] = true
		}
	case pgType:
		if c.Types[d.oid] != nil {
			t.types[d.oid] = true
		}
	case pgProc:
		t.procs[d.oid] = true
	case pgConstraint:
		t.kons[d.oid] = true
		if k := c.Constraints[d.oid]; k != nil {
			t.mark(k.Table, k.Domain)
		}
	case pgTrigger:
		t.trigs[d.oid] = true
	case pgPolicy:
		t.pols[d.oid] = true
	case pgRewrite:
		t.rules[d.oid] = true
	case pgStatExt:
		t.stats[d.oid] = true
	case pgAttrdef:
		t.defaults(c, d.name)
	case pgNamespace, pgExtension, pgPub, pgPubRel, pgPubNS, pgEventTrig:
		t.small = true
	}
}

func (t *touch) mark(table, domain schema.OID) {
	if table != 0 {
		t.rels[table] = true
	}
	if domain != 0 {
		t.types[domain] = true
	}
}

// defaults marks the table of a default by the words "for s.t.c": the catalog
// does not keep the OIDs of defaults.
func (t *touch) defaults(c *schema.Catalog, name string) {
	_, name, _ = strings.Cut(name, "for ")
	name = strings.ReplaceAll(name, `"`, "")
	for o, r := range c.Relations {
		if strings.HasPrefix(name, r.QualifiedName()+".") {
			t.rels[o] = true
		}
	}
}

// mentions marks what must be read again because something was renamed: the
// name is in the text of every view, index and constraint that needs the thing.
// So are the columns of a row type that a function gives.
func mentions(before *schema.Catalog, changes []schema.Change) *touch {
	t := newTouch()
	of := func(class schema.Class, o schema.OID) {
		for _, d := range before.Dependents(schema.Ref{Class: class, OID: o}) {
			t.ref(before, d.Ref)
		}
	}
	rows := func(o schema.OID) {
		if returned(before, o) {
			of(schema.ClassRelation, o)
		}
	}
	for _, c := range changes {
		switch c := c.(type) {
		case *schema.RenameSchema:
			t.all = true
		case *schema.RenameTable:
			of(schema.ClassRelation, c.Before.OID)
		case *schema.MoveTable:
			of(schema.ClassRelation, c.Before.OID)
		case *schema.RenameColumn:
			of(schema.ClassRelation, c.Table.OID)
		case *schema.RenameType:
			of(schema.ClassType, c.Before.OID)
		case *schema.RenameEnumValue:
			of(schema.ClassType, c.Type.OID)
		case *schema.RenameFunction:
			of(schema.ClassFunction, c.Before.OID)
		case *schema.RenameConstraint:
			of(schema.ClassConstraint, c.Before.OID)
		case *schema.AlterType:
			of(schema.ClassType, c.Before.OID)
		case *schema.AddColumn:
			rows(c.Table.OID)
		case *schema.DropColumn:
			rows(c.Table.OID)
		}
	}
	return t
}

// steadyTags are the statements that give nothing another name.
var steadyTags = map[string]bool{
	"CREATE TABLE": true, "CREATE INDEX": true, "CREATE SEQUENCE": true, "CREATE VIEW": true, "CREATE FUNCTION": true, "CREATE TRIGGER": true,
	"CREATE TYPE": true, "CREATE POLICY": true, "CREATE STATISTICS": true, "ALTER TABLE": true, "ALTER SEQUENCE": true, "COMMENT": true,
	"DROP TABLE": true, "DROP INDEX": true, "DROP VIEW": true, "DROP FUNCTION": true, "DROP TRIGGER": true, "DROP POLICY": true, "DROP TYPE": true,
}

// steady reports whether one reading will do: no name changes that others mention.
func steady(step *devdb.Step, t *touch) bool {
	if !steadyTags[step.Tag] || t.all || t.small {
		return false
	}
	up := strings.ToUpper(step.Stmt.Text)
	if strings.Contains(up, "RENAME") || strings.Contains(up, "SCHEMA") {
		return false
	}
	for _, s := range []oids{t.rels, t.heads} {
		for o := range s {
			if step.Before.Relations[o] != nil && returned(step.Before, o) {
				return false
			}
		}
	}
	return true
}

// returned reports whether a function takes or gives rows of a relation: what
// calls it prints the names of all columns.
func returned(c *schema.Catalog, o schema.OID) bool {
	for e := range c.Depends.All() {
		if e.On.OID == o && e.On.Class == schema.ClassRelation && e.Object.Class == schema.ClassFunction {
			return true
		}
	}
	return false
}

func (t *touch) ref(c *schema.Catalog, ref schema.Ref) {
	switch ref.Class {
	case schema.ClassRelation:
		if c.Indexes[ref.OID] != nil {
			t.idxs[ref.OID] = true
		} else {
			t.rels[ref.OID] = true
		}
	case schema.ClassType:
		t.types[ref.OID] = true
	case schema.ClassFunction:
		t.procs[ref.OID] = true
	case schema.ClassConstraint:
		t.kons[ref.OID] = true
	case schema.ClassTrigger:
		t.trigs[ref.OID] = true
	case schema.ClassPolicy:
		t.pols[ref.OID] = true
	case schema.ClassRule:
		t.rules[ref.OID] = true
	case schema.ClassStatistics:
		t.stats[ref.OID] = true
	default:
		t.small = true
	}
}
