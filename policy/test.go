package policy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
)

// TestOptions say what to test and how.
type TestOptions struct {
	// Run is a regular expression on the names of tests and fixtures; empty runs all.
	Run string
	// Coverage also lists the lines of rules that no test reaches.
	Coverage bool
	// Record runs the SQL of fixtures. nil skips them, saying so.
	Record Recorder
	// Verbose also lists what passed.
	Verbose bool
}

// TestReport is what became of the tests.
type TestReport struct {
	Units    []UnitResult
	Cases    []*CaseResult
	Coverage []Coverage // by rule
	Total    float64    // percent
	missed   bool       // the lines that are not reached are listed
}

// UnitResult is what became of one test_ rule.
type UnitResult struct {
	Name   string // data.team.keys_test.test_speaks
	File   string
	Line   int
	Passed bool
	Reason string // of a failure: the error, or what the test printed
}

// Coverage is how much of a rule the unit tests and fixtures reach.
type Coverage struct {
	Rule, File string
	Percent    float64
	Missed     []string // "12-14"
	// Speaks and Silent are in how many cases of its fixture it finds something, and nothing.
	Speaks, Silent int
}

// Test runs the unit tests (*_test.rego) and fixtures (*.txtar) of the team's
// sources. The error is of the run itself; failed tests are in the report.
func (p *Policies) Test(ctx context.Context, o TestOptions) (*TestReport, error) {
	only, err := regexp.Compile(o.Run)
	if err != nil {
		return nil, fmt.Errorf("reading the pattern of tests: %w", err)
	}
	out := &TestReport{missed: o.Coverage}
	q := *p
	q.tracer = cover.New()
	modules, err := q.unitTests(ctx, only, out)
	if err == nil {
		err = q.caseTests(ctx, o, only, out)
	}
	if err != nil {
		return nil, err
	}
	q.coverage(q.tracer.Report(modules), out)
	return out, nil
}

func (p *Policies) unitTests(ctx context.Context, only *regexp.Regexp, out *TestReport) (map[string]*ast.Module, error) {
	modules, data, err := read(p.sources, true)
	if err != nil {
		return nil, err
	}
	set, err := schemas(p.Rules)
	if err != nil {
		return nil, err
	}
	compiler := ast.NewCompiler().WithCapabilities(capabilities()).WithSchemas(set).WithUseTypeCheckAnnotations(true).WithEnablePrintStatements(true)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, explain(compiler.Errors)
	}
	if err := checkRefs(compiler, p.Rules, data); err != nil {
		return nil, err
	}
	store := inmem.NewFromObject(data)
	runner := tester.NewRunner().SetCompiler(compiler).SetStore(store).CapturePrintOutput(true).SetTimeout(30 * time.Second).
		RaiseBuiltinErrors(true).Filter(only.String()).SetCoverageQueryTracer(p.tracer)
	results, err := runner.SetModules(modules).RunTests(ctx, nil)
	if err != nil {
		return nil, explain(err)
	}
	for r := range results {
		u := UnitResult{Name: r.Package + "." + r.Name, Passed: r.Pass()}
		if r.Location != nil {
			u.File, u.Line = r.Location.File, r.Location.Row
		}
		if r.Error != nil {
			u.Reason = explainEval(r.Error).Error()
		} else if !u.Passed {
			u.Reason = strings.TrimSpace(string(r.Output))
		}
		out.Units = append(out.Units, u)
	}
	slices.SortStableFunc(out.Units, func(a, b UnitResult) int { return strings.Compare(a.Name, b.Name) })
	return modules, nil
}

// coverage counts the lines of each rule: those from one of its clauses to the
// next clause, and what is above all clauses of its file.
func (p *Policies) coverage(report cover.Report, out *TestReport) {
	covered, all := 0, 0
	for _, r := range p.Rules {
		file := report.Files[r.File]
		if file == nil || p.ours(r.File) {
			continue
		}
		c := Coverage{Rule: r.ID, File: r.File}
		reached, missed := p.lines(r, file.Covered), p.lines(r, file.NotCovered)
		covered, all = covered+len(reached), all+len(reached)+len(missed)
		if n := len(reached) + len(missed); n > 0 {
			c.Percent = 100 * float64(len(reached)) / float64(n)
		}
		for i := 0; i < len(missed); {
			first := i
			for i++; i < len(missed) && missed[i] == missed[i-1]+1; i++ {
			}
			text := strconv.Itoa(missed[first])
			if i > first+1 {
				text += "-" + strconv.Itoa(missed[i-1])
			}
			c.Missed = append(c.Missed, text)
		}
		for _, x := range out.Cases {
			switch {
			case x.Skipped != "" || !slices.Contains(x.rules, r.ID):
			case slices.Contains(x.speaks, r.ID):
				c.Speaks++
			default:
				c.Silent++
			}
		}
		out.Coverage = append(out.Coverage, c)
	}
	if all > 0 {
		out.Total = 100 * float64(covered) / float64(all)
	}
}

// lines are those of the ranges that belong to the rule.
func (p *Policies) lines(r *Rule, ranges []cover.Range) []int {
	var out []int
	for _, x := range ranges {
		for line := x.Start.Row; line <= x.End.Row; line++ {
			owner, at := r, 0
			for _, other := range p.Rules {
				for _, begin := range other.clauses {
					if other.File == r.File && begin <= line && begin > at {
						owner, at = other, begin
					}
				}
			}
			if owner == r && !slices.Contains(out, line) {
				out = append(out, line)
			}
		}
	}
	slices.Sort(out)
	return out
}

func (p *Policies) ours(file string) bool {
	return slices.ContainsFunc(p.sources, func(t *tree) bool { return t.ours && strings.HasPrefix(file, t.name) })
}

func (p *Policies) caseTests(ctx context.Context, o TestOptions, only *regexp.Regexp, out *TestReport) error {
	files, err := p.fixtures(false)
	if err != nil {
		return err
	}
	for _, f := range files {
		for _, c := range f.Cases {
			switch {
			case !only.MatchString(f.Name + "/" + c.Name):
			case o.Record == nil:
				out.Cases = append(out.Cases, &CaseResult{File: f.Name, Case: c.Name, Skipped: "no server"})
			default:
				r, err := p.runCase(ctx, o.Record, f, c)
				if err != nil {
					return err
				}
				out.Cases = append(out.Cases, r)
			}
		}
	}
	return nil
}

// Failed counts the tests that failed.
func (r *TestReport) Failed() int {
	n := 0
	for _, u := range r.Units {
		if !u.Passed {
			n++
		}
	}
	for _, c := range r.Cases {
		if len(c.Failures) > 0 {
			n++
		}
	}
	return n
}

// Write prints the report: failures, then how many there were.
func (r *TestReport) Write(w io.Writer, verbose bool) error {
	var b strings.Builder
	passed, skipped := 0, 0
	for _, u := range r.Units {
		switch {
		case !u.Passed:
			fmt.Fprintf(&b, "%s:%d: FAIL %s\n", u.File, u.Line, u.Name)
			indent(&b, u.Reason)
		default:
			passed++
			if verbose {
				fmt.Fprintf(&b, "%s:%d: ok %s\n", u.File, u.Line, u.Name)
			}
		}
	}
	for _, c := range r.Cases {
		switch {
		case len(c.Failures) > 0:
			fmt.Fprintf(&b, "%s: FAIL %s\n", c.File, c.Case)
			indent(&b, strings.Join(c.Failures, "\n"))
		case c.Skipped != "":
			skipped++
			fmt.Fprintf(&b, "%s: skipped %s: %s\n", c.File, c.Case, c.Skipped)
		default:
			passed++
			if verbose {
				fmt.Fprintf(&b, "%s: ok %s\n", c.File, c.Case)
			}
		}
	}
	fmt.Fprintf(&b, "%d passed, %d failed", passed, r.Failed())
	if skipped > 0 {
		fmt.Fprintf(&b, ", %d skipped", skipped)
	}
	b.WriteByte('\n')
	for _, c := range r.Coverage {
		fmt.Fprintf(&b, "%6.1f%%  %s  %s  speaks in %d and is silent in %d of its cases", c.Percent, c.Rule, c.File, c.Speaks, c.Silent)
		if r.missed && len(c.Missed) > 0 {
			fmt.Fprintf(&b, "; not reached: lines %s", strings.Join(c.Missed, ", "))
		}
		b.WriteByte('\n')
	}
	if len(r.Coverage) > 0 {
		fmt.Fprintf(&b, "%6.1f%%  all\n", r.Total)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func indent(b *strings.Builder, text string) {
	for _, line := range strings.Split(text, "\n") {
		if line != "" {
			b.WriteString("    " + line + "\n")
		}
	}
}

// Err is an error if a test failed.
func (r *TestReport) Err() error {
	if n := r.Failed(); n > 0 {
		return errors.New("tests of policies failed")
	}
	return nil
}
