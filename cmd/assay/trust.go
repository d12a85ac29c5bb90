package main

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/assaydb/assay/internal/gitdiff"
)

// trustedFS is where the configuration and the policies are read: the checkout,
// or for a pull request from a fork the project as it is on the target branch,
// so that a stranger cannot switch the rules off that judge the change.
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
			return nil, fmt.Errorf("finding the target branch, whose configuration and policies count for a fork's pull request (--trust-checkout takes the fork's own): %w", err)
		}
		if a.trusted, err = set.TargetFS(ctx); err != nil {
			return nil, err
		}
		a.say("assay: a pull request from a fork: configuration and policies are those of %.12s", set.Target)
	}
	return a.trusted, nil
}
