package report

import "github.com/assaydb/assay/internal/devdb"

// blocks says who must wait for a lock: "reads and writes", "writes", or "".
func blocks(mode string) string {
	switch m := devdb.LockMode(mode); {
	case m.BlocksReads():
		return "reads and writes"
	case m.BlocksWrites():
		return "writes"
	}
	return ""
}
