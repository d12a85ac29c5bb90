package lint

// Rules about ignores and the other files that decide what counts. They are
// found outside of the checks, where it is known what an ignore or a file did;
// package analyzers lists and documents them.
var (
	IgnoreWithoutReason = Rule{ID: "SQ901", Name: "ignore-without-reason", Title: "an ignore that gives no reason", Severity: Warning}
	UnusedIgnore        = Rule{ID: "SQ902", Name: "unused-ignore", Title: "an ignore that suppresses nothing", Severity: Warning}
	UnknownCheck        = Rule{ID: "SQ903", Name: "unknown-check", Title: "an ignore that names no known check", Severity: Warning}
	JudgeChanged        = Rule{ID: "SQ906", Name: "review-file-changed", Title: "a file that decides what counts is changed together with migrations", Severity: Info, Whole: true}
	WeakenedRule        = Rule{ID: "SQ908", Name: "weakened-rule", Title: "a change that tries to switch an enforced rule off", Severity: Warning, Whole: true}
)
