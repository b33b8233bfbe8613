package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Kind says what the cells of a column are.
type Kind int

// The kinds of column.
const (
	Text    Kind = iota // string
	Count               // int64
	Share               // float64 from 0 to 1
	Minutes             // int64, whole minutes
	Number              // float64, of no unit
)

// Column is one column of a table.
type Column struct {
	Key   string // for programs: words of a-z and digits joined by _
	Title string // for people
	Kind  Kind
	Aside bool // a terminal has no room for it: Text leaves it out
}

// Cell is a string, an int64, a float64, or nil for what cannot be told.
type Cell any

// Table is rows under columns, with the lines that say what it is.
type Table struct {
	Title   string
	Notes   []string // above the columns: store, period, definition, position
	Columns []Column
	Rows    [][]Cell // each as long as Columns
}

// check refuses cells that do not fit their column, so that no writer guesses.
func (t Table) check() error {
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("row %d has %d cells under %d columns", i+1, len(row), len(t.Columns))
		}
		for j, c := range row {
			ok := c == nil
			switch c.(type) {
			case string:
				ok = t.Columns[j].Kind == Text
			case int64:
				ok = t.Columns[j].Kind == Count || t.Columns[j].Kind == Minutes
			case float64:
				ok = t.Columns[j].Kind == Share || t.Columns[j].Kind == Number
			}
			if !ok {
				return fmt.Errorf("row %d: %v (%T) does not fit column %s", i+1, c, c, t.Columns[j].Key)
			}
		}
	}
	return nil
}

// shown is a cell for people; "–" for what cannot be told.
func shown(k Kind, c Cell) string {
	switch v := c.(type) {
	case string:
		return printable(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		if k == Number {
			return strconv.FormatFloat(v, 'f', 1, 64)
		}
		return strconv.FormatFloat(100*v, 'f', 1, 64) + " %"
	}
	return "–"
}

// plain is a cell for programs; empty for what cannot be told.
func plain(c Cell) string {
	switch v := c.(type) {
	case string:
		return printable(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// printable takes out what moves a terminal's cursor or splits a line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}

// cells is how many columns of a terminal a text takes: two for a Chinese
// character and for full-width signs.
func cells(s string) (n int) {
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
