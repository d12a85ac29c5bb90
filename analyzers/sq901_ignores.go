package analyzers

import "github.com/assaydb/assay/internal/lint"

// The pipeline finds these, since it alone knows what an ignore did; they are
// listed here so that they are documented, configured and explained like any other.
var (
	ignoreWithoutReason = &Analyzer{Rule: lint.IgnoreWithoutReason, Run: func(*Pass) {}}
	unusedIgnore        = &Analyzer{Rule: lint.UnusedIgnore, Run: func(*Pass) {}}
	unknownCheck        = &Analyzer{Rule: lint.UnknownCheck, Run: func(*Pass) {}}
	judgeChanged        = &Analyzer{Rule: lint.JudgeChanged, Run: func(*Pass) {}} // by cmd/assay, which knows the files
	weakenedRule        = &Analyzer{Rule: lint.WeakenedRule, Run: func(*Pass) {}}
)
