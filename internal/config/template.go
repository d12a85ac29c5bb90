package config

import (
	"cmp"
	"fmt"
	"strings"
)

// Detected is what assay init found out about a project.
type Detected struct {
	Dir      string   // migrations directory
	Dirs     []string // several of them, each a history of its own
	Format   string
	Count    int    // migrations in it
	Postgres string // major version, if something names one
	Default  string // the default branch, as origin/main
}

// Template is the assay.yaml that assay init writes: what was found, stated,
// and what a team is most likely to want next, as comments.
func Template(d Detected) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# yaml-language-server: $schema=%s\n", SchemaURL)
	b.WriteString("# Everything here is optional. Unknown keys and check names are errors.\n\n")
	if len(d.Dirs) > 1 {
		b.WriteString("dirs: # each a history of its own, reviewed with one report\n")
		for _, dir := range d.Dirs {
			fmt.Fprintf(&b, "  - %s\n", quote(dir))
		}
	} else if d.Dir != "" {
		fmt.Fprintf(&b, "dir: %s", quote(d.Dir))
		if d.Count > 0 {
			fmt.Fprintf(&b, " # %d migrations when this file was written", d.Count)
		}
		b.WriteString("\n")
	} else {
		b.WriteString("# dir: db/migrations\n")
	}
	if d.Format != "" {
		fmt.Fprintf(&b, "format: %s\n", d.Format)
	} else {
		b.WriteString("# format: golang-migrate\n")
	}
	if d.Postgres != "" {
		fmt.Fprintf(&b, "postgres: %s\n", d.Postgres)
	} else {
		b.WriteString("# postgres: 17 # the major version that production runs\n")
	}
	fmt.Fprintf(&b, "# git-base: %s # what new migrations are measured from\n", quote(cmp.Or(d.Default, "origin/main")))
	b.WriteString(`
# What your migration tool sets on its connection. With a lock_timeout here,
# assay does not ask for one in every file.
# settings:
#   lock_timeout: 2s

# fail-on: error # or warning, info, off

# checks:
#   create-index: warning     # by name, id (LK101) or family (LK)
#   CV: on                    # conventions are off unless asked for
#   DS101:
#     exclude-objects: [tmp_*]

# ignore:
#   - check: drop-column
#     object: public.orders
#     reason: agreed with the owners of the reports
#     expires: 2027-01-31

# policies: [policies]        # your own rules, in Rego
# stats: assay.stats.json     # from: assay stats --url …
# queries: [db/queries/*.sql] # the application's queries
`)
	return b.String()
}

// quote writes a text so that YAML reads it as that text.
func quote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") == "" && strings.Trim(s, "0123456789.-") != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
