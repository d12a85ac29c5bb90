package lint

// Rules about ignores themselves. They are found by the pipeline, which alone
// knows what an ignore did; package analyzers lists and documents them.
var (
	IgnoreWithoutReason = Rule{ID: "SQ901", Name: "ignore-without-reason", Title: "an ignore that gives no reason", Severity: Warning}
	UnusedIgnore        = Rule{ID: "SQ902", Name: "unused-ignore", Title: "an ignore that suppresses nothing", Severity: Warning}
	UnknownCheck        = Rule{ID: "SQ903", Name: "unknown-check", Title: "an ignore that names no known check", Severity: Warning}
	WeakenedRule        = Rule{ID: "SQ908", Name: "weakened-rule", Title: "a change that tries to switch an enforced rule off", Severity: Warning}
)
