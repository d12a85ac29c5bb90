package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/report"
)

// draftInput is a draft as a client gives it.
type draftInput struct {
	SQL  string `json:"sql" jsonschema:"text of the migration, as it would be in its file"`
	File string `json:"file,omitempty" jsonschema:"path of its file below the project directory, which need not exist; without it the draft is the newest migration"`
}

type checkInput struct {
	draftInput
	Full bool `json:"full,omitempty" jsonschema:"all findings with evidence, advice and patches; without it the answer has less than 2000 bytes"`
}

// CheckOutput is the answer of check.
type CheckOutput struct {
	Clean    bool `json:"clean" jsonschema:"no error, no warning, nothing that waits for an approval"`
	Errors   int  `json:"errors"`
	Warnings int  `json:"warnings"`
	Infos    int  `json:"infos"`
	// Findings are the gravest first where the answer is short.
	Findings []Found               `json:"findings,omitempty"`
	Full     []report.AgentFinding `json:"full,omitempty"`
	LeftOut  int                   `json:"left_out,omitempty" jsonschema:"findings that have no place in the short answer: ask for full"`
	Against  string                `json:"against" jsonschema:"what the draft was run on"`
	Notices  []string              `json:"notices,omitempty"`
	Failed   []string              `json:"failed,omitempty" jsonschema:"rules that could not judge: the findings may not be all"`
}

// Found is a finding in the short answer.
type Found struct {
	ID       string        `json:"id"`
	Severity lint.Severity `json:"severity"`
	Line     int           `json:"line"`
	Message  string        `json:"message"`
	Fix      bool          `json:"fix,omitempty" jsonschema:"the tool fix has a patch for it"`
	Approval string        `json:"approval,omitempty"`
}

// shortAnswer is the largest answer of check that is not asked to be full, in bytes.
const shortAnswer = 1900

func (s *server) addTools(m *mcp.Server) {
	tool(s, m, "check", "Review a migration", "Run a draft migration on a throw-away PostgreSQL, on top of the project's migrations, and report what is wrong with it: locks, scans, rewrites, lost data, failures. Call it before you commit a migration.", s.check)
	tool(s, m, "fix", "Fix a migration", "Give a unified diff that fixes what check finds, where a fix was replayed and ends in the same schema without the finding.", s.fix)
	tool(s, m, "trace", "Trace a migration", "Give what each statement of a draft does on the server: locks, scans, rewrites, objects dropped. Nothing is judged.", s.trace)
	tool(s, m, "explain", "Explain a check", "Give the page of a check: what happens, why it hurts, what to write instead, with examples.", s.explain)
	tool(s, m, "schema", "Read the schema", "Give the tables, columns, indexes, constraints and other objects that the project's migrations make, filtered by a pattern.", s.schema)
	tool(s, m, "plan", "Plan a schema change", "For a project that keeps its schema as files (schema: in assay.yaml): give the proven statements that lead from the migrations to it.", s.plan)
}

func (s *server) check(ctx context.Context, in checkInput, say func(string)) (out CheckOutput, err error) {
	d, err := draft(in.SQL, in.File)
	if err != nil {
		return out, err
	}
	r, err := s.engine.Check(ctx, d, say)
	if err != nil {
		return out, err
	}
	return checked(r, in.Full), nil
}

// checked is the answer of check for a result.
func checked(r *lint.Result, full bool) CheckOutput {
	out := CheckOutput{
		Clean:  r.Summary.Errors+r.Summary.Warnings+r.Summary.Approvals == 0 && len(r.Failed) == 0,
		Errors: r.Summary.Errors, Warnings: r.Summary.Warnings, Infos: r.Summary.Infos, Against: lint.Cut(r.Against, 120),
	}
	list := findings(r)
	if full {
		out.Full, out.Failed = list, r.Failed
		for _, n := range r.Notices {
			out.Notices = append(out.Notices, n.Text)
		}
		return out
	}
	for _, f := range r.Failed[:min(len(r.Failed), 2)] {
		out.Failed = append(out.Failed, lint.Cut(f, 100))
	}
	slices.SortStableFunc(list, func(a, b report.AgentFinding) int { return b.Severity.Rank() - a.Severity.Rank() })
	for i, f := range list {
		out.LeftOut = len(list) - i - 1
		out.Findings = append(out.Findings, Found{f.ID, f.Severity, f.Line, lint.Cut(f.Message, 200), f.Fix != nil, lint.Cut(f.Approval, 100)})
		if size(out) > shortAnswer {
			out.Findings = out.Findings[:i]
			out.LeftOut++
			break
		}
	}
	for _, n := range r.Notices {
		if out.Notices = append(out.Notices, lint.Cut(n.Text, 200)); size(out) > shortAnswer {
			out.Notices = out.Notices[:len(out.Notices)-1]
			break
		}
	}
	return out
}

func size(v any) int {
	text, _ := json.Marshal(v)
	return len(text)
}

// FixOutput is the answer of fix.
type FixOutput struct {
	Patch  string `json:"patch" jsonschema:"unified diff for git apply, empty if nothing can be fixed; a draft without a file is called <stdin>"`
	Errors int    `json:"errors" jsonschema:"of the draft as it was given"`
	// Without are findings that no patch takes away.
	Without []Found `json:"without_fix,omitempty" jsonschema:"findings without a fix of their own: call explain for what to write"`
}

func (s *server) fix(ctx context.Context, in draftInput, say func(string)) (out FixOutput, err error) {
	d, err := draft(in.SQL, in.File)
	if err != nil {
		return out, err
	}
	patch, r, err := s.engine.Fix(ctx, d, say)
	if err != nil {
		return out, err
	}
	out.Patch, out.Errors = patch, r.Summary.Errors
	for _, f := range findings(r) {
		if f.Fix == nil && len(out.Without) < 20 {
			out.Without = append(out.Without, Found{ID: f.ID, Severity: f.Severity, Line: f.Line, Message: lint.Cut(f.Message, 200), Approval: lint.Cut(f.Approval, 100)})
		}
	}
	return out, nil
}

// TraceOutput is the answer of trace.
type TraceOutput struct {
	Statements []Traced `json:"statements"`
	LeftOut    int      `json:"left_out,omitempty"`
}

// Traced is what one statement did. Locks on what the change makes itself are left out.
type Traced struct {
	Line          int      `json:"line"`
	Tag           string   `json:"tag"`
	InTransaction bool     `json:"in_transaction"`
	Locks         []string `json:"locks,omitempty"`
	Held          []string `json:"held,omitempty" jsonschema:"locks that earlier statements of the transaction took"`
	Scans         []string `json:"scans,omitempty" jsonschema:"relations that are read as a whole"`
	Rewrites      []string `json:"rewrites,omitempty"`
	Dropped       []string `json:"dropped,omitempty"`
	Changes       []string `json:"changes,omitempty"`
	Error         string   `json:"error,omitempty"`
}

// mostTraced is how many statements an answer has at most.
const mostTraced = 100

func (s *server) trace(ctx context.Context, in draftInput, say func(string)) (out TraceOutput, err error) {
	d, err := draft(in.SQL, in.File)
	if err != nil {
		return out, err
	}
	r, err := s.engine.Trace(ctx, d, say)
	if err != nil {
		return out, err
	}
	out.Statements = []Traced{}
	for _, m := range lint.Redacted(r).Migrations {
		for _, st := range m.Statements {
			if len(out.Statements) == mostTraced {
				out.LeftOut++
				continue
			}
			out.Statements = append(out.Statements, traced(st))
		}
	}
	return out, nil
}

func traced(st *lint.Statement) Traced {
	t := Traced{Line: st.Line, Tag: st.Tag, InTransaction: st.InTransaction, Changes: st.Changes, Error: lint.Cut(st.Error, 400)}
	locks := func(list []lint.Lock) (out []string) {
		for _, l := range list {
			if !l.New {
				out = append(out, l.Mode+" on "+l.Object)
			}
		}
		return out
	}
	t.Locks, t.Held = locks(st.Locks), locks(st.Held)
	for _, x := range st.Scans {
		if !x.New {
			t.Scans = append(t.Scans, x.Object)
		}
	}
	for _, x := range st.Rewrites {
		if !x.New {
			t.Rewrites = append(t.Rewrites, x.Object)
		}
	}
	for _, x := range st.Dropped {
		t.Dropped = append(t.Dropped, x.Kind+" "+x.Object)
	}
	return t
}

type explainInput struct {
	Check string `json:"check" jsonschema:"id (LK101), name (create-index), another tool's name for it, or words to search for"`
}

// ExplainOutput is the answer of explain.
type ExplainOutput struct {
	Page string `json:"page" jsonschema:"Markdown"`
}

func (s *server) explain(ctx context.Context, in explainInput, _ func(string)) (out ExplainOutput, err error) {
	if strings.TrimSpace(in.Check) == "" {
		return out, errors.New("check is empty: give an id such as LK101")
	}
	out.Page, err = s.engine.Explain(ctx, in.Check)
	return out, err
}

type planInput struct{}

// Plan is the answer of plan.
type Plan struct {
	Proven   bool          `json:"proven" jsonschema:"the statements were run, and end in the wanted schema"`
	Summary  string        `json:"summary"`
	SQL      string        `json:"sql"`
	Down     string        `json:"down,omitempty"`
	NoDown   string        `json:"no_down,omitempty" jsonschema:"why there is no down migration"`
	Findings []PlanFinding `json:"findings,omitempty"`
	Proof    []PlanGate    `json:"proof"`
}

// PlanFinding is what the checks say of a planned statement.
type PlanFinding struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
	SQL      string `json:"statement,omitempty"`
}

// PlanGate is one part of the proof.
type PlanGate struct {
	Gate string `json:"gate"`
	Held bool   `json:"held"`
	Seen string `json:"seen"`
}

func (s *server) plan(ctx context.Context, _ planInput, say func(string)) (out Plan, err error) {
	p, err := s.engine.Plan(ctx, say)
	if err != nil {
		return out, fmt.Errorf("planning: %w", err)
	}
	if p.Proof == nil {
		p.Proof = []PlanGate{}
	}
	return *p, nil
}
