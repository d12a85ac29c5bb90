package plan

import "strings"

// SecretMark begins what stands for an option's value that must not be printed.
const SecretMark = "assay-secret:"

// IsSecret reports whether the option of a foreign-data object may hold a secret.
// Of a user mapping all do but the user's name.
func IsSecret(c Class, option string) bool {
	if c == UserMapping {
		return option != "user" && option != "username"
	}
	for _, w := range []string{"pass", "secret", "token", "key", "credential", "conn", "uri", "url"} {
		if strings.Contains(strings.ToLower(option), w) {
			return true
		}
	}
	return false
}
