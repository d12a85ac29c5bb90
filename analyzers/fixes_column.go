package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// defaultApart adds a column without its volatile default, gives new rows
// theirs, and fills the old ones in batches in a migration of its own.
func (o *offer) defaultApart() *lint.Fix {
	x := o.step.Stmt.Syntax
	if !o.one("ADD COLUMN") || !o.canLeave() || x.Actions[0].Column == nil || len(x.Actions[0].Column.Constraints) > 0 {
		return nil
	}
	c, ok := Has[*schema.AddColumn](o.step)
	if !ok || c.Column.Default == "" || c.Column.Generated != "" || c.Column.Identity != "" || c.Table.Kind != schema.Table || c.Table.PartitionOf != 0 ||
		domain(o.step.After, c.Column.TypeOID) || constantDefault.MatchString(c.Column.Default) {
		return nil
	}
	for _, k := range Changes[*schema.AddConstraint](o.step) {
		if k.Constraint.Kind != schema.NotNull {
			return nil
		}
	}
	// Later statements of the file may read or constrain what is not filled yet.
	for _, s := range o.m.Steps[o.step.Index+1:] {
		if writesRows(s) || slices.ContainsFunc(s.Changes, func(ch schema.Change) bool { return onColumn(ch, c) }) {
			return nil
		}
	}
	fill, ok := o.backfill(c)
	if !ok {
		return nil
	}
	t, col := sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.Column.Name)
	exists := ""
	if x.IfNotExists {
		exists = "IF NOT EXISTS "
	}
	add := defaultLater(o.step, c, exists)
	fix := &lint.Fix{
		Title: "add the column without a default, set the default for new rows, and backfill existing rows in batches in a migration of its own",
		Edits: append([]lint.Edit{o.replace(add)}, o.localTimeouts()...),
		Files: o.file("fill_"+c.Column.Name, fill, "", true),
	}
	if !c.Column.NotNull {
		return fix
	}
	check := sqlIdent(c.Table.Name + "_" + c.Column.Name + "_is_set")
	notNull := fmt.Sprintf("CHECK (%s IS NOT NULL)", col)
	last := fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;\nALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\nALTER TABLE %s DROP CONSTRAINT %s;", t, check, t, col, t, check)
	lastDown := fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL;\nALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID;", t, col, t, check, notNull)
	if o.record.Version.Major() >= 18 {
		name := c.Table.Name + "_" + c.Column.Name + "_not_null"
		if k := changedConstraint(o.step, "", schema.NotNull); k != nil {
			name = k.Name
		}
		check, notNull = sqlIdent(name), "NOT NULL "+col
		last, lastDown = fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;", t, check), ""
	}
	down := fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s;", t, check)
	if !o.hasDown() {
		down, lastDown = "", ""
	}
	fix.Files = append(fix.Files, o.file("require_"+c.Column.Name, o.guarded(fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID;", t, check, notNull)), down, false)...)
	fix.Files = append(fix.Files, o.file("set_"+c.Column.Name+"_not_null", o.guarded(last), lastDown, false)...)
	return fix
}

// onColumn reports whether a change is about the column that another one adds.
func onColumn(ch schema.Change, c *schema.AddColumn) bool {
	switch ch := ch.(type) {
	case *schema.AddConstraint:
		return ch.Constraint.Table == c.Table.OID && slices.Contains(ch.Constraint.Columns, c.Column.Num)
	case *schema.AddIndex:
		return ch.Index.Table == c.Table.OID && slices.ContainsFunc(ch.Index.Keys, func(k schema.IndexKey) bool { return k.Column == c.Column.Num })
	case *schema.SetNotNull:
		return ch.Table.OID == c.Table.OID && ch.Column.Num == c.Column.Num
	case *schema.AlterDefault:
		return ch.Table.OID == c.Table.OID && ch.After.Num == c.Column.Num
	case *schema.AlterColumnType:
		return ch.Table.OID == c.Table.OID && ch.After.Num == c.Column.Num
	case *schema.RenameColumn:
		return ch.Table.OID == c.Table.OID && ch.After.Num == c.Column.Num
	case *schema.RenameTable:
		return ch.After.OID == c.Table.OID
	case *schema.MoveTable:
		return ch.After.OID == c.Table.OID
	}
	return false
}

// backfill is a block that gives old rows the default, some thousands in a
// transaction; false where rows cannot be gone through by a key, or where a
// trigger or policy would see the update.
func (o *offer) backfill(c *schema.AddColumn) (string, bool) {
	if c.Table.ForceRowSecurity {
		return "", false
	}
	for _, t := range o.step.After.Triggers {
		if t.Table == c.Table.OID && strings.Contains(t.Definition, "UPDATE") && t.Enabled != "disabled" {
			return "", false
		}
	}
	for _, r := range o.step.After.Rules {
		if r.Table == c.Table.OID {
			return "", false
		}
	}
	key := keyColumn(o.step.After, c.Table)
	if key == nil || o.m.Format == migration.Supabase {
		return "", false
	}
	return batches(c.Table, key, c.Column.Name+" = DEFAULT", c.Column.Name+" IS NULL"), true
}

// keyColumn is the only column of a table's primary key, nil if there is none.
func keyColumn(cat *schema.Catalog, t *schema.Relation) *schema.Column {
	for _, k := range schema.Sorted(cat.Constraints) {
		if k.Table == t.OID && k.Kind == schema.PrimaryKey && len(k.Columns) == 1 {
			return t.Column(k.Columns[0])
		}
	}
	return nil
}

// batches is a DO block that updates a table in the order of its key, a batch
// in a transaction. It must not run inside one.
func batches(t *schema.Relation, key *schema.Column, set, where string) string {
	name, k := sqlName(t.Schema, t.Name), sqlIdent(key.Name)
	for _, word := range []*string{&set, &where} {
		if column, rest, ok := strings.Cut(*word, " "); ok {
			*word = sqlIdent(column) + " " + rest
		}
	}
	return fmt.Sprintf(`DO $$
DECLARE
  done %[1]s.%[2]s%%TYPE;
  upto %[1]s.%[2]s%%TYPE;
BEGIN
  LOOP
    SELECT %[2]s INTO upto FROM (
      SELECT %[2]s FROM %[1]s WHERE done IS NULL OR %[2]s > done ORDER BY %[2]s LIMIT 5000
    ) AS batch ORDER BY %[2]s DESC LIMIT 1;
    EXIT WHEN upto IS NULL;
    UPDATE %[1]s SET %[3]s WHERE %[4]s AND %[2]s <= upto AND (done IS NULL OR %[2]s > done);
    COMMIT;
    done := upto;
  END LOOP;
END $$;`, name, k, set, where)
}
