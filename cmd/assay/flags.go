package main

import (
	"errors"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaydb/assay/internal/config"
)

// once is a flag that takes one value: the second is an error, as one of the
// two would be lost.
type once struct {
	pflag.Value
	given bool
}

// Set takes the first value and refuses the next.
func (o *once) Set(text string) error {
	if o.given {
		return errors.New("the flag is given twice and takes one value")
	}
	o.given = true
	return o.Value.Set(text)
}

// onceEach makes every flag of a command and its subcommands that takes one
// value refuse a second.
func onceEach(cmd *cobra.Command) {
	wrap := func(f *pflag.Flag) {
		switch f.Value.Type() {
		case "duration":
			if f.DefValue == "0s" {
				f.DefValue = "0" // or the help would show it
			}
			f.Value = &once{Value: f.Value}
		case "string", "int":
			f.Value = &once{Value: f.Value}
		}
	}
	cmd.PersistentFlags().VisitAll(wrap)
	cmd.LocalNonPersistentFlags().VisitAll(wrap)
	for _, c := range cmd.Commands() {
		onceEach(c)
	}
}

// dirFlag is --dir, which may be repeated.
type dirFlag struct{ o *lintOptions }

// String is the default, which is none.
func (dirFlag) String() string { return "" }

// Type names the value for the help.
func (dirFlag) Type() string { return "directories" }

// Set adds a directory.
func (d dirFlag) Set(text string) error {
	d.o.dirs = append(d.o.dirs, text)
	d.o.migrations = d.o.dirs[0]
	return nil
}

// unknownCommand is the error for a word that is no command of cmd.
func unknownCommand(cmd *cobra.Command, word string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(append(names, c.Name()), c.Aliases...)
		}
	}
	if near := config.Nearest(word, names, 1); len(near) > 0 {
		return usagef("unknown command %q: did you mean `%s %s`? `%s --help` lists the commands", word, cmd.CommandPath(), near[0], cmd.CommandPath())
	}
	return usagef("unknown command %q: run `%s --help` for the commands", word, cmd.CommandPath())
}

// findConfig makes the directory of the assay.yaml above the current directory
// the project directory, up to the root of the git repository. A CI's job says
// where its project is, so that no file of a pull request can move it.
func (a *app) findConfig() {
	for _, key := range []string{"CI", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI"} {
		if a.getenv(key) != "" {
			return
		}
	}
	here, err := os.Getwd()
	if err != nil {
		return
	}
	exists := func(name string) bool { _, err := os.Stat(name); return err == nil }
	root := here
	for !exists(filepath.Join(root, ".git")) {
		if filepath.Dir(root) == root {
			return
		}
		root = filepath.Dir(root)
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if exists(filepath.Join(dir, config.File)) {
			if up, err := filepath.Rel(here, dir); err == nil && up != "." {
				a.dir = up
				below, _ := filepath.Rel(dir, here)
				a.below = filepath.ToSlash(below)
			}
			return
		}
		if dir == root {
			return
		}
	}
}

// fromHere makes a name relative to the current directory one relative to the
// project directory.
func (a *app) fromHere(name string) string {
	if a.below == "" || name == "" || name == "-" || filepath.IsAbs(name) {
		return name
	}
	return path.Join(a.below, filepath.ToSlash(name))
}

// fileNamed is the path of a file that a flag or argument names, which is relative
// to the current directory.
func (a *app) fileNamed(name string) string { return a.inProject(a.fromHere(name)) }

// inProject is the path of a file by its name relative to the project directory.
func (a *app) inProject(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.dir, filepath.FromSlash(name))
}

// rebase makes what the flags name relative to the project directory.
func (a *app) rebase(o *lintOptions) {
	if a.below == "" || o.rebased {
		return
	}
	o.rebased = true
	for _, name := range []*string{&o.config, &o.migrations, &o.base, &o.seed} {
		*name = a.fromHere(*name)
	}
	for _, list := range [][]string{o.setup, o.files, o.dirs} {
		for i := range list {
			list[i] = a.fromHere(list[i])
		}
	}
}
