package policy

import (
	"fmt"
	"strings"
)

// ReadOwners reads an owners file: a glob over qualified names and a team on
// each line, "#" begins a comment, the last line that matches counts.
//
//   - platform
//     public.payment*  payments
func ReadOwners(name string, text []byte) ([]Owner, error) {
	var out []Owner
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		switch len(words) {
		case 0:
		case 2:
			out = append(out, Owner{Pattern: words[0], Team: words[1]})
		default:
			return nil, fmt.Errorf("%s:%d: write a glob and a team, such as public.payment* payments", name, i+1)
		}
	}
	return out, nil
}
