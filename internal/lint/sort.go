package lint

import (
	"cmp"
	"slices"
)

// Sort puts r into its one order: findings that belong to no migration first,
// then in the order of the migrations, by place, the gravest first, by rule and
// object. Two runs over the same input give the same order.
func Sort(r *Result) {
	slices.SortStableFunc(r.Findings, compare)
	slices.SortStableFunc(r.Suppressed, func(a, b *Suppressed) int {
		return cmp.Or(compare(a.Finding, b.Finding), cmp.Compare(a.By, b.By), cmp.Compare(a.Where, b.Where))
	})
	slices.SortStableFunc(r.Notices, func(a, b Notice) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Text, b.Text))
	})
	slices.SortStableFunc(r.Rules, func(a, b RuleInfo) int { return cmp.Compare(a.ID, b.ID) })
}

func compare(a, b *Finding) int {
	return cmp.Or(
		cmp.Compare(a.Migration, b.Migration),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(b.Severity.Rank(), a.Severity.Rank()),
		cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.Object, b.Object),
		cmp.Compare(a.Message, b.Message),
	)
}

// Summarize counts r's findings into r.Summary. A finding that waits for an
// approval is counted under its severity too.
func Summarize(r *Result) {
	s := Summary{Suppressed: len(r.Suppressed)}
	for _, f := range r.Findings {
		switch f.Severity {
		case Error:
			s.Errors++
		case Warning:
			s.Warnings++
		case Info:
			s.Infos++
		}
		if f.Approval != nil {
			s.Approvals++
		}
	}
	for _, f := range r.Suppressed {
		switch {
		case f.OwnChange && f.Severity == Error:
			s.OwnErrors++
		case f.OwnChange && f.Severity == Warning:
			s.OwnWarnings++
		}
	}
	for _, m := range r.Migrations {
		for _, st := range m.Statements {
			if st.NotJudged != "" {
				s.NotJudged++
			}
		}
	}
	r.Summary = s
}

// At returns the migration and the statement that f was found in, nil for what
// is not there.
func (r *Result) At(f *Finding) (*Migration, *Statement) {
	if f.Migration < 0 || f.Migration >= len(r.Migrations) {
		return nil, nil
	}
	m := r.Migrations[f.Migration]
	if f.Statement < 0 || f.Statement >= len(m.Statements) {
		return m, nil
	}
	return m, m.Statements[f.Statement]
}
