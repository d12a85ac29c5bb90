package pipeline

import (
	"slices"

	"github.com/assaydb/assay/internal/schema"
)

// storedCalls are the routines that the server runs by itself for what the
// change makes: those that it makes or replaces, and those of what it adds.
func storedCalls(before, after *schema.Catalog) []schema.OID {
	var out []schema.OID
	for f, refs := range after.StoredCalls() {
		now, old := after.Functions[f], before.Functions[f]
		if now.Language != "sql" && now.Language != "plpgsql" {
			continue
		}
		if old == nil || old.Raw != now.Raw || slices.ContainsFunc(refs, func(r schema.Ref) bool { return !before.Has(r) }) {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return out
}
