package lint

import (
	"fmt"
	"slices"
	"strings"
)

// AllTeams are the teams whose members may approve.
func (a *Approval) AllTeams() []string { return join(a.Team, a.Teams) }

// AllUsers are the users who may approve.
func (a *Approval) AllUsers() []string { return join(a.User, a.Users) }

func join(one string, more []string) []string {
	if one != "" && !slices.Contains(more, one) {
		return append([]string{one}, more...)
	}
	return more
}

// Need is how many people must approve.
func (a *Approval) Need() int { return max(1, a.Count) }

// Who says in words who must approve: "team payments or user alice, two people".
func (a *Approval) Who() string {
	var parts []string
	for _, t := range a.AllTeams() {
		parts = append(parts, "team "+t)
	}
	for _, u := range a.AllUsers() {
		parts = append(parts, "user "+u)
	}
	who := strings.Join(parts, " or ")
	if a.Anybody {
		who = "a reviewer who may write to the project"
	}
	if who == "" {
		who = "an owner, whom the owners file does not name"
	}
	if n := a.Need(); n > 1 {
		who = fmt.Sprintf("%d people of %s", n, who)
	}
	return who
}
