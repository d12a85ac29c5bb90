package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// sendAny sends a statement. An extension that the owner may not create is made
// by the admin, who has the list of those that are allowed, and one that the
// server lacks by a stub. With probe the locks are asked for with the statement
// where they can be.
func (r *recorder) sendAny(ctx context.Context, st *migration.Statement, probe bool) (sent, error) {
	if text, ok := blankOptions(st.Text); ok && r.prepareStub != nil {
		return r.sendIndex(ctx, st, text)
	}
	ext, ok := extensionOf(st.Text)
	if !ok || r.createExtension == nil {
		return r.sendUpdate(ctx, st, probe)
	}
	block := r.conn.TxStatus() == 'T'
	if err := r.under(ctx, block, "SAVEPOINT assay_extension"); err != nil {
		return sent{}, err
	}
	s := sent{}
	var err error
	if r.stubbed && hasStub(ext.Name) {
		r.told, r.notices = &told{}, nil
		s.err = pgError("0A000", "extension \""+ext.Name+"\" is hidden")
	} else if s, err = r.send(ctx, st); err != nil {
		return s, err
	}
	if s.err != nil && refusedExtension(s.err) && !r.conn.IsClosed() {
		if err := r.under(ctx, block, "ROLLBACK TO SAVEPOINT assay_extension"); err != nil {
			return s, err
		}
		if s, err = r.makeExtension(ctx, ext, s); err != nil {
			return s, err
		}
	}
	if s.err == nil {
		err = r.under(ctx, block, "RELEASE SAVEPOINT assay_extension")
	}
	return s, err
}

// under runs a command on a savepoint in a transaction block, and keeps what
// the statement before it gave.
func (r *recorder) under(ctx context.Context, block bool, sql string) error {
	if !block {
		return nil
	}
	heard, notices := r.told, r.notices
	err := r.command(ctx, sql)
	r.told, r.notices = heard, notices
	return err
}

// makeExtension makes an extension that the owner was refused: the real one by
// the admin, or else its stub in the session's own transaction.
func (r *recorder) makeExtension(ctx context.Context, ext migration.Extension, s sent) (sent, error) {
	heard := r.told
	here, err := query(ctx, r.conn, "SELECT pg_catalog.current_schema()")
	if err != nil {
		return s, fmt.Errorf("asking for the schema of extension %q: %w", ext.Name, err)
	}
	r.told = heard
	made := false
	if s.err.Code == "42501" {
		if err := r.createExtension(ctx, ext, here); err != nil {
			s.err.Hint = err.Error()
		} else {
			made = true
		}
	}
	if !made && r.prepareStub != nil {
		call, ok, err := r.prepareStub(ctx, ext, here)
		if err != nil {
			return s, err
		}
		if ok {
			stub, err := r.stub(ctx, call)
			if err != nil || stub.err != nil {
				return stub, err
			}
			made = true
		}
	}
	if !made {
		return s, nil
	}
	// What made it is not traced: say what the trigger would have said.
	r.told = &told{ddl: []toldDDL{{class: pgExtension, tag: "CREATE EXTENSION", kind: "extension", name: ext.Name}}}
	s.err, s.tag = nil, "CREATE EXTENSION"
	return s, nil
}

// stub makes a stub with the call that prepareStub gave.
func (r *recorder) stub(ctx context.Context, call string) (sent, error) {
	s, err := r.send(ctx, &migration.Statement{Kind: migration.SQL, Text: call, Syntax: &migration.Syntax{}})
	r.notices = nil
	return s, err
}

// sendUpdate sends a statement, and leaves out the update of a stub, which has one version.
func (r *recorder) sendUpdate(ctx context.Context, st *migration.Statement, probe bool) (sent, error) {
	w := words(st.Text, 4)
	if r.prepareStub == nil || len(w) < 4 || !strings.EqualFold(w[0], "ALTER") || !strings.EqualFold(w[1], "EXTENSION") || !strings.EqualFold(w[3], "UPDATE") {
		return r.sendSuper(ctx, st, probe)
	}
	r.settle(ctx)
	is, err := query(ctx, r.conn, "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = "+literal(identifier(w, 2)))
	if err == nil && is == devdb.StubVersion {
		r.told, r.notices, r.probed = &told{}, nil, ""
		return sent{tag: "ALTER EXTENSION"}, nil
	}
	return r.sendWith(ctx, st, probe)
}

// sendIndex sends a CREATE INDEX by an access method that may be a stub's: the
// built-in method under a stub knows none of its options.
func (r *recorder) sendIndex(ctx context.Context, st *migration.Statement, blank string) (sent, error) {
	block := r.conn.TxStatus() == 'T'
	if err := r.under(ctx, block, "SAVEPOINT assay_extension"); err != nil {
		return sent{}, err
	}
	s, err := r.send(ctx, st)
	if err != nil || r.conn.IsClosed() {
		return s, err
	}
	if s.err != nil && s.err.Code == "22023" && strings.HasPrefix(s.err.Message, "unrecognized parameter") {
		if err := r.under(ctx, block, "ROLLBACK TO SAVEPOINT assay_extension"); err != nil {
			return s, err
		}
		other := *st
		other.Text = blank
		if s, err = r.send(ctx, &other); err != nil {
			return s, err
		}
	}
	if s.err == nil {
		err = r.under(ctx, block, "RELEASE SAVEPOINT assay_extension")
	}
	return s, err
}
