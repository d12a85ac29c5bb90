package policy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/print"

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
	hands := make([][]*Rule, n)
	for i, r := range rules {
		hands[i%n] = append(hands[i%n], r)
	}
	var out []*query
	for _, hand := range hands {
		q, err := p.ask(ctx, hand)
		if err != nil {
			return nil, err
		}
		if q != nil {
			out = append(out, q)
		}
	}
	return out, nil
}

// ask prepares one query that gives the sets of all the rules as an array.
func (p *Policies) ask(ctx context.Context, rules []*Rule) (*query, error) {
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
	body := ast.NewBody(ast.Equality.Expr(ast.VarTerm("results"), ast.ArrayTerm(terms...)))
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
}

// evaluate asks the change's rules about the whole and the migrations' about each.
func (p *Policies) evaluate(ctx context.Context, whole *Input, each []*Input, subject string) ([]*lint.Finding, error) {
	answers, err := p.answers(ctx, whole, each)
	if err != nil {
		return nil, err
	}
	out, _, err := findings(answers, whole, subject)
	return out, err
}

func (p *Policies) answers(ctx context.Context, whole *Input, each []*Input) ([]answer, error) {
	c := newConverter()
	limit := newLimit(ctx, p.opts)
	defer limit.stop()
	answers, err := p.runAll(limit, p.change, c.term(reflect.ValueOf(whole)).Value, whole)
	if err != nil {
		return nil, err
	}
	for _, in := range each {
		if len(p.each) == 0 {
			break
		}
		more, err := p.runAll(limit, p.each, c.term(reflect.ValueOf(in)).Value, in)
		if err != nil {
			return nil, err
		}
		answers = append(answers, more...)
	}
	return answers, nil
}

// runAll evaluates queries side by side; the answers come in their order.
func (p *Policies) runAll(l *limit, queries []*query, input ast.Value, in *Input) ([]answer, error) {
	parts, errs := make([][]answer, len(queries)), make([]error, len(queries))
	var wg sync.WaitGroup
	for i, q := range queries {
		wg.Go(func() { parts[i], errs[i] = p.run(l, q, input, in) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(parts...), nil
}

// run evaluates one query. Where a limit ends it, the rule to blame is looked for.
func (p *Policies) run(l *limit, q *query, input ast.Value, in *Input) ([]answer, error) {
	lists, err := p.eval(l, q, input)
	if err != nil {
		if l.broken() == nil {
			return nil, fmt.Errorf("evaluating policies: %w", explainEval(err))
		}
		if name := p.culprit(l, q, input); name != "" {
			return nil, fmt.Errorf("policy rule %s: %w", name, l.broken())
		}
		return nil, fmt.Errorf("evaluating policies: %w", l.broken())
	}
	var out []answer
	for i, list := range lists {
		if len(list) > l.results {
			return nil, fmt.Errorf("policy rule %s has %d results, more than the limit of %d: make it say less at a time", q.sets[i].rule.ID, len(list), l.results)
		}
		for _, r := range list {
			out = append(out, answer{q.sets[i], in, r})
		}
	}
	return out, nil
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

// culprit asks the rules one by one, each with a part of the limits, and names
// the first that breaks them.
func (p *Policies) culprit(l *limit, q *query, input ast.Value) string {
	o := p.opts
	o.Timeout = max(l.timeout/4, 50*time.Millisecond)
	o.MaxMemory = l.memory / 2
	for _, s := range q.sets {
		one, err := p.ask(context.Background(), []*Rule{s.rule})
		if err != nil || one == nil {
			continue
		}
		part := newLimit(context.Background(), o)
		_, _ = p.eval(part, one, input)
		broken := part.broken()
		part.stop()
		if broken != nil {
			return s.rule.ID
		}
	}
	return ""
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
