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
	Object string          // the table that grows with production
	Rows   int64           // production's
	Sizes  []int64         // rows that it was measured at
	Took   []time.Duration // the least of several runs at each size
	// Beside is how many times as many rows the other tables that the statement
	// reads have in production; here they have as many at each size.
	Beside float64
	// Estimate is the time at Rows, Low and High its range.
	Estimate, Low, High time.Duration
	// WAL is what the statement writes to the log at Rows, Disk by how much its
	// database is larger before it commits, in bytes; 0 if that is not known.
	WAL, Disk int64
	// Left is what was taken out of the way to be able to fill the tables.
	Left []string
	// Why says why there is no estimate; empty if there is one.
	Why string
}

// Growth is how a statement's time follows the number of rows.
type Growth int

const (
	Linear Growth = iota // scans, rewrites, checks, joins with a table of a fixed size
	Sorted               // index builds: n log n
)

// Fit puts a curve through the measured times and reads it at Rows. Relative
// errors count, so that the largest size does not drown the others. What does
// not grow with the rows is the start-up and the tables beside, which are as
// many times larger in production as Beside says.
//
// The range is as wide as the curve misses the measured times, a fifth at
// least. Upwards it is wider by a factor log n: rows become dearer in large
// tables, by caches that no longer hold what is looked up and by sorts and
// joins that go to disk, and never cheaper.
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
		w := 1 / math.Pow(math.Max(y, chance), 2)
		sw, sx, sy, sxx, sxy = sw+w, sx+w*x, sy+w*y, sxx+w*x*x, sxy+w*x*y
	}
	last := len(m.Sizes) - 1
	a, b := 0.0, m.Took[last].Seconds()/at(m.Sizes[last])
	if det := sw*sxx - sx*sx; last > 0 && det > 0 {
		switch a1, b1 := (sxx*sy-sx*sxy)/det, (sw*sxy-sx*sy)/det; {
		case b1 <= 0: // only a start-up to be seen
			a, b = m.Took[last].Seconds(), 0
		case a1 >= 0:
			a, b = a1, b1
		default: // rows get dearer with their number: those of the largest size are most like production's
		}
	}
	worst := 0.2
	for i, n := range m.Sizes {
		y := m.Took[i].Seconds()
		worst = math.Max(worst, math.Abs(a+b*at(n)-y)/math.Max(y, chance))
	}
	widen := 1.0
	if n := m.Sizes[last]; m.Rows > n && n > 1 {
		widen = math.Log2(float64(m.Rows)) / math.Log2(float64(n))
	}
	t := a*math.Max(1, m.Beside) + b*at(m.Rows)
	seconds := func(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }
	m.Estimate, m.Low, m.High = seconds(t), seconds(t*math.Max(0.1, 1-worst)), seconds(t*(1+worst)*widen)
}

// chance is the time in seconds by which two runs of the same differ for no reason.
const chance = 0.005

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
	t, low, high := Took(m.Estimate), Took(m.Low), Took(m.High)
	_, unit, _ := strings.Cut(t, " ")
	if l, ok := strings.CutSuffix(low, " "+unit); ok {
		if h, ok := strings.CutSuffix(high, " "+unit); ok {
			low, high = l, h
		}
	}
	return fmt.Sprintf("about %s (%s–%s) at %s, measured at %s rows here", t, low, high, rows, list)
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

// Took says a duration in one unit, as people do, with a decimal where it is a few.
func Took(d time.Duration) string {
	say := func(f float64, unit string) string {
		if f < 5 {
			return fmt.Sprintf("%.2g %s", f, unit)
		}
		return fmt.Sprintf("%.0f %s", f, unit)
	}
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 90*time.Second:
		return say(d.Seconds(), "s")
	case d < 90*time.Minute:
		return say(d.Minutes(), "min")
	default:
		return say(d.Hours(), "h")
	}
}
