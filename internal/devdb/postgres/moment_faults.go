//go:build faults

package postgres

import (
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// The environment of a program that is built to be harmed: at the moment with the
// number ASSAY_FAULT_AT it connects to the socket ASSAY_FAULT_SOCKET and waits for
// an answer; the number of all moments is kept in the size of ASSAY_FAULT_COUNT.
var (
	moments   atomic.Int64
	harmAt, _ = strconv.ParseInt(os.Getenv("ASSAY_FAULT_AT"), 10, 64)
	counting  = openCount()
)

func init() {
	if d := os.Getenv("ASSAY_FAULT_FAST"); d != "" {
		fastDir = d
	}
	if d, err := time.ParseDuration(os.Getenv("ASSAY_FAULT_BEAT")); err == nil {
		beatEvery = d
	}
}

func openCount() *os.File {
	f, err := os.OpenFile(os.Getenv("ASSAY_FAULT_COUNT"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil
	}
	return f
}

func moment() {
	n := moments.Add(1)
	if counting != nil {
		_, _ = counting.Write([]byte{'.'}) // a number that is too small does no harm
	}
	if n != harmAt {
		return
	}
	c, err := net.Dial("unix", os.Getenv("ASSAY_FAULT_SOCKET"))
	if err != nil {
		panic(err) // the test is wrong
	}
	_, _ = c.Read(make([]byte, 1)) // the harm is done
	_ = c.Close()
}
