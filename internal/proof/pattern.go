package proof

import (
	"regexp/syntax"
	"strings"
	"time"
)

// beside is a day before or after a date.
func beside(date string, days int) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return t.AddDate(0, 0, days).Format(time.DateOnly)
}

// matching gives texts that a LIKE or regular expression pattern may match; the
// server decides.
func matching(pattern string, like bool) []string {
	if like {
		s := strings.NewReplacer("%", "", "_", "a").Replace(pattern)
		return []string{s, strings.NewReplacer("%", "a", "_", "a").Replace(pattern)}
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	var out []string
	for _, extra := range []int{0, 1, 2} {
		var b strings.Builder
		write(&b, re.Simplify(), extra)
		out = append(out, b.String())
	}
	return out
}

// write appends a text that the expression matches; extra is how often what
// may be repeated is repeated beyond what must be.
func write(b *strings.Builder, re *syntax.Regexp, extra int) {
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(readable(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a')
	case syntax.OpCapture, syntax.OpConcat:
		for _, s := range re.Sub {
			write(b, s, extra)
		}
	case syntax.OpAlternate:
		write(b, re.Sub[min(extra, len(re.Sub)-1)], extra)
	case syntax.OpPlus:
		for range 1 + extra {
			write(b, re.Sub[0], extra)
		}
	case syntax.OpStar, syntax.OpQuest:
		if extra > 0 {
			write(b, re.Sub[0], extra)
		}
	case syntax.OpRepeat:
		n := re.Min + extra
		if re.Max >= 0 {
			n = min(n, re.Max)
		}
		for range n {
			write(b, re.Sub[0], extra)
		}
	}
}

// readable picks a letter or digit of a class where it has one.
func readable(ranges []rune) rune {
	for _, want := range "aA10-_" {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= want && want <= ranges[i+1] {
				return want
			}
		}
	}
	if len(ranges) > 0 {
		return ranges[0]
	}
	return 'a'
}
