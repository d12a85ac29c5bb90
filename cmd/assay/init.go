package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	files "github.com/assaydb/assay/internal/project"
)

func (a *app) initCommand() *cobra.Command {
	var force, agents bool
	var chosen map[string]*bool
	cmd := &cobra.Command{
		Use: "init", Short: "Write assay.yaml for this project, and the file of its CI", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			d := config.Detected{}
			fsys, err := a.checkout()
			if err != nil {
				return err
			}
			found, err := migration.Detect(fsys, ".")
			if several := severalOf(found); err != nil && len(several) > 1 {
				d.Dirs = several
				fmt.Fprintf(a.text(), "found %d migrations directories: %s\n", len(several), strings.Join(several, ", "))
			} else if err == nil {
				d.Dir, d.Format = found[0].Path, string(found[0].Format)
				if dir, err := migration.Load(fsys, d.Dir, migration.Options{Format: found[0].Format}); err == nil {
					d.Count = len(dir.Migrations)
				}
				fmt.Fprintf(a.text(), "found %s (%s, %s)\n", d.Dir, d.Format, counting(d.Count, "migration"))
			} else {
				a.say("assay: %v\nassay: write dir: into assay.yaml by hand", err)
			}
			starters, err := a.starters(chosen, d.Dir, force)
			if err != nil {
				return err
			}
			var taught map[string]string
			if agents {
				if taught, err = a.agentFiles(force); err != nil {
					return err
				}
			}
			if _, err := os.Stat(filepath.Join(a.dir, config.File)); err != nil || len(starters) == 0 && !agents {
				if err := a.create(config.File, config.Template(d), force); err != nil {
					return err
				}
			}
			for _, s := range starters {
				if err := a.create(s.file, s.text, force); err != nil {
					return err
				}
			}
			for _, name := range slices.Sorted(maps.Keys(taught)) {
				if err := a.create(name, taught[name], true); err != nil {
					return err
				}
			}
			if len(starters) > 0 {
				a.unreleased()
			}
			_, err = fmt.Fprintln(a.text(), "next: assay lint --latest 1")
			return err
		},
	}
	chosen = starterFlags(cmd.Flags())
	cmd.Flags().BoolVar(&agents, "agents", false, "teach coding agents to review what they write: a section of "+agentsFile+", and "+skillFile)
	cmd.Flags().BoolVar(&force, "force", false, "overwrite files that exist")
	return cmd
}

// severalOf are the directories that look like migrations for PostgreSQL, by name.
func severalOf(found []migration.Candidate) []string {
	var out []string
	for _, c := range found {
		if c.Dialect == "" || c.Dialect == "postgres" {
			out = append(out, c.Path)
		}
	}
	slices.Sort(out)
	return out
}

// unreleased warns that a CI's file names a release, where this program is none:
// the release may not exist.
func (a *app) unreleased() {
	if version == "" {
		a.say("assay: the file names release v0.1.0, and this assay is a build of the source: check that the release exists before you commit the file")
	}
}

// create writes a file of the project, and refuses to lose one that is there.
func (a *app) create(name, text string, force bool) error {
	file := filepath.Join(a.dir, name)
	if _, err := os.Stat(file); err == nil && !force {
		return usagef("%s exists: --force overwrites it", file)
	}
	err := files.WriteFile(file, []byte(text))
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	_, err = fmt.Fprintf(a.text(), "wrote %s\n", file)
	return err
}

// writeBaseline freezes what is found now.
func (a *app) writeBaseline(p *project, res *lint.Result) error {
	name := p.config.Baseline
	if name == "" {
		name = config.BaselineFile
	}
	file := filepath.Join(a.dir, filepath.FromSlash(name))
	b := config.NewBaseline(res.Findings)
	if err := files.Write(file, b.Write); err != nil {
		return fmt.Errorf("writing the baseline: %w", err)
	}
	_, err := fmt.Fprintf(a.text(), "froze %d findings in %s\n", len(res.Findings), file)
	return err
}
