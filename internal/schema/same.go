package schema

import "slices"

// Lines writes the catalog by names, one object or column a line, sorted:
// equal for two databases that hold the same objects, whatever their OIDs and
// the order in which they were made. What is left out of each object, and why,
// is in its class.
func (c *Catalog) Lines() []string {
	var out []string
	for _, o := range c.all() {
		h := o.head()
		out = append(out, h.Kind+" "+c.Name(h.Object)+c.looks(o))
		if r, ok := o.(*Relation); ok {
			for _, col := range r.Columns {
				out = append(out, "column "+r.QualifiedName()+"."+col.Name+c.looks(col))
			}
		}
	}
	slices.Sort(out)
	return out
}

// all gives every object.
func (c *Catalog) all() []headed {
	var out []headed
	out = appendAll(out, c.Schemas)
	out = appendAll(out, c.Relations)
	out = appendAll(out, c.Indexes)
	out = appendAll(out, c.Constraints)
	out = appendAll(out, c.Types)
	out = appendAll(out, c.Functions)
	out = appendAll(out, c.Triggers)
	out = appendAll(out, c.Rules)
	out = appendAll(out, c.Policies)
	out = appendAll(out, c.Extensions)
	out = appendAll(out, c.Publications)
	out = appendAll(out, c.Statistics)
	out = appendAll(out, c.EventTriggers)
	return appendAll(out, c.Objects)
}

func appendAll[T headed](out []headed, m map[OID]T) []headed {
	for _, o := range m {
		out = append(out, o)
	}
	return out
}

// Differences are the lines of a that b lacks, after "- ", and those of b that
// a lacks, after "+ "; none if the two catalogs hold the same.
func Differences(a, b *Catalog) []string {
	la, lb := a.Lines(), b.Lines()
	var out []string
	for len(la) > 0 || len(lb) > 0 {
		switch {
		case len(lb) == 0 || len(la) > 0 && la[0] < lb[0]:
			out = append(out, "- "+la[0])
			la = la[1:]
		case len(la) == 0 || lb[0] < la[0]:
			out = append(out, "+ "+lb[0])
			lb = lb[1:]
		default:
			la, lb = la[1:], lb[1:]
		}
	}
	return out
}
