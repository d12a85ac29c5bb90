package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"` // always 0: a run that fails has no report
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Skipped *junitSkipped `xml:"skipped,omitempty"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Out     *junitOut     `xml:"system-out,omitempty"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",cdata"`
}

type junitOut struct {
	Text string `xml:",cdata"`
}

// writeJUnit writes a test suite per migration: a failure per finding, a
// skipped test per suppressed one and per statement that could not be judged, a passed test where nothing was found. An
// info is a passed test with output, so that it does not turn a pipeline red.
func writeJUnit(w io.Writer, r *lint.Result, _ Options) error {
	doc := junitSuites{Name: "assay"}
	var paths []string
	byPath := map[string]*junitSuite{}
	suite := func(path string) *junitSuite {
		if byPath[path] == nil {
			byPath[path] = &junitSuite{Name: xmlText(path)}
			paths = append(paths, path)
		}
		return byPath[path]
	}
	for _, m := range r.Migrations {
		suite(m.Path)
	}
	for _, f := range r.Findings {
		s := suite(suitePath(r, f))
		c := junitTest(f)
		text := junitText(f)
		if f.Severity == lint.Info {
			c.Out = &junitOut{Text: text}
		} else {
			s.Failures++
			c.Failure = &junitFailure{Message: xmlText(cut(f.Message, 1000)), Type: string(f.Severity), Text: text}
		}
		s.Cases = append(s.Cases, c)
	}
	for _, f := range r.Suppressed {
		s := suite(suitePath(r, f.Finding))
		c := junitTest(f.Finding)
		s.Skipped++
		c.Skipped = &junitSkipped{Message: xmlText(strings.TrimSuffix("suppressed by "+suppressedBy(f)+": "+f.Reason, ": "))}
		s.Cases = append(s.Cases, c)
	}
	for _, u := range unjudgedOf(r) {
		s := suite(u.suite)
		s.Skipped++
		s.Cases = append(s.Cases, junitCase{
			Name: xmlText(oneLine(fmt.Sprintf("not judged: %s at line %d", u.Tag, u.Line), 200)), Class: xmlText(u.path), File: xmlText(u.path),
			Skipped: &junitSkipped{Message: xmlText(u.message())},
		})
	}
	for _, path := range paths {
		s := byPath[path]
		if len(s.Cases) == 0 {
			s.Cases = []junitCase{{Name: "nothing found", Class: s.Name, File: s.Name}}
		}
		s.Tests = len(s.Cases)
		doc.Tests += s.Tests
		doc.Failures += s.Failures
		doc.Suites = append(doc.Suites, *s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// suitePath is the migration of a finding: its file, unless that is included
// from another.
func suitePath(r *lint.Result, f *lint.Finding) string {
	if m, _ := r.At(f); m != nil {
		return m.Path
	}
	return f.Path
}

func junitTest(f *lint.Finding) junitCase {
	return junitCase{
		Name:  xmlText(oneLine(fmt.Sprintf("%s %s at line %d", f.ID, f.Name, f.Line), 200)),
		Class: xmlText(f.Path),
		File:  xmlText(f.Path),
	}
}

func junitText(f *lint.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", place(f), cut(f.Message, 2000))
	for _, e := range f.Evidence {
		fmt.Fprintf(&b, "%s: %s\n", f.Confidence, evidenceText(e))
	}
	if f.Advice != "" {
		fmt.Fprintf(&b, "do: %s\n", cut(f.Advice, 4000))
	}
	if webURL(f.URL) != "" {
		fmt.Fprintf(&b, "docs: %s\n", oneLine(f.URL, longLine))
	}
	return xmlText(b.String())
}

// xmlText leaves only characters that XML 1.0 can hold at all; encoding/xml
// would put U+FFFD in the place of the others, which hides what was there.
func xmlText(s string) string { return visible(s) }
