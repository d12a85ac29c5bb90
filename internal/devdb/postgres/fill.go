package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/schema"
	"github.com/assaydb/assay/internal/stats"
)

// filling makes rows for one table.
type filling struct {
	table   *schema.Relation
	catalog *schema.Catalog
	stats   *stats.Table // nil if nothing is known
	unique  map[int16]bool
	full    map[int16]bool // never NULL
	columns []*schema.Column
	makers  []maker
}

// maker appends the value of the i-th row in COPY's text format.
type maker func(b []byte, i int64) []byte

// newFilling decides how the values of each column are made. unique and full
// name columns that the statement to be measured wants so.
func newFilling(c *schema.Catalog, t *schema.Relation, s *stats.Table, unique, full []int16) (*filling, error) {
	f := &filling{table: t, catalog: c, stats: s, unique: map[int16]bool{}, full: map[int16]bool{}}
	for _, i := range c.Indexes {
		if i.Table == t.OID && i.Unique {
			for _, k := range i.Keys {
				f.unique[k.Column] = true
			}
		}
	}
	for _, n := range unique {
		f.unique[n] = true
	}
	for _, n := range full {
		f.full[n] = true
	}
	long := f.long()
	for _, col := range t.Columns {
		if col.Generated != "" {
			continue
		}
		m, err := f.maker(col, long[col.Num])
		if err != nil {
			return nil, err
		}
		f.columns, f.makers = append(f.columns, col), append(f.makers, m)
	}
	return f, nil
}

// long is how many bytes wider than their width in the statistics values are that
// production keeps in TOAST, by column: the columns that can share them evenly.
func (f *filling) long() map[int16]int {
	if f.stats == nil {
		return nil
	}
	_, outside := f.stats.RowBytes()
	var wide []int16
	for _, c := range f.table.Columns {
		switch name, _, limited := strings.Cut(c.Type, "("); name {
		case "text", "character varying", "json", "jsonb", "bytea":
			if !limited && !f.unique[c.Num] && c.Generated == "" {
				wide = append(wide, c.Num)
			}
		}
	}
	out := map[int16]int{}
	for _, n := range wide {
		out[n] = int(outside / int64(len(wide)))
	}
	return out
}

func (f *filling) maker(col *schema.Column, longer int) (maker, error) {
	known := f.stats.Column(col.Name)
	distinct, width := int64(0), 16
	if known != nil {
		width = max(known.Width, 1)
		switch {
		case known.Distinct > 0:
			distinct = int64(known.Distinct)
		case known.Distinct < 0 && f.stats.Rows > 0:
			distinct = max(1, int64(-known.Distinct*float64(f.stats.Rows)))
		}
	}
	if f.unique[col.Num] {
		distinct = 0
	}
	m, err := valueMaker(f.catalog, col, width+longer)
	if err != nil {
		if col.NotNull || f.full[col.Num] {
			return nil, fmt.Errorf("no values can be made for %s.%s of type %s", f.table.QualifiedName(), col.Name, col.Type)
		}
		m, err = func(b []byte, _ int64) []byte { return append(b, `\N`...) }, nil
	}
	if distinct > 0 {
		plain := m
		m = func(b []byte, i int64) []byte { return plain(b, i%distinct) }
	}
	if known != nil && known.Nulls > 0 && !col.NotNull && !f.full[col.Num] && !f.unique[col.Num] {
		some, share := m, uint64(known.Nulls*1000)
		m = func(b []byte, i int64) []byte {
			if mixed(i)%1000 < share {
				return append(b, `\N`...)
			}
			return some(b, i)
		}
	}
	return m, err
}

// mixed spreads numbers, the same way in every run.
func mixed(i int64) uint64 {
	x := uint64(i) * 0x9E3779B97F4A7C15
	x ^= x >> 29
	x *= 0xBF58476D1CE4E5B9
	return x ^ x>>32
}

func valueMaker(c *schema.Catalog, col *schema.Column, width int) (maker, error) {
	name, limit := col.Type, 0
	if i := strings.IndexByte(name, '('); i >= 0 {
		limit, _ = strconv.Atoi(strings.TrimRight(strings.SplitN(name[i+1:], ",", 2)[0], ")"))
		rest := ""
		if j := strings.IndexByte(name, ')'); j >= 0 {
			rest = name[j+1:]
		}
		name = name[:i] + rest
	}
	if strings.HasSuffix(name, "[]") {
		return text("{}"), nil
	}
	switch name {
	case "smallint":
		return func(b []byte, i int64) []byte { return strconv.AppendInt(b, 1+i%32000, 10) }, nil
	case "integer", "bigint", "oid", "real", "double precision", "numeric", "money":
		if name == "numeric" && limit > 0 && limit < 10 {
			top := int64(1)
			for range min(limit, 9) - 1 {
				top *= 10
			}
			return func(b []byte, i int64) []byte { return strconv.AppendInt(b, 1+i%top, 10) }, nil
		}
		return func(b []byte, i int64) []byte { return strconv.AppendInt(b, 1+i, 10) }, nil
	case "boolean":
		return func(b []byte, i int64) []byte { return append(b, "ft"[mixed(i)%2]) }, nil
	case "text", "character varying", "character", "bpchar", "name", "citext":
		if limit > 0 {
			width = min(width, limit)
		}
		return lettered(width), nil
	case "uuid":
		return func(b []byte, i int64) []byte {
			return fmt.Appendf(b, "%08x-%04x-4000-8000-%012x", uint32(mixed(i)), uint16(mixed(i)>>32), i)
		}, nil
	case "date":
		return func(b []byte, i int64) []byte { return fmt.Appendf(b, "20%02d-%02d-%02d", i%30, 1+i/30%12, 1+i/360%28) }, nil
	case "timestamp without time zone", "timestamp with time zone", "timestamp", "timestamptz":
		return func(b []byte, i int64) []byte {
			return fmt.Appendf(b, "20%02d-%02d-%02d %02d:%02d:%02d.%06d", mixed(i)%30, 1+i%12, 1+i/12%28, i/336%24, i/8064%60, i%60, i%1000000)
		}, nil
	case "time without time zone", "time with time zone", "interval":
		return func(b []byte, i int64) []byte { return fmt.Appendf(b, "%02d:%02d:%02d", i%24, i/24%60, i%60) }, nil
	case "json", "jsonb":
		w := lettered(max(width-8, 1))
		return func(b []byte, i int64) []byte { return append(w(append(b, `{"a":"`...), i), `"}`...) }, nil
	case "bytea":
		w := lettered(width)
		return func(b []byte, i int64) []byte { return w(b, i) }, nil
	case "inet", "cidr":
		return func(b []byte, i int64) []byte { return fmt.Appendf(b, "10.%d.%d.%d", i>>16&255, i>>8&255, i&255) }, nil
	}
	for _, t := range c.Types {
		if t.OID != col.TypeOID {
			continue
		}
		switch {
		case t.Kind == schema.Enum && len(t.Labels) > 0:
			return func(b []byte, i int64) []byte { return append(b, escaped(t.Labels[mixed(i)%uint64(len(t.Labels))])...) }, nil
		case t.Kind == schema.Domain:
			return valueMaker(c, &schema.Column{Type: t.Base}, width)
		}
	}
	return nil, errors.New("unknown type")
}

func text(s string) maker { return func(b []byte, _ int64) []byte { return append(b, s...) } }

func escaped(s string) string {
	return strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`).Replace(s)
}

// lettered makes texts of a width that begin with the row's number in base 36, so that they differ.
func lettered(width int) maker {
	return func(b []byte, i int64) []byte {
		start := len(b)
		b = strconv.AppendUint(b, uint64(i), 36)
		for len(b)-start < width {
			b = append(b, byte('a'+mixed(i+int64(len(b)))%26))
		}
		if width >= 6 { // narrower ones would no longer differ
			return b[:start+width]
		}
		return b
	}
}

// fill puts n rows into the table with COPY. Foreign keys, triggers and row
// security are out of the way; a CHECK that the rows break is dropped and named.
func (f *filling) fill(ctx context.Context, c *pgx.Conn, n int64) (left []string, err error) {
	var names []string
	for _, col := range f.columns {
		names = append(names, quoted(col.Name))
	}
	target := pgx.Identifier{f.table.Schema, f.table.Name}.Sanitize()
	sql := fmt.Sprintf("COPY %s (%s) FROM STDIN", target, strings.Join(names, ", "))
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no column that can be filled", f.table.QualifiedName())
	}
	for range 10 {
		_, err = c.PgConn().CopyFrom(ctx, f.rows(n), sql)
		var refused *pgconn.PgError
		if err == nil || !errors.As(err, &refused) || refused.Code != "23514" || refused.ConstraintName == "" {
			break
		}
		if _, err := c.Exec(ctx, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s CASCADE", target, quoted(refused.ConstraintName))); err != nil {
			return left, fmt.Errorf("leaving out the CHECK %s: %w", refused.ConstraintName, err)
		}
		left = append(left, "CHECK "+refused.ConstraintName)
	}
	if err != nil {
		return left, fmt.Errorf("filling %s: %w", f.table.QualifiedName(), err)
	}
	slices.Sort(left)
	return left, nil
}

// rows gives n rows as COPY reads them.
func (f *filling) rows(n int64) io.Reader {
	r, w := io.Pipe()
	go func() {
		out := bufio.NewWriterSize(w, 1<<16)
		b := make([]byte, 0, 1024)
		var err error
		for i := int64(0); i < n && err == nil; i++ {
			b = b[:0]
			for k, m := range f.makers {
				if k > 0 {
					b = append(b, '\t')
				}
				b = m(b, i)
			}
			_, err = out.Write(append(b, '\n'))
		}
		if err == nil {
			err = out.Flush()
		}
		w.CloseWithError(err)
	}()
	return r
}
