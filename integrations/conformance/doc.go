// Package conformance runs the teams' migration tools themselves and assay on
// the same directories, each in an empty database of the same server, and
// compares what came of it: success or failure, the server's message, what the
// tool records as applied, the catalog and the rows. `make conformance` runs it
// and writes docs/formats.md.
//
// It is a Go module of its own, so that the program does not depend on the
// tools. Tools in JavaScript and Java are installed outside of the repository
// by the script run.
package conformance
