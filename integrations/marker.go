package integrations

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Scope is a short stable name for what is linted, so that two projects of one
// repository keep two comments: a hash of the parts, such as the repository
// and the migrations directory.
func Scope(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:6])
}

// SetID is a short name of a set of findings, given by their fingerprints.
func SetID(fingerprints []string) string {
	sum := sha256.Sum256([]byte(strings.Join(fingerprints, "\n")))
	return hex.EncodeToString(sum[:6])
}

// mark is what the marker on the first line of a note says.
type mark struct {
	scope string
	run   int64  // of a summary: orders the CI's runs; 0 if not known
	print string // of a note on a line: the finding's fingerprint
}

func (m mark) summary() bool { return m.print == "" }

func (m mark) String() string {
	if m.summary() {
		return fmt.Sprintf("<!-- assay:summary v1 scope=%s run=%d -->", m.scope, m.run)
	}
	return fmt.Sprintf("<!-- assay:inline v1 scope=%s fp=%s -->", m.scope, m.print)
}

var marker = regexp.MustCompile(`^<!-- assay:(?:summary v1 scope=([0-9a-f]+) run=(\d{1,18})|inline v1 scope=([0-9a-f]+) fp=([0-9a-zA-Z_.:-]+)) -->[ \t]*\r?(?:\n|$)`)

// Marked says whether the text is a note of assay's: whether its first line is
// a marker and nothing else. A marker further down, or quoted, does not count.
func Marked(body string) bool { return marker.MatchString(body) }

func parseMark(body string) (mark, bool) {
	m := marker.FindStringSubmatch(body)
	if m == nil {
		return mark{}, false
	}
	if m[4] != "" {
		return mark{scope: m[3], print: m[4]}, true
	}
	run, err := strconv.ParseInt(m[2], 10, 64)
	return mark{scope: m[1], run: run}, err == nil
}
