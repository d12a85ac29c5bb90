package report

import (
	"cmp"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// node is a box of a picture; its place is found by layout.
type node struct {
	w, h, layer, x, y int
}

// edge points from one node to another.
type edge struct{ from, to int }

const (
	gapX = 64
	gapY = 22
)

// layout puts nodes into layers from left to right along the edges and returns
// the size of the whole. Nodes of a layer are ordered near what they point at.
func layout(nodes []*node, edges []edge) (w, h int) {
	// Longest path, as many rounds as there can be layers; a cycle stops there.
	for range nodes {
		moved := false
		for _, e := range edges {
			if e.from != e.to && nodes[e.to].layer <= nodes[e.from].layer && nodes[e.from].layer+1 < len(nodes) {
				nodes[e.to].layer = nodes[e.from].layer + 1
				moved = true
			}
		}
		if !moved {
			break
		}
	}
	layers := compact(nodes)
	rank := make([]float64, len(nodes))
	for i := range rank {
		rank[i] = float64(i)
	}
	for l := len(layers) - 1; l >= 0; l-- {
		order(layers[l], edges, rank)
	}
	x := 4
	for _, layer := range layers {
		widest, y := 0, 4
		for _, i := range layer {
			nodes[i].x, nodes[i].y = x, y
			y += nodes[i].h + gapY
			widest = max(widest, nodes[i].w)
		}
		h = max(h, y-gapY+4)
		x += widest + gapX
	}
	for _, layer := range layers { // centre the shorter ones
		last := nodes[layer[len(layer)-1]]
		shift := (h - 4 - last.y - last.h) / 2
		for _, i := range layer {
			nodes[i].y += shift
		}
	}
	return x - gapX + 4, h
}

// compact lists the nodes of each layer and drops empty layers.
func compact(nodes []*node) [][]int {
	by := map[int][]int{}
	var keys []int
	for i, n := range nodes {
		if by[n.layer] == nil {
			keys = append(keys, n.layer)
		}
		by[n.layer] = append(by[n.layer], i)
	}
	slices.Sort(keys)
	out := make([][]int, len(keys))
	for i, k := range keys {
		out[i] = by[k]
	}
	return out
}

// order sorts a layer by the mean rank of what its nodes point at.
func order(layer []int, edges []edge, rank []float64) {
	mean := map[int]float64{}
	for _, i := range layer {
		sum, n := 0.0, 0
		for _, e := range edges {
			if e.from == i && e.to != i {
				sum += rank[e.to]
				n++
			}
		}
		mean[i] = rank[i]
		if n > 0 {
			mean[i] = sum / float64(n)
		}
	}
	slices.SortStableFunc(layer, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
	for at, i := range layer {
		rank[i] = float64(at)
	}
}

// arrow draws an edge from the right side of one box to the left side of the
// other, or around the right side where both are in one layer.
func (s *svg) arrow(a, b *node, ay, by int, class, title string) {
	s.open("edge "+class, title)
	x1, x2 := a.x+a.w, b.x
	switch {
	case x2 > x1:
		d := max((x2-x1)/2, 16)
		fmt.Fprintf(s, `<path d="M%d %d C%d %d %d %d %d %d"/>`, x1, ay, x1+d, ay, x2-d, by, x2, by)
		fmt.Fprintf(s, `<path class="head" d="M%d %d l-8 -4 v8 z"/>`, x2, by)
	default:
		x2 = b.x + b.w
		d := max(x1, x2) + 28
		fmt.Fprintf(s, `<path d="M%d %d C%d %d %d %d %d %d"/>`, x1, ay, d, ay, d, by, x2, by)
		fmt.Fprintf(s, `<path class="head" d="M%d %d l8 -4 v8 z"/>`, x2, by)
	}
	s.close()
}

// Sizes of a table of the entity-relationship picture.
const (
	titleHeight  = 26
	columnHeight = 19
	shownColumns = 10
)

// entityPicture draws the tables that change with their neighbours, empty if
// there are none. An arrow goes from a foreign key to the table it refers to.
func entityPicture(g *lint.Diagram) template.HTML {
	if g == nil || len(g.Tables) == 0 {
		return ""
	}
	tables := g.Tables[:min(len(g.Tables), maxTables)]
	index := map[string]int{}
	var nodes []*node
	for i, t := range tables {
		index[t.Name] = i
		nodes = append(nodes, entityNode(t))
	}
	var edges []edge
	var keys []lint.DiagramKey
	for _, k := range g.Keys {
		from, ok1 := index[k.From]
		to, ok2 := index[k.To]
		if ok1 && ok2 {
			edges = append(edges, edge{from, to})
			keys = append(keys, k)
		}
	}
	w, h := layout(nodes, edges)
	p := new(svg)
	for i, e := range edges {
		a, b := nodes[e.from], nodes[e.to]
		p.arrow(a, b, a.y+titleHeight/2+3*(i%4), b.y+titleHeight/2, changeClass(keys[i].Change), keys[i].Name+" "+keys[i].Change)
	}
	for i, t := range tables {
		paintEntity(p, t, nodes[i])
	}
	return p.picture(w+32, h+4, "tables that change and their neighbours")
}

func entityNode(t lint.DiagramTable) *node {
	width := len([]rune(fit(t.Name, 34)))*17/2 + 80
	for _, c := range visibleColumns(t) {
		width = max(width, (len([]rune(fit(c.Name, 24)))+len([]rune(fit(shortType(c.Type), 18))))*7+32+keyRoom(t))
	}
	rows := len(visibleColumns(t))
	if len(t.Columns) > rows {
		rows++
	}
	return &node{w: width, h: titleHeight + rows*columnHeight + 5}
}

// keyRoom is the width that "PK", or "PK, FK", takes at the right of a box.
func keyRoom(t lint.DiagramTable) int {
	for _, c := range visibleColumns(t) {
		if len(c.Key) > 2 {
			return 54
		}
	}
	return 34
}

// visibleColumns keeps the columns that change and the keys, then the others in
// their order, as many as a box shows.
func visibleColumns(t lint.DiagramTable) []lint.DiagramColumn {
	if len(t.Columns) <= shownColumns {
		return t.Columns
	}
	keep := map[int]bool{}
	for _, wanted := range []func(lint.DiagramColumn) bool{
		func(c lint.DiagramColumn) bool { return c.Change != "" },
		func(c lint.DiagramColumn) bool { return c.Key != "" },
		func(lint.DiagramColumn) bool { return true },
	} {
		for i, c := range t.Columns {
			if len(keep) < shownColumns && wanted(c) {
				keep[i] = true
			}
		}
	}
	var out []lint.DiagramColumn
	for i, c := range t.Columns {
		if keep[i] {
			out = append(out, c)
		}
	}
	return out
}

// shortType writes a type as people do: "timestamptz(3)", "varchar(20)".
func shortType(t string) string {
	t = strings.ReplaceAll(strings.TrimPrefix(t, "public."), `"`, "")
	t = strings.Replace(t, "character varying", "varchar", 1)
	if m := zonedType.FindStringSubmatch(t); m != nil {
		return m[1] + onlyIf(m[3] == "with", "tz") + m[2] + m[4]
	}
	return t
}

var zonedType = regexp.MustCompile(`^(time|timestamp)(\(\d\))? (with|without) time zone(.*)$`)

func changeClass(change string) string {
	switch change {
	case "added", "dropped", "changed":
		return change
	}
	return "same"
}

func paintEntity(p *svg, t lint.DiagramTable, n *node) {
	p.open("entity "+changeClass(t.Change), t.Name+" "+t.Change)
	p.rect(n.x, n.y, n.w, n.h, 6, "box")
	p.text(n.x+10, n.y+18, "t-name", fit(t.Name, 34))
	if t.Change != "" {
		p.text(n.x+n.w-10, n.y+18, "t-change end", fit(t.Change, 9))
	}
	p.line(n.x, n.y+titleHeight, n.x+n.w, n.y+titleHeight, "rule")
	y := n.y + titleHeight
	columns := visibleColumns(t)
	for _, c := range columns {
		class := changeClass(c.Change)
		if c.Change != "" {
			p.rect(n.x+1, y+1, n.w-2, columnHeight-1, 0, "row "+class)
		}
		p.text(n.x+10, y+14, "t-mark "+class, sign(c.Change))
		p.text(n.x+22, y+14, "t-col "+class, fit(c.Name, 24))
		p.text(n.x+n.w-keyRoom(t), y+14, "t-type end", fit(shortType(c.Type), 18))
		p.text(n.x+n.w-8, y+14, "t-key end", fit(c.Key, 6))
		y += columnHeight
	}
	if more := len(t.Columns) - len(columns); more > 0 {
		p.text(n.x+22, y+14, "t-type", fmt.Sprintf("%d more", more))
	}
	p.close()
}

// sign marks a change for those who cannot tell the colours apart.
func sign(change string) string {
	switch change {
	case "added":
		return "+"
	case "dropped":
		return "−"
	case "changed":
		return "~"
	}
	return ""
}

// chainPicture draws what falls with what, empty if nothing does.
func chainPicture(g *lint.Diagram) template.HTML {
	if g == nil {
		return ""
	}
	index := map[string]int{}
	var names []string
	var nodes []*node
	var edges []edge
	add := func(name string) int {
		if i, ok := index[name]; ok {
			return i
		}
		index[name] = len(nodes)
		names = append(names, name)
		nodes = append(nodes, &node{w: len([]rune(fit(name, 36)))*8 + 24, h: 30})
		return len(nodes) - 1
	}
	seen, fallen := map[edge]bool{}, map[int]bool{}
	for _, chain := range g.Chains[:min(len(g.Chains), maxChains)] {
		for j := 1; j < len(chain); j++ {
			e := edge{add(chain[j-1]), add(chain[j])}
			fallen[e.to] = true
			if !seen[e] {
				seen[e] = true
				edges = append(edges, e)
			}
		}
	}
	if len(edges) == 0 {
		return ""
	}
	w, h := layout(nodes, edges)
	p := new(svg)
	for _, e := range edges {
		a, b := nodes[e.from], nodes[e.to]
		p.arrow(a, b, a.y+15, b.y+15, "dropped", names[e.to]+" depends on "+names[e.from])
	}
	for i, n := range nodes {
		class := "entity same"
		if fallen[i] {
			class = "entity dropped"
		}
		p.open(class, names[i])
		p.rect(n.x, n.y, n.w, n.h, 6, "box")
		p.text(n.x+12, n.y+20, "t-name", fit(names[i], 36))
		p.close()
	}
	return p.picture(w+32, h+4, "dropped by CASCADE")
}
