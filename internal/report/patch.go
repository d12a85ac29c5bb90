package report

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Patch is a unified diff that git apply and patch -p1 take: what the file
// becomes. old is nil for a file that is new; nothing changed gives nothing.
func Patch(name string, old, text []byte) string {
	from := patchName("a/" + name)
	if old == nil {
		from = "/dev/null"
	}
	out := diff.Diff(from, old, patchName("b/"+name), text)
	_, out, _ = bytes.Cut(out, []byte("\n")) // the first line names the files once more
	return hunk.ReplaceAllStringFunc(string(out), func(line string) string {
		return strings.ReplaceAll(line, ",1 ", " ")
	})
}

// hunk is the heading of a hunk, in which git leaves out a length of 1.
var hunk = regexp.MustCompile(`(?m)^@@ -\d+(,\d+)? \+\d+(,\d+)? @@$`)

// patchName is a file name as git writes it in a diff: in quotes where it would
// end its line.
func patchName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }) {
		return strconv.Quote(name)
	}
	return name
}
