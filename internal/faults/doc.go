// Package faults holds nothing but tests: they do harm to the program at counted
// moments of a run, and see that the next run knows nothing of it. `make faults`
// runs them all and writes docs/reliability.md.
package faults
