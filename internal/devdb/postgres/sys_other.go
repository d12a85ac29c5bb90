//go:build !linux

package postgres

// room is asked for fastDir alone, which only Linux has.
func room(string) int64 { return 0 }

var fastDir = ""
