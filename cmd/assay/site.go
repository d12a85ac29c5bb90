package main

import (
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	files "github.com/assaydb/assay/internal/project"
	"github.com/assaydb/assay/internal/site"
)

func (a *app) siteCommand() *cobra.Command {
	o := &verifyOptions{}
	var into, date string
	cmd := &cobra.Command{
		Use:   "site directory",
		Short: "Make a static page of many evidence files",
		Long: `Make a page of the evidence (*.jsonl) below a directory: the last result of each repository, what
waits for approval, ignored findings by age and author, the most frequent checks, and months. The
page is one file that needs no server.`,
		Example: "  assay site evidence -o site\n  assay site evidence --key key.pub --date 2026-12-01",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("which evidence? name one directory of what assay ci --evidence has written")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			day := time.Now().UTC()
			if date != "" {
				var err error
				if day, err = time.Parse(time.DateOnly, date); err != nil {
					return usagef("--date %s: give a day such as 2026-12-01", date)
				}
			}
			o.evidence = args
			claims, err := a.claims(o)
			if err != nil {
				return err
			}
			if len(claims) == 0 {
				return usagef("no review is in %s: the files are those of assay ci --evidence or assay evidence", args[0])
			}
			for _, c := range claims {
				if o.key != "" && !c.Signed {
					return usagef("%s is not signed by the key %s", c.Source, o.key)
				}
			}
			page, err := site.Make(claims, day)
			if err != nil {
				return err
			}
			file := filepath.Join(a.fileNamed(into), site.Page)
			if err := files.WriteFile(file, page); err != nil {
				return err
			}
			a.say("assay: wrote %s from %s", file, counting(len(claims), "review"))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&into, "output", "o", "site", "`directory` to write the page into")
	f.StringVar(&date, "date", "", "`day` that ages are counted to (default: today)")
	f.StringVar(&o.key, "key", "", "`file` with the public key that the evidence must be signed with (PEM)")
	return cmd
}
