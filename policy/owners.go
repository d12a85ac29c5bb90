package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var section = regexp.MustCompile(`^\^?\[([^\]]+)\](?:\[(\d+)\])?(.*)$`)

// ReadOwners reads an owners file: a glob over qualified names and its owners on
// each line, teams and @users; "#" begins a comment, the last line that matches
// counts.
//
//   - platform
//     public.payment*  payments @alice
//
// A CODEOWNERS file is read too: "@org/team" is a team, a name with slashes is
// one with dots, and a section ("[Database][2] @org/dba") gives its lines owners
// and the number of people who must approve.
func ReadOwners(name string, text []byte) ([]Owner, error) {
	var out []Owner
	var standard Owner
	for i, line := range strings.Split(strings.TrimPrefix(string(text), "\xef\xbb\xbf"), "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		at := fmt.Sprintf("%s:%d", name, i+1)
		if m := section.FindStringSubmatch(line); m != nil {
			standard = Owner{}
			standard.Count, _ = strconv.Atoi(m[2])
			if err := standard.owners(at, strings.Fields(m[3])); err != nil {
				return nil, err
			}
			continue
		}
		words := strings.Fields(line)
		o := Owner{Pattern: strings.ReplaceAll(strings.Trim(words[0], "/"), "/", "."), Count: standard.Count}
		if err := o.owners(at, words[1:]); err != nil {
			return nil, err
		}
		if len(o.Teams)+len(o.Users) == 0 {
			o.Teams, o.Users, o.Team = standard.Teams, standard.Users, standard.Team
		}
		if len(o.Teams)+len(o.Users) == 0 {
			return nil, fmt.Errorf("%s: %s has no owner: write a glob and its owners, such as public.payment* payments @alice", at, words[0])
		}
		out = append(out, o)
	}
	return out, nil
}

// owners reads the words after the glob.
func (o *Owner) owners(at string, words []string) error {
	o.Teams, o.Users = []string{}, []string{}
	for _, w := range words {
		bare := strings.TrimPrefix(w, "@")
		switch {
		case bare == "" || strings.Contains(bare, "@"):
			return fmt.Errorf("%s: %s is no owner: write a team, @org/team or @user", at, w)
		case w != bare && !strings.Contains(bare, "/"):
			o.Users = append(o.Users, bare)
		default:
			o.Teams = append(o.Teams, bare)
		}
	}
	if len(o.Teams) > 0 {
		o.Team = o.Teams[0]
	}
	slices.Sort(o.Users)
	return nil
}
