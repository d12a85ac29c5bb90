package report

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// Bounds of the pictures; hosts refuse Mermaid text over 50,000 characters.
const (
	maxTables  = 24
	maxColumns = 24
	maxChains  = 30
)

// mermaidER is the diagram of the tables that change, with their neighbours.
func mermaidER(g *lint.Diagram) string {
	if len(g.Tables) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("erDiagram\n")
	ids := map[string]string{}
	for i, t := range g.Tables {
		if i == maxTables {
			break
		}
		id := fmt.Sprintf("t%d", i+1)
		ids[t.Name] = id
		label := t.Name
		if t.Change != "" {
			label += " (" + t.Change + ")"
		}
		fmt.Fprintf(&b, "  %s[\"%s\"] {\n", id, mermaidText(label))
		for j, c := range t.Columns {
			if j == maxColumns {
				break
			}
			fmt.Fprintf(&b, "    %s %s%s", mermaidWord(shortType(c.Type)), mermaidWord(c.Name), mermaidKey(c.Key))
			if c.Change != "" {
				fmt.Fprintf(&b, " \"%s\"", mermaidText(c.Change))
			}
			b.WriteByte('\n')
		}
		b.WriteString("  }\n")
	}
	for _, k := range g.Keys {
		from, to := ids[k.From], ids[k.To]
		if from == "" || to == "" {
			continue
		}
		label := k.Name
		if k.Change != "" {
			label += " (" + k.Change + ")"
		}
		fmt.Fprintf(&b, "  %s }o--|| %s : \"%s\"\n", from, to, mermaidText(label))
	}
	return b.String()
}

func mermaidKey(key string) string {
	switch key {
	case "PK", "FK", "PK, FK":
		return " " + key
	}
	return ""
}

// mermaidChains draws what falls with what.
func mermaidChains(g *lint.Diagram) string {
	var b strings.Builder
	ids := map[string]string{}
	seen := map[string]bool{}
	var gone []string
	node := func(name string, first bool) string {
		id, ok := ids[name]
		if !ok {
			id = fmt.Sprintf("n%d", len(ids)+1)
			ids[name] = id
			fmt.Fprintf(&b, "  %s[\"%s\"]\n", id, mermaidText(name))
			if !first {
				gone = append(gone, id)
			}
		}
		return id
	}
	for i, chain := range g.Chains {
		if i == maxChains {
			break
		}
		for j := 1; j < len(chain); j++ {
			from, to := node(chain[j-1], j == 1), node(chain[j], false)
			if edge := from + " --> " + to; !seen[edge] {
				seen[edge] = true
				fmt.Fprintf(&b, "  %s\n", edge)
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	out := "flowchart LR\n" + b.String()
	if len(gone) > 0 {
		out += "  classDef gone fill:#ffebe9,stroke:#cf222e,color:#1f2328\n  class " + strings.Join(gone, ",") + " gone\n"
	}
	return out
}
