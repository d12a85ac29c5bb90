package ci

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/internal/lint"
)

// Annotations are the findings in plain text, gravest first.
func Annotations(findings []*lint.Finding) []integrations.Annotation {
	list := slices.Clone(findings)
	slices.SortStableFunc(list, func(a, b *lint.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	out := make([]integrations.Annotation, len(list))
	for i, f := range list {
		level := map[lint.Severity]string{lint.Error: "error", lint.Warning: "warning"}[f.Severity]
		if level == "" {
			level = "notice"
		}
		msg := f.Message
		for _, e := range f.Evidence {
			msg += "\n" + e.Text
		}
		if f.Advice != "" {
			msg += "\n\n" + f.Advice
		}
		out[i] = integrations.Annotation{Path: f.Path, Line: f.Line, End: max(f.Line, f.EndLine), Level: level, Title: integrations.Plain(f.ID+" "+f.Name, 200), Msg: integrations.Plain(msg, 8000)}
	}
	return out
}

// perLevel is how many annotations of one level GitHub shows of a step.
const perLevel = 10

// Runner speaks with the runner of the CI. Where there is none it does
// nothing.
type Runner struct {
	run    *Run
	getenv Getenv
	out    io.Writer
	act    *githubactions.Action
}

// NewRunner makes a Runner that writes commands to out.
func NewRunner(run *Run, getenv Getenv, out io.Writer) *Runner {
	return &Runner{run, getenv, out, githubactions.New(githubactions.WithWriter(out), githubactions.WithGetenv(githubactions.GetenvFunc(getenv)))}
}

// Annotate marks findings on their lines by the runner's commands, which need
// no right. GitHub shows ten of each level; the rest is counted.
func (r *Runner) Annotate(list []integrations.Annotation) {
	if r.run.CI != "github" {
		return
	}
	shown := map[string]int{}
	more := 0
	for _, a := range list {
		if shown[a.Level] == perLevel {
			more++
			continue
		}
		shown[a.Level]++
		r.command(a)
	}
	if more > 0 {
		fmt.Fprintf(r.out, "%d more findings are in the log and in the step summary.\n", more)
	}
}

func (r *Runner) command(a integrations.Annotation) {
	fields := map[string]string{"title": a.Title}
	if a.Path != "" {
		fields["file"] = integrations.Plain(a.Path, 4096)
		if a.Line > 0 {
			fields["line"], fields["endLine"] = strconv.Itoa(a.Line), strconv.Itoa(a.End)
		}
	}
	act := r.act.WithFieldsMap(fields)
	switch a.Level {
	case "error":
		act.Errorf("%s", a.Msg)
	case "warning":
		act.Warningf("%s", a.Msg)
	default:
		act.Noticef("%s", a.Msg)
	}
}

// Notice says one line that is no finding.
func (r *Runner) Notice(text string) {
	if r.run.CI == "github" {
		r.act.Noticef("%s", text)
		return
	}
	fmt.Fprintln(r.out, "assay: "+strings.Join(strings.Fields(text), " "))
}

// stepSummaryLimit is GitHub's limit of one step.
const stepSummaryLimit = 1 << 20

// StepSummary adds a report to the run's page, if the runner has one.
func (r *Runner) StepSummary(markdown string) error {
	file := r.getenv("GITHUB_STEP_SUMMARY")
	if file == "" {
		return nil
	}
	return appendFile(file, integrations.Cut(markdown, stepSummaryLimit-4096, "")+"\n")
}

// Output sets an output of the step, if the runner has outputs. The value is
// one line.
func (r *Runner) Output(name, value string) error {
	file := r.getenv("GITHUB_OUTPUT")
	if file == "" {
		return nil
	}
	return appendFile(file, name+"="+strings.Join(strings.Fields(value), " ")+"\n")
}

func appendFile(name, text string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("writing for the CI's runner: %w", err)
	}
	_, err = f.WriteString(text)
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return fmt.Errorf("writing for the CI's runner: %w", err)
	}
	return nil
}
