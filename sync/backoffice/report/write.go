package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/unicode/norm"
)

// The types of what CSV and XLSX write.
const (
	CSVType  = "text/csv; charset=utf-8"
	XLSXType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// Text writes the table for a terminal: aligned by the width its characters
// take, numbers to the right.
func (t Table) Text(w io.Writer) error {
	if err := t.check(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	t = t.narrow()
	lines := [][]string{make([]string, 0, len(t.Columns))}
	for _, c := range t.Columns {
		lines[0] = append(lines[0], printable(c.Title))
	}
	for _, row := range t.Rows {
		line := make([]string, 0, len(row))
		for i, c := range row {
			line = append(line, shown(t.Columns[i].Kind, c))
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(t.Columns))
	for _, line := range lines {
		for i, s := range line {
			widths[i] = max(widths[i], cells(s))
		}
	}
	var out strings.Builder
	for _, s := range append([]string{t.Title}, t.Notes...) {
		if s != "" {
			fmt.Fprintln(&out, printable(s))
		}
	}
	for _, line := range lines {
		var b strings.Builder
		for i, s := range line {
			pad := strings.Repeat(" ", widths[i]-cells(s))
			if t.Columns[i].Kind == Text {
				b.WriteString(s + pad + "  ")
			} else {
				b.WriteString(pad + s + "  ")
			}
		}
		fmt.Fprintln(&out, strings.TrimRight(b.String(), " "))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// narrow is the table without the columns that stand aside.
func (t Table) narrow() Table {
	n := Table{Title: t.Title, Notes: t.Notes, Rows: make([][]Cell, len(t.Rows))}
	for i, c := range t.Columns {
		if c.Aside {
			continue
		}
		n.Columns = append(n.Columns, c)
		for j, row := range t.Rows {
			n.Rows[j] = append(n.Rows[j], row[i])
		}
	}
	return n
}

// CSV writes columns and rows, without title and notes: one header, then data,
// as programs expect it.
func (t Table) CSV(w io.Writer) error {
	if err := t.check(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	line := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		line[i] = harmless(c.Title)
	}
	_ = out.Write(line) // Error tells
	for _, row := range t.Rows {
		for i, c := range row {
			line[i] = plain(c)
			if t.Columns[i].Kind == Text {
				line[i] = harmless(line[i])
			}
		}
		_ = out.Write(line)
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from taking a text for a formula: one begins with
// = + - @ in any of its widths, and what cannot be seen before it may be passed over.
func harmless(s string) string {
	s = printable(s)
	seen := strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
	if first, n := utf8.DecodeRuneInString(seen); n > 0 && (first == '−' || strings.ContainsAny(norm.NFKC.String(string(first)), "=+-@")) {
		return "'" + s
	}
	return s
}

// XLSX writes a workbook of one sheet: title, notes, then columns and rows with
// a filter and the header kept in sight.
func (t Table) XLSX(w io.Writer) (err error) {
	if err := t.check(); err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	f := excelize.NewFile()
	defer f.Close()
	if err := t.fill(f, f.GetSheetName(0)); err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	var b bytes.Buffer // a workbook is small, and half a one is of no use
	if err := f.Write(&b); err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// sheet writes cells one by one and remembers the first error.
type sheet struct {
	f    *excelize.File
	name string
	err  error
}

func (s *sheet) at(col, row int) string {
	name, err := excelize.CoordinatesToCellName(col, row)
	s.keep(err)
	return name
}

func (s *sheet) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *sheet) text(col, row int, v string) {
	s.keep(s.f.SetCellStr(s.name, s.at(col, row), printable(v)))
}

func (t Table) fill(f *excelize.File, name string) error {
	s := &sheet{f: f, name: name}
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"}})
	s.keep(err)
	percent := "0.0%"
	share, err := f.NewStyle(&excelize.Style{CustomNumFmt: &percent})
	s.keep(err)
	row := 1
	for _, line := range append([]string{t.Title}, t.Notes...) {
		if line != "" {
			s.text(1, row, line)
			row++
		}
	}
	head := row
	for i, c := range t.Columns {
		s.text(i+1, head, c.Title)
		col, err := excelize.ColumnNumberToName(i + 1)
		s.keep(err)
		wide := 11.0
		if c.Kind == Text {
			wide = 16
		}
		s.keep(f.SetColWidth(name, col, col, wide))
	}
	for i, line := range t.Rows {
		for j, c := range line {
			t.cell(s, j, head+1+i, c, share)
		}
	}
	if len(t.Columns) > 0 {
		s.keep(f.SetCellStyle(name, s.at(1, head), s.at(len(t.Columns), head), bold))
		s.keep(f.AutoFilter(name, s.at(1, head)+":"+s.at(len(t.Columns), head+len(t.Rows)), nil))
		s.keep(f.SetPanes(name, &excelize.Panes{Freeze: true, XSplit: 1, YSplit: head, TopLeftCell: s.at(2, head+1), ActivePane: "bottomRight"}))
	}
	// A file says nothing about when and by whom it was made: the notes do.
	s.keep(f.SetDocProps(&excelize.DocProperties{Title: printable(t.Title), Creator: "Baylight", Created: "2026-01-01T00:00:00Z", Modified: "2026-01-01T00:00:00Z"}))
	return s.err
}

func (t Table) cell(s *sheet, j, row int, c Cell, share int) {
	switch v := c.(type) {
	case string:
		s.text(j+1, row, v)
	case int64:
		s.keep(s.f.SetCellInt(s.name, s.at(j+1, row), v))
	case float64:
		s.keep(s.f.SetCellFloat(s.name, s.at(j+1, row), v, -1, 64))
		if t.Columns[j].Kind == Share {
			s.keep(s.f.SetCellStyle(s.name, s.at(j+1, row), s.at(j+1, row), share))
		}
	}
}
