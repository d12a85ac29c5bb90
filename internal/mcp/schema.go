package mcp

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

type schemaInput struct {
	Match string `json:"match,omitempty" jsonschema:"pattern of qualified names with * and ?, such as public.orders* or *.orders; without it the answer lists names alone"`
}

// SchemaOutput is the answer of schema.
type SchemaOutput struct {
	Objects []Object `json:"objects"`
	LeftOut int      `json:"left_out,omitempty" jsonschema:"objects that have no place in the answer: give a narrower pattern"`
}

// Object is an object of the schema. Without a pattern it has its kind and name alone.
type Object struct {
	Kind       string   `json:"kind"`
	Name       string   `json:"name"`
	Columns    []string `json:"columns,omitempty" jsonschema:"name, type, and what else there is of each"`
	Parts      []string `json:"parts,omitempty" jsonschema:"definitions of indexes, constraints and triggers"`
	Definition string   `json:"definition,omitempty"`
}

// The largest answers: objects with all there is to say of them, and names alone.
const mostObjects, mostNames = 20, 500

func (s *server) schema(ctx context.Context, in schemaInput, say func(string)) (out SchemaOutput, err error) {
	if _, err := path.Match(in.Match, ""); err != nil {
		return out, fmt.Errorf("match %q is no pattern: use * and ?, as in public.orders*", in.Match)
	}
	c, err := s.engine.Schema(ctx, say)
	if err != nil {
		return out, err
	}
	all, most := objects(c), mostNames
	if in.Match != "" {
		most = mostObjects
		all = slices.DeleteFunc(all, func(o Object) bool {
			ok, _ := path.Match(in.Match, o.Name)
			return !ok
		})
	} else {
		for i := range all {
			all[i] = Object{Kind: all[i].Kind, Name: all[i].Name}
		}
	}
	out.LeftOut = max(0, len(all)-most)
	out.Objects = all[:min(len(all), most)]
	return out, nil
}

// objects are those of a catalog, by kind and name.
func objects(c *schema.Catalog) []Object {
	out := []Object{}
	parts := map[schema.OID][]string{}
	for _, k := range c.Constraints {
		if k.Table != 0 {
			parts[k.Table] = append(parts[k.Table], "CONSTRAINT "+k.Name+" "+k.Definition)
		}
	}
	for _, x := range c.Indexes {
		if x.Constraint == 0 {
			parts[x.Table] = append(parts[x.Table], x.Definition)
		}
	}
	for _, t := range c.Triggers {
		parts[t.Table] = append(parts[t.Table], t.Definition)
	}
	for _, r := range c.Relations {
		o := Object{Kind: string(r.Kind), Name: r.QualifiedName(), Definition: lint.Cut(r.Definition, 4000), Parts: parts[r.OID]}
		if r.PartitionKey != "" {
			o.Parts = append(o.Parts, "PARTITION BY "+r.PartitionKey)
		}
		if p := c.Relations[r.PartitionOf]; p != nil {
			o.Parts = append(o.Parts, "PARTITION OF "+p.QualifiedName()+" "+r.PartitionBound)
		}
		slices.Sort(o.Parts)
		if r.Sequence == nil {
			for _, col := range r.Columns {
				o.Columns = append(o.Columns, column(col))
			}
		}
		out = append(out, o)
	}
	for _, t := range c.Types {
		if t.Relation == 0 || t.Kind != schema.Composite || c.Relations[t.Relation] == nil {
			o := Object{Kind: string(t.Kind), Name: t.QualifiedName(), Definition: t.Definition}
			switch {
			case len(t.Labels) > 0:
				o.Definition = "'" + strings.Join(t.Labels, "', '") + "'"
			case t.Base != "":
				o.Definition = t.Base
			}
			out = append(out, o)
		}
	}
	for _, f := range c.Functions {
		out = append(out, Object{Kind: f.Kind, Name: f.QualifiedName(), Definition: strings.TrimSpace(f.Language + " " + f.Volatility + " returns " + f.Returns)})
	}
	for _, e := range c.Extensions {
		out = append(out, Object{Kind: "extension", Name: e.Name})
	}
	slices.SortFunc(out, func(a, b Object) int { return strings.Compare(a.Kind+"\x00"+a.Name, b.Kind+"\x00"+b.Name) })
	return out
}

func column(c *schema.Column) string {
	s := c.Name + " " + c.Type
	if c.NotNull {
		s += " NOT NULL"
	}
	switch {
	case c.Identity != "":
		s += " GENERATED " + strings.ToUpper(c.Identity) + " AS IDENTITY"
	case c.Generated != "":
		s += " GENERATED ALWAYS AS (" + lint.Cut(c.Default, 200) + ")"
	case c.Default != "":
		s += " DEFAULT " + lint.Cut(c.Default, 200)
	}
	return s
}
