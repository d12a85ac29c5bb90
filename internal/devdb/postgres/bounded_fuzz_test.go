package postgres

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// said is a connection on which a server has said something, and ends.
type said struct {
	net.Conn
	r io.Reader
}

func (s said) Read(p []byte) (int, error) { return s.r.Read(p) }

// FuzzBounded reads whatever a server may say: never more than it said, and to the end.
func FuzzBounded(f *testing.F) {
	f.Add([]byte("E\x00\x00\x00\x12SERROR\x00Mmessage\x00\x00Z\x00\x00\x00\x05I"), 7)
	f.Add([]byte("D\x7f\xff\xff\xff\x00\x01\x00\x00\x00\x01a"), 1)
	f.Add([]byte("N\x00\x00\x00\x00"), 3)
	f.Add([]byte("D\x00\x00\x00\x0b\x00\x01\xff\xff\xff\xffx"), 64)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		b := newBounded(said{r: bytes.NewReader(text)}, nil)
		p := make([]byte, min(max(size, 1), 4096))
		total := 0
		for range 2*len(text) + 100 {
			n, err := b.Read(p)
			if total += n; err != nil {
				if !errors.Is(err, io.EOF) && err.Error() == "" {
					t.Errorf("the error says nothing")
				}
				return
			}
			if total > 2*len(text)+1024 {
				t.Fatalf("%d bytes were read of %d", total, len(text))
			}
		}
		if len(text) > 0 && total < len(text) && size > 0 {
			t.Logf("%d of %d", total, len(text))
		}
	})
}
