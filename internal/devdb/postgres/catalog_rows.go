package postgres

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// decoder makes a reading's objects of the rows of the system catalogs.
type decoder struct {
	*reading
	names naming
	old   *schema.Catalog
	rels  map[schema.OID]*schema.Relation
	// columns are those of relations and composite types, in the order of the catalog.
	columns  map[schema.OID][]*schema.Column
	acls     []columnACL
	dropped  map[schema.OID]int
	kinds    map[schema.OID]string // relkind of sequences and partitions
	parents  map[schema.OID][][2]int64
	defaults map[schema.OID][2]schema.OID // relation and column, by OID of pg_attrdef
	selects  map[schema.OID]schema.OID    // view, by OID of its rule
	pubs     map[schema.OID]schema.OID    // publication, by OID of pg_publication_rel
	texts    map[schema.Ref]string        // comments
}

type columnACL struct {
	relation schema.OID
	column   *schema.Column
	list     []string
}

// parseReading decodes a reading; old is the catalog that it is merged with.
func parseReading(text string, all, foreigners bool, names naming, old *schema.Catalog) (*reading, error) {
	d := &decoder{
		reading: &reading{All: all, Foreigners: foreigners}, names: names, old: old,
		rels: map[schema.OID]*schema.Relation{}, columns: map[schema.OID][]*schema.Column{}, dropped: map[schema.OID]int{},
		kinds: map[schema.OID]string{}, parents: map[schema.OID][][2]int64{}, defaults: map[schema.OID][2]schema.OID{},
		selects: map[schema.OID]schema.OID{}, pubs: map[schema.OID]schema.OID{}, texts: map[schema.Ref]string{},
	}
	length, rest, _ := strings.Cut(text, " ")
	n := integer(length)
	if n > int64(len(rest)) {
		return nil, fmt.Errorf("decoding the catalog: the server gave %.80q", text)
	}
	if n > 0 {
		if err := json.Unmarshal([]byte("{"+rest[1:n]+"}"), d.reading); err != nil {
			return nil, fmt.Errorf("decoding the catalog: %w", err)
		}
	}
	if err := eachRow(rest[n:], d.row); err != nil {
		return nil, fmt.Errorf("decoding the catalog: %w", err)
	}
	d.finish()
	return d.reading, nil
}

// row decodes one row of a section.
func (d *decoder) row(section byte, c []cell) error {
	want, ok := widths[section]
	if !ok || len(c) != want {
		return fmt.Errorf("the server gave a row of %d in section %q", len(c), section)
	}
	switch section {
	case 'L':
		d.lists(c)
	case 'R':
		d.relation(c)
	case 'A':
		d.column(c)
	case 'D':
		d.defaultOf(c)
	case 'P':
		if r := d.rels[c[0].oid()]; r != nil {
			r.PartitionKey, r.PartitionColumns = d.text(c[1]), c[2].attributes()
		}
	case 'V':
		if r := d.rels[c[0].oid()]; r != nil {
			r.Definition, r.Raw = strings.Clone(c[1].text), d.text(c[2])
		}
	case 'F':
		if r := d.rels[c[0].oid()]; r != nil {
			r.ForeignServer, r.ForeignOptions = d.text(c[1]), d.options(c[2])
		}
	case 'S':
		if r := d.rels[c[0].oid()]; r != nil {
			r.Sequence = &schema.SequenceOptions{Type: d.text(c[1]), Start: c[2].int(), Increment: c[3].int(), Min: c[4].int(), Max: c[5].int(), Cycle: c[6].bool(), Cache: c[7].int()}
		}
	case 'I':
		d.parents[c[0].oid()] = append(d.parents[c[0].oid()], [2]int64{c[2].int(), c[1].int()})
	case 'X':
		d.index(c)
	case 'K':
		d.constraint(c)
	case 'G':
		d.Triggers = append(d.Triggers, &schema.Trigger{
			OID: c[0].oid(), Table: c[1].oid(), Name: d.text(c[2]), Function: c[3].oid(),
			Definition: strings.Clone(c[4].text), Raw: d.text(c[5]), Enabled: enabled[c[6].text], Parent: c[7].oid(),
		})
	case 'U':
		d.selects[c[0].oid()] = c[1].oid()
	case 'Q':
		d.pubs[c[0].oid()] = c[1].oid()
	case 'C':
		d.texts[schema.Ref{Class: classOf(c[0].oid()), OID: c[1].oid(), Sub: int16(c[2].int())}] = strings.Clone(c[3].text)
	case 'Z':
		d.Depends = append(d.Depends, [7]schema.OID{c[0].oid(), c[1].oid(), schema.OID(c[2].int()), c[3].oid(), c[4].oid(), schema.OID(c[5].int()), schema.OID(c[6].text[0])})
	}
	return nil
}

// widths are how many values a row of each section has.
var widths = map[byte]int{'L': 16, 'R': 21, 'A': 17, 'F': 3, 'D': 4, 'P': 3, 'V': 3, 'S': 8, 'I': 3, 'X': 27, 'K': 21, 'G': 8, 'U': 2, 'Q': 2, 'C': 4, 'Z': 7}

// The words for the letters of the system catalogs.
var (
	tableKinds = map[string]schema.RelationKind{
		"r": schema.Table, "p": schema.PartitionedTable, "f": schema.ForeignTable,
		"v": schema.View, "m": schema.MaterializedView, "S": schema.Sequence,
	}
	persistences = map[string]string{"p": "permanent", "u": "unlogged", "t": "temporary"}
	identities   = map[string]string{"a": "always", "d": "by default"}
	generations  = map[string]string{"s": "stored", "v": "virtual"}
	storages     = map[string]string{"p": "plain", "e": "external", "m": "main", "x": "extended"}
	compressions = map[string]string{"p": "pglz", "l": "lz4"}
	replicas     = map[string]string{"d": "default", "f": "full", "i": "index", "n": "nothing"}
	enabled      = map[string]string{"O": "origin", "D": "disabled", "R": "replica", "A": "always"}
	kindsOfCon   = map[string]schema.ConstraintKind{
		"c": schema.Check, "f": schema.ForeignKey, "p": schema.PrimaryKey, "u": schema.Unique,
		"x": schema.Exclusion, "n": schema.NotNull, "t": schema.ConstraintTrigger,
	}
	actions = map[string]string{"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
)

// text gives a value that lives on its own: the reading is not kept for it.
func (d *decoder) text(c cell) string { return d.names.intern(c.text) }

func (d *decoder) lists(c []cell) {
	d.Rels, d.Heads, d.Idxs, d.Kons, d.TypeOIDs = c[0].oids(), c[1].oids(), c[2].oids(), c[3].oids(), c[4].oids()
	d.Procs, d.Trigs, d.Pols, d.RuleOIDs, d.Stats = c[5].oids(), c[6].oids(), c[7].oids(), c[8].oids(), c[9].oids()
	d.KeptIdxs, d.KeptKons, d.KeptTrigs = oidSet(c[10].oids()), oidSet(c[11].oids()), oidSet(c[12].oids())
	d.Small, d.mine = c[13].bool(), c[14].oid()
	if d.Small {
		d.names.members(oidSet(c[15].oids()))
	}
}

// space gives the name of a schema.
func (d *decoder) space(o schema.OID) string {
	if o == d.mine && o != 0 {
		return "pg_temp"
	}
	for _, s := range d.SchemaRows {
		if s.OID == o {
			return s.Name
		}
	}
	if s := d.old.Schemas[o]; s != nil {
		return s.Name
	}
	return d.names.name("schema", o)
}

// elsewhere reports whether a schema holds toast of temporary tables, or
// temporary objects of another session: the session's own is called pg_temp.
func elsewhere(space string) bool {
	return strings.HasPrefix(space, "pg_toast_temp_") || strings.HasPrefix(space, "pg_temp_")
}

func (d *decoder) relation(c []cell) {
	if d.names.member(c[0].oid()) {
		return
	}
	space := d.space(c[1].oid())
	if elsewhere(space) {
		return
	}
	r := &schema.Relation{
		OID: c[0].oid(), Schema: space, Name: d.text(c[2]), Kind: tableKinds[c[3].text],
		Persistence: persistences[c[4].text], Owner: d.text(c[5]), RowSecurity: c[7].bool(), ForceRowSecurity: c[8].bool(),
		ReplicaIdentity: replicas[c[9].text], PartitionBound: strings.Clone(c[10].text), OfType: c[11].oid(), Populated: c[3].text == "m" && c[12].bool(),
		Tablespace: d.names.name("tablespace", c[13].oid()), AccessMethod: d.names.name("access method", c[14].oid()),
		FileNode: c[15].oid(), ToastFileNode: c[16].oid(),
	}
	r.PartitionCheck = strings.Clone(c[20].text)
	r.Options = d.options(c[6])
	for _, o := range d.options(c[19]) {
		r.Options = append(r.Options, d.names.intern("toast."+o))
	}
	r.ACL = grants(c[17].texts(), r.Owner, nil)
	if c[18].bool() {
		d.kinds[r.OID] = "partition"
	}
	d.rels[r.OID] = r
	d.Relations = append(d.Relations, r)
}

func (d *decoder) options(c cell) []string {
	list := c.texts()
	for i := range list {
		list[i] = d.names.intern(list[i])
	}
	slices.Sort(list)
	return list
}

func (d *decoder) column(c []cell) {
	o := c[0].oid()
	if c[12].bool() {
		d.dropped[o]++
		return
	}
	a := &schema.Column{
		Num: int16(c[1].int()), Name: d.text(c[2]), Type: d.text(c[3]), TypeOID: c[4].oid(), NotNull: c[5].bool(),
		Identity: identities[c[6].text], Generated: generations[c[7].text], Storage: storages[c[9].text], Compression: compressions[c[10].text], Inherited: c[11].int() > 0,
	}
	if collation := c[8].oid(); collation != 0 && collation != d.names.collationOf(a.TypeOID) {
		a.Collation = d.names.name("collation", collation)
	}
	if !c[14].null {
		a.StatisticsTarget = d.text(c[14])
	}
	a.Options, a.ForeignOptions = d.options(c[15]), d.options(c[16])
	if !c[13].null {
		d.acls = append(d.acls, columnACL{o, a, c[13].texts()})
	}
	d.columns[o] = append(d.columns[o], a)
}

func (d *decoder) defaultOf(c []cell) {
	d.defaults[c[0].oid()] = [2]schema.OID{c[1].oid(), c[2].oid()}
	for _, a := range d.columns[c[1].oid()] {
		if schema.OID(a.Num) == c[2].oid() {
			a.Default = d.text(c[3])
		}
	}
}

func (d *decoder) index(c []cell) {
	if d.names.member(c[1].oid()) {
		return
	}
	space := d.space(c[2].oid())
	if elsewhere(space) {
		return
	}
	x := &schema.Index{
		OID: c[0].oid(), Table: c[1].oid(), Schema: space, Name: d.text(c[3]), Method: d.names.name("access method", c[4].oid()),
		Unique: c[5].bool(), Primary: c[6].bool(), Exclusion: c[7].bool(), Valid: c[8].bool(), Ready: c[9].bool(), NullsNotDistinct: c[10].bool(),
		Predicate: strings.Clone(c[18].text), Definition: strings.Clone(c[19].text), Partitioned: c[20].text == "I", ReplicaIdentity: c[21].bool(),
		Options: d.options(c[22]), Tablespace: d.names.name("tablespace", c[23].oid()), FileNode: c[24].oid(), Clustered: c[25].bool(),
	}
	if !c[26].null {
		x.StatisticsTarget = d.text(c[26])
	}
	columns, collations, classes, flags := c[11].numbers(), c[13].numbers(), c[14].numbers(), c[15].numbers()
	texts, own := c[16].texts(), c[17].numbers()
	for i := range int(c[12].int()) {
		k := schema.IndexKey{Column: int16(columns[i]), Text: d.names.intern(texts[i]), Opclass: d.names.opclass(schema.OID(classes[i])), Descending: flags[i]&1 == 1, NullsFirst: flags[i]&2 == 2}
		if collations[i] != 0 && collations[i] != own[i] {
			k.Collation = d.names.name("collation", schema.OID(collations[i]))
		}
		x.Keys = append(x.Keys, k)
	}
	for _, t := range texts[c[12].int():] {
		x.Include = append(x.Include, d.names.intern(t))
	}
	d.Indexes = append(d.Indexes, x)
}

func (d *decoder) constraint(c []cell) {
	if d.names.member(c[1].oid()) || d.names.member(c[2].oid()) {
		return
	}
	space := d.space(c[3].oid())
	if elsewhere(space) {
		return
	}
	k := &schema.Constraint{
		OID: c[0].oid(), Table: c[1].oid(), Domain: c[2].oid(), Schema: space, Name: d.text(c[4]), Kind: kindsOfCon[c[5].text],
		Columns: c[6].attributes(), Expression: strings.Clone(c[7].text), Raw: d.text(c[8]), Definition: strings.Clone(c[9].text), Validated: c[10].bool(), Enforced: c[11].bool(),
		Deferrable: c[12].bool(), Deferred: c[13].bool(), Index: c[14].oid(), RefTable: c[15].oid(), RefColumns: c[16].attributes(), Parent: c[19].oid(), Inherited: !c[20].bool(),
	}
	if k.Kind == schema.ForeignKey {
		k.OnDelete, k.OnUpdate = actions[c[17].text], actions[c[18].text]
	}
	d.Constraints = append(d.Constraints, k)
}

// finish puts to the objects what other rows say of them.
func (d *decoder) finish() {
	sequences := map[schema.OID]schema.Ref{}
	for _, e := range d.Depends {
		if e[0] == pgClass && e[3] == pgClass && int16(e[5]) > 0 && (e[6] == 'a' || e[6] == 'i') {
			sequences[e[1]] = schema.Ref{Class: schema.ClassRelation, OID: e[4], Sub: int16(e[5])}
		}
	}
	for _, r := range d.Relations {
		r.Columns, r.DroppedAttributes = d.columns[r.OID], d.dropped[r.OID]
		if r.Kind == schema.Sequence {
			r.OwnedBy = sequences[r.OID]
		}
		for _, p := range d.sortedParents(r.OID) {
			if d.kinds[r.OID] == "partition" {
				r.PartitionOf = p
				break
			}
			r.Inherits = append(r.Inherits, p)
		}
	}
	for o := range d.columns {
		slices.SortFunc(d.columns[o], func(a, b *schema.Column) int { return cmp.Compare(a.Num, b.Num) })
	}
	for _, x := range d.Indexes {
		if p := d.sortedParents(x.OID); len(p) > 0 {
			x.Parent = p[0]
		}
	}
	for _, a := range d.acls {
		if r := d.rels[a.relation]; r != nil {
			a.column.ACL = grants(a.list, r.Owner, nil)
		}
	}
	d.fill()
	for _, t := range d.TypeObjects {
		if t.Kind == schema.Composite {
			t.Attributes = d.columns[t.Relation]
		}
	}
	d.comments(d.texts)
	d.edges()
}

func (d *decoder) sortedParents(o schema.OID) []schema.OID {
	ps := d.parents[o]
	slices.SortFunc(ps, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	var out []schema.OID
	for _, p := range ps {
		out = append(out, schema.OID(p[1]))
	}
	return out
}
