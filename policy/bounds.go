package policy

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/types"
)

// Some of OPA's functions make a value of any size out of a line of text: the
// watch over the heap cannot see a single allocation coming, and Go ends the
// program. So before such a function runs, the size of its result is estimated
// from its operands; and a number, a text and a structure that was built up in
// many steps stay within a size that everything else can be done with.
const (
	maxValue  = 16 << 20 // bytes of one value
	maxItems  = 1 << 20  // items of one list that a function makes
	maxDigits = 10_000   // of a number that is calculated with
)

// tooLarge is a refusal to make a value.
type tooLarge struct{ text string }

func (e tooLarge) Error() string { return e.text }

// boundName is a function of our own, asked of the results of every query.
const boundName = "internal.assay_bound"

// guard puts the bounds before OPA's functions, once for the process.
var guard = sync.OnceFunc(func() {
	ast.RegisterBuiltin(&ast.Builtin{Name: boundName, Decl: types.NewFunction(types.Args(types.A), types.B)})
	topdown.RegisterBuiltinFunc(boundName, func(bctx topdown.BuiltinContext, args []*ast.Term, iter func(*ast.Term) error) error {
		if n := weigh(args[0].Value); n > maxValue {
			return topdown.Halt{Err: refusal(bctx, tooLarge{fmt.Sprintf("the results are larger than %d MB", maxValue>>20)})}
		}
		return iter(ast.InternedTerm(true))
	})
	for _, b := range ast.Builtins {
		f := topdown.GetBuiltin(b.Name)
		if f == nil || b.Name == boundName {
			continue
		}
		name, estimate := b.Name, estimates[b.Name]
		topdown.RegisterBuiltinFunc(name, func(bctx topdown.BuiltinContext, args []*ast.Term, iter func(*ast.Term) error) error {
			err := numbers(args)
			if err == nil && estimate != nil {
				err = estimate(args)
			}
			if err != nil {
				return topdown.Halt{Err: refusal(bctx, tooLarge{name + ": " + err.Error()})}
			}
			return f(bctx, args, iter)
		})
	}
})

func refusal(bctx topdown.BuiltinContext, err tooLarge) error {
	return (&topdown.Error{Code: topdown.BuiltinErr, Message: err.text, Location: bctx.Location}).Wrap(err)
}

// atMost refuses a result of more than maxValue bytes.
func atMost(n float64) error {
	if n > maxValue {
		return fmt.Errorf("the result would have %s, more than the %d MB that a policy may make at once", sized(n), maxValue>>20)
	}
	return nil
}

func sized(n float64) string {
	for _, u := range []struct {
		name string
		by   float64
	}{{"GB", 1 << 30}, {"MB", 1 << 20}} {
		if n >= u.by && n < math.MaxInt64 {
			return fmt.Sprintf("%.0f %s", n/u.by, u.name)
		}
	}
	return "a size beyond measure"
}

func listed(n float64) error {
	if n > maxItems {
		return fmt.Errorf("the result would have more than the %d items that a policy may make at once", maxItems)
	}
	return nil
}

// numbers refuses operands that are numbers of a size that is not calculated with.
func numbers(args []*ast.Term) error {
	for _, a := range args {
		if n, ok := a.Value.(ast.Number); ok && !calculable(string(n)) {
			return fmt.Errorf("a number has more than %d digits", maxDigits)
		}
	}
	return nil
}

func calculable(n string) bool {
	at := strings.IndexAny(n, "eE")
	if at < 0 {
		return len(n) <= maxDigits
	}
	e, err := strconv.Atoi(n[at+1:])
	return err == nil && e <= maxDigits && e >= -maxDigits && at <= maxDigits
}

// whole is a number operand as an integer that can be compared.
func whole(t *ast.Term) float64 {
	n, _ := t.Value.(ast.Number)
	f, _, err := big.ParseFloat(string(n), 10, 64, big.ToNearestEven)
	if err != nil {
		return 0
	}
	x, _ := f.Float64()
	return x
}

func text(t *ast.Term) string {
	s, _ := t.Value.(ast.String)
	return string(s)
}

// weigh is about how many bytes a value has when it is written out, shared
// parts as often as they are shared. It stops counting beyond maxValue.
func weigh(v ast.Value) int {
	left := maxValue + 1
	var visit func(ast.Value)
	visit = func(v ast.Value) {
		if left -= 2; left <= 0 {
			return
		}
		next := func(t *ast.Term) {
			if left > 0 {
				visit(t.Value)
			}
		}
		switch x := v.(type) {
		case ast.String:
			left -= len(x)
		case ast.Number:
			left -= len(x)
		case *ast.Array:
			for i := 0; i < x.Len() && left > 0; i++ {
				next(x.Elem(i))
			}
		case ast.Object:
			_ = x.Iter(func(k, v *ast.Term) error {
				next(k)
				next(v)
				if left <= 0 {
					return errStop
				}
				return nil
			})
		case ast.Set:
			_ = x.Iter(func(t *ast.Term) error {
				next(t)
				if left <= 0 {
					return errStop
				}
				return nil
			})
		}
	}
	visit(v)
	return maxValue + 1 - left
}

var errStop = fmt.Errorf("enough")

// all bounds the operands as they are when they are written out.
func all(args []*ast.Term) error {
	sum := 0.0
	for _, a := range args {
		sum += float64(weigh(a.Value))
	}
	return atMost(sum)
}

// depth is how deep a value is nested, counted up to 1000.
func depth(v ast.Value, left int) int {
	deepest := 0
	below := func(t *ast.Term) { deepest = max(deepest, depth(t.Value, left-1)) }
	if left == 0 {
		return 0
	}
	switch x := v.(type) {
	case *ast.Array:
		x.Foreach(below)
	case ast.Object:
		x.Foreach(func(_, v *ast.Term) { below(v) })
	case ast.Set:
		x.Foreach(below)
	}
	return deepest + 1
}

// estimates bound what a function would make of its operands.
var estimates = map[string]func(args []*ast.Term) error{
	"bits.lsh": func(a []*ast.Term) error {
		if n := whole(a[1]); n > maxDigits*3 {
			return atMost(math.Max(n/8, maxValue+1))
		}
		return nil
	},
	"numbers.range":      func(a []*ast.Term) error { return listed(math.Abs(whole(a[1]) - whole(a[0]))) },
	"numbers.range_step": func(a []*ast.Term) error { return listed(math.Abs(whole(a[1])-whole(a[0])) / math.Max(1, whole(a[2]))) },
	"replace": func(a []*ast.Term) error {
		s, from, to := text(a[0]), text(a[1]), text(a[2])
		return atMost(float64(len(s)) + float64(strings.Count(s, from))*float64(len(to)))
	},
	"strings.replace_n": func(a []*ast.Term) error {
		most := 1.0
		if o, ok := a[0].Value.(ast.Object); ok {
			o.Foreach(func(from, to *ast.Term) {
				most = max(most, float64(len(text(to)))/math.Max(1, float64(len(text(from)))))
			})
		}
		return atMost(float64(len(text(a[1]))+1) * most)
	},
	"concat": func(a []*ast.Term) error {
		sum, n := 0.0, 0.0
		add := func(t *ast.Term) { sum, n = sum+float64(len(text(t))), n+1 }
		switch x := a[1].Value.(type) {
		case *ast.Array:
			x.Foreach(add)
		case ast.Set:
			x.Foreach(add)
		}
		return atMost(sum + n*float64(len(text(a[0]))))
	},
	"sprintf":                   format,
	"internal.template_string":  all,
	"internal.print":            all,
	"trace":                     all,
	"json.marshal":              all,
	"json.marshal_with_options": indented,
	"yaml.marshal": func(a []*ast.Term) error {
		if err := all(a[:1]); err != nil {
			return err
		}
		return atMost(float64(weigh(a[0].Value)) * 2 * float64(depth(a[0].Value, 1000)))
	},
	"yaml.unmarshal": func(a []*ast.Term) error { return aliases(text(a[0])) },
	"yaml.is_valid":  func(a []*ast.Term) error { return aliases(text(a[0])) },
	"json.patch": func(a []*ast.Term) error {
		copies := 0
		if list, ok := a[1].Value.(*ast.Array); ok {
			list.Foreach(func(t *ast.Term) {
				if o, ok := t.Value.(ast.Object); ok {
					if op := o.Get(ast.StringTerm("op")); op != nil && text(op) == "copy" {
						copies++
					}
				}
			})
		}
		return atMost((float64(weigh(a[0].Value)) + float64(weigh(a[1].Value))) * math.Pow(2, float64(copies)))
	},
	"json.filter": all, "json.remove": all, "object.union": all, "object.union_n": all, "object.filter": all,
	"object.remove": all, "object.subset": all, "urlquery.encode_object": all,
	"sum": digits, "product": digits,
	"split":           func(a []*ast.Term) error { return listed(float64(strings.Count(text(a[0]), text(a[1])))) },
	"strings.split_n": func(a []*ast.Term) error { return listed(float64(strings.Count(text(a[0]), text(a[1])))) },
	"indexof_n":       func(a []*ast.Term) error { return listed(float64(strings.Count(text(a[0]), text(a[1])))) },
	"regex.split":     func(a []*ast.Term) error { return listed(float64(len(text(a[1])))) },
	"regex.find_n":    func(a []*ast.Term) error { return listed(float64(len(text(a[1])))) },
	"regex.find_all_string_submatch_n": func(a []*ast.Term) error {
		return listed(float64(len(text(a[1]))) * float64(1+strings.Count(text(a[0]), "(")) / 4)
	},
	"regex.replace": replaced,
	"units.parse":   unit, "units.parse_bytes": unit,
	"glob.match": func(a []*ast.Term) error {
		if p := text(a[0]); len(p) > 4096 || strings.Count(p, "{") > 8 || strings.Count(p, ",") > 256 {
			return fmt.Errorf("the pattern has more than 4096 characters, 8 braces or 256 alternatives")
		}
		return nil
	},
}

var verb = regexp.MustCompile(`%[-+# 0\[\]]*(\*|[0-9]*)(?:\.(\*|[0-9]*))?`)

// format bounds sprintf: each verb writes one operand, padded.
func format(a []*ast.Term) error {
	f, most, starred := text(a[0]), 0.0, 0.0
	if list, ok := a[1].Value.(*ast.Array); ok {
		list.Foreach(func(t *ast.Term) {
			most = max(most, float64(weigh(t.Value)))
			if _, ok := t.Value.(ast.Number); ok {
				starred = max(starred, math.Abs(whole(t)))
			}
		})
	}
	sum := float64(len(f))
	for _, m := range verb.FindAllStringSubmatch(f, -1) {
		sum += most
		for _, pad := range m[1:] {
			if pad == "*" {
				sum += starred
			} else if n, err := strconv.ParseFloat(pad, 64); err == nil {
				sum += n
			}
		}
	}
	return atMost(sum)
}

func indented(a []*ast.Term) error {
	if err := all(a[:1]); err != nil {
		return err
	}
	indent, prefix := "", ""
	if o, ok := a[1].Value.(ast.Object); ok {
		if t := o.Get(ast.StringTerm("indent")); t != nil {
			indent = text(t)
		}
		if t := o.Get(ast.StringTerm("prefix")); t != nil {
			prefix = text(t)
		}
	}
	line := float64(len(prefix)) + float64(len(indent))*float64(depth(a[0].Value, 1000))
	return atMost(float64(weigh(a[0].Value)) * max(1, line))
}

// aliases bounds YAML, where a small text can stand for a large one.
func aliases(s string) error {
	if strings.Count(s, "*") > 100 && strings.Contains(s, "&") {
		return fmt.Errorf("the text has more than 100 aliases")
	}
	return atMost(float64(len(s)) * math.Pow(4, float64(min(strings.Count(s, "*"), 8))) / 16)
}

// digits bounds a product: it has all digits of its factors.
func digits(a []*ast.Term) error {
	sum := 0
	add := func(t *ast.Term) {
		if n, ok := t.Value.(ast.Number); ok {
			if sum += len(n); !calculable(string(n)) {
				sum = math.MaxInt / 2
			}
		}
	}
	switch x := a[0].Value.(type) {
	case *ast.Array:
		x.Foreach(add)
	case ast.Set:
		x.Foreach(add)
	}
	if sum > 100*maxDigits {
		return fmt.Errorf("the numbers have more than %d digits together", 100*maxDigits)
	}
	return nil
}

// replaced bounds regex.replace: each match becomes the value, with $1 and the like filled in.
func replaced(a []*ast.Term) error {
	s, pattern, value := text(a[0]), text(a[1]), text(a[2])
	n := float64(len(s) + 1)
	filled := float64(strings.Count(value, "$")) * float64(len(s))
	if atMost(n*float64(len(value))+filled) == nil {
		return nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil // as the function itself says
	}
	n = float64(len(re.FindAllStringIndex(s, maxItems)))
	return atMost(float64(len(s)) + n*float64(len(value)) + filled)
}

// unit bounds "1e9999999G", whose digits would all be written.
func unit(a []*ast.Term) error {
	if s := text(a[0]); len(s) > 100 || exponent.MatchString(s) {
		return fmt.Errorf("the number has more than %d digits", maxDigits)
	}
	return nil
}

var exponent = regexp.MustCompile(`[eE][-+]?[0-9]{4,}`)
