package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing/fstest"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/devdb/postgres/state"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
	"github.com/assaydb/assay/internal/planned"
	files "github.com/assaydb/assay/internal/project"
)

func (a *app) inspectCommand() *cobra.Command {
	o := &planOptions{}
	var url, dir, into string
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "Write the schema of a live database as files, to begin with",
		Long: `Read the catalogs of a database, in a read-only transaction and nothing else of it, and
write one file for each object with all that is attached to it, assay.yaml, and a first
migration that makes all of it. Before anything is written the files are loaded on a
throw-away server and compared with what was read. No file that exists is overwritten.

The URL may come from ASSAY_INSPECT_URL, so that its password is in no command line.`,
		Example: "  assay inspect --url postgres://monitor@db/app -o schema --dir-format goose",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.renames = "off"
			if err := o.check(); err != nil {
				return err
			}
			url = cmp.Or(url, a.getenv("ASSAY_INSPECT_URL"))
			if !isURL(url) {
				return usagef("give the database with --url or ASSAY_INSPECT_URL, such as postgres://user@host:5432/database")
			}
			if !filepath.IsLocal(dir) {
				return usagef("-o %s: the directory must lie inside the project; go there with -C", dir)
			}
			return planExit(a.inspect(cmd.Context(), o, url, filepath.ToSlash(filepath.Clean(dir)), into))
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().StringVar(&url, "url", "", "live database, as a connection `URL`")
	cmd.Flags().StringVarP(&dir, "output", "o", "schema", "`directory` to write the files of the schema into")
	cmd.Flags().StringVar(&into, "migrations", "migrations", "`directory` to write the first migration into, where the project has none; empty for none")
	return cmd
}

func (a *app) inspect(ctx context.Context, o *planOptions, url, dir, into string) (err error) {
	ctx, cancel := limited(ctx, o.limit())
	defer cancel()
	o.from = url
	p, err := a.planProject(ctx, o)
	if err != nil {
		return err
	}
	selection, err := p.selection(o)
	if err != nil {
		return err
	}
	live, major, err := state.ReadURL(ctx, url, "--url")
	if err != nil {
		return err
	}
	live = selection.Only(live)
	o.fitMajor(&source{major: major})
	server, err := a.openServer(ctx, p, &o.lintOptions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	made, err := planned.Build(ctx, server, "the database", live)
	if err != nil {
		return err
	}
	texts := schemaTexts(dir, made)
	if err := a.proveTexts(ctx, made, dir, texts); err != nil {
		return err
	}
	if p.dir == nil && into != "" {
		format := migration.Format(cmp.Or(o.format, string(migration.Plain)))
		empty := &project{fsys: fstest.MapFS{}, options: migration.Options{Format: format}, dir: &migration.Dir{Path: path.Clean(filepath.ToSlash(into)), Format: format}}
		_, added, err := intoFiles(empty, "baseline", made.Parts())
		if err != nil {
			return err
		}
		maps.Copy(texts, added)
	}
	if !exists(p, config.File) {
		d := config.Detected{Postgres: strconv.Itoa(major)}
		if p.dir != nil {
			d.Dir, d.Format = p.dir.Path, string(p.dir.Format)
		} else if into != "" {
			d.Dir, d.Format = into, cmp.Or(o.format, string(migration.Plain))
		}
		texts[config.File] = []byte(config.Template(d) + "\nschema:\n  dir: " + strconv.Quote(dir) + "\n")
	}
	for _, u := range live.Unread {
		a.say("assay: not read: %s", u)
	}
	return a.writeNew(texts)
}

// writeNew writes files, and none of them if one is there.
func (a *app) writeNew(texts map[string][]byte) error {
	names := slices.Sorted(maps.Keys(texts))
	for _, n := range names {
		if _, err := os.Lstat(filepath.Join(a.dir, filepath.FromSlash(n))); err == nil {
			return usagef("%s exists, and nothing was written: name an empty directory with -o", n)
		}
	}
	for _, n := range names {
		if err := files.WriteFile(filepath.Join(a.dir, filepath.FromSlash(n)), texts[n]); err != nil {
			return fmt.Errorf("writing %s: %w", n, err)
		}
	}
	fmt.Fprintf(a.text(), "wrote %d files; they load to what the database has\n", len(names))
	return nil
}

// proveTexts loads the files of a schema and compares what they make with what was read.
func (a *app) proveTexts(ctx context.Context, made *planned.Built, dir string, texts map[string][]byte) (err error) {
	fsys := fstest.MapFS{}
	for n, t := range texts {
		fsys[n] = &fstest.MapFile{Data: t}
	}
	var list []*migration.Migration
	for _, n := range slices.Sorted(maps.Keys(texts)) {
		m, err := migration.LoadScript(fsys, n, migration.Options{})
		if err != nil {
			return err
		}
		list = append(list, m)
	}
	if len(list) == 0 {
		return usagef("the database holds no object that is looked at")
	}
	return made.Same(ctx, dir, list)
}

var notInFileNames = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// schemaTexts are the statements that make a database, one file for each object
// with what is attached to it.
func schemaTexts(dir string, made *planned.Built) map[string][]byte {
	out := map[string][]byte{}
	for _, st := range made.Plan.Statements {
		if st.Act == plan.Set {
			continue
		}
		n := path.Join(dir, fileOf(made.Read, st.Object))
		out[n] = append(out[n], []byte(strings.TrimRight(st.SQL, "; \n")+";\n")...)
	}
	return out
}

// fileOf is the file of an object: that of the table, view or type which it belongs to.
func fileOf(s *plan.State, k plan.Key) string {
	class, name := k.Class, k.Name
	if k.Of != "" {
		name = k.Of
		class = ""
		for _, c := range []plan.Class{plan.Table, plan.ForeignTable, plan.View, plan.MaterializedView, plan.Composite, plan.Domain, plan.Publication, plan.Server} {
			if s.Objects[plan.Key{Class: c, Schema: k.Schema, Name: k.Of}] != nil || s.Objects[plan.Key{Class: c, Name: k.Of}] != nil {
				class = c
				break
			}
		}
	}
	switch class {
	case plan.Schema, plan.Extension:
		return string(class) + "s.sql"
	case plan.Function, plan.Procedure, plan.Aggregate:
		name, _, _ = strings.Cut(name, "(") // overloaded ones stand together
	case plan.DefaultACL, plan.Cast, "":
		return "others.sql"
	}
	folder := strings.ReplaceAll(string(class), " ", "_") + "s"
	folder = strings.Replace(folder, "policys", "policies", 1)
	return path.Join(notInFileNames.ReplaceAllString(k.Schema, "_"), folder, notInFileNames.ReplaceAllString(name, "_")+".sql")
}

func exists(p *project, name string) bool {
	f, err := p.fsys.Open(name)
	if err == nil {
		err = f.Close()
	}
	return err == nil
}
