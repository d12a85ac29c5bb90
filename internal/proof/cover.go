package proof

import "slices"

// factor is a column of the rows of a crowd, or the columns of one of its
// foreign keys, with the values that they may have.
type factor struct {
	cols  []int16
	cells []cell
	once  bool // part of a unique key: no two rows have the same
}

// cell is what the columns of a factor have in a row.
type cell struct {
	vals []string
	odd  oddity
}

// combine gives rows of cells, as an index for each factor, -1 for what the
// model row has: first the model with each single cell, then rows that hold
// every pair of cells, the ordinary ones first, most rows at most.
func combine(factors []factor, most int) [][]int {
	var out [][]int
	model := make([]int, len(factors))
	for i := range model {
		model[i] = -1
	}
	for _, level := range []oddity{plain, odd, extreme} {
		for f, fa := range factors {
			for c, ce := range fa.cells {
				if ce.odd == level {
					row := slices.Clone(model)
					row[f] = c
					out = append(out, row)
				}
			}
		}
	}
	if len(out) >= most {
		return out[:most]
	}
	return append(out, pairs(factors, most-len(out))...)
}

// two are a cell of one factor and one of another.
type two struct{ f, c, g, d int }

// pairs gives rows in which every two cells meet.
func pairs(factors []factor, most int) [][]int {
	open := map[two]bool{}
	var order []two
	for f := range factors {
		for g := f + 1; g < len(factors); g++ {
			for c := range factors[f].cells {
				for d := range factors[g].cells {
					open[two{f, c, g, d}] = true
					order = append(order, two{f, c, g, d})
				}
			}
		}
	}
	oddness := func(p two) int { return int(factors[p.f].cells[p.c].odd) + int(factors[p.g].cells[p.d].odd) }
	slices.SortStableFunc(order, func(a, b two) int { return oddness(a) - oddness(b) })
	var out [][]int
	for _, p := range order {
		if len(out) == most {
			break
		}
		if !open[p] {
			continue
		}
		row := make([]int, len(factors))
		for i := range row {
			row[i] = -1
		}
		row[p.f], row[p.g] = p.c, p.d
		for f := range factors {
			if row[f] < 0 {
				row[f] = bestCell(factors, row, f, open, oddness(p))
			}
		}
		for f := range row {
			for g := f + 1; g < len(row); g++ {
				delete(open, two{f, row[f], g, row[g]})
			}
		}
		out = append(out, row)
	}
	return out
}

// bestCell is the cell of a factor that meets the most others of a row for the
// first time, none that is less usual than the row is already.
func bestCell(factors []factor, row []int, f int, open map[two]bool, level int) int {
	best, most := -1, -1
	for c, ce := range factors[f].cells {
		if int(ce.odd) > level {
			continue
		}
		n := 0
		for g := range row {
			switch {
			case g == f || row[g] < 0:
			case g > f && open[two{f, c, g, row[g]}], g < f && open[two{g, row[g], f, c}]:
				n++
			}
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}
