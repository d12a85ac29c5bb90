// Package stats holds what assay knows of production: how many rows, how many
// bytes, how many NULLs; never a value. The file is written by `assay stats`,
// committed and reviewed.
package stats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// Format is the version of the file that this package writes. It reads the
// first one as well.
const Format = 2

// Stats is the content of the file.
type Stats struct {
	Format int    `json:"format"`
	Taken  string `json:"taken"`  // date, 2026-11-21
	Source string `json:"source"` // "server" or "pg_dump --statistics-only"
	Server Server `json:"server"`
	// CountersSince is a day from which on writes and scans are counted without
	// a gap, empty if none is known.
	CountersSince string `json:"counters_since,omitempty"`
	// LongestTransaction is the age of the oldest open transaction in seconds, when it was looked.
	LongestTransaction int64      `json:"longest_transaction_seconds,omitempty"`
	Tables             []*Table   `json:"tables"`
	Sequences          []Sequence `json:"sequences,omitempty"`
	// Missing says what the role was not allowed to read.
	Missing []string `json:"missing,omitempty"`
}

// Server names the server and the settings that matter for locks and scans.
type Server struct {
	Version  string            `json:"version"`
	Replica  bool              `json:"replica,omitempty"` // its counters of scans are its own, and it counts no writes
	Settings map[string]string `json:"settings,omitempty"`
}

// Table is one table or materialized view.
type Table struct {
	Schema     string    `json:"schema"`
	Name       string    `json:"name"`
	Rows       int64     `json:"rows"`                   // estimate as the planner makes it; -1: not known
	Guessed    bool      `json:"rows_guessed,omitempty"` // from the bytes: it was not analyzed since it was filled
	Bytes      int64     `json:"bytes"`                  // with TOAST, without indexes
	TotalBytes int64     `json:"total_bytes"`            // with indexes
	Toast      int64     `json:"toast_bytes,omitempty"`  // of Bytes, what lies outside the table in TOAST
	Parts      *Parts    `json:"parts,omitempty"`        // of a table with partitions or child tables
	Writes     float64   `json:"writes_per_second,omitempty"`
	Scans      float64   `json:"scans_per_second,omitempty"` // sequential and by index
	LastVacuum string    `json:"last_vacuum,omitempty"`      // date
	Columns    []*Column `json:"columns,omitempty"`
	Indexes    []*Index  `json:"indexes,omitempty"`
}

// Parts is what the partitions and child tables of a table come to, at
// every level, without the table itself.
type Parts struct {
	Tables     int64 `json:"tables"`
	Rows       int64 `json:"rows"` // those that were never analyzed are not in it
	Bytes      int64 `json:"bytes"`
	TotalBytes int64 `json:"total_bytes"`
}

// Column is one column's distribution, in the sample that ANALYZE took.
type Column struct {
	Name     string  `json:"name"`
	Nulls    float64 `json:"null_fraction"`          // 0 only if no row of the sample was NULL
	Distinct float64 `json:"distinct"`               // number of distinct values; as a negative number the share of rows, as in pg_stats.n_distinct
	Width    int     `json:"width"`                  // bytes on average
	Unique   bool    `json:"looks_unique,omitempty"` // no two rows of the sample were equal, NULLs aside
}

// Index is one index.
type Index struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Scans int64  `json:"scans"` // since the counters were last reset
}

// Sequence is one sequence's use.
type Sequence struct {
	Schema string  `json:"schema"`
	Name   string  `json:"name"`
	Type   string  `json:"type"` // its own, or that of the column it feeds if that one ends earlier
	Used   float64 `json:"used"` // share of its range, or of the column's, that is used up, 0 to 1
}

// Table finds a table by schema and name, nil if the file does not know it.
func (s *Stats) Table(schema, name string) *Table {
	if s == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(s.Tables, schema+"\x00"+name, func(t *Table, key string) int {
		return strings.Compare(t.Schema+"\x00"+t.Name, key)
	})
	if !ok {
		return nil
	}
	return s.Tables[i]
}

// RowHeader is what a row takes beside its values, with its line pointer, in bytes.
const RowHeader = 28

// Estimate is the number of rows: what the planner has, or what fits into the
// bytes where nobody has analyzed the table since it was filled. guessed says
// that it is the second.
func (t *Table) Estimate() (rows int64, guessed bool) {
	const width = 100 // of the values, as a first format's file does not say it
	if fits := t.Bytes / (RowHeader + width); t.Rows < 0 || t.Rows == 0 && fits > 1000 {
		return fits, true
	}
	return t.Rows, t.Guessed
}

// RowBytes is what a row takes in the table and its TOAST, at least what its
// columns are wide; outside is the part that is in TOAST, where widths count
// pointers alone. 0 if it is not known.
func (t *Table) RowBytes() (all, outside int64) {
	rows, _ := t.Estimate()
	if rows <= 0 {
		return 0, 0
	}
	width := int64(RowHeader)
	for _, c := range t.Columns {
		width += int64(c.Width)
	}
	all = max(width, t.Bytes/rows)
	switch {
	case t.Toast > 0:
		outside = t.Toast / rows
	case len(t.Columns) > 0 && t.Bytes/rows > 2*width+1000: // a file of the first format: no bloat is that large
		outside = t.Bytes/rows - width
	}
	return all, outside
}

// Distinct is the number of different values of a column.
func (t *Table) Distinct(c *Column) int64 {
	if c.Distinct < 0 {
		rows, _ := t.Estimate()
		return int64(math.Round(-c.Distinct * float64(rows)))
	}
	return int64(c.Distinct)
}

// LooksUnique reports whether no two rows of the sample held the same value,
// NULLs aside: as many distinct values as rows that are not NULL.
func (c *Column) LooksUnique() bool {
	const rounded = 0.0002 // both fractions are
	return c.Unique || c.Distinct < 0 && -c.Distinct > 1-c.Nulls-rounded
}

// Column finds a column, nil if nothing is known of it.
func (t *Table) Column(name string) *Column {
	if t == nil {
		return nil
	}
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Index finds an index, nil if the file does not know it.
func (t *Table) Index(name string) *Index {
	if t == nil {
		return nil
	}
	for _, i := range t.Indexes {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// Size says a table's size as people do: "212 million rows, 41 GB".
func (t *Table) Size() string {
	rows, guessed := t.Estimate()
	if guessed {
		return fmt.Sprintf("about %s by its size, %s", Rows(rows), Bytes(t.Bytes))
	}
	return Rows(rows) + ", " + Bytes(t.Bytes)
}

// Rows says a number of rows: "1 row", "12,000 rows", "212 million rows".
func Rows(n int64) string {
	switch {
	case n == 1:
		return "1 row"
	case n < 100_000:
		return thousands(n) + " rows"
	case n < 1_000_000:
		return fmt.Sprintf("%d thousand rows", (n+500)/1000)
	case n < 10_000_000:
		return trim(float64(n)/1e6) + " million rows"
	case n < 1_000_000_000:
		return fmt.Sprintf("%d million rows", (n+500_000)/1_000_000)
	default:
		return trim(float64(n)/1e9) + " billion rows"
	}
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	if len(s) > 3 {
		s = s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s
}

// trim gives one digit behind the point, none if it is 0.
func trim(f float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") }

// About says a number with three digits: "303,000", "1.5 million".
func About(n int64) string {
	if n >= 1_000_000 {
		return Count(n)
	}
	for unit := int64(1); ; unit *= 10 {
		if n < 1000*unit {
			return thousands((n + unit/2) / unit * unit)
		}
	}
}

// Bytes says a size: "8 kB", "41 GB".
func Bytes(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB"}
	f, u := float64(n), 0
	for f >= 1024 && u < len(units)-1 {
		f, u = f/1024, u+1
	}
	if f < 10 && u > 0 {
		return trim(f) + " " + units[u]
	}
	return fmt.Sprintf("%d %s", int64(math.Round(f)), units[u])
}

// Counted is for how many days writes and scans had been counted, 0 if that is
// unknown or if they are those of a replica.
func (s *Stats) Counted() int {
	from, err := time.Parse(time.DateOnly, s.CountersSince)
	to, err2 := time.Parse(time.DateOnly, s.Taken)
	if err != nil || err2 != nil || s.Server.Replica {
		return 0
	}
	return max(0, int(to.Sub(from).Hours()/24))
}

// Duration says a number of seconds: "40 s", "25 min", "3 h", "2 days".
func Duration(seconds int64) string {
	switch {
	case seconds < 120:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 2*3600:
		return fmt.Sprintf("%d min", seconds/60)
	case seconds < 48*3600:
		return fmt.Sprintf("%d h", seconds/3600)
	}
	return fmt.Sprintf("%d days", seconds/86400)
}

// Count says a number: "812", "12,000", "3.4 million".
func Count(n int64) string {
	return strings.TrimSuffix(strings.TrimSuffix(Rows(n), " rows"), " row")
}

// Age is how old the file is on a day, in whole days; an error if its date cannot be read.
func (s *Stats) Age(today time.Time) (int, error) {
	t, err := time.Parse(time.DateOnly, s.Taken)
	if err != nil {
		return 0, fmt.Errorf("the statistics' date %q is not like 2026-01-31", s.Taken)
	}
	return int(today.Sub(t).Hours() / 24), nil
}

// Decode reads a file; name is for messages.
func Decode(name string, data []byte) (*Stats, error) {
	var head struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("%s: not a file of `assay stats`, or cut short: %w; write it again", name, err)
	}
	if head.Format == nil || *head.Format < 1 || *head.Format > Format {
		got := "none"
		if head.Format != nil {
			got = fmt.Sprint(*head.Format)
		}
		return nil, fmt.Errorf("%s: format %s, this assay reads the formats 1 to %d: write it again with `assay stats`", name, got, Format)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	s := &Stats{}
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("%s: %w; write it again with `assay stats`", name, err)
	}
	if _, err := s.Age(time.Now()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, t := range s.Tables {
		if t == nil || t.Name == "" {
			return nil, fmt.Errorf("%s: table %d has no name", name, i+1)
		}
		if slices.Contains(t.Columns, nil) || slices.Contains(t.Indexes, nil) {
			return nil, fmt.Errorf("%s: table %s has a column or an index that is null", name, t.Name)
		}
	}
	s.sort()
	return s, nil
}

func (s *Stats) sort() {
	slices.SortFunc(s.Tables, func(a, b *Table) int {
		return strings.Compare(a.Schema+"\x00"+a.Name, b.Schema+"\x00"+b.Name)
	})
	slices.SortFunc(s.Sequences, func(a, b Sequence) int {
		return strings.Compare(a.Schema+"\x00"+a.Name, b.Schema+"\x00"+b.Name)
	})
	for _, t := range s.Tables {
		slices.SortFunc(t.Columns, func(a, b *Column) int { return strings.Compare(a.Name, b.Name) })
		slices.SortFunc(t.Indexes, func(a, b *Index) int { return strings.Compare(a.Name, b.Name) })
	}
}

// Encode writes the file: sorted, one table a paragraph, so that a diff can be read.
func (s *Stats) Encode(w io.Writer) error {
	s.Format = Format
	s.sort()
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return errors.Join(errors.New("writing the statistics"), err)
	}
	return nil
}
