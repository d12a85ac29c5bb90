package schema

// Gone gives what a change takes away, or makes to be something else under the
// same name: its bare name, and as a person writes it. False for other changes.
func Gone(c Change) (name, full string, ok bool) {
	switch c := c.(type) {
	case *RenameTable:
		return c.Before.Name, c.Before.QualifiedName(), true
	case *MoveTable:
		return c.Before.Name, c.Before.QualifiedName(), true
	case *RenameColumn:
		return c.Before.Name, c.Table.QualifiedName() + "." + c.Before.Name, true
	case *AlterColumnType:
		return c.Before.Name, c.Table.QualifiedName() + "." + c.Before.Name, true
	case *RenameFunction:
		return c.Before.Name, c.Before.QualifiedName(), true
	case *RenameType:
		return c.Before.Name, c.Before.QualifiedName(), true
	case *RenameSchema:
		return c.Before.Name, c.Before.Name, true
	case *DropColumn:
		return c.Column.Name, c.Table.QualifiedName() + "." + c.Column.Name, true
	case *DropTable:
		return c.Table.Name, c.Table.QualifiedName(), true
	case *DropView:
		return c.View.Name, c.View.QualifiedName(), true
	case *DropSequence:
		return c.Sequence.Name, c.Sequence.QualifiedName(), true
	case *DropFunction:
		return c.Function.Name, c.Function.QualifiedName(), true
	case *DropType:
		return c.Type.Name, c.Type.QualifiedName(), true
	case *DropSchema:
		return c.Schema.Name, c.Schema.Name, true
	case *ReplaceView:
		for _, col := range c.Before.Columns {
			if c.After.ColumnNamed(col.Name) == nil {
				return col.Name, c.Before.QualifiedName() + "." + col.Name, true
			}
		}
	}
	return "", "", false
}
