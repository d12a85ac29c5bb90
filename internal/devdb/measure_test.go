package devdb

import (
	"math"
	"testing"
	"time"
)

func TestFit(t *testing.T) {
	sizes := []int64{100_000, 300_000, 1_000_000}
	times := func(f func(n float64) float64) (out []time.Duration) {
		for _, n := range sizes {
			out = append(out, time.Duration(f(float64(n))*1e9))
		}
		return out
	}
	tests := map[string]struct {
		growth Growth
		took   []time.Duration
		beside float64
		want   float64 // seconds at 5 million rows
	}{
		"a scan":                        {Linear, times(func(n float64) float64 { return 0.01 + n*1e-7 }), 1, 0.51},
		"a sort":                        {Sorted, times(func(n float64) float64 { return n * math.Log2(n) * 1e-8 }), 1, 1.1127},
		"a table beside, of full size":  {Linear, times(func(n float64) float64 { return 0.2 + n*1e-7 }), 1, 0.7},
		"a table beside, half of it":    {Linear, times(func(n float64) float64 { return 0.2 + n*1e-7 }), 2, 0.9},
		"faster start-up than possible": {Linear, times(func(n float64) float64 { return n*1e-7 - 0.005 }), 1, 0.47},
		"no growth to be seen":          {Linear, times(func(float64) float64 { return 0.002 }), 1, 0.002},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := &Measurement{Rows: 5_000_000, Sizes: sizes, Took: test.took, Beside: test.beside}
			m.Fit(test.growth)
			if got := m.Estimate.Seconds(); math.Abs(got-test.want) > 0.05*test.want {
				t.Errorf("got %.3f s, want %.3f", got, test.want)
			}
			if m.Low > m.Estimate || m.High < m.Estimate {
				t.Errorf("%s is not in its range %s–%s", m.Estimate, m.Low, m.High)
			}
		})
	}
	one := &Measurement{Rows: 7000, Sizes: []int64{7000}, Took: []time.Duration{time.Second}}
	if one.Fit(Linear); one.Estimate != time.Second {
		t.Errorf("measured at production's own size: got %s", one.Estimate)
	}
}

func TestRangeGrowsWithTheDistance(t *testing.T) {
	width := func(rows int64) float64 {
		m := &Measurement{Rows: rows, Sizes: []int64{100_000, 1_000_000}, Took: []time.Duration{100 * time.Millisecond, time.Second}}
		m.Fit(Linear)
		return float64(m.High) / float64(m.Low)
	}
	if near, far := width(2_000_000), width(500_000_000); near >= far {
		t.Errorf("range at 2 million rows %.2f, at 500 million %.2f", near, far)
	}
}

func TestSay(t *testing.T) {
	tests := []struct {
		estimate, low, high time.Duration
		want                string
	}{
		{9 * time.Minute, 7 * time.Minute, 14 * time.Minute, "about 9 min (7–14) at 212 million rows, measured at 100 k, 300 k and 1 M rows here"},
		{80 * time.Second, 64 * time.Second, 130 * time.Second, "about 80 s (64 s–2.2 min) at 212 million rows, measured at 100 k, 300 k and 1 M rows here"},
		{2100 * time.Millisecond, 1700 * time.Millisecond, 2800 * time.Millisecond, "about 2.1 s (1.7–2.8) at 212 million rows, measured at 100 k, 300 k and 1 M rows here"},
		{1, 1, 1, "less than 1 ms at 212 million rows, measured at 100 k, 300 k and 1 M rows here"},
	}
	for _, test := range tests {
		m := &Measurement{Sizes: []int64{100_000, 300_000, 1_000_000}, Estimate: test.estimate, Low: test.low, High: test.high}
		if got := m.Say("212 million rows"); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
