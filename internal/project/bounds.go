package project

import (
	"fmt"
	"strings"
)

// The bounds of YAML. Its parsers are recursive, and take minutes and
// gigabytes for a text that nests without an end.
const (
	maxYAML  = 4 << 20 // bytes
	maxDepth = 100     // of brackets, and of marks that begin a level on one line
)

// CheckYAML refuses a YAML text that is larger or nested deeper than any that
// people write, before a parser sees it.
func CheckYAML(text []byte) error {
	if len(text) > maxYAML {
		return fmt.Errorf("the file has %d MB: assay reads YAML of up to %d MB", len(text)>>20, maxYAML>>20)
	}
	depth, line := 0, 1
	var levels []int // indentation of the lines that the current one lies in
	for row := range strings.SplitSeq(string(text), "\n") {
		body := strings.TrimLeft(row, " \t")
		if indent := len(row) - len(body); body != "" {
			for len(levels) > 0 && levels[len(levels)-1] >= indent {
				levels = levels[:len(levels)-1]
			}
			levels = append(levels, indent)
		}
		marks := 0
		for i := range len(body) {
			switch body[i] {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(0, depth-1)
			case '-', '?', ':', '&', '!':
				if i+1 < len(body) && (body[i+1] == ' ' || body[i] == '&' || body[i] == '!') {
					marks++
				}
			}
			if depth > maxDepth {
				return fmt.Errorf("line %d: more than %d brackets within one another", line, maxDepth)
			}
		}
		if len(levels) > maxDepth {
			return fmt.Errorf("line %d: nested more than %d levels deep", line, maxDepth)
		}
		if marks > maxDepth && strings.Count(body[:min(len(body), 4*maxDepth)], "- ")+strings.Count(body[:min(len(body), 4*maxDepth)], "? ") > maxDepth {
			return fmt.Errorf("line %d: nested more than %d levels deep", line, maxDepth)
		}
		line++
	}
	return nil
}

// The bounds of a glob, whose alternatives multiply.
const (
	maxGlob         = 1000
	maxAlternatives = 256
	maxStars        = 20
)

// CheckGlob refuses a pattern that stands for more patterns than can be tried.
func CheckGlob(pattern string) error {
	if len(pattern) > maxGlob {
		return fmt.Errorf("the glob has %d characters, more than %d", len(pattern), maxGlob)
	}
	product, depth, here := 1, 0, 1
	for i := range len(pattern) {
		switch c := pattern[i]; {
		case c == '{':
			depth++
			here = 1
		case c == ',' && depth > 0:
			here++
		case c == '}' && depth > 0:
			depth--
			product *= here
			here = 1
		}
		if product > maxAlternatives || depth > 4 {
			return fmt.Errorf("the glob %.40q… stands for more than %d patterns", pattern, maxAlternatives)
		}
	}
	if strings.Count(pattern, "*") > maxStars {
		return fmt.Errorf("the glob %.40q… has more than %d stars", pattern, maxStars)
	}
	return nil
}
