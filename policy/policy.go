// Package policy judges a record with the team's own rules, written in Rego:
// plain sets called deny, warn and require_approval over one document (Input).
// Policies are other people's code. They see the document and nothing else: no
// network, files, environment or clock, and they end in time.
package policy

import (
	"context"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

// Options say which rules to load and how to run them.
type Options struct {
	// Files is the project: directories of policies are paths in it.
	Files fs.FS
	// Sources are the team's own rules.
	Sources []Source
	// Packs are names of packs of the shipped library.
	Packs []string
	// Store keeps what was fetched; the zero value fetches nothing.
	Store Store

	// Params gives the configured parameters of a rule. nil configures none.
	Params func(lint.Rule) map[string]any
	// ParamAt is the place of a configured parameter, for messages. nil: unknown.
	ParamAt func(id, param string) string
	// Named are rule ids that the configuration names; each must exist.
	Named []string
	// Skip tells which rules are off. nil runs all.
	Skip func(lint.Rule) bool
	// Owners says which team owns which objects.
	Owners []Owner

	// Now is what time.now_ns gives, the same for the whole run.
	Now time.Time
	// Timeout bounds the evaluation of all rules. 0 is DefaultTimeout.
	Timeout time.Duration
	// MaxResults bounds the new results of one rule. 0 is DefaultMaxResults.
	MaxResults int
	// MaxMemory bounds what the evaluation allocates, in bytes. 0 is DefaultMaxMemory.
	MaxMemory uint64
	// Print is where print() writes. nil discards it.
	Print io.Writer
	// Strict also refuses unused variables, unused imports and the like.
	Strict bool
}

// The limits of an evaluation.
const (
	DefaultTimeout    = time.Minute
	DefaultMaxResults = 100_000
	DefaultMaxMemory  = 1 << 30
)

// Policies are loaded, checked rules, ready to be asked.
type Policies struct {
	// Rules are in order of id.
	Rules []*Rule

	opts     Options
	params   map[string]any
	sources  []*tree
	compiler *ast.Compiler
	store    storage.Store
	change   []*query     // rules about the change set
	each     []*query     // rules about each migration
	tracer   *cover.Cover // counts the lines that are reached; nil: nobody wants to know
}

// query is one prepared question for many rules: the rules share the document,
// the helpers' results and the set-up. There are as many queries as processors.
type query struct {
	sets     []set
	prepared rego.PreparedEvalQuery
}

// set is what one rule says under one verb.
type set struct {
	rule *Rule
	verb string
}

// Without are the policies without some rules, which others judge.
func (p *Policies) Without(ctx context.Context, rules []lint.Rule) (*Policies, error) {
	q := *p
	q.Rules = slices.DeleteFunc(slices.Clone(p.Rules), func(r *Rule) bool {
		return slices.ContainsFunc(rules, func(x lint.Rule) bool { return x.ID == r.ID })
	})
	return &q, q.prepare(ctx)
}

// Lint lists the rules as the rest of assay knows rules.
func (p *Policies) Lint() []lint.Rule {
	out := make([]lint.Rule, 0, len(p.Rules))
	for _, r := range p.Rules {
		out = append(out, r.Lint())
	}
	return out
}

// Facts puts what the policies' options know beside a record.
func (p *Policies) Facts(r *devdb.Record, findings []*lint.Finding, c Context, s *Stats) Facts {
	return Facts{Record: r, Findings: findings, Context: c, Stats: s, Owners: p.opts.Owners, Params: p.params}
}

// Rules judge a record with policies. They are a pipeline judge, to come after
// the built-in checks, whose findings they see.
type Rules struct {
	*Policies
	Context Context
	Stats   *Stats
	// Subject is the path of findings that no migration causes: of a schema judged alone.
	Subject string
	// Failed are, after Judge, the rules that could not judge. What the others
	// found stands, and the run is not complete.
	Failed []Failure
}

// Judge asks every rule about the record.
func (r *Rules) Judge(ctx context.Context, rec *devdb.Record, earlier []*lint.Finding) ([]*lint.Finding, error) {
	if len(r.Policies.Rules) == 0 {
		return nil, nil
	}
	b := newBuilder()
	f := r.Facts(rec, earlier, r.Context, r.Stats)
	whole := b.input(f, rec.New)
	var each []*Input
	if r.each != nil {
		each = b.perMigration(f)
	}
	v, err := r.evaluate(ctx, whole, each, r.Subject)
	if err != nil {
		return nil, err
	}
	r.Failed = v.failed
	return v.found, nil
}

// Evaluate asks the rules about one document. Rules with custom.per: migration
// are asked about it too: give it a document of one migration for those.
func (p *Policies) Evaluate(ctx context.Context, in *Input) ([]*lint.Finding, error) {
	v, err := p.evaluate(ctx, in, []*Input{in}, "")
	if err != nil {
		return nil, err
	}
	return v.found, v.err()
}
