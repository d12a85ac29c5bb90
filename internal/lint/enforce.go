package lint

// The levels by which a finding is enforced.
const (
	Advisory    = "advisory"
	Overridable = "overridable"
	Mandatory   = "mandatory"
)

// Fails reports whether the finding makes a run fail whose lowest failing
// severity is limit. An enforced one does whatever its severity and the limit
// are, an advisory one never; one that asks for an approval waits instead.
func (f *Finding) Fails(limit Severity) bool {
	switch {
	case f.Approval != nil || f.Enforced == Advisory:
		return false
	case f.Enforced != "":
		return true
	}
	return limit != Off && f.Severity.Rank() >= limit.Rank()
}
