package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing/fstest"
	"time"
)

// The most that an archive of policies may hold.
const (
	maxArchive = 32 << 20
	maxFiles   = 10000
)

// fetchBundle reads a bundle over HTTPS.
func (s Store) fetchBundle(ctx context.Context, src Source) ([]byte, error) {
	client := &http.Client{}
	if s.Client != nil {
		client = s.Client
	}
	return Fetch(ctx, client, src.Bundle, maxArchive)
}

// Fetch reads what an https address gives, up to limit bytes. Redirects stay
// on https.
func Fetch(ctx context.Context, client *http.Client, address string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := *client
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != "https" || len(via) > 5 {
			return errors.New("redirected away from https, or too often")
		}
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", shown(address), err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetching policies: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetching %s: the server answers %s", shown(address), resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", shown(address), err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("fetching %s: larger than %d MB", shown(address), limit>>20)
	}
	return text, nil
}

var commitID = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// fetchGit reads one commit of a repository as a tar archive, with the user's
// own git and its credentials. Nothing of the repository is run.
func fetchGit(ctx context.Context, src Source) (out []byte, err error) {
	if !commitID.MatchString(src.Commit) {
		return nil, fmt.Errorf("%s: commit %q is not a full commit id: branches and tags move", src, src.Commit)
	}
	if strings.HasPrefix(src.Git, "-") || strings.Contains(src.Git, "::") {
		return nil, fmt.Errorf("%q is not the URL of a repository", src.Git)
	}
	dir, err := os.MkdirTemp("", "assay-policy-*")
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", src, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	git := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never"}, args...)...)
		cmd.Env = append(cmd.Environ(), "GIT_TERMINAL_PROMPT=0")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		text, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("fetching %s: git %s: %w: %s", src, args[0], err, strings.TrimSpace(errs.String()))
		}
		return text, nil
	}
	if _, err := git("init", "--quiet", "--bare"); err != nil {
		return nil, err
	}
	if _, err := git("fetch", "--quiet", "--depth=1", "--no-tags", "--", src.Git, src.Commit); err != nil {
		// Some servers give out branches only.
		if _, err := git("fetch", "--quiet", "--no-tags", "--", src.Git, "+refs/heads/*:refs/heads/*"); err != nil {
			return nil, err
		}
	}
	tree := src.Commit
	if sub := strings.Trim(path.Clean("/"+src.Subdir), "/"); sub != "" {
		tree += ":" + sub
	}
	text, err := git("archive", "--format=tar", tree)
	if err != nil {
		return nil, err
	}
	return repack(src, text)
}

// repack writes an archive anew in order of name and without times and owners,
// so that the same commit gives the same bytes with every git.
func repack(src Source, text []byte) ([]byte, error) {
	files, err := untar(src, text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data := files[name].Data
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
			return nil, fmt.Errorf("packing %s: %w", src, err)
		}
		if _, err := w.Write(data); err != nil {
			return nil, fmt.Errorf("packing %s: %w", src, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing %s: %w", src, err)
	}
	return out.Bytes(), nil
}

// untar reads a tar archive, zipped or not, into memory: plain files only,
// inside of it only, and not more than the limits.
func untar(src Source, text []byte) (fstest.MapFS, error) {
	var r io.Reader = bytes.NewReader(text)
	if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", src, err)
		}
		r = io.LimitReader(z, 2*maxArchive) // also what is skipped
	}
	files := fstest.MapFS{}
	left := int64(maxArchive)
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("unpacking %s: %w; a bundle is a tar.gz as opa build makes it", src, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if left -= h.Size; left < 0 || len(files) >= maxFiles {
			return nil, fmt.Errorf("unpacking %s: more than %d MB or %d files", src, maxArchive>>20, maxFiles)
		}
		data, err := io.ReadAll(io.LimitReader(t, h.Size))
		if err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", src, err)
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		files[name] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	return files, nil
}
