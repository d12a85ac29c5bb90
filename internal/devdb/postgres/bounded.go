package postgres

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// What a server may say at once. A message, its detail or its hint says what it
// has to say in a few thousand bytes, and a migration can make it as long as the
// memory of the machine.
const (
	mostText  = 4 << 10   // of each part of an error or notice
	mostFacts = 16 << 20  // of what the recorder's own event triggers report
	mostRow   = 64 << 20  // of a row; a longer one arrives as NULLs
	mostBody  = 256 << 20 // of any other message
)

// bounded is a connection whose errors, notices and rows arrive cut to size,
// before anything of them is kept in memory.
type bounded struct {
	net.Conn
	in    *bufio.Reader
	out   []byte      // ready to be read
	pass  int         // bytes of a message that are handed on as they are
	pulse *pulse      // hears of errors; nil: nobody does
	ended atomic.Bool // the end of the connection has been announced, by either side

	pid     atomic.Uint32 // of the session's process; 0: the server has not said
	waiting atomic.Int32  // how many reads and writes wait for the server
	timed   atomic.Int32  // statements run that have a time limit of their own
	still   atomic.Int64  // beats since the server was last heard
}

func newBounded(c net.Conn, p *pulse) *bounded {
	return &bounded{Conn: c, in: bufio.NewReaderSize(c, 32<<10), pulse: p}
}

// terminate is the message with which a client ends a session.
var terminate = []byte{'X', 0, 0, 0, 4}

// Write sends bytes to the server. A program that is built to be harmed may be harmed at each.
func (b *bounded) Write(p []byte) (int, error) {
	moment()
	if bytes.HasSuffix(p, terminate) {
		b.ended.Store(true)
	}
	b.still.Store(0)
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	return b.Conn.Write(p)
}

// Close ends the connection, and nobody watches it any more.
func (b *bounded) Close() error {
	b.pulse.closed(b)
	return b.Conn.Close()
}

// SetDeadline is called where assay waits no longer: the statement is canceled then.
func (b *bounded) SetDeadline(t time.Time) error {
	if !t.IsZero() {
		b.pulse.cancels()
	}
	return b.Conn.SetDeadline(t)
}

// Read gives the next bytes of the protocol.
func (b *bounded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b.waiting.Add(1)
	defer func() {
		b.waiting.Add(-1)
		b.still.Store(0)
	}()
	for len(b.out) == 0 && b.pass == 0 {
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	if len(b.out) > 0 {
		n := copy(p, b.out)
		b.out = b.out[n:]
		return n, nil
	}
	n, err := b.in.Read(p[:min(len(p), b.pass)])
	b.pass -= n
	return n, err
}

// next looks at the head of the next message. Peek keeps what has come of it
// where a deadline passes in between.
func (b *bounded) next() error {
	head, err := b.in.Peek(5)
	if err != nil {
		if !b.ended.Load() {
			b.pulse.lost(err)
		}
		return err
	}
	size := int(int32(binary.BigEndian.Uint32(head[1:])))
	if size < 4 {
		return fmt.Errorf("the server sent a message of %d bytes, which is none of PostgreSQL's", size)
	}
	kind := head[0]
	switch {
	case kind == 'K' && size >= 8 && b.pid.Load() == 0: // the process, with what cancels it
		if head, err = b.in.Peek(9); err == nil {
			b.pid.Store(binary.BigEndian.Uint32(head[5:]))
		}
	case kind == 'E' || kind == 'N' && size > mostText:
		return b.report(kind)
	case kind == 'D' && size > mostRow:
		return b.row(size)
	case kind == 'd' && size > mostRow: // COPY TO STDOUT: nobody reads it
		b.out = append(b.out[:0], 'd', 0, 0, 0, 4)
		return b.skip(5 + size - 4)
	case size > mostBody:
		return fmt.Errorf("the server sent a message of %d bytes, more than the %d that assay takes in", size, mostBody)
	}
	b.pass = size + 1
	return nil
}

func (b *bounded) skip(n int) error {
	_, err := io.CopyN(io.Discard, b.in, int64(n))
	return err
}

// row puts a row of NULLs in the place of one that is too long.
func (b *bounded) row(size int) error {
	head := make([]byte, 7)
	if _, err := io.ReadFull(b.in, head); err != nil {
		return err
	}
	fields := int(binary.BigEndian.Uint16(head[5:]))
	out := binary.BigEndian.AppendUint32([]byte{'D'}, uint32(6+4*fields))
	out = append(out, head[5:]...)
	for range fields {
		out = append(out, 0xff, 0xff, 0xff, 0xff)
	}
	b.out = out
	return b.skip(size - 6)
}

// report cuts each part of an error or notice, and hands on what an error says.
func (b *bounded) report(kind byte) error {
	if err := b.skip(5); err != nil {
		return err
	}
	body := []byte{}
	facts := false
	var said serverError
	for {
		part, err := b.in.ReadByte()
		if err != nil {
			return err
		}
		body = append(body, part)
		if part == 0 {
			break
		}
		most := mostText
		if facts && kind == 'N' && part == 'M' {
			most = mostFacts
		}
		text, err := b.text(most)
		if err != nil {
			return err
		}
		switch part {
		case 'V':
			if s := string(text); kind == 'E' && (s == "FATAL" || s == "PANIC") {
				b.ended.Store(true)
			}
		case 'C': // it comes before the message
			said.code = string(text)
			facts = said.code == eventDDL || said.code == eventDropped || said.code == eventRewrite
		case 'M':
			said.message = string(text)
		case 'F':
			said.file = string(text)
		}
		body = append(append(body, text...), 0)
	}
	if kind == 'E' {
		b.pulse.heard(said)
	}
	b.out = append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(body))), body...)
	return nil
}

// text reads to the next NUL and keeps at most so many bytes.
func (b *bounded) text(most int) ([]byte, error) {
	var kept []byte
	left := 0
	for {
		part, err := b.in.ReadSlice(0)
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
		part = bytes.TrimSuffix(part, []byte{0})
		n := min(len(part), most-len(kept))
		kept, left = append(kept, part[:n]...), left+len(part)-n
		if err == nil {
			break
		}
	}
	if left > 0 {
		whole := bytes.ToValidUTF8(kept, nil) // the cut may be within a character
		left += len(kept) - len(whole)
		kept = fmt.Appendf(whole, "… (%d bytes more)", left)
	}
	return kept, nil
}
