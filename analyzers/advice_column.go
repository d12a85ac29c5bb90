package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// zones are the types between which the server only has to move values where
// the session's time zone is not UTC.
var zones = []string{"timestamp without time zone", "timestamp with time zone"}

// retypeAdvice says how a column gets another type without a long lock.
func retypeAdvice(at At, t *schema.Relation, c *schema.AlterColumnType) string {
	s, from := at.Step, usingOf(at, c.After.Name)
	b, a := precisionOff(c.Before.Type), precisionOff(c.After.Type)
	if b != a && slices.Contains(zones, b) && slices.Contains(zones, a) && from == "" {
		set, reset := setFor(at.Migration, s, "timezone", "UTC")
		return fmt.Sprintf("If the times are those of UTC, change the type in a session whose time zone is UTC: the rows stay as they are. It is quick where the column has no index.\n\n%s\n%s;\n%s", set, strings.TrimRight(s.Stmt.Text, "; \n\t"), reset)
	}
	if from == "" {
		from = sqlIdent(c.After.Name) + "::" + c.After.Type
	}
	fresh := c.After.Name + "_new"
	return "Add a column of the new type, keep it filled with a trigger, copy the old values in batches, and swap the two in a later migration:\n\n" +
		grown(s, t, c.After, fresh, from) + swapped(s, t, c, fresh)
}

var precision = regexp.MustCompile(`\(\d+\)`)

func precisionOff(typ string) string { return precision.ReplaceAllString(typ, "") }

// grown adds a column that a trigger fills from an expression over the row, and
// fills the existing rows.
func grown(s *devdb.Step, t *schema.Relation, c *schema.Column, name, expr string) string {
	table, col, fn := relSQL(t), sqlIdent(name), sqlIdent("fill_"+t.Name+"_"+name)
	typ := c.Type
	if c.Collation != "" {
		typ += " COLLATE " + c.Collation
	}
	out := fmt.Sprintf(`ALTER TABLE %[1]s ADD COLUMN %[2]s %[3]s;
CREATE FUNCTION %[4]s() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT %[5]s INTO NEW.%[2]s FROM (SELECT NEW.*) AS %[6]s;
  RETURN NEW;
END $$;
CREATE TRIGGER %[4]s BEFORE INSERT OR UPDATE ON %[1]s FOR EACH ROW EXECUTE FUNCTION %[4]s();
-- in the next migration, outside a transaction
`, table, col, typ, fn, expr, sqlIdent(t.Name))
	if key := keyColumn(s.Before, t); key != nil && t.Kind == schema.Table {
		return out + batches(t, key, name+" = "+expr, name+" IS NULL") + "\n"
	}
	return out + fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s IS NULL; -- in batches, by the columns that divide it best\n", table, col, expr, col)
}

// swapped puts the new column in the place of the old one, with its default,
// NOT NULL and indexes; of what it cannot write it names what is missing.
func swapped(s *devdb.Step, t *schema.Relation, c *schema.AlterColumnType, fresh string) string {
	table, col, old := relSQL(t), sqlIdent(fresh), sqlIdent(c.After.Name)
	var b, after strings.Builder
	var missing []string
	for _, i := range schema.Sorted(s.Before.Indexes) {
		if i.Table != t.OID || !slices.ContainsFunc(i.Keys, func(k schema.IndexKey) bool { return k.Column == c.Before.Num }) {
			continue
		}
		if i.Constraint != 0 || len(i.Keys) > 1 || i.Predicate != "" || i.Partitioned {
			if i.Constraint == 0 {
				missing = append(missing, "index "+i.Name)
			}
			continue
		}
		d := strings.Replace(concurrently(i.Definition), " "+sqlIdent(i.Name)+" ", " "+sqlIdent(i.Name+"_new")+" ", 1)
		b.WriteString(strings.Replace(d, "("+old, "("+col, 1) + ";\n")
		fmt.Fprintf(&after, "ALTER INDEX %s RENAME TO %s;\n", sqlName(i.Schema, i.Name+"_new"), sqlIdent(i.Name))
	}
	for _, k := range schema.Sorted(s.Before.Constraints) {
		if k.Kind != schema.NotNull && (k.Table == t.OID && slices.Contains(k.Columns, c.Before.Num) || k.RefTable == t.OID && slices.Contains(k.RefColumns, c.Before.Num)) {
			missing = append(missing, "constraint "+k.Name)
		}
	}
	if c.Before.Identity != "" {
		missing = append(missing, "its identity")
	}
	if c.Before.NotNull {
		check := sqlIdent(t.Name + "_" + fresh + "_is_set")
		fmt.Fprintf(&b, "ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;\n-- in the one after that\nALTER TABLE %s VALIDATE CONSTRAINT %s;\nALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\nALTER TABLE %s DROP CONSTRAINT %s;\n",
			table, check, col, table, check, table, col, table, check)
	}
	for _, m := range missing {
		fmt.Fprintf(&b, "-- and what the old column has: %s\n", m)
	}
	fn := sqlIdent("fill_" + t.Name + "_" + fresh)
	fmt.Fprintf(&b, "-- in a later migration, when no code uses the old column by its type\nDROP TRIGGER %s ON %s;\nDROP FUNCTION %s();\nALTER TABLE %s DROP COLUMN %s;\nALTER TABLE %s RENAME COLUMN %s TO %s;\n", fn, table, fn, table, old, table, col, old)
	if c.After.Default != "" {
		fmt.Fprintf(&b, "ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s;\n", table, old, c.After.Default)
	}
	return b.String() + strings.TrimSuffix(after.String(), "\n")
}

// defaultLater adds a column and gives new rows its default, and old ones none.
func defaultLater(s *devdb.Step, c *schema.AddColumn, exists string) string {
	t, col := sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.Column.Name)
	typ := c.Column.Type
	if c.Column.Collation != "" {
		typ += " COLLATE " + c.Column.Collation
	}
	add := fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s%s %s;\nALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s", t, exists, col, typ, t, col, c.Column.Default)
	if seq, serial := Has[*schema.AddSequence](s); serial {
		q := sqlName(seq.Sequence.Schema, seq.Sequence.Name)
		add = fmt.Sprintf("CREATE SEQUENCE %s AS %s;\n%s;\nALTER SEQUENCE %s OWNED BY %s.%s", q, seq.Sequence.Sequence.Type, add, q, t, col)
	}
	return add
}

// defaultAdvice says how a column with a volatile default is added without a rewrite.
func defaultAdvice(s *devdb.Step, t *schema.Relation, c *schema.AddColumn) string {
	out := "Add the column without a default, give new rows theirs, and fill the old ones in batches:\n\n" + otherActions(s, c) + defaultLater(s, c, "") + ";\n-- in the next migration, outside a transaction\n"
	name, col := relSQL(t), sqlIdent(c.Column.Name)
	if key := keyColumn(s.Before, t); key != nil && t.Kind == schema.Table {
		out += batches(t, key, c.Column.Name+" = DEFAULT", c.Column.Name+" IS NULL")
	} else {
		out += fmt.Sprintf("UPDATE %s SET %s = DEFAULT WHERE %s IS NULL; -- in batches, by the columns that divide it best", name, col, col)
	}
	if c.Column.NotNull {
		check := sqlIdent(t.Name + "_" + c.Column.Name + "_is_set")
		out += fmt.Sprintf("\n-- in the one after that\nALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;\n-- in a later migration\nALTER TABLE %s VALIDATE CONSTRAINT %s;\nALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\nALTER TABLE %s DROP CONSTRAINT %s;",
			name, check, col, name, check, name, col, name, check)
	}
	return out
}
