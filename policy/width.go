package policy

import "github.com/assaydb/assay/internal/schema"

// width is how the server stores a type: bytes of a value, -1 where they vary,
// and what its place is a multiple of (pg_type.typlen and typalign).
type width struct{ length, alignment int }

// widths are those of the built-in types that are not of varying length on a
// place of four bytes. aclitem is another one in PostgreSQL 16.
var widths = map[string]width{
	"boolean": {1, 1}, `"char"`: {1, 1}, "name": {64, 1}, "uuid": {16, 1}, "smallint": {2, 2}, "tid": {6, 2},
	"integer": {4, 4}, "real": {4, 4}, "date": {4, 4}, "oid": {4, 4}, "xid": {4, 4}, "cid": {4, 4}, "macaddr": {6, 4}, "macaddr8": {8, 4},
	"regproc": {4, 4}, "regprocedure": {4, 4}, "regoper": {4, 4}, "regoperator": {4, 4}, "regclass": {4, 4}, "regcollation": {4, 4},
	"regtype": {4, 4}, "regrole": {4, 4}, "regnamespace": {4, 4}, "regconfig": {4, 4}, "regdictionary": {4, 4},
	"bigint": {8, 8}, "double precision": {8, 8}, "money": {8, 8}, "xid8": {8, 8}, "pg_lsn": {8, 8},
	"timestamp without time zone": {8, 8}, "timestamp with time zone": {8, 8}, "time without time zone": {8, 8},
	"time with time zone": {12, 8}, "interval": {16, 8}, "point": {16, 8}, "lseg": {32, 8}, "box": {32, 8}, "line": {24, 8}, "circle": {24, 8},
	"path": {-1, 8}, "polygon": {-1, 8}, "txid_snapshot": {-1, 8}, "pg_snapshot": {-1, 8},
	"tsrange": {-1, 8}, "tstzrange": {-1, 8}, "int8range": {-1, 8}, "tsmultirange": {-1, 8}, "tstzmultirange": {-1, 8}, "int8multirange": {-1, 8},
}

// varying are the built-in types of varying length on a place of four bytes.
var varying = map[string]bool{
	"text": true, "character varying": true, "character": true, "bytea": true, "numeric": true, "bit": true, "bit varying": true,
	"json": true, "jsonb": true, "jsonpath": true, "xml": true, "inet": true, "cidr": true, "tsvector": true, "tsquery": true,
	"int4range": true, "numrange": true, "daterange": true, "int4multirange": true, "nummultirange": true, "datemultirange": true,
}

// widthOf is how values of a column are stored; zero if that is not known, as
// of a base type that an extension brings along.
func widthOf(c *schema.Catalog, x *Column, oid schema.OID) width {
	w, known := widths[x.UnderlyingType]
	if varying[x.UnderlyingType] {
		w, known = width{-1, 4}, true
	}
	switch t := c.Types[oid]; {
	case x.Array && known:
		return width{-1, max(w.alignment, 4)}
	case known:
		return w
	case x.Array || t == nil:
	case t.Kind == schema.Enum:
		return width{4, 4}
	case t.Kind == schema.Composite:
		return width{-1, 8}
	}
	return width{}
}
