package evidence

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzRead reads anything without failing in another way than by an error, and
// takes no signature that nobody made.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	st, err := Statements([]Subject{{"a.sql", map[string]string{"sha256": "00"}}}, &Review{Time: "2026-12-01T00:00:00Z", Passed: true})
	if err != nil {
		f.Fatal(err)
	}
	if err := Write(&b, st, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"sig":""}]}`))
	f.Add([]byte(`{"dsseEnvelope":{"payload":"!"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		claims, err := Read("x", text, nil)
		if err != nil && !strings.HasPrefix(err.Error(), "x:") && !strings.HasPrefix(err.Error(), "reading x:") {
			t.Errorf("the error names no place: %v", err)
		}
		for _, c := range claims {
			if c.Signed {
				t.Error("signed without a key")
			}
			Check("a.sql", "00", claims, Rules{Unsigned: true, Judged: map[string]string{}})
		}
	})
}

// TestNewestDecides: a later review that failed does not undo one that passed for
// the same content under the same rules, and a failed one alone refuses.
func TestNewestDecides(t *testing.T) {
	claim := func(time string, passed bool) Claim {
		return Claim{Subject: []Subject{{"m/a.sql", map[string]string{"sha256": "1"}}}, Review: Review{Time: time, Passed: passed}, Signed: true, Source: time}
	}
	for _, c := range []struct {
		name   string
		claims []Claim
		ok     bool
		why    string
	}{
		{"none", nil, false, "no evidence names it"},
		{"failed", []Claim{claim("1", false)}, false, "did not pass"},
		{"both", []Claim{claim("1", true), claim("2", false)}, true, "reviewed"},
	} {
		if v := Check("m/a.sql", "1", c.claims, Rules{}); v.OK != c.ok || !strings.Contains(v.Why, c.why) {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}
