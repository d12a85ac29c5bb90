package postgres

import (
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// transaction is where the session stands, as the team's tool would have it.
type transaction struct {
	open     bool // a transaction block is open on the server
	explicit bool // the file opened it; else the tool, or the server for a multi-statement query
	all      bool // it goes on over the migrations (TxAll)
	batch    int  // it is the implicit one of the statements that the tool sends together; their Batch
	id       int  // TxID of the steps in it
	probed   bool // its first probe has been read
	// start is the catalog that a rollback gives back.
	start  *schema.Catalog
	points []savepoint
}

type savepoint struct {
	name    string
	catalog *schema.Catalog
}

func (t *transaction) save(name string, c *schema.Catalog) {
	t.points = append(t.points, savepoint{name, c})
}

// find gives the index of the newest savepoint of a name, -1 if there is none.
func (t *transaction) find(name string) int {
	for i := len(t.points) - 1; i >= 0; i-- {
		if t.points[i].name == name {
			return i
		}
	}
	return -1
}

// control is a transaction control statement.
type control struct {
	word  string // "BEGIN" "COMMIT" "ROLLBACK" "SAVEPOINT" "RELEASE" "ROLLBACK TO" "SET TRANSACTION" "PREPARE", "" for none
	name  string // of a savepoint
	chain bool   // AND CHAIN
}

// controlOf reads a statement's first words; the parser is not asked, so that
// statements which it does not understand are run alike.
func controlOf(text string) control {
	w := words(text, 7)
	at := func(i int) string {
		if i < len(w) {
			return strings.ToUpper(w[i])
		}
		return ""
	}
	chain := func() bool {
		for i := range w {
			if at(i) == "CHAIN" && at(i-1) == "AND" {
				return true
			}
		}
		return false
	}
	switch at(0) {
	case "BEGIN":
		return control{word: "BEGIN"}
	case "START":
		if at(1) == "TRANSACTION" {
			return control{word: "BEGIN"}
		}
	case "COMMIT", "END":
		if at(1) == "PREPARED" {
			return control{}
		}
		return control{word: "COMMIT", chain: chain()}
	case "ABORT":
		return control{word: "ROLLBACK", chain: chain()}
	case "ROLLBACK":
		return rollback(w, at, chain)
	case "SAVEPOINT":
		return control{word: "SAVEPOINT", name: identifier(w, 1)}
	case "RELEASE":
		if at(1) == "SAVEPOINT" {
			return control{word: "RELEASE", name: identifier(w, 2)}
		}
		return control{word: "RELEASE", name: identifier(w, 1)}
	case "PREPARE":
		if at(1) == "TRANSACTION" {
			return control{word: "PREPARE"}
		}
	case "SET":
		if at(1) == "TRANSACTION" {
			return control{word: "SET TRANSACTION"}
		}
	}
	return control{}
}

func rollback(w []string, at func(int) string, chain func() bool) control {
	i := 1
	if at(i) == "PREPARED" {
		return control{}
	}
	if at(i) == "WORK" || at(i) == "TRANSACTION" {
		i++
	}
	if at(i) != "TO" {
		return control{word: "ROLLBACK", chain: chain()}
	}
	i++
	if at(i) == "SAVEPOINT" {
		i++
	}
	return control{word: "ROLLBACK TO", name: identifier(w, i)}
}

func identifier(w []string, i int) string {
	if i >= len(w) {
		return ""
	}
	if strings.HasPrefix(w[i], `"`) {
		return strings.Trim(w[i], `"`)
	}
	return strings.ToLower(w[i])
}

// words gives the first n words of a statement, comments and punctuation left out.
func words(text string, n int) []string {
	var out []string
	for len(out) < n {
		text = skipBlank(text)
		if text == "" {
			break
		}
		end := 1
		switch {
		case text[0] == '"':
			if j := strings.IndexByte(text[1:], '"'); j >= 0 {
				end = j + 2
			} else {
				end = len(text)
			}
		case wordByte(text[0]):
			for end < len(text) && wordByte(text[end]) {
				end++
			}
		case text[0] == ';' || text[0] == '\'':
			return out
		default:
			text = text[1:]
			continue
		}
		out = append(out, text[:end])
		text = text[end:]
	}
	return out
}

func wordByte(b byte) bool {
	return b == '_' || b == '$' || b == '.' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

// skipBlank drops leading blanks and comments.
func skipBlank(s string) string {
	for {
		s = strings.TrimLeft(s, " \t\r\n\f\v")
		switch {
		case strings.HasPrefix(s, "--"):
			_, s, _ = strings.Cut(s, "\n")
		case strings.HasPrefix(s, "/*"):
			s = skipBlockComment(s)
		default:
			return s
		}
	}
}

func skipBlockComment(s string) string {
	depth := 0
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return s[i:]
			}
		default:
			i++
		}
	}
	return ""
}
