package postgres

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"
)

type readOnly struct {
	net.Conn
	io.Reader
}

func (r readOnly) Read(p []byte) (int, error) { return r.Reader.Read(p) }

// TestBounded reads messages of every kind through a bounded connection: short
// ones arrive as they are, long ones cut.
func TestBounded(t *testing.T) {
	var wire bytes.Buffer
	put := func(m pgproto3.BackendMessage) {
		b, err := m.Encode(nil)
		must(t, err)
		wire.Write(b)
	}
	long := strings.Repeat("é", 3<<20)
	put(&pgproto3.ParameterStatus{Name: "a", Value: "b"})
	put(&pgproto3.NoticeResponse{Severity: "NOTICE", Code: "00000", Message: "short"})
	put(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "P0001", Message: long, Detail: "x" + long, Hint: "short", Where: long, Position: 7})
	put(&pgproto3.NoticeResponse{Severity: "INFO", Code: eventDDL, Message: long})
	put(&pgproto3.DataRow{Values: [][]byte{[]byte("1"), make([]byte, mostRow), nil}})
	put(&pgproto3.CopyData{Data: make([]byte, mostRow)})
	put(&pgproto3.DataRow{Values: [][]byte{[]byte("1"), nil}})
	for name, read := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "in halves": iotest.HalfReader} {
		f := pgproto3.NewFrontend(newBounded(readOnly{Reader: read(bytes.NewReader(wire.Bytes()))}, nil), io.Discard)
		next := func() pgproto3.BackendMessage {
			m, err := f.Receive()
			must(t, err)
			return m
		}
		if m := next().(*pgproto3.ParameterStatus); m.Value != "b" {
			t.Errorf("%s: %+v", name, m)
		}
		if m := next().(*pgproto3.NoticeResponse); m.Message != "short" {
			t.Errorf("%s: %+v", name, m)
		}
		e := next().(*pgproto3.ErrorResponse)
		for _, text := range []string{e.Message, e.Detail, e.Where} {
			if len(text) > mostText+40 || !strings.HasSuffix(text, " bytes more)") || !utf8.ValidString(text) {
				t.Errorf("%s: a text of %d bytes ends in %q", name, len(text), text[max(0, len(text)-30):])
			}
		}
		if e.Hint != "short" || e.Code != "P0001" || e.Position != 7 {
			t.Errorf("%s: hint %q, code %s", name, e.Hint, e.Code)
		}
		if m := next().(*pgproto3.NoticeResponse); m.Message != long {
			t.Errorf("%s: what the event trigger said has %d bytes of %d", name, len(m.Message), len(long))
		}
		if m := next().(*pgproto3.DataRow); len(m.Values) != 3 || m.Values[0] != nil || m.Values[1] != nil {
			t.Errorf("%s: a long row has %d values", name, len(m.Values))
		}
		if m := next().(*pgproto3.CopyData); len(m.Data) != 0 {
			t.Errorf("%s: %d bytes are copied", name, len(m.Data))
		}
		if m := next().(*pgproto3.DataRow); len(m.Values) != 2 || string(m.Values[0]) != "1" {
			t.Errorf("%s: a short row has %q", name, m.Values)
		}
	}
	huge := binary.BigEndian.AppendUint32([]byte{'V'}, mostBody+1)
	_, err := pgproto3.NewFrontend(newBounded(readOnly{Reader: bytes.NewReader(huge)}, nil), io.Discard).Receive()
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a huge message gives %v", err)
	}
}
