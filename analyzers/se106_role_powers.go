package analyzers

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var rolePowers = &Analyzer{
	Rule: lint.Rule{
		ID: "SE106", Name: "role-powers", Title: "role attributes and memberships beyond one table", Severity: lint.Warning,
		Hazards: []string{"R11"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			at := At{Migration: m, Step: s}
			for _, g := range Changes[*schema.AddGrant](s) {
				if g.Kind == "schema" && g.Grant.Privilege == "CREATE" && g.Grant.Grantee == "public" {
					p.Report(at, lint.Finding{
						Object:   g.Name,
						Message:  fmt.Sprintf("every role may create objects in schema %q: its function or table can shadow another of the same name", g.Name),
						Evidence: []lint.Evidence{catalogEvidence(g.Name, "CREATE on schema %s to PUBLIC", g.Name)},
						Advice:   "Grant CREATE only to the role that owns the schema.",
					})
				}
			}
			if s.Err == nil {
				reportPowers(p, at, s.Stmt.Text)
			}
		}
	},
}

var (
	powerful       = regexp.MustCompile(`(?is)^\s*(?:create|alter)\s+(?:role|user|group)\s+("[^"]+"|\w+)(.*)$`)
	powers         = regexp.MustCompile(`(?i)\b(superuser|bypassrls|createrole|createdb|replication)\b`)
	membership     = regexp.MustCompile(`(?is)^\s*grant\s+([\w", ]+?)\s+to\s+([\w", ]+?)(?:\s+with\s+.*)?$`)
	predefined     = regexp.MustCompile(`(?i)^"?pg_(?:read_all_data|write_all_data|read_server_files|write_server_files|execute_server_program|signal_backend|maintain|create_subscription|checkpoint|database_owner)"?$`)
	inSchemas      = regexp.MustCompile(`(?is)\bin\s+schema\s+(\S.*?)\s+grant\b`)
	defaultsPublic = regexp.MustCompile(`(?is)^\s*alter\s+default\s+privileges\b.*\bgrant\s+(.+?)\s+on\s+(\w+)\s+to\s+(?:group\s+)?public\b`)
)

// reportPowers reads from the text what the catalog of one database does not hold.
func reportPowers(p *Pass, at At, text string) {
	f := lint.Finding{Confidence: lint.Inferred}
	if m := powerful.FindStringSubmatch(text); m != nil {
		if w := powers.FindString(m[2]); w != "" {
			f.Object = strings.Trim(m[1], `"`)
			f.Message = fmt.Sprintf("role %s gets %s, which applies in every database of the server", m[1], strings.ToUpper(w))
			f.Advice = "Grant the role only the privileges it needs, and manage roles with such attributes outside the migrations."
		}
	}
	if m := membership.FindStringSubmatch(text); m != nil && at.Step.Stmt.Syntax.Tag == "GRANT ROLE" {
		for _, role := range strings.Split(m[1], ",") {
			if role = strings.TrimSpace(role); predefined.MatchString(role) {
				f.Object = strings.Trim(role, `"`)
				f.Message = fmt.Sprintf("%s becomes a member of %s, which reaches beyond the tables of this database", strings.TrimSpace(m[2]), role)
				f.Advice = "Grant privileges only on the objects that are needed."
			}
		}
	}
	if m := defaultsPublic.FindStringSubmatch(text); m != nil {
		what := strings.ToLower(m[2])
		if what == "tables" || what == "sequences" || what == "schemas" {
			f.Object = what
			f.Message = fmt.Sprintf("PUBLIC gets %s on all %s created in the future", strings.ToUpper(m[1]), what)
			if in := inSchemas.FindStringSubmatch(text); in != nil {
				f.Message += " in " + in[1]
			}
			f.Advice = "Name the roles that need it."
		}
	}
	if f.Message != "" {
		f.Evidence = []lint.Evidence{{Kind: "syntax", Text: at.Step.Stmt.Syntax.Tag, Object: f.Object}}
		p.Report(at, f)
	}
}
