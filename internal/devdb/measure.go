package devdb

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Measurement is how long a statement took on generated rows of growing
// number, and what follows for production's.
type Measurement struct {
	Object string  // the table that grows with production
	Rows   int64   // production's
	Sizes  []int64 // rows that it was measured at
	Took   []time.Duration
	// Estimate is the time at Rows, Low and High its range.
	Estimate, Low, High time.Duration
	// Left is what was taken out of the way to be able to fill the tables.
	Left []string
	// Why says why there is no estimate; empty if there is one.
	Why string
}

// Growth is how a statement's time follows the number of rows.
type Growth int

const (
	Linear Growth = iota // scans, rewrites, checks
	Sorted               // index builds and joins: n log n
)

// Fit puts a curve through the measured times and reads it at Rows. Relative
// errors count, so that the largest size does not drown the others.
func (m *Measurement) Fit(g Growth) {
	var sw, sx, sy, sxx, sxy float64
	at := func(n int64) float64 {
		x := float64(n)
		if g == Sorted && n > 1 {
			x *= math.Log2(x)
		}
		return x
	}
	for i, n := range m.Sizes {
		x, y := at(n), m.Took[i].Seconds()
		w := 1 / math.Max(y*y, 1e-9)
		sw, sx, sy, sxx, sxy = sw+w, sx+w*x, sy+w*y, sxx+w*x*x, sxy+w*x*y
	}
	det := sw*sxx - sx*sx
	a, b := 0.0, sy/math.Max(sx, 1e-12)
	if det > 0 {
		a, b = (sxx*sy-sx*sxy)/det, (sw*sxy-sx*sy)/det
	}
	if a < 0 || b <= 0 { // no start-up cost to be seen: through the origin
		a, b = 0, sxy/math.Max(sxx, 1e-12)
	}
	worst := 0.2 // two machines never agree better
	for i, n := range m.Sizes {
		if y := m.Took[i].Seconds(); y > 0 {
			worst = math.Max(worst, math.Abs(a+b*at(n)-y)/y)
		}
	}
	t := a + b*at(m.Rows)
	seconds := func(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }
	m.Estimate, m.Low, m.High = seconds(t), seconds(t*math.Max(0.1, 1-worst)), seconds(t*(1+1.5*worst))
}

// Say tells the estimate: "about 9 min (7–14) at 212 million rows, measured at
// 100 k, 300 k and 1 M rows here". rows writes production's number.
func (m *Measurement) Say(rows string) string {
	var sizes []string
	for _, n := range m.Sizes {
		sizes = append(sizes, thousandths(n))
	}
	last := len(sizes) - 1
	list := sizes[last]
	if last > 0 {
		list = strings.Join(sizes[:last], ", ") + " and " + list
	}
	if m.High < time.Millisecond {
		return fmt.Sprintf("less than 1 ms at %s, measured at %s rows here", rows, list)
	}
	return fmt.Sprintf("about %s (%s–%s) at %s, measured at %s rows here", Took(m.Estimate), Took(m.Low), Took(m.High), rows, list)
}

func thousandths(n int64) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%g M", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%g k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}

// Took says a duration in one unit, as people do.
func Took(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 90*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 90*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	default:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
}
