package hostile_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/unicode/norm"

	"baylight/cmd/internal/hostile"
	"baylight/sync/backoffice/report"
)

// table is one whose every text is s.
func table(all ...string) report.Table {
	out := report.Table{Title: all[0], Notes: []string{all[0]}, Columns: []report.Column{{Key: "a", Title: all[0]}, {Key: "n", Title: "n", Kind: report.Count}, {Key: "b", Title: "b"}}}
	for i, s := range all {
		out.Rows = append(out.Rows, []report.Cell{s, int64(i), s})
	}
	return out
}

// runs says whether a spreadsheet may take a cell for a formula: what comes
// first that can be seen counts, in any of its forms.
func runs(cell string) bool {
	for _, r := range cell {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) {
			continue
		}
		return strings.ContainsAny(norm.NFKC.String(string(r)), "=+-@") || r == '−'
	}
	return false
}

// checkCSV reads the file back with a reader that is not ours.
func checkCSV(t *testing.T, all ...string) {
	t.Helper()
	var out bytes.Buffer
	if err := table(all...).CSV(&out); err != nil {
		t.Fatal(err)
	}
	text, _ := strings.CutPrefix(out.String(), "\ufeff")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != len(all)+1 {
		t.Fatalf("%d rows became %d: %v", len(all), len(rows), err)
	}
	for i, row := range rows[1:] {
		if len(row) != 3 || row[0] != row[2] {
			t.Errorf("%.60q stands as %.60q", all[i], row)
			continue
		}
		if runs(row[0]) || runs(rows[0][0]) {
			t.Errorf("%.60q is run as %.60q", all[i], row[0])
		}
		if steers(row[0], "") {
			t.Errorf("%.60q stands as %.60q, which steers", all[i], row[0])
		}
	}
}

// steers says whether s has what a terminal obeys, or what hides or turns
// writing, but for the characters allowed.
func steers(s, but string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune(but, r) && (unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r))
	})
}

// checkXLSX opens the workbook: every text is a string cell, and no part of it
// has a formula, a link or a part of its own.
func checkXLSX(t *testing.T, all ...string) {
	t.Helper()
	var out bytes.Buffer
	if err := table(all...).XLSX(&out); err != nil {
		t.Fatal(err)
	}
	parts(t, out.Bytes())
	f, err := excelize.OpenReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sheet := f.GetSheetName(0)
	rows, err := f.GetRows(sheet)
	if err != nil || len(f.GetSheetList()) != 1 {
		t.Fatal(err, f.GetSheetList())
	}
	strings := 0
	for i, row := range rows {
		for j := range row {
			at, err := excelize.CoordinatesToCellName(j+1, i+1)
			if err != nil {
				t.Fatal(err)
			}
			formula, _ := f.GetCellFormula(sheet, at)
			kind, _ := f.GetCellType(sheet, at)
			if kind == excelize.CellTypeSharedString || kind == excelize.CellTypeInlineString {
				strings++
			}
			if formula != "" || kind == excelize.CellTypeFormula {
				t.Errorf("%s of %.60q is a formula", at, all)
			}
		}
	}
	if strings < 2*len(all) {
		t.Errorf("%d cells of %d rows are texts", strings, len(all))
	}
}

// parts reads every part of a workbook as XML.
func parts(t *testing.T, b []byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range z.File {
		if strings.Contains(part.Name, "..") || strings.Contains(part.Name, "externalLink") {
			t.Errorf("the workbook has a part %q", part.Name)
		}
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(r); ; {
			x, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s is no XML: %v", part.Name, err)
			}
			if e, ok := x.(xml.StartElement); ok && (e.Name.Local == "f" || e.Name.Local == "hyperlink" || e.Name.Local == hostile.Mark) {
				t.Errorf("%s has an element %s", part.Name, e.Name.Local)
			}
			if _, ok := x.(xml.Directive); ok {
				t.Errorf("%s has a directive", part.Name)
			}
		}
		r.Close()
	}
}

// checkText: lines of a terminal are as many as rows, and nothing in them steers.
func checkText(t *testing.T, all ...string) {
	t.Helper()
	var out bytes.Buffer
	if err := table(all...).Text(&out); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n > len(all)+3 || steers(out.String(), "\n") {
		t.Errorf("%.60q: %d lines of %d rows: %.200q", all, n, len(all), out.String())
	}
}

func values() (out []string) {
	for _, x := range hostile.Texts() {
		out = append(out, x.Value)
	}
	return out
}

func TestCSV(t *testing.T) {
	for _, v := range values() {
		checkCSV(t, v)
	}
	checkCSV(t, values()...)
}

func TestXLSX(t *testing.T) {
	checkXLSX(t, values()...)
	for _, x := range hostile.Texts(hostile.Formula, hostile.Workbook) {
		if x.Value != "" {
			checkXLSX(t, x.Value)
		}
	}
}

func TestTextTable(t *testing.T) {
	for _, v := range values() {
		checkText(t, v)
	}
}

func FuzzTable(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) {
		checkCSV(t, s)
		checkText(t, s)
	})
}

func FuzzXLSX(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) { checkXLSX(t, s, "text") })
}
