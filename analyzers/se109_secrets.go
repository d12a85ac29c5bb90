package analyzers

import (
	"regexp"

	"github.com/assaydb/assay/internal/lint"
)

var secrets = &Analyzer{
	Rule: lint.Rule{
		ID: "SE109", Name: "secret", Title: "a password or key in a migration", Severity: lint.Error,
		Hazards: []string{"X26"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			what := ""
			for _, k := range secretKinds {
				if k.re.MatchString(s.Stmt.Text) {
					what = k.what
					break
				}
			}
			if what == "" {
				continue
			}
			p.Report(At{Migration: m, Step: s}, lint.Finding{
				Confidence: lint.Inferred,
				Sensitive:  true,
				Message:    "the file holds " + what + ": it stays in the repository history, in the server log and in every backup of both",
				Advice:     "Remove it, change it wherever it is used, and set it outside the migrations.",
			})
		}
	},
}

// secretKinds are the forms that are a secret beyond doubt. A password of NULL,
// a hash of SCRAM's and a template's place are none.
var secretKinds = []struct {
	what string
	re   *regexp.Regexp
}{
	{"the password of a role", regexp.MustCompile(`(?is)\b(?:create|alter)\s+(?:role|user|group)\b.{0,400}?\bpassword\s+E?'(?:[^'$:{<S]|S[^C])`)},
	{"a password for another server", regexp.MustCompile(`(?is)\b(?:user\s+mapping|server)\b.{0,400}?\bpassword\s+'[^'$:{<]`)},
	{"a connection string with a password", regexp.MustCompile(`(?i)\b(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|redis|amqp|https?)://[^\s:/@'{}$<]+:[^\s@/'{}$<*]{3,}@[\w.-]`)},
	{"a connection string with a password", regexp.MustCompile(`(?i)\b(?:dblink_connect|dblink|connection)\b[^;]{0,200}\bpassword\s*=\s*[^\s'{}$<]+`)},
	{"a private key", regexp.MustCompile(`-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----`)},
	{"an access key", regexp.MustCompile(`\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,}|glpat-[A-Za-z0-9_-]{20,}|xox[abp]-[A-Za-z0-9-]{10,}|sk_live_[A-Za-z0-9]{16,}|AIza[0-9A-Za-z_-]{35})\b`)},
}
