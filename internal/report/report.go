// Package report writes a result for its readers: people at a terminal, in a
// pull request or in a browser, and the programs that take SARIF, Code Quality
// and JUnit files. Every format is made from lint.Result alone, gives the same
// bytes for the same result, and shows nothing of what is sensitive.
package report

import (
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// Options are what a report may be asked for. The zero value is a report
// without colour for a reader who has 100 columns.
type Options struct {
	Color   bool // text, trace: write ANSI colours
	Width   int  // text, trace: columns to wrap at; 0 means 100
	Verbose bool // text: suppressed findings one by one, every line of evidence
	Timing  bool // trace, markdown, html: how long each statement took on the dev database
	// Link gives the address of a line of a file of the project, for markdown
	// and html; nil, or an empty answer, means no link.
	Link func(path string, line int) string
	// URL is where the whole report or the run can be read, for markdown and html.
	URL string
}

func (o Options) width() int {
	if o.Width <= 0 {
		return 100
	}
	return max(o.Width, 40)
}

func (o Options) link(path string, line int) string {
	if o.Link == nil {
		return ""
	}
	return webURL(o.Link(path, line))
}

// Format is one way to write a result.
type Format struct {
	Name  string // as given to -o
	About string // one clause for --help
	write func(io.Writer, *lint.Result, Options) error
}

// Write writes r. It does not change r. Where r holds something sensitive, it
// is left out.
func (f Format) Write(w io.Writer, r *lint.Result, o Options) error {
	if err := f.write(w, lint.Redacted(r), o); err != nil {
		return fmt.Errorf("writing the %s report: %w", f.Name, err)
	}
	return nil
}

// Formats are all formats, in the order of the documentation.
var Formats = []Format{
	{"text", "for people at a terminal", writeText},
	{"line", "one line for each finding, for editors and grep: file:line:column: severity ID message", writeLine},
	{"agent", "a JSON object a line for each finding, for coding agents, described by docs/schemas/agent.json", writeAgent},
	{"json", "assay's own format, described by docs/schemas/result.json", writeJSON},
	{"sarif", "SARIF 2.1.0, for GitHub code scanning and editors", writeSARIF},
	{"gitlab", "GitLab Code Quality", writeGitLab},
	{"junit", "JUnit XML, a suite per migration", writeJUnit},
	{"markdown", "for a pull request or a job summary", writeMarkdown},
	{"html", "one self-contained page", writeHTML},
}

// Names are the names of the formats, as a person is told them.
func Names() string {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}

// Lookup finds a format by the name given to -o. The error lists the valid
// names and says which one was probably meant.
func Lookup(name string) (Format, error) {
	best, least := "", 3
	for _, f := range Formats {
		if f.Name == name {
			return f, nil
		}
		if d := distance(strings.ToLower(name), f.Name); d < least {
			best, least = f.Name, d
		}
	}
	switch name {
	case "md", "comment", "github":
		best = "markdown"
	case "codequality", "code-quality", "codeclimate":
		best = "gitlab"
	case "xml":
		best = "junit"
	}
	if best != "" {
		best = fmt.Sprintf("did you mean %q? ", best)
	}
	return Format{}, fmt.Errorf("unknown format %q: %sthe formats are %s", name, best, Names())
}

// distance is the number of single-letter edits between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := last
			if a[i] != b[j] {
				d++
			}
			last = row[j+1]
			row[j+1] = min(d, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// count writes "1 error", "2 errors".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// verdict is the result in one clause: "2 errors, 1 warning".
func verdict(s lint.Summary) string {
	var parts []string
	for _, c := range []struct {
		n    int
		noun string
	}{{s.Errors, "error"}, {s.Warnings, "warning"}} {
		if c.n > 0 {
			parts = append(parts, count(c.n, c.noun))
		}
	}
	if s.Infos > 0 {
		parts = append(parts, fmt.Sprintf("%d info", s.Infos))
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing found")
	}
	return strings.Join(parts, ", ")
}

// ownIgnores says what the change suppresses by comments of its own, nothing if
// that is nothing grave: "1 error suppressed by the change itself".
func ownIgnores(s lint.Summary) string {
	var parts []string
	if s.OwnErrors > 0 {
		parts = append(parts, count(s.OwnErrors, "error"))
	}
	if s.OwnWarnings > 0 {
		parts = append(parts, count(s.OwnWarnings, "warning"))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + " suppressed by the change itself"
}

// lineURL is the address of a line of a file below base, as GitHub and GitLab
// write it.
func lineURL(base, path string, line int) string {
	return strings.TrimSuffix(base, "/") + "/" + pathURI(path) + fmt.Sprintf("#L%d", line)
}

// uriReplacer escapes what PathEscape leaves and a format may trip over.
var uriReplacer = strings.NewReplacer(":", "%3A", "@", "%40", "(", "%28", ")", "%29", "'", "%27")

// pathURI is a relative path as a URI reference: every segment escaped.
func pathURI(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = uriReplacer.Replace(url.PathEscape(s))
	}
	return strings.Join(segments, "/")
}

// plainURL is the form of address that every format can hold as it is.
var plainURL = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]+)?([/?#]([A-Za-z0-9._~!$&*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*)?$`)

// webURL returns u if it is a plain web address, else nothing: a link of any
// other kind has no place in a report.
func webURL(u string) string {
	if len(u) > 2000 || !plainURL.MatchString(u) || strings.Contains(u, "@") || strings.Count(u, "#") > 1 {
		return ""
	}
	return u
}
