package schema

// Has reports whether the object, or with Sub the column, is in the catalog.
func (c *Catalog) Has(r Ref) bool {
	if r.Sub != 0 {
		rel := c.Relations[r.OID]
		return r.Class == ClassRelation && rel != nil && rel.Column(r.Sub) != nil
	}
	return c.object(r) != nil
}
