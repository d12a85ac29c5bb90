package schema

// Has reports whether the object, or with Sub the column, is in the catalog.
func (c *Catalog) Has(r Ref) bool {
	var ok bool
	switch r.Class {
	case ClassSchema:
		_, ok = c.Schemas[r.OID]
	case ClassRelation:
		rel := c.Relations[r.OID]
		if r.Sub != 0 {
			return rel != nil && rel.Column(r.Sub) != nil
		}
		_, ok = c.Indexes[r.OID]
		ok = ok || rel != nil
	case ClassConstraint:
		_, ok = c.Constraints[r.OID]
	case ClassType:
		_, ok = c.Types[r.OID]
	case ClassFunction:
		_, ok = c.Functions[r.OID]
	case ClassTrigger:
		_, ok = c.Triggers[r.OID]
	case ClassRule:
		_, ok = c.Rules[r.OID]
	case ClassPolicy:
		_, ok = c.Policies[r.OID]
	case ClassExtension:
		_, ok = c.Extensions[r.OID]
	case ClassPublication:
		_, ok = c.Publications[r.OID]
	case ClassStatistics:
		_, ok = c.Statistics[r.OID]
	case ClassEventTrigger:
		_, ok = c.EventTriggers[r.OID]
	}
	return ok
}
