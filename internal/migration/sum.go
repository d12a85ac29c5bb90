package migration

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

const sumFile = "atlas.sum"

var sumIgnored = regexp.MustCompile(`^[ -~]*atlas:sum +ignore[ \r]*(?:\n|$)`)

// checkSum compares the directory with its atlas.sum, if it has one, and says
// what was edited, is missing or not listed. Every hash of the file stands for
// all files up to that one, so of several edited files the first is known.
// suffix narrows the files that must be listed.
func (l *loader) checkSum(suffix string) error {
	file := l.in(sumFile)
	if !l.exists(file) {
		return nil
	}
	text, err := l.read(file)
	if err != nil {
		return err
	}
	total, listed, bad := parseSum(text)
	if bad != 0 {
		l.sumNotice("sum-bad", file, bad, "this line is not one of an atlas.sum: write the file again with `atlas migrate hash`")
		return nil
	}
	if total != sumTotal(listed) {
		l.sumNotice("sum-bad", file, 1, "the first line does not fit those below it, as after a merge: check them and run `atlas migrate hash`")
	}
	if err := l.checkListed(file, listed); err != nil {
		return err
	}
	return l.checkUnlisted(listed, suffix)
}

// mostMissing are the missing files of an atlas.sum that are named one by one.
const mostMissing = 20

type sumLine struct {
	name, hash string
	line       int
}

// checkListed walks the chain of hashes over the files listed. A file that says
// `atlas:sum ignore` is not listed, but its name is in the chain.
func (l *loader) checkListed(file string, listed []sumLine) error {
	files, _, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	var ignored []string
	for _, f := range files {
		if !strings.HasSuffix(f, ".sql") {
			continue
		}
		src, err := l.read(l.in(f))
		if err != nil {
			return err
		}
		if sumIgnored.MatchString(src) {
			ignored = append(ignored, f)
		}
	}
	h, chained := sha256.New(), true
	missing := 0
	for _, e := range listed {
		for len(ignored) > 0 && ignored[0] < e.name {
			h.Write([]byte(ignored[0]))
			ignored = ignored[1:]
		}
		if !l.exists(l.in(e.name)) {
			chained = false
			if missing++; missing <= mostMissing {
				l.sumNotice("sum-missing-file", file, e.line, fmt.Sprintf("atlas.sum lists %s, which is not there", e.name))
			} else if missing == mostMissing+1 {
				l.sumNotice("sum-missing-file", file, e.line, "atlas.sum lists more files that are not there, from this line on")
			}
			continue
		}
		src, err := l.read(l.in(e.name))
		if err != nil {
			return err
		}
		h.Write([]byte(e.name))
		h.Write([]byte(src))
		if chained && base64.StdEncoding.EncodeToString(h.Sum(nil)) != e.hash {
			l.sumNotice("sum-mismatch", l.in(e.name), 1, "the file was edited since atlas.sum was written")
			chained = false
		}
	}
	return nil
}

func (l *loader) checkUnlisted(listed []sumLine, suffix string) error {
	files, _, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	if suffix == "" {
		suffix = ".sql"
		if slices.ContainsFunc(listed, func(e sumLine) bool { return strings.HasSuffix(e.name, ".up.sql") }) &&
			!slices.ContainsFunc(listed, func(e sumLine) bool { return strings.HasSuffix(e.name, ".down.sql") }) {
			suffix = ".up.sql"
		}
	}
	names := map[string]bool{}
	for _, e := range listed {
		names[e.name] = true
	}
	for _, f := range files {
		if !strings.HasSuffix(f, suffix) || names[f] {
			continue
		}
		src, err := l.read(l.in(f))
		if err != nil {
			return err
		}
		if !sumIgnored.MatchString(src) {
			l.sumNotice("sum-unlisted-file", l.in(f), 1, "atlas.sum does not list this file: run `atlas migrate hash`")
		}
	}
	return nil
}

func (l *loader) sumNotice(kind, file string, line int, text string) {
	l.out.Notices = append(l.out.Notices, Notice{Kind: kind, Pos: Position{Path: path.Clean(file), Line: line, Column: 1}, Text: text})
}

// parseSum reads an atlas.sum: the total on the first line, then a name and a
// hash on each. bad is the number of the first line that is neither, or that lists
// a file again: each is read once.
func parseSum(text string) (total string, listed []sumLine, bad int) {
	seen := map[string]bool{}
	for i, line := range strings.Split(strings.TrimRight(text, "\r\n"), "\n") {
		name, hash, ok := strings.Cut(strings.TrimRight(line, " \t\r"), "h1:")
		name = strings.TrimSpace(name)
		switch {
		case !ok || (i == 0) != (name == ""), i > 0 && seen[name]:
			return "", nil, i + 1
		case i == 0:
			total = hash
		default:
			seen[name] = true
			listed = append(listed, sumLine{name, hash, i + 1})
		}
	}
	return total, listed, 0
}

// sumTotal is the hash of the first line: over names and hashes of the others.
func sumTotal(listed []sumLine) string {
	h := sha256.New()
	for _, e := range listed {
		h.Write([]byte(e.name))
		h.Write([]byte(e.hash))
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
