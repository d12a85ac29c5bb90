package policy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/print"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

// prepare puts all rules that are on into one or two queries.
func (p *Policies) prepare(ctx context.Context) error {
	var change, each []*Rule
	for _, r := range p.Rules {
		switch {
		case p.opts.Skip != nil && p.opts.Skip(r.Lint()):
		case r.PerMigration:
			each = append(each, r)
		default:
			change = append(change, r)
		}
	}
	var err error
	if p.change, err = p.deal(ctx, change); err != nil {
		return err
	}
	p.each, err = p.deal(ctx, each)
	return err
}

// deal spreads rules over as many queries as there are processors. Few rules
// are one query: the helpers' results are made anew in each.
func (p *Policies) deal(ctx context.Context, rules []*Rule) ([]*query, error) {
	n := max(1, min(runtime.GOMAXPROCS(0), len(rules)/20))
	if p.tracer != nil {
		n = 1 // it counts for one query at a time
	}
	hands := make([][]*Rule, n)
	for i, r := range rules {
		hands[i%n] = append(hands[i%n], r)
	}
	var out []*query
	for _, hand := range hands {
		q, err := p.query(ctx, hand)
		if err != nil {
			return nil, err
		}
		if q != nil {
			out = append(out, q)
		}
	}
	return out, nil
}

// query prepares one query that gives the sets of all the rules as an array.
func (p *Policies) query(ctx context.Context, rules []*Rule) (*query, error) {
	q := &query{}
	var terms []*ast.Term
	for _, r := range rules {
		for _, verb := range verbs {
			if ref := r.queries[verb]; ref != nil {
				q.sets = append(q.sets, set{r, verb})
				terms = append(terms, ast.NewTerm(ref))
			}
		}
	}
	if len(terms) == 0 {
		return nil, nil
	}
	body := ast.NewBody(ast.Equality.Expr(ast.VarTerm("results"), ast.ArrayTerm(terms...)),
		ast.NewExpr([]*ast.Term{ast.RefTerm(ast.VarTerm("internal"), ast.StringTerm("assay_bound")), ast.VarTerm("results")}))
	var err error
	q.prepared, err = rego.New(rego.ParsedQuery(body), rego.Compiler(p.compiler), rego.Store(p.store), rego.Capabilities(capabilities()),
		rego.Runtime(ast.ObjectTerm()), rego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
	if err != nil {
		return nil, explain(err)
	}
	return q, nil
}

// answer is one result of one rule about one document.
type answer struct {
	set
	in     *Input
	result any
	r      *result
	cause  *devdb.Step // of a new result about an old object: the step that it holds since
}

// Failure is a rule that could not judge.
type Failure struct {
	Rule *Rule
	Err  error
}

// Error names the rule, its place, what went wrong and the parameters that are configured.
func (f Failure) Error() string {
	return fmt.Sprintf("policy rule %s (%s:%d): %v", f.Rule.ID, f.Rule.File, f.Rule.Line, f.Err)
}

// evaluation is one asking of all rules, within one limit.
type evaluation struct {
	limit  *limit
	c      *converter
	failed []Failure
}

// fail notes that a rule could not judge, once.
func (e *evaluation) fail(r *Rule, err error) {
	if !e.out(r) {
		e.failed = append(e.failed, Failure{r, err})
	}
}

func (e *evaluation) out(r *Rule) bool {
	return slices.ContainsFunc(e.failed, func(f Failure) bool { return f.Rule == r })
}

// verdict is what the rules say about a change: findings, those left out
// because they held before the change, and the rules that could not judge.
type verdict struct {
	found, old []*lint.Finding
	failed     []Failure
}

// evaluate asks the change's rules about the whole and the migrations' about each.
func (p *Policies) evaluate(ctx context.Context, whole *Input, each []*Input, subject string) (*verdict, error) {
	e := &evaluation{limit: newLimit(ctx, p.opts), c: newConverter()}
	defer func() { e.limit.stop() }()
	var all divided
	ask := func(queries []*query, in *Input) error {
		if len(queries) == 0 {
			return nil
		}
		answers, err := p.runAll(e, queries, in)
		if err != nil {
			return err
		}
		answers = e.strange(in, answers)
		d, err := p.compare(ctx, e, in, answers)
		all.fresh, all.old = append(all.fresh, d.fresh...), append(all.old, d.old...)
		return err
	}
	if err := ask(p.change, whole); err != nil {
		return nil, err
	}
	for _, in := range each {
		if err := ask(p.each, in); err != nil {
			return nil, err
		}
	}
	all.fresh = p.few(e, whole, all.fresh)
	v := &verdict{found: e.findings(all.fresh, whole, subject), old: e.findings(all.old, whole, subject)}
	v.failed = e.failed
	slices.SortFunc(v.failed, func(a, b Failure) int { return strings.Compare(a.Rule.ID, b.Rule.ID) })
	return v, nil
}

// few leaves out the rules that have more new results than they may. A schema
// that is judged alone is not a change: all that it has counts.
func (p *Policies) few(e *evaluation, whole *Input, answers []answer) []answer {
	if len(whole.Migrations) == 0 {
		return answers
	}
	n := map[*Rule]int{}
	for _, a := range answers {
		n[a.rule]++
	}
	return slices.DeleteFunc(answers, func(a answer) bool {
		if n[a.rule] > e.limit.results {
			e.fail(a.rule, fmt.Errorf("has %d new results, more than the limit of %d: make it say less at a time", n[a.rule], e.limit.results))
			return true
		}
		return false
	})
}

// runAll evaluates queries side by side; the answers come in their order.
func (p *Policies) runAll(e *evaluation, queries []*query, in *Input) ([]answer, error) {
	input := e.c.term(reflect.ValueOf(in)).Value
	lists, errs := make([][][]any, len(queries)), make([]error, len(queries))
	var wg sync.WaitGroup
	for i, q := range queries {
		wg.Go(func() { lists[i], errs[i] = p.eval(e.limit, q, input) })
	}
	wg.Wait()
	var out []answer
	for i, q := range queries {
		if errs[i] != nil {
			more, err := p.singly(e, q, input, in, errs[i])
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
			continue
		}
		out = append(out, e.read(q, in, lists[i])...)
	}
	return slices.DeleteFunc(out, func(a answer) bool { return e.out(a.rule) }), nil
}

// read reads the results of one query.
func (e *evaluation) read(q *query, in *Input, lists [][]any) []answer {
	var out []answer
	for i, list := range lists {
		for _, x := range list {
			a := answer{set: q.sets[i], in: in, result: x}
			var err error
			if a.r, err = readResult(a); err != nil {
				e.fail(a.rule, err)
				break
			}
			out = append(out, a)
		}
	}
	return out
}

// singly asks the rules of a query that failed one by one, so that one rule
// that fails does not silence the others.
func (p *Policies) singly(e *evaluation, q *query, input ast.Value, in *Input, err error) ([]answer, error) {
	if e.limit.broken() != nil {
		name := p.culprit(e.limit, q, input)
		if name == nil {
			return nil, fmt.Errorf("evaluating policies: %w", e.limit.broken())
		}
		return nil, fmt.Errorf("policy rule %s: %w", name.ID, e.limit.broken())
	}
	if len(q.rules()) == 1 {
		if errors.As(err, &tooLarge{}) { // as the other limits
			return nil, fmt.Errorf("policy rule %s: %w", q.sets[0].rule.ID, explainEval(err))
		}
		e.fail(q.sets[0].rule, p.blame(q.sets[0].rule, explainEval(err)))
		return nil, nil
	}
	var out []answer
	for _, r := range q.rules() {
		one, err := p.query(e.limit.ctx, []*Rule{r})
		if err != nil {
			return nil, err
		}
		lists, err := p.eval(e.limit, one, input)
		if err != nil {
			more, err := p.singly(e, one, input, in, err)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
			continue
		}
		out = append(out, e.read(one, in, lists)...)
	}
	return out, nil
}

// rules are the rules of a query.
func (q *query) rules() []*Rule {
	var out []*Rule
	for _, s := range q.sets {
		if !slices.Contains(out, s.rule) {
			out = append(out, s.rule)
		}
	}
	return out
}

// blame adds the parameters that are configured: a rule that is shipped fails
// by one of them, as a rule.
func (p *Policies) blame(r *Rule, err error) error {
	var set []string
	for _, x := range r.Params {
		v, ok := p.params[r.ID].(map[string]any)
		if !ok || reflect.DeepEqual(v[x.Name], x.Default) {
			continue
		}
		at := ""
		if p.opts.ParamAt != nil {
			at = p.opts.ParamAt(r.ID, x.Name) + ": "
		}
		set = append(set, fmt.Sprintf("%sparameter %s is %s", at, x.Name, shortJSON(v[x.Name])))
	}
	if len(set) == 0 {
		return err
	}
	return fmt.Errorf("%w; %s", err, strings.Join(set, "; "))
}

type outcome struct {
	set rego.ResultSet
	err error
}

// eval runs one query and gives up waiting soon after the limit, even if a
// function of OPA does not heed the end.
func (p *Policies) eval(l *limit, q *query, input ast.Value) ([][]any, error) {
	opts := []rego.EvalOption{rego.EvalParsedInput(input), rego.EvalTime(pinned(p.opts.Now)), rego.EvalSortSets(true)}
	if p.opts.Print != nil {
		opts = append(opts, rego.EvalPrintHook(topdown.NewPrintHook(p.opts.Print)))
	} else {
		opts = append(opts, rego.EvalPrintHook(silent{}))
	}
	if p.tracer != nil {
		opts = append(opts, rego.EvalQueryTracer(p.tracer))
	}
	done := make(chan outcome, 1)
	go func() {
		set, err := q.prepared.Eval(l.ctx, opts...)
		done <- outcome{set, err}
	}()
	var o outcome
	select {
	case o = <-done:
	case <-l.ctx.Done():
		select {
		case o = <-done:
		case <-time.After(time.Second):
			return nil, l.ctx.Err()
		}
	}
	if o.err != nil {
		return nil, o.err
	}
	if err := l.broken(); err != nil {
		return nil, err
	}
	if len(o.set) != 1 {
		return nil, errors.New("the query has no result")
	}
	var out [][]any
	for _, x := range o.set[0].Bindings["results"].([]any) {
		list, _ := x.([]any)
		out = append(out, list)
	}
	return out, nil
}

type silent struct{}

func (silent) Print(print.Context, string) error { return nil }

// culprit asks the rules one by one, each with a part of the limits, and gives
// the first that breaks them.
func (p *Policies) culprit(l *limit, q *query, input ast.Value) *Rule {
	o := p.opts
	o.Timeout = max(l.timeout/4, 50*time.Millisecond)
	o.MaxMemory = l.memory / 2
	for _, r := range q.rules() {
		one, err := p.query(context.Background(), []*Rule{r})
		if err != nil || one == nil {
			continue
		}
		part := newLimit(context.Background(), o)
		_, _ = p.eval(part, one, input)
		broken := part.broken()
		part.stop()
		if broken != nil {
			return r
		}
	}
	return nil
}

// limit bounds an evaluation in time and memory.
type limit struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	end     context.CancelFunc
	timeout time.Duration
	memory  uint64
	results int
}

var errMemory = errors.New("memory")

func newLimit(ctx context.Context, o Options) *limit {
	l := &limit{timeout: o.Timeout, memory: o.MaxMemory, results: o.MaxResults}
	if l.timeout == 0 {
		l.timeout = DefaultTimeout
	}
	if l.memory == 0 {
		l.memory = DefaultMaxMemory
	}
	if l.results == 0 {
		l.results = DefaultMaxResults
	}
	ctx, l.cancel = context.WithCancelCause(ctx)
	l.ctx, l.end = context.WithTimeout(ctx, l.timeout)
	go l.watch()
	return l
}

func (l *limit) stop() {
	l.end()
	l.cancel(nil)
}

// watch ends the evaluation when the heap has grown too far. Rego has no bound
// of its own: a comprehension over a large product fills the memory.
func (l *limit) watch() {
	start := heap()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-tick.C:
			if heap() < start+l.memory {
				continue
			}
			runtime.GC() // what is left over from before does not count
			if heap() >= start+l.memory {
				l.cancel(errMemory)
				return
			}
		}
	}
}

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// broken says which limit was broken, nil if none was.
func (l *limit) broken() error {
	switch {
	case l.ctx.Err() == nil:
		return nil
	case errors.Is(context.Cause(l.ctx), errMemory):
		return fmt.Errorf("uses more than %d MB of memory: see whether it makes a product of large lists", l.memory>>20)
	case errors.Is(l.ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("takes longer than %s: see whether it compares every object with every other; policy-timeout in assay.yaml gives the rules more", l.timeout)
	}
	return l.ctx.Err()
}

// explainEval makes one line of an error at run time.
func explainEval(err error) error {
	var e *topdown.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Location != nil && e.Location.File != "" {
		return fmt.Errorf("%s:%d: %s", e.Location.File, e.Location.Row, e.Message)
	}
	return errors.New(e.Message)
}
