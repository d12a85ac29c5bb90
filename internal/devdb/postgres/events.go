package postgres

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// The recorder's event triggers tell what they see as INFO messages: these are
// sent whatever client_min_messages says, need no table that a migration could
// see, lock or drop, and arrive even when the transaction is rolled back. Their
// SQLSTATEs are of a class that nobody uses.
const (
	eventDDL     = "AS001"
	eventDropped = "AS002"
	eventRewrite = "AS003"
)

// eventSQL makes the functions and event triggers. ENABLE ALWAYS: replica mode
// must not turn them off.
const eventSQL = `
CREATE OR REPLACE FUNCTION {schema}.assay_recorder_ddl() RETURNS event_trigger LANGUAGE plpgsql SET search_path = 'pg_catalog', 'pg_temp' AS $assay$
DECLARE facts text;
BEGIN
  SELECT json_agg(json_build_array(classid, objid, objsubid, command_tag, object_type, object_identity))::text INTO facts
    FROM pg_event_trigger_ddl_commands() WHERE NOT in_extension;
  IF facts IS NOT NULL THEN RAISE INFO USING ERRCODE = '` + eventDDL + `', MESSAGE = facts; END IF;
END $assay$;
CREATE OR REPLACE FUNCTION {schema}.assay_recorder_drop() RETURNS event_trigger LANGUAGE plpgsql SET search_path = 'pg_catalog', 'pg_temp' AS $assay$
DECLARE facts text;
BEGIN
  SELECT json_agg(json_build_array(classid, objid, objsubid, original, normal, object_type, object_identity))::text INTO facts
    FROM pg_event_trigger_dropped_objects();
  IF facts IS NOT NULL THEN RAISE INFO USING ERRCODE = '` + eventDropped + `', MESSAGE = facts; END IF;
END $assay$;
CREATE OR REPLACE FUNCTION {schema}.assay_recorder_rewrite() RETURNS event_trigger LANGUAGE plpgsql SET search_path = 'pg_catalog', 'pg_temp' AS $assay$
BEGIN
  RAISE INFO USING ERRCODE = '` + eventRewrite + `', MESSAGE = json_build_array(pg_event_trigger_table_rewrite_oid(), pg_event_trigger_table_rewrite_reason())::text;
END $assay$;
DROP EVENT TRIGGER IF EXISTS assay_recorder_ddl;
DROP EVENT TRIGGER IF EXISTS assay_recorder_drop;
DROP EVENT TRIGGER IF EXISTS assay_recorder_rewrite;
CREATE EVENT TRIGGER assay_recorder_ddl ON ddl_command_end EXECUTE FUNCTION {schema}.assay_recorder_ddl();
CREATE EVENT TRIGGER assay_recorder_drop ON sql_drop EXECUTE FUNCTION {schema}.assay_recorder_drop();
CREATE EVENT TRIGGER assay_recorder_rewrite ON table_rewrite EXECUTE FUNCTION {schema}.assay_recorder_rewrite();
ALTER EVENT TRIGGER assay_recorder_ddl ENABLE ALWAYS;
ALTER EVENT TRIGGER assay_recorder_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER assay_recorder_rewrite ENABLE ALWAYS`

// told is what the event triggers said of one statement.
type told struct {
	ddl      []toldDDL
	dropped  []toldDrop
	rewrites map[schema.OID]int // reason bits
	lost     bool               // more was said than is taken in: all is to be read again
}

type toldDDL struct {
	class, oid, sub schema.OID
	tag, kind, name string
}

type toldDrop struct {
	class, oid, sub  schema.OID
	original, normal bool
	kind, name       string
}

// mostTold bounds the rows that are taken in of one statement: a migration can
// send such messages, too, and of any number.
const mostTold = 200_000

// hear takes in one message; false if it is not the recorder's.
func (t *told) hear(code, message string) bool {
	if own := code == eventDDL || code == eventDropped || code == eventRewrite; own && len(t.ddl)+len(t.dropped)+len(t.rewrites) > mostTold {
		t.lost = true
		return true
	}
	switch code {
	case eventDDL:
		var rows [][6]json.RawMessage
		if json.Unmarshal([]byte(message), &rows) != nil {
			t.lost = true
			return true
		}
		for _, r := range rows {
			t.ddl = append(t.ddl, toldDDL{number(r[0]), number(r[1]), number(r[2]), str(r[3]), str(r[4]), str(r[5])})
		}
	case eventDropped:
		var rows [][7]json.RawMessage
		if json.Unmarshal([]byte(message), &rows) != nil {
			t.lost = true
			return true
		}
		for _, r := range rows {
			t.dropped = append(t.dropped, toldDrop{number(r[0]), number(r[1]), number(r[2]), string(r[3]) == "true", string(r[4]) == "true", str(r[5]), str(r[6])})
		}
	case eventRewrite:
		var r [2]json.RawMessage
		if json.Unmarshal([]byte(message), &r) != nil {
			t.lost = true
			return true
		}
		if t.rewrites == nil {
			t.rewrites = map[schema.OID]int{}
		}
		t.rewrites[number(r[0])] |= int(number(r[1]))
	default:
		return false
	}
	return true
}

func number(m json.RawMessage) schema.OID {
	var n schema.OID
	_ = n.UnmarshalJSON(m) // what is no number is 0
	return n
}

func str(m json.RawMessage) string {
	var s string
	_ = json.Unmarshal(m, &s) // null stays empty
	return s
}

// uncounted gives the indexes, sequences and views that ddl_command_end told of:
// relations that have no counters of their own.
func (t *told) uncounted() map[schema.OID]bool {
	out := map[schema.OID]bool{}
	for _, d := range t.ddl {
		if d.class == pgClass && (d.kind == "index" || d.kind == "sequence" || d.kind == "view") {
			out[d.oid] = true
		}
	}
	return out
}

// textual reports whether ddl_command_end told of an object that is kept as text.
func (t *told) textual() bool {
	return slices.ContainsFunc(t.ddl, func(d toldDDL) bool { return textual(d.class) })
}

// created gives what ddl_command_end told, once each.
func (t *told) created() []devdb.ObjectRef {
	var out []devdb.ObjectRef
	seen := map[devdb.ObjectRef]bool{}
	for _, d := range t.ddl {
		o := devdb.ObjectRef{Ref: schema.Ref{Class: classOf(d.class), OID: d.oid, Sub: int16(d.sub)}, Kind: d.kind, Name: templess(d.name), Tag: d.tag}
		if !seen[o] {
			seen[o] = true
			out = append(out, o)
		}
	}
	return out
}

// templess hides the number of the session's temporary schema.
func templess(name string) string {
	if !strings.HasPrefix(name, "pg_temp_") {
		return name
	}
	if _, rest, ok := strings.Cut(name, "."); ok {
		return "pg_temp." + rest
	}
	return "pg_temp"
}

// rewriteReason puts the bits of pg_event_trigger_table_rewrite_reason in words.
func rewriteReason(bits int) string {
	var words []string
	for _, b := range []struct {
		bit  int
		word string
	}{{1, "persistence"}, {4, "column type"}, {2, "default value"}, {8, "access method"}} {
		if bits&b.bit != 0 {
			words = append(words, b.word)
		}
	}
	return strings.Join(words, ", ")
}
