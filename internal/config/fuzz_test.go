package config

import (
	"testing"
	"testing/fstest"
)

// FuzzBaseline reads lists of accepted findings.
func FuzzBaseline(f *testing.F) {
	f.Add([]byte(`{"version": 1, "findings": [{"id": "LK101", "path": "m/1.sql", "fingerprint": "0123456789abcdef", "message": "x"}]}`))
	f.Add([]byte(`{"version": 2, "findings": null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := ReadBaseline(fstest.MapFS{"assay.baseline.json": {Data: text}}, "assay.baseline.json")
		if (b == nil) == (err == nil) {
			t.Errorf("%q gives %v, %v", text, b, err)
		}
	})
}
