package devdb

// QueryReport is what became of the application's own queries.
type QueryReport struct {
	Total int
	// Broken worked before the new migrations and fail, or give other columns, after them.
	Broken []BrokenQuery
	// Failed could not be prepared even before.
	Failed []BrokenQuery
	words  map[string]bool
}

// BrokenQuery is a query that no longer works.
type BrokenQuery struct {
	Path      string
	Line      int
	Name      string
	Migration int    // index into Record.New of the migration that broke it, -1 in Failed
	Step      int    // index of the step that broke it
	Error     string // the server's words, empty if it still runs
	Code      string // SQLSTATE
	Columns   string // what changed in its result or parameters: `column 2 "total" is now bigint`
	More      bool   // its result has all the columns that it had, and more: what reads columns by name goes on
}

// NewQueryReport is a report on queries with these texts.
func NewQueryReport(texts []string) *QueryReport {
	r := &QueryReport{Total: len(texts), words: map[string]bool{}}
	for _, t := range texts {
		for _, w := range words(t) {
			r.words[w] = true
		}
	}
	return r
}

// Mention reports whether any query says all the names. Without queries nobody
// can tell, and the answer is yes.
func (r *QueryReport) Mention(names ...string) bool {
	if r == nil || r.Total == 0 {
		return true
	}
	for _, n := range names {
		if !r.words[lower(n)] {
			return false
		}
	}
	return true
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// words are the identifiers and keywords of a text, in lower case.
func words(s string) []string {
	var out []string
	start := -1
	for i := 0; i <= len(s); i++ {
		in := i < len(s) && (s[i] == '_' || s[i] == '$' || s[i] >= 0x80 || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || s[i] >= '0' && s[i] <= '9')
		switch {
		case in && start < 0:
			start = i
		case !in && start >= 0:
			out = append(out, lower(s[start:i]))
			start = -1
		}
	}
	return out
}
