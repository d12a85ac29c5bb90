package policy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
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
	// Coverage counts the lines of rules that unit tests reach.
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
	Coverage []Coverage // by file
	Total    float64    // percent
}

// UnitResult is what became of one test_ rule.
type UnitResult struct {
	Name   string // data.team.keys_test.test_speaks
	File   string
	Line   int
	Passed bool
	Reason string // of a failure: the error, or what the test printed
}

// Coverage is how much of a file the unit tests reach.
type Coverage struct {
	File    string
	Percent float64
	Missed  []string // "12-14"
}

// Test runs the unit tests (*_test.rego) and fixtures (*.txtar) of the team's
// sources. The error is of the run itself; failed tests are in the report.
func (p *Policies) Test(ctx context.Context, o TestOptions) (*TestReport, error) {
	only, err := regexp.Compile(o.Run)
	if err != nil {
		return nil, fmt.Errorf("reading the pattern of tests: %w", err)
	}
	out := &TestReport{}
	if err := p.unitTests(ctx, o, only, out); err != nil {
		return nil, err
	}
	return out, p.caseTests(ctx, o, only, out)
}

func (p *Policies) unitTests(ctx context.Context, o TestOptions, only *regexp.Regexp, out *TestReport) error {
	modules, data, err := read(p.sources, true)
	if err != nil {
		return err
	}
	set, err := schemas(p.Rules)
	if err != nil {
		return err
	}
	compiler := ast.NewCompiler().WithCapabilities(capabilities()).WithSchemas(set).WithUseTypeCheckAnnotations(true).WithEnablePrintStatements(true)
	if compiler.Compile(modules); compiler.Failed() {
		return explain(compiler.Errors)
	}
	if err := checkRefs(compiler, p.Rules, data); err != nil {
		return err
	}
	store := inmem.NewFromObject(data)
	runner := tester.NewRunner().SetCompiler(compiler).SetStore(store).CapturePrintOutput(true).SetTimeout(30 * time.Second).
		RaiseBuiltinErrors(true).Filter(only.String())
	tracer := cover.New()
	if o.Coverage {
		runner = runner.SetCoverageQueryTracer(tracer)
	}
	results, err := runner.SetModules(modules).RunTests(ctx, nil)
	if err != nil {
		return explain(err)
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
	if o.Coverage {
		p.coverage(tracer.Report(modules), out)
	}
	return nil
}

func (p *Policies) coverage(report cover.Report, out *TestReport) {
	covered, all := 0, 0
	for _, file := range slices.Sorted(maps.Keys(report.Files)) {
		if strings.HasSuffix(file, "_test.rego") || p.ours(file) {
			continue
		}
		f := report.Files[file]
		c := Coverage{File: file, Percent: f.Coverage}
		for _, r := range f.NotCovered {
			lines := fmt.Sprint(r.Start.Row)
			if r.End.Row != r.Start.Row {
				lines += fmt.Sprintf("-%d", r.End.Row)
			}
			if !slices.Contains(c.Missed, lines) {
				c.Missed = append(c.Missed, lines)
			}
		}
		covered += f.CoveredLines
		all += f.CoveredLines + f.NotCoveredLines
		out.Coverage = append(out.Coverage, c)
	}
	if all > 0 {
		out.Total = 100 * float64(covered) / float64(all)
	}
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
		fmt.Fprintf(&b, "%6.1f%%  %s", c.Percent, c.File)
		if len(c.Missed) > 0 {
			fmt.Fprintf(&b, "  not covered: lines %s", strings.Join(c.Missed, ", "))
		}
		b.WriteByte('\n')
	}
	if r.Coverage != nil {
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
