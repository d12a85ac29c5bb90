package migration

import (
	"cmp"
	"slices"
	"strings"
)

// digits returns the leading decimal digits of s.
func digits(s string) string {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i]
}

// compareNumbers compares two runs of digits by value, of any length.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// compareNatural compares names with every run of digits taken as a number.
func compareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		dx, dy := digits(x), digits(y)
		if dx != "" && dy != "" {
			if c := compareNumbers(dx, dy); c != 0 {
				return c
			}
			x, y = x[len(dx):], y[len(dy):]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

// compareVersions compares dotted versions segment by segment; a missing
// segment counts as zero, as Flyway has it.
func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		var p, q string
		if i < len(x) {
			p = x[i]
		}
		if i < len(y) {
			q = y[i]
		}
		if c := compareNumbers(p, q); c != 0 {
			return c
		}
	}
	return 0
}

// byVersion sorts units by version, those with the same version by path.
func byVersion(units []*unit, compare func(a, b string) int) {
	slices.SortStableFunc(units, func(a, b *unit) int {
		return cmp.Or(compare(a.version, b.version), strings.Compare(a.path, b.path))
	})
}
