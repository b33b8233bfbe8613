package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/kiosk/words"
	"baylight/sync/backoffice/kpi"
)

func ptr[T any](v T) *T { return &v }

// rows are two store days: a full one, and one on which nothing happened.
func rows() []kpi.Row {
	full := kpi.Row{Key: "2026-11-21", Arrivals: 12, Orders: 10, CategoryCounts: 11, Vehicles: 9, OrdersWithoutVehicle: 1,
		Categories: map[kiosk.Category]int{kiosk.Maintenance: 8, kiosk.Minor: 3},
		OnTime:     kpi.OnTimeRate{Ratio: kpi.Ratio{Rate: ptr(0.7), Numerator: 7, Denominator: 10}},
		Turnaround: kpi.Minutes{N: 3, P50: ptr(int64(90)), P90: ptr(int64(240))},
		Stages:     kpi.StageTotals{Visits: 3, TotalMS: 21_600_000, MS: map[kiosk.Stage]int64{kiosk.StageWorking: 10_860_000}}}
	return []kpi.Row{full, {Key: "2026-11-22"}}
}

func about(by kpi.By, lang words.Lang) About {
	return About{Store: "浦东店", From: "2026-11-21", To: "2026-11-23", By: by, AsOf: "7d0c-42", Lang: lang}
}

func TestTextIsAlignedByWidth(t *testing.T) {
	var out bytes.Buffer
	if err := Figures(rows(), about(kpi.ByDay, words.ZH)).Text(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	want := []string{"售后服务指标", "浦东店　2026-11-21 至 2026-11-23（不含）", "口径 kpi/1　账本位置 7d0c-42"}
	if diff := cmp.Diff(want, lines[:3]); diff != "" {
		t.Error(diff)
	}
	if len(lines) != 6 || cells(lines[3]) != cells(lines[4]) || cells(lines[4]) != cells(lines[5]) {
		t.Errorf("the columns are not aligned:\n%s", out.String())
	}
	for _, part := range []string{"70.0 %", " 12 ", " 90 "} {
		if !strings.Contains(lines[4], part) {
			t.Errorf("the full day lacks %q: %s", part, lines[4])
		}
	}
	if !strings.Contains(lines[5], "–") || strings.Contains(lines[5], "%") {
		t.Errorf("a rate of nothing is not empty: %s", lines[5])
	}
}

func TestCSV(t *testing.T) {
	var out bytes.Buffer
	if err := Figures(rows(), about(kpi.ByDay, words.EN)).CSV(&out); err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(out.String(), "\ufeff")
	if !ok || !strings.Contains(text, "\r\n") {
		t.Error("a byte order mark and CRLF are missing")
	}
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for i, title := range all[0] {
		if got[title] != nil {
			t.Errorf("two columns are called %q", title)
		}
		got[title] = []string{all[1][i], all[2][i]}
	}
	for title, want := range map[string][]string{"Day": {"2026-11-21", "2026-11-22"}, "On-time rate": {"0.7", ""}, "On-time rate denominator": {"10", "0"},
		"Turnaround p90, min": {"240", ""}, "In work mean, min": {"60", ""}, "Minor repair": {"3", "0"}} {
		if diff := cmp.Diff(want, got[title]); diff != "" {
			t.Errorf("%s: %s", title, diff)
		}
	}
}

func TestXLSX(t *testing.T) {
	table := Figures(rows(), about(kpi.ByDay, words.ZH))
	var out, again bytes.Buffer
	if err := table.XLSX(&out); err != nil {
		t.Fatal(err)
	}
	if err := table.XLSX(&again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("the same table gave other bytes")
	}
	f, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sheet := f.GetSheetName(0)
	for i, c := range table.Columns {
		name, _ := excelize.CoordinatesToCellName(i+1, 4)
		if got, err := f.GetCellValue(sheet, name); got != c.Title || err != nil {
			t.Errorf("column %d is called %q, %v; want %q", i+1, got, err, c.Title)
		}
		name, _ = excelize.CoordinatesToCellName(i+1, 5)
		kind, err := f.GetCellType(sheet, name)
		if err != nil {
			t.Fatal(err)
		}
		if number := kind == excelize.CellTypeUnset || kind == excelize.CellTypeNumber; number == (c.Kind == Text) {
			t.Errorf("%s: the cell is of type %v", c.Key, kind)
		}
		if c.Key == "on_time_rate" {
			shown, _ := f.GetCellValue(sheet, name)
			raw, _ := f.GetCellValue(sheet, name, excelize.Options{RawCellValue: true})
			if shown != "70.0%" || raw != "0.7" {
				t.Errorf("the rate is %s, shown as %s", raw, shown)
			}
		}
	}
}

// TestFormulas holds that no text from outside is taken for a formula, whatever
// it begins with.
func TestFormulas(t *testing.T) {
	for _, evil := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1", "=HYPERLINK(\"http://x\")", "\n@x"} {
		table := Table{Columns: []Column{{Key: "key", Title: evil}}, Rows: [][]Cell{{evil}}}
		var out bytes.Buffer
		if err := table.CSV(&out); err != nil {
			t.Fatal(err)
		}
		all, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range all {
			if !strings.HasPrefix(line[0], "'") {
				t.Errorf("%q stands in CSV as %q", evil, line[0])
			}
		}
		out.Reset()
		if err := table.XLSX(&out); err != nil {
			t.Fatal(err)
		}
		f, err := excelize.OpenReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		for _, cell := range []string{"A1", "A2"} {
			formula, err := f.GetCellFormula(f.GetSheetName(0), cell)
			if kind, _ := f.GetCellType(f.GetSheetName(0), cell); formula != "" || err != nil || kind != excelize.CellTypeSharedString {
				t.Errorf("%q stands in XLSX as formula %q, type %v (%v)", evil, formula, kind, err)
			}
		}
	}
}

// TestAnything: whatever a key holds, each format has as many rows as the table
// and no line more.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 4).Draw(t, "rows")
		table := Table{Title: rapid.String().Draw(t, "title"), Columns: []Column{{Key: "key", Title: "Key"}, {Key: "n", Title: "N", Kind: Count}}}
		for range n {
			key := string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "key"))
			table.Rows = append(table.Rows, []Cell{key, rapid.Int64().Draw(t, "n")})
		}
		var text, file bytes.Buffer
		if err := table.Text(&text); err != nil {
			t.Fatal(err)
		}
		want := n + 1
		if table.Title != "" {
			want++
		}
		if got := strings.Count(text.String(), "\n"); got != want || !utf8.Valid(text.Bytes()) || strings.ContainsRune(text.String(), '\x1b') {
			t.Errorf("%d lines instead of %d, or bytes that no terminal should get: %q", got, want, text.String())
		}
		if err := table.CSV(&file); err != nil {
			t.Fatal(err)
		}
		all, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.String(), "\ufeff"))).ReadAll()
		if err != nil || len(all) != n+1 {
			t.Errorf("%d lines of CSV, %v; want %d", len(all), err, n+1)
		}
	})
}

func TestWrongCells(t *testing.T) {
	for _, table := range []Table{
		{Columns: []Column{{Key: "n", Kind: Count}}, Rows: [][]Cell{{"text"}}},
		{Columns: []Column{{Key: "n", Kind: Share}}, Rows: [][]Cell{{int64(1)}}},
		{Columns: []Column{{Key: "n"}}, Rows: [][]Cell{{}}},
	} {
		for name, write := range map[string]func() error{"text": func() error { return table.Text(&bytes.Buffer{}) },
			"csv": func() error { return table.CSV(&bytes.Buffer{}) }, "xlsx": func() error { return table.XLSX(&bytes.Buffer{}) }} {
			if err := write(); err == nil {
				t.Errorf("%s: %v was written", name, table.Rows)
			}
		}
	}
}

// TestColumns holds that titles exist in both languages and differ, and that a
// row that went through JSON gives the same table.
func TestColumns(t *testing.T) {
	for _, by := range []kpi.By{kpi.ByNone, kpi.ByDay, kpi.ByAdviser, kpi.ByCategory, kpi.ByBay, kpi.ByTechnician} {
		for _, lang := range []words.Lang{words.ZH, words.EN} {
			titles, keys := map[string]bool{}, map[string]bool{}
			for _, c := range Figures(nil, about(by, lang)).Columns {
				if titles[c.Title] || keys[c.Key] || strings.Contains(c.Title, "report.") || strings.Contains(c.Title, "kpi.") || strings.Contains(c.Title, "stage.") {
					t.Errorf("by %s, %s: column %s is called %q", by, lang, c.Key, c.Title)
				}
				titles[c.Title], keys[c.Key] = true, true
			}
		}
	}
	b, err := json.Marshal(rows())
	if err != nil {
		t.Fatal(err)
	}
	var back []kpi.Row
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Figures(rows(), about(kpi.ByDay, words.ZH)), Figures(back, about(kpi.ByDay, words.ZH))); diff != "" {
		t.Error(diff)
	}
}

// TestEveryFigure changes each number of a row in turn and holds that the table
// shows it: a figure that is added to rows is added here, or named as left out.
func TestEveryFigure(t *testing.T) {
	leftOut := map[string]string{
		"OnTime.Variants": "the page of variants", "Quality.Flags": "the page of complete data", "Throughput.Hours": "the page of throughput", "Throughput.Categories": "inspections by category",
		"Repair.Categories": "rows by category have it", "Stages.TotalMS": "the parts add up to it", "Bays.Bays": "part of the denominator", "Bays.Within.Running": "a variant",
		"Bays.Within.Occupied": "a variant", "Receptions.CategoryCounts": "a column of its own", "Receptions.WorkingDays": "a column of its own", "Receptions.Advisers": "made of",
		"WorkingDays.Unknown": "the page says so", "Response.Accepted.N": "how many", "Response.FirstJob.N": "how many", "Repair.Gross.N": "how many", "Repair.Net.N": "how many",
		"Turnaround.N": "how many", "PromiseError.N": "how many",
	}
	base := func() kpi.Row {
		r := kpi.Row{Categories: map[kiosk.Category]int{}, Stages: kpi.StageTotals{Visits: 1, MS: map[kiosk.Stage]int64{kiosk.StageWorking: 60_000}}}
		r.Efficiency, r.Productivity, r.Bays, r.Charged = &kpi.TimeRatio{}, &kpi.TimeRatio{}, &kpi.BayUse{}, &kpi.Ratio{}
		return r
	}
	seen := 0
	var walk func(path string, at func(*kpi.Row) reflect.Value)
	walk = func(path string, at func(*kpi.Row) reflect.Value) {
		r := base()
		v := at(&r)
		if leftOut[path] != "" {
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				name := v.Type().Field(i).Name
				if v.Type().Field(i).Anonymous {
					name = ""
				}
				walk(strings.Trim(path+"."+name, "."), func(r *kpi.Row) reflect.Value { return at(r).Field(i) })
			}
			return
		case reflect.Pointer:
			if !v.IsNil() {
				walk(path, func(r *kpi.Row) reflect.Value { return at(r).Elem() })
				return
			}
			n := reflect.New(v.Type().Elem())
			fill(n.Elem())
			v.Set(n)
		case reflect.Map:
			n := reflect.New(v.Type().Elem()).Elem()
			fill(n)
			v.SetMapIndex(reflect.ValueOf(kiosk.Maintenance).Convert(v.Type().Key()), n)
			if v.Type().Key() == reflect.TypeFor[kiosk.Stage]() {
				v.SetMapIndex(reflect.ValueOf(kiosk.StageReception), n)
			}
		default:
			fill(v)
		}
		if seen++; cmp.Equal(Figures([]kpi.Row{base()}, about(kpi.ByDay, words.EN)), Figures([]kpi.Row{r}, about(kpi.ByDay, words.EN))) {
			t.Errorf("%s is in no column", path)
		}
	}
	walk("", func(r *kpi.Row) reflect.Value { return reflect.ValueOf(r).Elem() })
	if seen < 40 {
		t.Errorf("only %d numbers were looked at", seen)
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Float64:
		v.SetFloat(0.25)
	case reflect.Int, reflect.Int64:
		v.SetInt(600_000)
	case reflect.String:
		v.SetString("x")
	}
}
