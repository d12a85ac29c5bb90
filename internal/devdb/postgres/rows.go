package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// cell is one value of a row as PostgreSQL prints rows; null for NULL.
type cell struct {
	text string
	null bool
}

// eachRow reads a text of sections, each a letter with its rows behind it, and
// hands out one row after another. The cells are good until the next row.
func eachRow(text string, f func(section byte, row []cell) error) error {
	var section byte
	var row []cell
	for text != "" {
		if text[0] != '(' {
			section, text = text[0], text[1:]
			continue
		}
		var ok bool
		if row, text, ok = cutRow(text, row[:0]); !ok {
			return fmt.Errorf("the server gave %.80q", text)
		}
		if err := f(section, row); err != nil {
			return err
		}
	}
	return nil
}

// cutRow reads the row that text begins with.
func cutRow(text string, row []cell) ([]cell, string, bool) {
	text = text[1:]
	for text != "" {
		var c cell
		if text[0] == '"' {
			var ok bool
			if c.text, text, ok = unquote(text); !ok {
				return row, text, false
			}
		} else {
			end := strings.IndexAny(text, ",)")
			if end < 0 {
				return row, text, false
			}
			c.text, c.null, text = text[:end], end == 0, text[end:]
		}
		row = append(row, c)
		switch {
		case text == "":
			return row, text, false
		case text[0] == ')':
			return row, text[1:], true
		}
		text = text[1:]
	}
	return row, text, false
}

// unquote reads the quoted value that text begins with: quotes in it are
// doubled or behind a backslash.
func unquote(text string) (value, rest string, ok bool) {
	text = text[1:]
	plain := true
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			plain = false
			i++
		case '"':
			if i+1 < len(text) && text[i+1] == '"' {
				plain = false
				i++
				continue
			}
			if plain {
				return text[:i], text[i+1:], true
			}
			return unescape(text[:i]), text[i+1:], true
		}
	}
	return "", text, false
}

func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if (s[i] == '\\' || s[i] == '"') && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// The kinds of value that the system catalogs hold.

func (c cell) oid() schema.OID { return oidOf(c.text) }
func (c cell) bool() bool      { return c.text == "t" }
func (c cell) int() int64      { return integer(c.text) }

// texts reads an array of texts; nil for NULL.
func (c cell) texts() []string {
	if c.null {
		return nil
	}
	out := []string{}
	s := strings.TrimSuffix(strings.TrimPrefix(c.text, "{"), "}")
	for s != "" {
		var v string
		if s[0] == '"' {
			var ok bool
			if v, s, ok = unquote(s); !ok {
				return out
			}
			s = strings.TrimPrefix(s, ",")
		} else {
			v, s, _ = strings.Cut(s, ",")
		}
		out = append(out, v)
	}
	return out
}

// numbers reads an array or vector of numbers: "{1,2}" or "1 2"; nil for NULL.
func (c cell) numbers() []int64 {
	if c.null {
		return nil
	}
	f := strings.FieldsFunc(c.text, func(r rune) bool { return r == '{' || r == '}' || r == ',' || r == ' ' })
	out := make([]int64, 0, len(f))
	for _, x := range f {
		n, _ := strconv.ParseInt(x, 10, 64) // what is no number is 0
		out = append(out, n)
	}
	return out
}

func (c cell) oids() []schema.OID {
	if c.null {
		return nil
	}
	var out []schema.OID
	for _, n := range c.numbers() {
		out = append(out, schema.OID(n))
	}
	return out
}

// attributes reads column numbers; nil if there are none.
func (c cell) attributes() []int16 {
	var out []int16
	for _, n := range c.numbers() {
		out = append(out, int16(n))
	}
	return out
}
