package analyzers

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

var dynamicSQL = &Analyzer{
	Rule: lint.Rule{
		ID: "SE108", Name: "dynamic-sql", Title: "dynamic SQL built from arguments (SQL injection)", Severity: lint.Warning,
		Aliases: []string{"atlas:SA101"},
		Hazards: []string{"R13"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddFunction](p) {
			judgeDynamic(p, at, c.Function)
		}
		for at, c := range Each[*schema.ReplaceFunction](p) {
			if c.Before.Body != c.After.Body {
				judgeDynamic(p, at, c.After)
			}
		}
	},
}

var textual = regexp.MustCompile(`^(?:text|character varying.*|character|name|citext|json|xml)(?:\[\])?$`)

// judgeDynamic looks for textual arguments that become part of a statement unquoted.
func judgeDynamic(p *Pass, at At, fn *schema.Function) {
	if p.After.Functions[fn.OID] == nil || at.Step.Stmt.Syntax.Routine == nil || at.Step.Stmt.Syntax.Tag == "DO" || fn.Language != "plpgsql" {
		return
	}
	embedded, err := migration.EmbeddedSQL(at.Step.Stmt)
	if err != nil {
		return // a body that the parser cannot read is not judged
	}
	for _, e := range embedded {
		if !e.Dynamic {
			continue
		}
		for i, t := range fn.ArgTypes {
			if i >= len(fn.ArgNames) || !textual.MatchString(t) || fn.ArgNames[i] == "" || !spliced(e.SQL, fn.ArgNames[i]) {
				continue
			}
			f := lint.Finding{
				Object:     fn.QualifiedName(),
				Confidence: lint.Inferred,
				Message:    fmt.Sprintf("%s executes SQL built from argument %q: a caller can inject any other SQL", quote(fn.QualifiedName()), fn.ArgNames[i]),
				Evidence:   []lint.Evidence{{Kind: "syntax", Text: "EXECUTE " + strings.Join(strings.Fields(e.SQL), " "), Object: fn.QualifiedName()}},
				Advice:     "Pass values with EXECUTE … USING, and names with format('… %I …', name).",
			}
			if fn.SecurityDefiner {
				f.Severity = lint.Error
				f.Message += " with the privileges of " + fn.Owner
			}
			where := at
			where.Pos, where.End = e.Pos, e.Pos
			p.Report(where, f)
			return
		}
	}
}

var safeCall = regexp.MustCompile(`(?is)\b(?:quote_ident|quote_literal|quote_nullable|to_regclass)\s*\([^()]*\)`)

// spliced reports whether an expression joins a name's value into text without quoting it.
func spliced(expr, name string) bool {
	expr = safeCall.ReplaceAllString(expr, "''")
	n := regexp.QuoteMeta(name)
	if regexp.MustCompile(`(?i)^\s*\(*\s*` + n + `\s*\)*\s*$`).MatchString(expr) {
		return true
	}
	joined := regexp.MustCompile(`(?i)(?:\|\|\s*` + n + `\b|\b` + n + `\s*\|\|)`)
	bare := outsideQuotes(expr)
	if joined.MatchString(bare) && !regexp.MustCompile(`(?i)\b`+n+`\s*::\s*(?:reg\w+|int\w*|bigint|uuid|numeric)`).MatchString(bare) {
		return true
	}
	m := regexp.MustCompile(`(?is)^\s*format\s*\(\s*'((?:[^']|'')*)'\s*,(.*)\)\s*$`).FindStringSubmatch(expr)
	if m == nil {
		return false
	}
	args := strings.Split(m[2], ",")
	for i, verb := range regexp.MustCompile(`%[sIL]`).FindAllString(m[1], -1) {
		if verb == "%s" && i < len(args) && strings.EqualFold(strings.TrimSpace(args[i]), name) {
			return true
		}
	}
	return false
}

// outsideQuotes is an expression with its string constants emptied.
func outsideQuotes(expr string) string {
	parts := strings.Split(expr, "'")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = ""
	}
	return strings.Join(parts, "'")
}
