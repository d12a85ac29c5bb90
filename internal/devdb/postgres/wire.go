package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// reply is what the server answers to one message: a query or a call.
type reply struct {
	tag   string // of the last statement
	value string // what a called function gives
	err   *pgconn.PgError
}

// post writes messages to the server without waiting for what it answers, so
// that a statement and the questions about it cost one journey. The replies
// are taken with receive, one for each, in the same order.
func post(c *pgconn.PgConn, messages ...pgproto3.FrontendMessage) error {
	if c.IsClosed() {
		return errors.New("the connection is closed")
	}
	f := c.Frontend()
	for _, m := range messages {
		f.Send(m)
	}
	return f.Flush()
}

// call is a message that calls a function which takes and gives text, by the
// fast path of the protocol: nothing is parsed or planned for it.
func call(function uint32, arguments ...string) pgproto3.FrontendMessage {
	m := &pgproto3.FunctionCall{Function: function}
	for _, a := range arguments {
		m.Arguments = append(m.Arguments, []byte(a))
	}
	return m
}

// receive takes one reply. The error is one of the connection; a refusal by the
// server is in the reply.
func receive(c *pgconn.PgConn) (reply, error) {
	var r reply
	for {
		msg, err := c.ReceiveMessage(context.Background())
		if err != nil {
			if r.err != nil || errors.As(err, &r.err) {
				return r, nil //nolint:nilerr // the server's last words
			}
			return r, err
		}
		switch m := msg.(type) {
		case *pgproto3.CommandComplete:
			r.tag = string(m.CommandTag)
		case *pgproto3.FunctionCallResponse:
			r.value = string(m.Result)
		case *pgproto3.ErrorResponse:
			if r.err == nil {
				r.err = pgconn.ErrorResponseToPgError(m)
			}
		case *pgproto3.CopyInResponse:
			if err := post(c, &pgproto3.CopyFail{Message: "there is no data to copy"}); err != nil {
				return r, err
			}
		case *pgproto3.ReadyForQuery:
			return r, nil
		}
	}
}

// valueOf calls a function and waits for what it gives.
func valueOf(c *pgconn.PgConn, function uint32, arguments ...string) (string, error) {
	if err := post(c, call(function, arguments...)); err != nil {
		return "", err
	}
	r, err := receive(c)
	if err == nil && r.err != nil {
		err = r.err
	}
	return r.value, err
}
