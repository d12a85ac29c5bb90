package policy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/lineage"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

// Explanations are how much of the way to an answer Eval tells: nothing, what
// rules noted with trace(), the expressions that failed, or every step. What
// they print() is told in any case.
var Explanations = []string{"off", "notes", "fails", "full"}

// Has is an error if a rule of one of the ids is not loaded.
func (p *Policies) Has(ids []string) error {
	known := make([]string, 0, len(p.Rules))
	for _, r := range p.Rules {
		known = append(known, r.ID)
	}
	for _, id := range ids {
		if !slices.Contains(known, id) {
			return fmt.Errorf("unknown policy rule %q: %s", id, oneOf(known))
		}
	}
	return nil
}

// Eval asks some rules (none named: all) about a record and writes how they
// came to their answers, and which of them are left out.
func (p *Policies) Eval(ctx context.Context, r *Rules, rec *devdb.Record, earlier []*lint.Finding, ids []string, explain string, w io.Writer) ([]*lint.Finding, error) {
	if !slices.Contains(Explanations, explain) {
		return nil, fmt.Errorf("unknown explanation %q: %s", explain, oneOf(Explanations))
	}
	if err := p.Has(ids); err != nil {
		return nil, err
	}
	var chosen []*Rule
	for _, rule := range p.Rules {
		if len(ids) == 0 || slices.Contains(ids, rule.ID) {
			chosen = append(chosen, rule)
		}
	}
	q := *p
	q.Rules = chosen
	if err := q.prepare(ctx); err != nil {
		return nil, err
	}
	b := newBuilder()
	f := q.Facts(rec, earlier, r.Context, r.Stats)
	whole := b.input(f, rec.New)
	each := b.perMigration(f)
	if explain != "off" {
		if err := q.trace(ctx, whole, each, explain, w); err != nil {
			return nil, err
		}
	}
	v, err := q.evaluate(ctx, whole, each, r.Subject)
	if err != nil {
		return nil, err
	}
	for _, x := range v.old {
		if _, err := fmt.Fprintf(w, "left out, as it held before the change (custom.scope: everything reports it): %s: %s\n", x.ID, x.Message); err != nil {
			return nil, err
		}
	}
	return v.found, v.err()
}

// err is an error for each rule that could not judge, nil if there is none.
func (v *verdict) err() error {
	var errs []error
	for _, f := range v.failed {
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

func (p *Policies) trace(ctx context.Context, whole *Input, each []*Input, explain string, w io.Writer) error {
	c := newConverter()
	l := newLimit(ctx, p.opts)
	defer l.stop()
	run := func(q *query, in *Input) error {
		t := topdown.NewBufferTracer()
		if _, err := q.prepared.Eval(l.ctx, rego.EvalParsedInput(c.term(reflect.ValueOf(in)).Value), rego.EvalTime(pinned(p.opts.Now)),
			rego.EvalQueryTracer(t), rego.EvalPrintHook(silent{}), rego.EvalRuleIndexing(false)); err != nil {
			if l.broken() != nil {
				err = l.broken()
			}
			return fmt.Errorf("explaining: %w", explainEval(err))
		}
		events := pick(explain, *t)
		if len(events) == 0 {
			_, err := fmt.Fprintf(w, "no %s to tell\n", map[string]string{"notes": "trace()", "fails": "expression that failed"}[explain])
			return err
		}
		if explain == "fails" {
			return writeFails(w, events)
		}
		topdown.PrettyTraceWithOpts(w, events, topdown.PrettyTraceOptions{Locations: true, ExprVariables: true})
		return nil
	}
	for _, q := range p.change {
		if err := run(q, whole); err != nil {
			return err
		}
	}
	for _, in := range each {
		for _, q := range p.each {
			if err := run(q, in); err != nil {
				return err
			}
		}
	}
	return nil
}

func pick(explain string, events []*topdown.Event) []*topdown.Event {
	switch explain {
	case "notes":
		return lineage.Notes(events)
	case "fails":
		return lineage.Fails(events)
	}
	return lineage.Full(events)
}
