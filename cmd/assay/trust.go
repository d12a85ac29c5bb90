package main

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/assaydb/assay/integrations/ci"
	"github.com/assaydb/assay/internal/gitdiff"
	"github.com/assaydb/assay/internal/migration"
)

// stranger finds out from the CI's environment whether the checkout is that of
// somebody whom the project does not trust: a pull request from a fork.
func (a *app) stranger(o *lintOptions) error {
	if a.untrusted || o.trust {
		return nil
	}
	run, err := ci.Read(a.getenv)
	if err != nil {
		return usageError{err}
	}
	a.untrusted = run.Untrusted
	return nil
}

// trustedFS is where everything is read that the verdict depends on beside the
// migrations: configuration, policies, lock file, statistics, baseline, setup,
// base, seed, steps, queries and owners. It is the checkout, or for a pull
// request from a fork the project as it is on the target branch, so that a
// stranger can neither switch off what judges the change nor bring code that
// is not judged.
func (a *app) trustedFS(ctx context.Context, o *lintOptions, checkout fs.FS) (fs.FS, error) {
	if !a.untrusted {
		if a.target == nil {
			target, err := a.governed(ctx, o)
			if err != nil || target == nil {
				return checkout, err
			}
			a.target, a.trusted = target, target
		}
		return a.target, nil
	}
	if a.trusted == nil {
		set, err := gitdiff.Changes(ctx, gitdiff.Options{Root: a.dir, Base: o.gitBase, Env: a.getenv})
		if err != nil {
			return nil, fmt.Errorf("finding the target branch, whose files judge a fork's pull request (--trust-checkout takes the fork's own): %w", err)
		}
		if a.trusted, err = set.TargetFS(ctx); err != nil {
			return nil, err
		}
		a.say("assay: a pull request from a fork: configuration, policies and all other files that judge it are those of %.12s", set.Trusted)
	}
	return a.trusted, nil
}

// settle decides which directory and which tool's format the migrations are
// in. An untrusted change has no say in it where the target branch has one:
// one file more could make the directory another tool's.
func (a *app) settle(p *project, o *lintOptions, opts *migration.Options) {
	if !a.untrusted {
		return
	}
	if o.migrations == "" {
		if found, err := migration.Detect(p.rules, "."); err == nil {
			o.migrations = found[0].Path
			if opts.Format == "" {
				opts.Format = found[0].Format
			}
		}
		return
	}
	if dir := path.Clean(filepath.ToSlash(o.migrations)); opts.Format == "" && fs.ValidPath(dir) {
		if c, err := migration.DetectIn(p.rules, dir); err == nil {
			o.migrations, opts.Format = c.Path, c.Format
		}
	}
}
