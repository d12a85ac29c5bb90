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
		ID: "SE110", Name: "reaches-outside", Title: "SQL that accesses the host or other servers", Severity: lint.Warning,
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
					what = fmt.Sprintf("function %s in language %s can do on the host whatever the server process can", quote(c.Function.QualifiedName()), c.Function.Language)
				}
			}
			tag := s.Stmt.Syntax.Tag
			switch {
			case tag == "ALTER SYSTEM":
				what = "ALTER SYSTEM changes a setting of the whole server, for every database on it"
			case tag == "COPY" && s.Stmt.Syntax.Has("PROGRAM"):
				what = "COPY … PROGRAM runs a command on the database host"
			case tag == "COPY" && serverFile.MatchString(s.Stmt.Text):
				what = "COPY reads or writes a file on the database host"
			case tag == "CREATE FOREIGN" || tag == "CREATE FOREIGN DATA WRAPPER" || tag == "CREATE SERVER" || tag == "CREATE SUBSCRIPTION" || tag == "CREATE USER MAPPING":
				what = fmt.Sprintf("%s connects this database to another server", tag)
			case strings.HasPrefix(tag, "CREATE") && s.Err != nil && s.Stmt.Syntax.Routine != nil && untrusted(s.Stmt.Syntax.Language):
				what = fmt.Sprintf("a function in language %s can do on the host whatever the server process can", s.Stmt.Syntax.Language)
			}
			if what == "" {
				continue
			}
			p.Report(At{Migration: m, Step: s}, lint.Finding{
				Confidence: lint.Inferred, Message: what,
				Evidence: []lint.Evidence{{Kind: "syntax", Text: tag}},
				Advice:   "Do it outside the migrations, with the review that access to the host requires.",
			})
		}
	},
}

var serverFile = regexp.MustCompile(`(?is)\b(?:from|to)\s+'[^']+'`)

var reaches = map[string]string{
	"dblink": "lets SQL connect to other servers", "postgres_fdw": "lets SQL connect to other servers", "file_fdw": "lets SQL read the server's files",
	"adminpack": "lets SQL write the server's files", "http": "lets SQL connect to other hosts", "pg_net": "lets SQL connect to other hosts",
	"plpython3u": "lets functions do on the host whatever the server process can", "plperlu": "lets functions do on the host whatever the server process can",
	"pltclu": "lets functions do on the host whatever the server process can",
}

func untrusted(language string) bool {
	switch language {
	case "c", "plpython3u", "plpythonu", "plperlu", "pltclu", "plsh":
		return true
	}
	return false
}
