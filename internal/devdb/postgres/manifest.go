package postgres

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// manifestFile lies in every kept data directory: what it must hold. It is the
// last file that is written, and a run checks each file against it while it
// copies the directory to its own, so that damage of any kind is seen before
// the server is. The sums are CRC-32C, which processors calculate as fast as
// memory is read: they are against disks and killed runs. Who may write the
// cache may run programs as its owner anyway.
const manifestFile = "assay.manifest"

const manifestHead = "assay manifest 1"

// errNone says that nothing is kept.
var errNone = errors.New("nothing is kept")

// damage is what is wrong with a kept data directory.
type damage struct{ text string }

func (d damage) Error() string { return d.text }

// entry is one file, link or directory of a tree.
type entry struct {
	kind byte // f, l, d
	size int64
	sum  uint32
}

// manifest are the entries of a tree by their slash-separated names.
type manifest struct {
	base string // name of the database of a base

	mu      sync.Mutex
	entries map[string]entry
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func newManifest(base string) *manifest { return &manifest{base: base, entries: map[string]entry{}} }

// add takes in an entry.
func (m *manifest) add(name string, e entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries[filepath.ToSlash(name)] = e
}

// encode writes a manifest: a line for each entry, and a last one with the sum
// of all before it.
func (m *manifest) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %q\n", manifestHead, m.base)
	names := make([]string, 0, len(m.entries))
	for n := range m.entries {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		e := m.entries[n]
		fmt.Fprintf(&b, "%c %d %08x %q\n", e.kind, e.size, e.sum, n)
	}
	fmt.Fprintf(&b, "end %d %08x\n", len(names), crc32.Checksum(b.Bytes(), castagnoli))
	return b.Bytes()
}

// readManifest reads the manifest of a kept directory.
func readManifest(dir string) (*manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		if _, there := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) && errors.Is(there, fs.ErrNotExist) {
			return nil, errNone
		}
		return nil, damage{"its list of files cannot be read"}
	}
	return parseManifest(text)
}

func parseManifest(text []byte) (*manifest, error) {
	broken := damage{"its list of files is not whole"}
	at := bytes.LastIndex(text, []byte("\nend "))
	if at < 0 {
		return nil, broken
	}
	at++
	m := newManifest("")
	lines := bufio.NewScanner(bytes.NewReader(text[:at]))
	lines.Buffer(nil, 1<<20)
	for first := true; lines.Scan(); first = false {
		if first {
			base, ok := strings.CutPrefix(lines.Text(), manifestHead+" ")
			if !ok {
				return nil, broken
			}
			var err error
			if m.base, err = strconv.Unquote(base); err != nil {
				return nil, broken
			}
			continue
		}
		f := strings.SplitN(lines.Text(), " ", 4)
		if len(f) != 4 || len(f[0]) != 1 {
			return nil, broken
		}
		size, err1 := strconv.ParseInt(f[1], 10, 64)
		sum, err2 := strconv.ParseUint(f[2], 16, 32)
		name, err3 := strconv.Unquote(f[3])
		if errors.Join(err1, err2, err3) != nil {
			return nil, broken
		}
		m.entries[name] = entry{f[0][0], size, uint32(sum)}
	}
	if want := fmt.Sprintf("end %d %08x\n", len(m.entries), crc32.Checksum(text[:at], castagnoli)); string(text[at:]) != want {
		return nil, broken
	}
	return m, nil
}

// differs says what a tree that was copied has otherwise than the manifest,
// nothing if it is the same: the first by name.
func (m *manifest) differs(got *manifest) error {
	var names []string
	for n := range m.entries {
		names = append(names, n)
	}
	for n := range got.entries {
		if _, ok := m.entries[n]; !ok {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, cmp.Compare[string])
	for _, n := range names {
		want, wanted := m.entries[n]
		have, there := got.entries[n]
		switch {
		case !there:
			return damage{n + " is missing"}
		case !wanted:
			return damage{n + " does not belong to it"}
		case have.kind != want.kind:
			return damage{n + " is of another kind"}
		case have.size != want.size:
			return damage{fmt.Sprintf("%s has %d bytes instead of %d", n, have.size, want.size)}
		case have.sum != want.sum:
			return damage{n + " holds other bytes"}
		}
	}
	return nil
}

// isDamage reports whether an error is about the kept files, not about the run's own.
func isDamage(err error) (damage, bool) {
	var d damage
	ok := errors.As(err, &d)
	return d, ok
}
