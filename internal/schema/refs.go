package schema

// DroppedRef gives the object that a change says is gone.
func DroppedRef(c Change) (Ref, bool) {
	switch c := c.(type) {
	case *DropSchema:
		return Ref{Class: ClassSchema, OID: c.Schema.OID}, true
	case *DropExtension:
		return Ref{Class: ClassExtension, OID: c.Extension.OID}, true
	case *DropPublication:
		return Ref{Class: ClassPublication, OID: c.Publication.OID}, true
	case *DropEventTrigger:
		return Ref{Class: ClassEventTrigger, OID: c.EventTrigger.OID}, true
	case *DropTable:
		return Ref{Class: ClassRelation, OID: c.Table.OID}, true
	case *DropView:
		return Ref{Class: ClassRelation, OID: c.View.OID}, true
	case *DropSequence:
		return Ref{Class: ClassRelation, OID: c.Sequence.OID}, true
	case *DropColumn:
		return Ref{Class: ClassRelation, OID: c.Table.OID, Sub: c.Column.Num}, true
	case *DropIndex:
		return Ref{Class: ClassRelation, OID: c.Index.OID}, true
	case *DropConstraint:
		return Ref{Class: ClassConstraint, OID: c.Constraint.OID}, true
	case *DropStatistics:
		return Ref{Class: ClassStatistics, OID: c.Statistics.OID}, true
	case *DropType:
		return Ref{Class: ClassType, OID: c.Type.OID}, true
	case *DropFunction:
		return Ref{Class: ClassFunction, OID: c.Function.OID}, true
	case *DropTrigger:
		return Ref{Class: ClassTrigger, OID: c.Trigger.OID}, true
	case *DropRule:
		return Ref{Class: ClassRule, OID: c.Rule.OID}, true
	case *DropPolicy:
		return Ref{Class: ClassPolicy, OID: c.Policy.OID}, true
	}
	return Ref{}, false
}

// AddedRef gives the object that a change says is new.
func AddedRef(c Change) (Ref, bool) {
	switch c := c.(type) {
	case *AddSchema:
		return Ref{Class: ClassSchema, OID: c.Schema.OID}, true
	case *AddExtension:
		return Ref{Class: ClassExtension, OID: c.Extension.OID}, true
	case *AddPublication:
		return Ref{Class: ClassPublication, OID: c.Publication.OID}, true
	case *AddEventTrigger:
		return Ref{Class: ClassEventTrigger, OID: c.EventTrigger.OID}, true
	case *AddTable:
		return Ref{Class: ClassRelation, OID: c.Table.OID}, true
	case *AddView:
		return Ref{Class: ClassRelation, OID: c.View.OID}, true
	case *AddSequence:
		return Ref{Class: ClassRelation, OID: c.Sequence.OID}, true
	case *AddColumn:
		return Ref{Class: ClassRelation, OID: c.Table.OID, Sub: c.Column.Num}, true
	case *AddIndex:
		return Ref{Class: ClassRelation, OID: c.Index.OID}, true
	case *AddConstraint:
		return Ref{Class: ClassConstraint, OID: c.Constraint.OID}, true
	case *AddStatistics:
		return Ref{Class: ClassStatistics, OID: c.Statistics.OID}, true
	case *AddType:
		return Ref{Class: ClassType, OID: c.Type.OID}, true
	case *AddFunction:
		return Ref{Class: ClassFunction, OID: c.Function.OID}, true
	case *AddTrigger:
		return Ref{Class: ClassTrigger, OID: c.Trigger.OID}, true
	case *AddRule:
		return Ref{Class: ClassRule, OID: c.Rule.OID}, true
	case *AddPolicy:
		return Ref{Class: ClassPolicy, OID: c.Policy.OID}, true
	}
	return Ref{}, false
}
