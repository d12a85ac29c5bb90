package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/assaydb/assay/internal/project"
)

// decoder fills the structs of this package from YAML. The library's own
// strict mode stops at the first error and cannot name the valid keys, so the
// walk over the tree is done here; it also notes the place of every key.
type decoder struct {
	name    string
	places  map[string]Place
	errs    []fault
	anchors map[string]ast.Node
	values  int
}

const maxValues = 100_000

// fault is one thing that is wrong with the file.
type fault struct {
	file string
	Place
	text string
}

func (f fault) Error() string {
	if f.Line == 0 {
		return f.file + ": " + f.text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.file, f.Line, f.Column, f.text)
}

// err joins what is wrong, in the order of the file.
func (d *decoder) err() error {
	slices.SortStableFunc(d.errs, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.text, b.text))
	})
	var errs []error
	for _, f := range slices.Compact(d.errs) {
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// short is implemented by types that have a short form: a scalar instead of
// the mapping. It is given the scalar's text.
type short interface{ short(text string) error }

// scalar is implemented by types that are written as one word.
type scalar interface{ parse(text string) error }

func (d *decoder) decode(src []byte, into any) {
	if err := project.CheckYAML(src); err != nil {
		d.errs = append(d.errs, fault{d.name, Place{}, "not a configuration: " + err.Error()})
		return
	}
	file, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return
	}
	var docs []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			docs = append(docs, doc.Body)
		}
	}
	if len(docs) == 0 {
		return
	}
	if len(docs) > 1 {
		d.fail(docs[1], "a second document: the file holds one")
	}
	d.anchors = map[string]ast.Node{}
	d.value(docs[0], reflect.ValueOf(into).Elem(), "", nil)
}

func (d *decoder) syntax(err error) {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil && e.GetToken().Position != nil {
		p := e.GetToken().Position
		d.errs = append(d.errs, fault{d.name, Place{p.Line, p.Column}, "not valid YAML: " + e.GetMessage()})
		return
	}
	d.errs = append(d.errs, fault{d.name, Place{}, "not valid YAML: " + err.Error()})
}

func (d *decoder) fail(n ast.Node, format string, args ...any) {
	d.errs = append(d.errs, fault{d.name, place(n), fmt.Sprintf(format, args...)})
}

// failAt is fail for a key that was decoded before.
func (d *decoder) failAt(key, format string, args ...any) {
	d.errs = append(d.errs, fault{d.name, d.places[key], fmt.Sprintf(format, args...)})
}

func place(n ast.Node) Place {
	// The token of a mapping is its first colon; people look for the first key.
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 {
			return place(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return place(m.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return Place{t.Position.Line, t.Position.Column}
	}
	return Place{1, 1}
}

// value decodes n into v. The key says where in the file, choices are the
// valid words of a text, if it has some.
func (d *decoder) value(n ast.Node, v reflect.Value, key string, choices []string) {
	// Aliases can make a small file endless.
	if d.values++; d.values > maxValues {
		if d.values == maxValues+1 {
			d.fail(n, "the file has more than %d values", maxValues)
		}
		return
	}
	switch x := n.(type) {
	case *ast.AnchorNode:
		d.anchors[x.Name.String()] = x.Value
		n = x.Value
	case *ast.AliasNode:
		target, ok := d.anchors[x.Value.String()]
		if !ok {
			d.fail(n, "the alias *%s has no anchor before it", x.Value.String())
			return
		}
		n = target
	case *ast.TagNode:
		n = x.Value
	}
	if _, ok := d.places[key]; !ok {
		d.places[key] = place(n)
	}
	if _, null := n.(*ast.NullNode); null || n == nil {
		return // "key:" with nothing after it is the key left out
	}
	if text, ok := textOf(n); ok {
		if p, ok := v.Addr().Interface().(short); ok {
			if err := p.short(text); err != nil {
				d.fail(n, "%s: %v", last(key), err)
			}
			return
		}
	}
	switch {
	case v.Kind() == reflect.Struct:
		d.structure(n, v, key)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, key, choices)
	case v.Kind() == reflect.Slice:
		d.list(n, v, key, choices)
	case v.Kind() == reflect.Interface:
		v.Set(reflect.ValueOf(d.free(n)))
	default:
		d.word(n, v, key, choices)
	}
}

// word decodes a scalar.
func (d *decoder) word(n ast.Node, v reflect.Value, key string, choices []string) {
	text, ok := textOf(n)
	if !ok {
		d.fail(n, "%s is %s, but must be %s", last(key), kindOf(n), wanted(v, choices))
		return
	}
	if p, ok := v.Addr().Interface().(scalar); ok {
		if err := p.parse(text); err != nil {
			d.fail(n, "%s: %v", last(key), err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		if _, quoted := n.(*ast.StringNode); text != "true" && text != "false" || quoted {
			d.fail(n, "%s is %q, but must be true or false", last(key), text)
			return
		}
		v.SetBool(text == "true")
	case reflect.String:
		if len(choices) > 0 && !slices.Contains(choices, text) {
			d.fail(n, "%s: %s", last(key), unknown("value", text, choices))
			return
		}
		v.SetString(text)
	}
}

func wanted(v reflect.Value, choices []string) string {
	switch {
	case len(choices) > 0:
		return "one of " + strings.Join(choices, ", ")
	case v.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a text"
}

// pairs are the entries of a mapping, merge keys (<<) resolved; ok is false
// and the error said if n is no mapping.
func (d *decoder) pairs(n ast.Node, key string) (pairs []*ast.MappingValueNode, ok bool) {
	var nodes []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		nodes = m.Values
	case *ast.MappingValueNode:
		nodes = []*ast.MappingValueNode{m}
	default:
		what := "the file"
		if key != "" {
			what = last(key)
		}
		d.fail(n, "%s is %s, but must be a mapping (key: value)", what, kindOf(n))
		return nil, false
	}
	seen := map[string]bool{}
	for _, p := range nodes {
		if _, merge := p.Key.(*ast.MergeKeyNode); merge {
			from := p.Value
			if a, ok := from.(*ast.AliasNode); ok {
				from = d.anchors[a.Value.String()]
			}
			if from != nil {
				more, _ := d.pairs(from, key)
				pairs = append(more, pairs...)
			}
			continue
		}
		name := keyOf(p)
		if seen[name] {
			d.fail(p.Key, "the key %q is given twice", name)
			continue
		}
		seen[name] = true
		pairs = append(pairs, p)
	}
	return pairs, true
}

func (d *decoder) structure(n ast.Node, v reflect.Value, key string) {
	pairs, ok := d.pairs(n, key)
	if !ok {
		return
	}
	fields, names := fieldsOf(v.Type())
	for _, p := range pairs {
		name := keyOf(p)
		at := join(key, name)
		d.places[at] = place(p.Key)
		i, ok := fields[name]
		if !ok {
			in := ""
			if key != "" {
				in = " in " + key
			}
			d.fail(p.Key, "%s", unknownIn("key", name, in, names))
			continue
		}
		d.value(p.Value, v.Field(i), at, choicesOf(v.Type().Field(i)))
	}
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, key string, choices []string) {
	pairs, ok := d.pairs(n, key)
	if !ok {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range pairs {
		name := keyOf(p)
		at := join(key, name)
		d.places[at] = place(p.Key)
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(p.Value, e, at, choices)
		v.SetMapIndex(reflect.ValueOf(name), e)
	}
}

func (d *decoder) list(n ast.Node, v reflect.Value, key string, choices []string) {
	items := []ast.Node{n} // one item may stand for a list of one
	if seq, ok := n.(*ast.SequenceNode); ok {
		items = seq.Values
	} else if _, text := textOf(n); !text {
		d.fail(n, "%s is %s, but must be a list", last(key), kindOf(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(item, v.Index(i), join(key, strconv.Itoa(i)), choices)
	}
}

// free decodes what has no fixed shape: the parameters of checks and rules.
func (d *decoder) free(n ast.Node) any {
	var out any
	if err := yaml.NodeToValue(n, &out); err != nil {
		d.fail(n, "%v", err)
		return ""
	}
	if out == nil {
		return ""
	}
	return out
}

// textOf is the text of a scalar as it is written: "17" and "off" too.
func textOf(n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AliasNode:
		return "an alias"
	}
	if text, ok := textOf(n); ok {
		return strconv.Quote(text)
	}
	return "something else"
}

func keyOf(p *ast.MappingValueNode) string {
	if text, ok := textOf(p.Key); ok {
		return text
	}
	if t := p.Key.GetToken(); t != nil && t.Type != token.MappingKeyType {
		return t.Value
	}
	return strings.TrimSpace(strings.TrimPrefix(p.Key.String(), "?"))
}

func fieldsOf(t reflect.Type) (map[string]int, []string) {
	fields, names := map[string]int{}, []string{}
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" && tag != "-" {
			fields[tag] = i
			names = append(names, tag)
		}
	}
	return fields, names
}

func choicesOf(f reflect.StructField) []string {
	if c := f.Tag.Get("choices"); c != "" {
		return strings.Split(c, ",")
	}
	return nil
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// last is the part of a key that a person would look for: "ignore.0.check" is
// check.
func last(key string) string {
	parts := strings.Split(key, ".")
	for i := len(parts) - 1; i > 0; i-- {
		if _, err := strconv.Atoi(parts[i]); err != nil {
			return parts[i]
		}
	}
	return parts[0]
}
