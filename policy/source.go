package policy

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/project"
)

// Source is where rules come from: one of Dir, Git and Bundle.
type Source struct {
	Dir    string // directory in the project
	Git    string // URL of a repository
	Commit string // full commit id, with Git
	Subdir string // directory in the repository
	Bundle string // path in the project or HTTPS URL of an OPA bundle (tar.gz)
	Digest string // "sha256:" and hex, of a bundle; empty: what the lock file says
	Key    string // public key in PEM, a file in the project, that the bundle is signed with
}

func (s Source) remote() bool { return s.Git != "" || strings.HasPrefix(s.Bundle, "https://") }

// String is what messages and the lock file call the source.
func (s Source) String() string { return shown(cmp.Or(s.Git, s.Bundle, s.Dir)) }

// Store keeps what was fetched, so that later runs need no network. What it
// gives has the digest that the source or the lock file names, or is an error.
type Store struct {
	// Dir is a directory of files named by digest; empty keeps nothing.
	Dir string
	// Pins holds the digests of what was fetched.
	Pins *Pins
	// Client fetches bundles. nil is a plain one.
	Client *http.Client
	// Offline never fetches.
	Offline bool
}

// LockFile is the name of the lock file, beside assay.yaml.
const LockFile = "assay.lock"

// Pins tie remote policies to their content.
type Pins struct {
	Version  int   `json:"version"`
	Policies []Pin `json:"policies"`
}

// Pin is one pinned source.
type Pin struct {
	Source string `json:"source"`
	Commit string `json:"commit,omitempty"`
	Subdir string `json:"subdir,omitempty"`
	Digest string `json:"digest"` // "sha256:" and hex
}

// ReadPins reads the lock file. A project without one has an empty lock.
func ReadPins(fsys fs.FS) (*Pins, error) {
	text, err := fs.ReadFile(fsys, LockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &Pins{Version: 1}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the lock file: %w", err)
	}
	l := &Pins{}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(l); err != nil {
		return nil, fmt.Errorf("reading %s: %w; assay policy fetch writes it again", LockFile, err)
	}
	if l.Version != 1 {
		return nil, fmt.Errorf("%s has version %d, this assay knows version 1: use a newer assay", LockFile, l.Version)
	}
	return l, nil
}

// Encode is the lock file's text.
func (l *Pins) Encode() ([]byte, error) {
	slices.SortFunc(l.Policies, func(a, b Pin) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Commit, b.Commit), strings.Compare(a.Subdir, b.Subdir))
	})
	text, err := json.MarshalIndent(l, "", "  ")
	return append(text, '\n'), err
}

// digest is what a source is pinned to, empty if it is not pinned.
func (s Store) digest(src Source) (string, error) {
	pinned := src.Digest
	if s.Pins != nil {
		for _, l := range s.Pins.Policies {
			if l.Source != src.String() || l.Commit != src.Commit || l.Subdir != src.Subdir {
				continue
			}
			if pinned != "" && pinned != l.Digest {
				return "", fmt.Errorf("%s: the configuration says %s and %s says %s: run assay policy fetch if the new one is meant", src, pinned, LockFile, l.Digest)
			}
			pinned = l.Digest
		}
	}
	return pinned, nil
}

// open gives the files of a source.
func (s Store) open(ctx context.Context, project fs.FS, src Source) (*tree, error) {
	if src.Dir != "" {
		if i, err := fs.Stat(project, src.Dir); errors.Is(err, fs.ErrNotExist) || err == nil && !i.IsDir() {
			return nil, fmt.Errorf("there is no directory %s of policies: policies in assay.yaml names those there are", src.Dir)
		} else if err != nil {
			return nil, fmt.Errorf("policy directory %s: %w", src.Dir, err)
		}
		return &tree{fsys: project, root: src.Dir}, nil
	}
	want, err := s.digest(src)
	if err != nil {
		return nil, err
	}
	if want == "" && src.remote() {
		return nil, fmt.Errorf("%s is not pinned: run assay policy fetch, which writes its digest to %s", src, LockFile)
	}
	text, err := s.read(ctx, project, src, want)
	if err != nil {
		return nil, err
	}
	return unpack(project, src, text)
}

// read gives the archive of a source: out of the store, or fetched.
func (s Store) read(ctx context.Context, project fs.FS, src Source, want string) ([]byte, error) {
	if !src.remote() {
		text, err := fs.ReadFile(project, src.Bundle)
		if err != nil {
			return nil, fmt.Errorf("reading bundle: %w", err)
		}
		return text, same(src, text, want)
	}
	if text, err := readKept(s.file(want)); err == nil && same(src, text, want) == nil {
		return text, nil
	}
	if s.Offline {
		return nil, fmt.Errorf("%s is not in the cache and this run is offline: run assay policy fetch with a network first", src)
	}
	text, err := s.fetch(ctx, src)
	if err != nil {
		return nil, err
	}
	if err := same(src, text, want); err != nil {
		return nil, err
	}
	return text, s.keep(text)
}

// Fetch fetches every remote source anew and gives the lock that pins them. A
// digest in the configuration must still be met.
func (s Store) Fetch(ctx context.Context, project fs.FS, sources []Source) (*Pins, error) {
	out := &Pins{Version: 1, Policies: []Pin{}}
	for _, src := range sources {
		if !src.remote() {
			continue
		}
		text, err := s.fetch(ctx, src)
		if err != nil {
			return nil, err
		}
		if err := same(src, text, src.Digest); err != nil {
			return nil, err
		}
		if _, err := unpack(project, src, text); err != nil {
			return nil, err
		}
		if err := s.keep(text); err != nil {
			return nil, err
		}
		out.Policies = append(out.Policies, Pin{Source: src.String(), Commit: src.Commit, Subdir: src.Subdir, Digest: digestOf(text)})
	}
	return out, nil
}

func (s Store) fetch(ctx context.Context, src Source) ([]byte, error) {
	if src.Git != "" {
		return fetchGit(ctx, src)
	}
	return s.fetchBundle(ctx, src)
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// same holds a text against the digest it must have; "" is any.
func same(src Source, text []byte, want string) error {
	if got := digestOf(text); want != "" && got != want {
		return fmt.Errorf("%s has digest %s, but is pinned to %s: somebody changed it; look at what changed before you run assay policy fetch", src, got, want)
	}
	return nil
}

func (s Store) file(digest string) string {
	if s.Dir == "" {
		return ""
	}
	return filepath.Join(s.Dir, strings.ReplaceAll(digest, ":", "-")+".tar")
}

// keep puts an archive into the store, whole or not at all.
func (s Store) keep(text []byte) error {
	if s.Dir == "" {
		return nil
	}
	if err := project.WriteFile(s.file(digestOf(text)), text); err != nil {
		return fmt.Errorf("keeping policies: %w", err)
	}
	return nil
}

// readKept reads an archive of the store.
func readKept(file string) ([]byte, error) { return project.ReadNamed(file) }

// shown is a URL without user and password.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return raw
	}
	u.User = nil
	return u.String()
}
