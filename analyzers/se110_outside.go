package analyzers

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var reachesOutside = &Analyzer{
	Rule: lint.Rule{
		ID: "SE110", Name: "reaches-outside", Title: "SQL that reaches out of the database", Severity: lint.Warning,
		Hazards: []string{"R16"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			what := ""
			for _, c := range Changes[*schema.AddExtension](s) {
				if reaches[c.Extension.Name] != "" {
					what = fmt.Sprintf("extension %q %s", c.Extension.Name, reaches[c.Extension.Name])
				}
			}
			for _, c := range Changes[*schema.AddFunction](s) {
				if untrusted(c.Function.Language) {
					what = fmt.Sprintf("function %s in language %s can do on the server's machine whatever the server can", quote(c.Function.QualifiedName()), c.Function.Language)
				}
			}
			tag := s.Stmt.Syntax.Tag
			switch {
			case tag == "COPY" && s.Stmt.Syntax.Has("PROGRAM"):
				what = "COPY … PROGRAM runs a command on the server's machine"
			case tag == "COPY" && serverFile.MatchString(s.Stmt.Text):
				what = "COPY reads or writes a file on the server's machine"
			case tag == "CREATE FOREIGN" || tag == "CREATE FOREIGN DATA WRAPPER" || tag == "CREATE SERVER" || tag == "CREATE SUBSCRIPTION" || tag == "CREATE USER MAPPING":
				what = fmt.Sprintf("%s connects this database with another server", tag)
			case strings.HasPrefix(tag, "CREATE") && s.Err != nil && s.Stmt.Syntax.Routine != nil && untrusted(s.Stmt.Syntax.Language):
				what = fmt.Sprintf("a function in language %s can do on the server's machine whatever the server can", s.Stmt.Syntax.Language)
			}
			if what == "" {
				continue
			}
			p.Report(At{Migration: m, Step: s}, lint.Finding{
				Confidence: lint.Inferred, Message: what,
				Evidence: []lint.Evidence{{Kind: "syntax", Text: tag}},
				Advice:   "Do it outside the migrations, with the rights and the review that the machine asks for.",
			})
		}
	},
}

var serverFile = regexp.MustCompile(`(?is)\b(?:from|to)\s+'[^']+'`)

var reaches = map[string]string{
	"dblink": "lets SQL connect to other servers", "postgres_fdw": "lets SQL connect to other servers", "file_fdw": "lets SQL read the server's files",
	"adminpack": "lets SQL write the server's files", "http": "lets SQL call other machines", "pg_net": "lets SQL call other machines",
	"plpython3u": "lets functions do on the machine whatever the server can", "plperlu": "lets functions do on the machine whatever the server can",
	"pltclu": "lets functions do on the machine whatever the server can",
}

func untrusted(language string) bool {
	switch language {
	case "c", "plpython3u", "plpythonu", "plperlu", "pltclu", "plsh":
		return true
	}
	return false
}
