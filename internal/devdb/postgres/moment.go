//go:build !faults

package postgres

// moment is reached at everything that a run does to a server and to its own
// directories. A program that is built with the tag faults counts them, so that
// internal/faults can do harm at any one of them; this one does nothing.
func moment() {}
