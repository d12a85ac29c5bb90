package policy

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
)

// converter turns documents into OPA's values. It goes straight from structs
// to terms: by way of JSON the same document takes several times as long. An
// object that is pointed at twice is converted once.
type converter struct {
	done map[any]*ast.Term
}

func newConverter() *converter { return &converter{done: map[any]*ast.Term{}} }

// field is a struct's field as encoding/json would write it.
type field struct {
	key       *ast.Term
	index     []int
	omitEmpty bool
}

var fieldsOf sync.Map // reflect.Type → []field

func fields(t reflect.Type) []field {
	if f, ok := fieldsOf.Load(t); ok {
		return f.([]field)
	}
	var out []field
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, field{ast.StringTerm(name), f.Index, opts == "omitempty"})
	}
	fieldsOf.Store(t, out)
	return out
}

func (c *converter) term(v reflect.Value) *ast.Term {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ast.NullTerm()
		}
		key := v.Interface()
		if t := c.done[key]; t != nil {
			return t
		}
		t := c.term(v.Elem())
		c.done[key] = t
		return t
	case reflect.Struct:
		fs := fields(v.Type())
		pairs := make([][2]*ast.Term, 0, len(fs))
		for _, f := range fs {
			x := v.FieldByIndex(f.index)
			if f.omitEmpty && x.IsZero() {
				continue
			}
			pairs = append(pairs, [2]*ast.Term{f.key, c.term(x)})
		}
		return ast.ObjectTerm(pairs...)
	case reflect.Slice:
		items := make([]*ast.Term, v.Len())
		for i := range items {
			items[i] = c.term(v.Index(i))
		}
		return ast.ArrayTerm(items...)
	case reflect.String:
		return ast.StringTerm(v.String())
	case reflect.Bool:
		return ast.BooleanTerm(v.Bool())
	case reflect.Int, reflect.Int64:
		return ast.IntNumberTerm(int(v.Int()))
	default:
		return c.any(v.Interface())
	}
}

// any converts what has no struct: parameters and floats.
func (c *converter) any(x any) *ast.Term {
	v, err := ast.InterfaceToValue(x)
	if err != nil {
		panic(fmt.Sprintf("policy: no value for a %T: %v", x, err)) // input types hold nothing else
	}
	return ast.NewTerm(v)
}
