package postgres

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const npmRegistry = "https://registry.npmjs.org"

// registry gives where builds come from: a mirror, else what npm is told to use.
func registry(c *Config) string {
	r := npmRegistry
	for _, v := range []string{c.env("ASSAY_PG_MIRROR"), c.env("npm_config_registry"), c.env("NPM_CONFIG_REGISTRY"), npmrc(c.env("HOME"))} {
		if v != "" {
			r = v
			break
		}
	}
	return strings.TrimRight(r, "/")
}

// npmrc reads registry= of the user's .npmrc. Its tokens are left alone.
func npmrc(home string) string {
	if home == "" {
		return ""
	}
	f, err := os.Open(filepath.Join(home, ".npmrc"))
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if k, v, ok := strings.Cut(lines.Text(), "="); ok && strings.TrimSpace(k) == "registry" {
			return strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return ""
}

func (p pin) url(registry string) string {
	return fmt.Sprintf("%s/@embedded-postgres/%s/-/%s-%s.tgz", registry, p.platform, p.platform, p.version)
}

// download gives the pinned build of a major for this machine.
func download(ctx context.Context, c *Config, cache string, major int) (binaries, error) {
	p, err := pinFor(major, platform())
	if err != nil {
		return binaries{}, err
	}
	return fetch(ctx, c, cache, p)
}

// fetch gives a pinned build from the cache, downloading it the first time.
func fetch(ctx context.Context, c *Config, cache string, p pin) (binaries, error) {
	dir := filepath.Join(cache, "pg", p.platform+"-"+p.version)
	b := binaries{dir: filepath.Join(dir, "bin"), text: p.postgres(), source: "pinned download"}
	if _, err := fmt.Sscanf(b.text, "%d.%d", new(int), &b.num); err != nil {
		return b, err
	}
	b.num += p.major * 10000
	if isFile(b.program("postgres")) {
		return b, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return b, err
	}
	aside, err := os.MkdirTemp(filepath.Dir(dir), ".new-")
	if err != nil {
		return b, err
	}
	defer os.RemoveAll(aside)
	if err := p.install(ctx, c, aside); err != nil {
		if full(err) {
			return b, fmt.Errorf("unpacking PostgreSQL %s in %s: %w; free some space or set ASSAY_CACHE_DIR", b.text, cache, err)
		}
		return b, fmt.Errorf("downloading PostgreSQL %s from %s: %w; install PostgreSQL, give its directory with --postgres, a server with --dev-url, or a mirror in ASSAY_PG_MIRROR",
			b.text, p.url(registry(c)), err)
	}
	if err := os.Chmod(filepath.Join(aside, "native"), 0o755); err != nil {
		return b, err
	}
	if err := os.Rename(filepath.Join(aside, "native"), dir); err != nil && !isFile(b.program("postgres")) {
		return b, err
	}
	return b, nil
}

// install downloads, checks and unpacks the build into dir/native. Nothing is
// unpacked before the whole hash is right.
func (p pin) install(ctx context.Context, c *Config, dir string) error {
	file := filepath.Join(dir, "download")
	if err := p.get(ctx, c, file); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unpack(f, dir); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	return link(dir)
}

func (p pin) get(ctx context.Context, c *Config, file string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url(registry(c)), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the registry answers %s", res.Status)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	h := sha512.New()
	in := &progress{Reader: res.Body, total: res.ContentLength, what: "downloading PostgreSQL " + p.postgres(), say: c.say}
	if _, err := io.Copy(io.MultiWriter(out, h), in); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(h.Sum(nil)); got != p.sha512 {
		return fmt.Errorf("the file is not the one that is pinned: its sha512 is %s, wanted %s", got, p.sha512)
	}
	return out.Close()
}

// progress tells every tenth of a download.
type progress struct {
	io.Reader
	total, done, told int64
	what              string
	say               func(string)
}

func (p *progress) Read(b []byte) (int, error) {
	if p.done == 0 {
		p.say(p.line())
	}
	n, err := p.Reader.Read(b)
	p.done += int64(n)
	if p.total > 0 && p.done*10/p.total > p.told {
		p.told = p.done * 10 / p.total
		p.say(p.line())
	}
	return n, err
}

func (p *progress) line() string {
	if p.total <= 0 {
		return p.what + " …"
	}
	return fmt.Sprintf("%s (%d MB) … %d %%", p.what, (p.total+999_999)/1_000_000, p.done*100/p.total)
}

// unpack writes the files below package/native to dir/native.
func unpack(r io.Reader, dir string) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(h.Name, "package/")
		if !ok || !strings.HasPrefix(name, "native/") || h.Typeflag == tar.TypeDir {
			continue
		}
		if !filepath.IsLocal(name) || h.Typeflag != tar.TypeReg {
			return fmt.Errorf("the archive holds %q, which is no plain file below it", h.Name)
		}
		if err := write(filepath.Join(dir, name), t, h.FileInfo().Mode().Perm()&0o755|0o644); err != nil {
			return err
		}
	}
}

func write(path string, r io.Reader, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// link makes the links that a package of npm cannot hold.
func link(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "native", "pg-symlinks.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil // Windows builds have none
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(b, &links); err != nil {
		return fmt.Errorf("reading pg-symlinks.json: %w", err)
	}
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("pg-symlinks.json links %q to %q, outside the archive", l.Target, l.Source)
		}
		target := filepath.Join(dir, l.Target)
		if _, err := os.Lstat(target); err == nil {
			continue
		}
		rel, err := filepath.Rel(filepath.Dir(target), filepath.Join(dir, l.Source))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(rel, target); err != nil {
			return err
		}
	}
	return nil
}
