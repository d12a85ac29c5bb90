package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
	"github.com/assaydb/assay/internal/planned"
	"github.com/assaydb/assay/internal/report"
	"github.com/assaydb/assay/internal/schema"
)

// planOutput is a plan with all that is said of it.
type planOutput struct {
	*planned.Planned
	run      *planRun
	record   *devdb.Record
	findings []*lint.Finding
	fixed    []*lint.Finding
}

// verdict is the exit code as an error.
func (p *planOutput) verdict() error {
	failed := p.Failed()
	if len(failed) == 0 {
		return nil
	}
	var lines []string
	for _, g := range failed {
		lines = append(lines, "  "+g.Name+": "+g.Why)
	}
	return fmt.Errorf("the plan is not proven, do not run it as it is:\n%s", strings.Join(lines, "\n"))
}

// planDoc is what -o json prints.
type planDoc struct {
	From       string        `json:"from"`
	To         string        `json:"to"`
	PostgreSQL string        `json:"postgresql"`
	Proven     bool          `json:"proven"`
	Summary    string        `json:"summary"`
	Groups     []planGroup   `json:"transactions"`
	Lifted     []planLifted  `json:"lifted,omitempty"`
	Renamed    []planRename  `json:"renamed,omitempty"`
	Replaced   []string      `json:"replaced,omitempty"`
	Findings   []planFinding `json:"findings,omitempty"`
	Proof      []planGate    `json:"proof"`
	SQL        string        `json:"sql"`
	Down       string        `json:"down,omitempty"`
	DownWhy    string        `json:"no_down,omitempty"`
	Notices    []string      `json:"notices,omitempty"`
}

type planGroup struct {
	Transaction bool            `json:"transaction"`
	Statements  []planStatement `json:"statements"`
}

type planStatement struct {
	SQL      string   `json:"sql"`
	Object   string   `json:"object,omitempty"`
	Act      string   `json:"act,omitempty"`
	Why      string   `json:"why,omitempty"`
	Locks    []string `json:"locks,omitempty"`
	Scans    []string `json:"scans,omitempty"`
	Rewrites []string `json:"rewrites,omitempty"`
	Error    string   `json:"error,omitempty"`
}

type planLifted struct {
	Object     string       `json:"object"`
	Dependents []planLifted `json:"dependents,omitempty"`
}

type planRename struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Hinted bool   `json:"hinted"`
}

type planFinding struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
	SQL      string `json:"statement,omitempty"`
}

type planGate struct {
	Gate string `json:"gate"`
	Held bool   `json:"held"`
	Seen string `json:"seen"`
}

func (p *planOutput) doc() *planDoc {
	d := &planDoc{
		From: p.run.from, To: p.run.to, PostgreSQL: p.run.server.Version().Text, Proven: p.Proven(), Summary: p.summary(),
		Groups: p.groups(), SQL: p.Text, Down: p.DownText, DownWhy: p.DownWhy, Lifted: lifted(p.Plan.Lifted),
	}
	for _, r := range p.Plan.Renamed {
		d.Renamed = append(d.Renamed, planRename{r.From.String(), r.To.String(), r.Hinted})
	}
	for _, k := range p.Plan.Replaced {
		d.Replaced = append(d.Replaced, k.String())
	}
	all := steps(p.record)
	for _, f := range p.findings {
		x := planFinding{ID: f.ID, Severity: string(f.Severity), Message: f.Message}
		if f.Statement >= 0 && f.Statement < len(all) {
			x.SQL = all[f.Statement].Stmt.Text
		}
		d.Findings = append(d.Findings, x)
	}
	for _, g := range p.Gates {
		d.Proof = append(d.Proof, planGate{g.Name, g.Held, g.Why})
	}
	for _, s := range []*planned.Side{p.run.have, p.run.want} {
		d.Notices = append(d.Notices, s.Notices...)
		for _, u := range s.State.Unread {
			d.Notices = append(d.Notices, "not read: "+u)
		}
	}
	return d
}

func lifted(all []plan.Lifted) []planLifted {
	var out []planLifted
	for _, l := range all {
		out = append(out, planLifted{l.Object.String(), lifted(l.Dependents)})
	}
	return out
}

// groups are the recorded statements, by what is committed together.
func (p *planOutput) groups() []planGroup {
	of := map[string]*plan.Statement{}
	for _, l := range p.Lines {
		if l.Of != nil {
			of[strings.TrimRight(l.SQL, "; \n")] = l.Of
		}
	}
	var out []planGroup
	if p.record == nil {
		return nil
	}
	for _, m := range p.record.New {
		g := planGroup{Transaction: m.TxMode != migration.TxNone}
		for _, s := range m.Steps {
			x := planStatement{SQL: s.Stmt.Text}
			if st := of[s.Stmt.Text]; st != nil && st.Act != plan.Set {
				x.Object, x.Act, x.Why = st.Object.String(), string(st.Act), st.Why
			}
			x.Locks, x.Scans, x.Rewrites = effects(s)
			if s.Err != nil {
				x.Error = s.Err.Message
			}
			g.Statements = append(g.Statements, x)
		}
		out = append(out, g)
	}
	return out
}

// effects are what a statement does to what was there before it.
func effects(s *devdb.Step) (locks, scans, rewrites []string) {
	for _, l := range s.Locks {
		if s.Before.Relations[l.Relation] != nil && l.Mode.Strength() >= devdb.ShareUpdateExclusive.Strength() {
			locks = append(locks, l.Object+" "+string(l.Mode))
		}
	}
	for _, x := range s.Scans {
		scans = append(scans, x.Object)
	}
	for _, x := range s.Rewrites {
		rewrites = append(rewrites, s.Before.Name(schema.Ref{Class: schema.ClassRelation, OID: x.Relation}))
	}
	return locks, scans, rewrites
}

// summary is the plan in one sentence.
func (p *planOutput) summary() string {
	if p.Empty() {
		return "nothing to do: the schemas are equal"
	}
	acts := map[plan.Act]map[plan.Class]int{}
	type one struct {
		act    plan.Act
		object plan.Key
	}
	seen := map[one]bool{} // an object takes several statements, such as its grants
	for _, st := range p.Plan.Statements {
		if seen[one{st.Act, st.Object}] {
			continue
		}
		seen[one{st.Act, st.Object}] = true
		if acts[st.Act] == nil {
			acts[st.Act] = map[plan.Class]int{}
		}
		acts[st.Act][st.Object.Class]++
	}
	var parts []string
	for _, x := range []struct {
		act  plan.Act
		said string
	}{{plan.Create, "created"}, {plan.Alter, "altered"}, {plan.Rename, "renamed"}, {plan.Drop, "dropped"}, {plan.PutBack, "re-created"}} {
		if n := numbers(acts[x.act]); n != "" {
			parts = append(parts, n+" "+x.said)
		}
	}
	return strings.Join(parts, "; ")
}

func numbers(of map[plan.Class]int) string {
	var out []string
	for c, n := range of {
		text := fmt.Sprintf("%d %s", n, c)
		if n > 1 {
			switch {
			case strings.HasSuffix(text, "y"):
				text = strings.TrimSuffix(text, "y") + "ies"
			case strings.HasSuffix(text, "x"):
				text += "es"
			case !strings.HasSuffix(text, "s"):
				text += "s"
			}
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (p *planOutput) write(w io.Writer, format string) error {
	switch format {
	case "sql":
		return p.writeSQL(w)
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(p.doc())
	case "markdown":
		_, err := io.WriteString(w, p.doc().markdown())
		return err
	}
	_, err := io.WriteString(report.Harmless(w), p.doc().text())
	return err
}

func (p *planOutput) writeSQL(w io.Writer) error {
	for _, g := range p.Failed() {
		if _, err := fmt.Fprintf(w, "-- not proven: %s: %s\n", g.Name, strings.ReplaceAll(g.Why, "\n", " ")); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, p.Text)
	return err
}

func (d *planDoc) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Plan from %s to %s, PostgreSQL %s\n%s\n", d.From, d.To, d.PostgreSQL, d.Summary)
	n := 0
	for _, g := range d.Groups {
		if g.Transaction {
			b.WriteString("\nin one transaction:\n")
		} else {
			b.WriteString("\neach by itself:\n")
		}
		for _, s := range g.Statements {
			n++
			fmt.Fprintf(&b, "%4d  %s;\n", n, strings.ReplaceAll(s.SQL, "\n", "\n      "))
			for _, l := range s.notes() {
				b.WriteString("        " + l + "\n")
			}
		}
	}
	if len(d.Lifted) > 0 {
		b.WriteString("\ndropped and re-created, each below what it depends on:\n")
		tree(&b, d.Lifted, "  ")
	}
	for _, r := range d.Renamed {
		why := "the same but for its name"
		if r.Hinted {
			why = "by the hint"
		}
		fmt.Fprintf(&b, "\nrenamed: %s to %s (%s)\n", r.From, r.To, why)
	}
	for _, r := range d.Replaced {
		fmt.Fprintf(&b, "\ndropped and added again: %s\n", r)
	}
	if len(d.Findings) > 0 {
		b.WriteString("\nfindings:\n")
		for _, f := range d.Findings {
			fmt.Fprintf(&b, "  %s %s: %s\n", f.ID, f.Severity, f.Message)
		}
	}
	b.WriteString("\n" + d.verdict() + "\n")
	for _, g := range d.Proof {
		mark := "yes"
		if !g.Held {
			mark = "NO "
		}
		fmt.Fprintf(&b, "  %s  %-24s %s\n", mark, g.Gate, strings.ReplaceAll(g.Seen, "\n", "\n       "))
	}
	for _, x := range d.Notices {
		b.WriteString("note: " + x + "\n")
	}
	return b.String()
}

func (d *planDoc) verdict() string {
	if d.Proven {
		return "proven on copies of both schemas:"
	}
	return "NOT PROVEN:"
}

func (s *planStatement) notes() []string {
	var out []string
	add := func(what string, of []string) {
		if len(of) > 0 {
			out = append(out, what+" "+strings.Join(of, ", "))
		}
	}
	add("locks", s.Locks)
	add("scans", s.Scans)
	add("rewrites", s.Rewrites)
	if s.Why != "" {
		out = append(out, s.Why)
	}
	if s.Error != "" {
		out = append(out, "fails: "+s.Error)
	}
	return out
}

func tree(b *strings.Builder, all []planLifted, indent string) {
	for _, l := range all {
		b.WriteString(indent + l.Object + "\n")
		tree(b, l.Dependents, indent+"  ")
	}
}

func (d *planDoc) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n\n%s → %s, PostgreSQL %s\n", strings.TrimSuffix(strings.ToUpper(d.Summary[:1])+d.Summary[1:], "."), d.From, d.To, d.PostgreSQL)
	if d.SQL != "" {
		b.WriteString("\n| statement | locks | scans, rewrites |\n|---|---|---|\n")
		for _, g := range d.Groups {
			for _, s := range g.Statements {
				fmt.Fprintf(&b, "| %s | %s | %s |\n", cell(s.SQL), cell(strings.Join(s.Locks, ", ")), cell(strings.Join(append(slices.Clone(s.Scans), s.Rewrites...), ", ")))
			}
		}
		fence := "```"
		for strings.Contains(d.SQL, fence) {
			fence += "`"
		}
		fmt.Fprintf(&b, "\n<details><summary>SQL</summary>\n\n%ssql\n%s%s\n\n</details>\n", fence, d.SQL, fence)
	}
	if len(d.Lifted) > 0 {
		b.WriteString("\nDropped and re-created:\n\n")
		bullets(&b, d.Lifted, "")
	}
	for _, f := range d.Findings {
		fmt.Fprintf(&b, "\n- %s %s: %s", f.ID, f.Severity, cell(f.Message))
	}
	if len(d.Findings) > 0 {
		b.WriteString("\n")
	}
	b.WriteString("\n| proof | | |\n|---|---|---|\n")
	for _, g := range d.Proof {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", g.Gate, map[bool]string{true: "yes", false: "**no**"}[g.Held], cell(g.Seen))
	}
	return b.String()
}

func bullets(b *strings.Builder, all []planLifted, indent string) {
	for _, l := range all {
		fmt.Fprintf(b, "%s- %s\n", indent, cell(l.Object))
		bullets(b, l.Dependents, indent+"  ")
	}
}

// cell makes text harmless in a table of Markdown.
func cell(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + " …"
	}
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'", "@", "@\u200b", "[", `\[`, "\n", " ").Replace(s)
}
