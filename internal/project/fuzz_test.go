package project

import "testing"

// FuzzBounds: what is asked first is answered at once, whatever it is.
func FuzzBounds(f *testing.F) {
	f.Add("a: [1, {b: c}]\nd: &x 1\ne: *x\n", "db/**/{a,b}*.sql")
	f.Add("[[[[[[", "{a,{b,{c}}}")
	f.Add("- - - - - a", "[!a-z]\\{")
	f.Fuzz(func(_ *testing.T, yaml, glob string) {
		_ = CheckYAML([]byte(yaml))
		_ = CheckGlob(glob)
	})
}
