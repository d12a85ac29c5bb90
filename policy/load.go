package policy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/assaydb/assay/internal/project"
	"github.com/assaydb/assay/policy/library"
)

// tree is the files of one source.
type tree struct {
	name string // before file names in messages, "" for the project's own
	fsys fs.FS
	root string // directory in fsys
	pack string // pack of the shipped library
	ours bool   // shipped with assay
	// roots are the packages that a bundle owns, if its manifest names some.
	roots  []string
	rooted bool
	rego   []string
	tests  []string
	cases  []string // .txtar
	data   []string // data.json, data.yaml
}

// Load reads, compiles and checks policies. Every mistake is an error that
// names the file and line: a rule without an id, two rules with one id, a
// field of the input that does not exist, a function that policies may not call.
func Load(ctx context.Context, o Options) (*Policies, error) {
	p := &Policies{opts: o, params: map[string]any{}}
	var err error
	if p.sources, err = open(ctx, o); err != nil {
		return nil, err
	}
	modules, data, err := read(p.sources, false)
	if err != nil {
		return nil, err
	}
	if p.Rules, err = collect(modules, p.sources); err != nil {
		return nil, err
	}
	if err := p.configure(); err != nil {
		return nil, err
	}
	if p.compiler, err = compile(modules, p.Rules, o.Strict); err != nil {
		return nil, err
	}
	if err := checkRefs(p.compiler, p.Rules, data); err != nil {
		return nil, err
	}
	if err := checkConstants(p.compiler); err != nil {
		return nil, err
	}
	p.store = inmem.NewFromObject(data)
	return p, p.prepare(ctx)
}

// helpers begins the file names of package assay.
const helpers = "assay:"

// open finds the files of every source, the shipped helpers first.
func open(ctx context.Context, o Options) ([]*tree, error) {
	out := []*tree{{name: helpers, fsys: library.Helpers, root: ".", ours: true}}
	packs := Packs()
	for _, name := range o.Packs {
		if !slices.Contains(packs, name) {
			return nil, fmt.Errorf("unknown policy pack %q: %s", name, oneOf(packs))
		}
		out = append(out, &tree{name: "library/", fsys: library.Files, root: name, pack: name, ours: true})
	}
	for _, s := range o.Sources {
		t, err := o.Store.open(ctx, o.Files, s)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	for _, t := range out {
		if err := t.list(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Packs are the names of the shipped library's packs.
func Packs() []string {
	entries, err := library.Files.ReadDir(".")
	if err != nil {
		panic(err) // an embedded directory can be read
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

func (t *tree) list() error {
	err := fs.WalkDir(t.fsys, t.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if strings.HasPrefix(base, ".") && p != t.root {
				return fs.SkipDir
			}
			return nil
		}
		switch {
		case strings.HasSuffix(base, "_test.rego"):
			t.tests = append(t.tests, p)
		case strings.HasSuffix(base, ".rego"):
			t.rego = append(t.rego, p)
		case strings.HasSuffix(base, ".txtar"):
			t.cases = append(t.cases, p)
		case base == "data.json" || base == "data.yaml" || base == "data.yml":
			t.data = append(t.data, p)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading policies: %w", err)
	}
	if len(t.rego) == 0 {
		return fmt.Errorf("no .rego files in %s: write a first rule with assay policy new", t.name+t.root)
	}
	return nil
}

// read parses the modules of every tree, tests too if they are wanted.
func read(trees []*tree, tests bool) (map[string]*ast.Module, map[string]any, error) {
	modules, data := map[string]*ast.Module{}, map[string]any{}
	var errs []error
	for _, t := range trees {
		files := t.rego
		if tests && !t.ours {
			files = append(slices.Clone(files), t.tests...)
		}
		for _, f := range files {
			text, err := fs.ReadFile(t.fsys, f)
			if err != nil {
				return nil, nil, fmt.Errorf("reading policies: %w", err)
			}
			m, err := ast.ParseModuleWithOpts(t.name+f, string(text), ast.ParserOptions{
				ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: capabilities(),
			})
			if err != nil {
				errs = append(errs, explain(err))
				continue
			}
			if !t.ours && m.Package.Path.String() == "data.assay" {
				if n := ruleIn(m); n != "" {
					errs = append(errs, fmt.Errorf("%s%s: %s is in package assay, which is that of the helpers: give the rule a package of its own", t.name, f, n))
				}
				continue // a copy of the helpers, there for opa test and editors
			}
			if err := checkRoots(trees, t, f, rootPath(m.Package)); err != nil {
				errs = append(errs, err)
			}
			modules[t.name+f] = m
		}
		for _, f := range t.data {
			if err := readData(trees, t, f, data); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return modules, data, errors.Join(errs...)
}

// ruleIn is the first clause of a rule in a module, if it has one.
func ruleIn(m *ast.Module) string {
	for _, r := range m.Rules {
		if ref := r.Head.Ref(); len(ref) > 0 && slices.Contains(verbs, strings.Trim(ref[0].Value.String(), `"`)) {
			return strings.Trim(ref[0].Value.String(), `"`)
		}
	}
	return ""
}

// readData puts a data file into data at the place of its directory, as OPA
// does. What another file has said already is an error.
func readData(trees []*tree, t *tree, file string, data map[string]any) error {
	text, err := fs.ReadFile(t.fsys, file)
	if err != nil {
		return fmt.Errorf("reading policies: %w", err)
	}
	var doc map[string]any
	if err := project.CheckYAML(text); err != nil {
		return fmt.Errorf("%s%s: %w", t.name, file, err)
	}
	if err := yaml.Unmarshal(text, &doc); err != nil { // YAML reads JSON too
		return fmt.Errorf("%s%s: %w", t.name, file, err)
	}
	if doc == nil { // nothing but spaces and comments
		doc = map[string]any{}
	}
	v, err := plain(doc)
	if err != nil {
		return fmt.Errorf("%s%s: %w", t.name, file, err)
	}
	rel := strings.Trim(strings.TrimPrefix(path.Dir(file), t.root), "./")
	if rel != "" {
		for _, part := range slices.Backward(strings.Split(rel, "/")) {
			v = map[string]any{part: v}
		}
	}
	var errs []error
	for _, p := range t.claims("", v) {
		errs = append(errs, checkRoots(trees, t, file, p))
	}
	if twice := merge(data, v.(map[string]any), "data"); twice != "" {
		errs = append(errs, fmt.Errorf("%s%s: %s is there already, from another file", t.name, file, twice))
	}
	return errors.Join(errs...)
}

// claims are the places that data takes: as deep as the bundle's roots are, or
// else as deep as the data.
func (t *tree) claims(at string, v any) []string {
	m, ok := v.(map[string]any)
	if at == "" && ok && len(m) == 0 {
		return nil // opa build writes a data.json in any case
	}
	if !ok || len(m) == 0 || at != "" && t.rooted && opa.RootPathsContain(t.roots, at) {
		return []string{at}
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, t.claims(strings.TrimPrefix(at+"/"+key, "/"), m[key])...)
	}
	return out
}

// merge adds what is in from to into, and names what is in both.
func merge(into, from map[string]any, at string) (twice string) {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		old, there := into[key]
		a, isMap := old.(map[string]any)
		b, both := from[key].(map[string]any)
		switch {
		case !there:
			into[key] = from[key]
		case isMap && both:
			if twice := merge(a, b, at+"."+key); twice != "" {
				return twice
			}
		default:
			return at + "." + key
		}
	}
	return ""
}

// configure applies configured parameters.
func (p *Policies) configure() error {
	var errs []error
	for _, id := range p.opts.Named {
		errs = append(errs, p.Has([]string{id}))
	}
	for _, r := range p.Rules {
		var set map[string]any
		if p.opts.Params != nil {
			set = p.opts.Params(r.Lint())
		}
		v, err := r.values(set, p.opts.ParamAt)
		if err != nil {
			errs = append(errs, err)
		}
		p.params[r.ID] = v
	}
	return errors.Join(errs...)
}
