package migration

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var atlas = &format{
	load:    loadAtlas,
	sending: sending{bom: bomSent},
	tx:      txRule{TxFile, "atlas runs each file in a transaction", "write `-- atlas:txmode none` as the first line, with a blank line after it"},
	bookkeeping: `CREATE SCHEMA IF NOT EXISTS atlas_schema_revisions;
CREATE TABLE IF NOT EXISTS atlas_schema_revisions.atlas_schema_revisions (
	version character varying NOT NULL PRIMARY KEY,
	description character varying NOT NULL,
	type bigint NOT NULL DEFAULT 2,
	applied bigint NOT NULL DEFAULT 0,
	total bigint NOT NULL DEFAULT 0,
	executed_at timestamp with time zone NOT NULL,
	execution_time bigint NOT NULL,
	error text,
	error_stmt text,
	hash character varying NOT NULL,
	partial_hashes jsonb,
	operator_version character varying NOT NULL
);`,
}

var (
	atlasDirective = regexp.MustCompile(`(?i)^\s*(?:--|/\*+|#)\s*atlas:(txmode|delimiter|checkpoint)(?:\s+(.*?))?\s*(?:\*/)?$`)
	atlasFile      = regexp.MustCompile(`^([^_]+?)(?:_(.*))?\.sql$`)
)

func loadAtlas(l *loader) error {
	files, _, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	slices.Sort(files) // Atlas goes by name
	var units []*unit
	older := 0
	for _, f := range files {
		m := atlasFile.FindStringSubmatch(f)
		if m == nil || strings.HasSuffix(f, ".down.sql") {
			continue
		}
		u, err := l.unit(l.in(f), m[1], strings.TrimSuffix(m[2], ".up"))
		if err != nil {
			return err
		}
		if atlasUnit(u) && older > 0 {
			// A checkpoint sums up what stands before it. Existing databases
			// ran those files and never run the checkpoint.
			continue
		}
		older++
		if stem, ok := strings.CutSuffix(f, ".up.sql"); ok {
			if err := l.withDown(u, l.in(stem+".down.sql")); err != nil {
				return err
			}
		}
		units = append(units, u)
	}
	l.units = units
	return l.checkSum("")
}

// atlasUnit follows the directives at the head of the file and reports
// whether it is a checkpoint.
func atlasUnit(u *unit) (checkpoint bool) {
	for _, m := range marks(u.source, atlasDirective) {
		if strings.TrimSpace(stripComments(u.source[:m.start])) != "" {
			break // the head ends with the first statement
		}
		switch m.word {
		case "txmode":
			if strings.EqualFold(m.rest, "none") { // the only other one that a file may say is the usual, file
				u.tx = txRule{TxNone, "the file says `-- atlas:txmode none`", ""}
			}
		case "delimiter":
			u.script.whole = append(u.script.whole, chunks(u.source, m.next, len(u.source), unescaped(m.rest))...)
			u.text = blankOut(u.source, between(u.script.whole, m.next, len(u.source)))
		case "checkpoint":
			checkpoint = true
		}
	}
	return checkpoint
}

// unescaped reads \n and its like in a delimiter.
func unescaped(s string) string {
	if t, err := strconv.Unquote(`"` + strings.ReplaceAll(strings.Trim(s, `"`), `"`, `\"`) + `"`); err == nil {
		return t
	}
	return s
}

// chunks divides a range of the source at a delimiter; empty ones are left out.
func chunks(src string, start, end int, delimiter string) []span {
	var out []span
	for start < end && delimiter != "" {
		next, stop := end, end
		if i := strings.Index(src[start:end], delimiter); i >= 0 {
			stop, next = start+i, start+i+len(delimiter)
		}
		if strings.TrimSpace(src[start:stop]) != "" {
			out = append(out, span{start, stop})
		}
		start = next
	}
	return out
}

// stripComments leaves the SQL of a file's head.
func stripComments(s string) string {
	s = strings.TrimPrefix(s, bom)
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		switch {
		case strings.HasPrefix(s, "--"), strings.HasPrefix(s, "#"):
			_, rest, _ := strings.Cut(s, "\n")
			s = rest
		case strings.HasPrefix(s, "/*"):
			_, rest, ok := strings.Cut(s, "*/")
			if !ok {
				return ""
			}
			s = rest
		default:
			return s
		}
	}
}
