package booking

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"baylight/kiosk"
	"baylight/kiosk/vin"
	"baylight/sync/wire"
)

// Bounds of an import.
const (
	MaxBytes  = 1 << 20
	MaxRows   = 5000
	MaxFaults = 20 // told of one import
	maxCell   = 200
	maxCode   = 64
)

// Entry is one booking as it was read. It is personal: only what Days makes of
// it leaves the back office.
type Entry struct {
	Line    int // in the import, from 1; the header is line 1 of a CSV
	ID      string
	At      time.Time
	Plate   vin.Plate
	VIN     vin.VIN
	Code    string // the text of the customer's code, as a scanner reads it
	Purpose string
}

// Fault is what is wrong with one line, and what would be right.
type Fault struct {
	Line    int    `json:"line"`
	Column  string `json:"column,omitempty"`
	Message string `json:"message"`
}

// Faults is an import with mistakes: nothing of it was taken.
type Faults []Fault

func (f Faults) Error() string {
	parts := make([]string, len(f))
	for i, one := range f {
		parts[i] = fmt.Sprintf("line %d, %s: %s", one.Line, one.Column, one.Message)
	}
	return "read bookings: " + strings.Join(parts, "; ")
}

// columns are the names under which a column may come.
func columns() map[string][]string {
	return map[string][]string{
		"id":      {"id", "booking", "预约号", "预约单号"},
		"time":    {"time", "at", "预约时间", "预约到店时间"},
		"plate":   {"plate", "车牌", "车牌号", "车牌号码"},
		"vin":     {"vin", "车架号", "底盘号"},
		"code":    {"code", "预约码", "二维码"},
		"purpose": {"purpose", "来店目的", "预约类型"},
	}
}

// purposes are the words for what was booked.
func purposes() map[string]string {
	return map[string]string{"保养": "maintenance", "故障": "fault", "维修": "fault", "事故": "accident", "钣喷": "accident", "其他": "other"}
}

// Read reads an import: a CSV with a header line (UTF-8, or GB 18030 as
// spreadsheets on Chinese systems write it), or a JSON list of objects with the
// names id, time, plate, vin, code, purpose. Other columns are ignored, and
// named. Local times are in zone. With any mistake the error is Faults.
func Read(b []byte, zone *time.Location) (entries []Entry, ignored []string, err error) {
	if len(b) > MaxBytes {
		return nil, nil, Faults{{Message: fmt.Sprintf("%d bytes, at most %d are allowed", len(b), MaxBytes)}}
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(b) {
		if b, err = simplifiedchinese.GB18030.NewDecoder().Bytes(b); err != nil {
			return nil, nil, Faults{{Line: 1, Message: "neither UTF-8 nor GB 18030"}}
		}
	}
	rows, ignored, err := readRows(b)
	if err != nil {
		return nil, ignored, err
	}
	if len(rows) > MaxRows {
		return nil, ignored, Faults{{Line: MaxRows + 1, Message: fmt.Sprintf("%d bookings, at most %d are allowed", len(rows), MaxRows)}}
	}
	var faults Faults
	for _, r := range rows {
		e, wrong := r.entry(zone)
		faults = append(faults, wrong...)
		entries = append(entries, e)
		if len(faults) >= MaxFaults {
			break
		}
	}
	if len(faults) > 0 {
		return nil, ignored, faults[:min(len(faults), MaxFaults)]
	}
	return entries, ignored, nil
}

// row is a line's cells by the names of columns.
type row struct {
	line  int
	cells map[string]string
}

func readRows(b []byte) ([]row, []string, error) {
	if t := bytes.TrimSpace(b); len(t) > 0 && t[0] == '[' {
		return readJSON(t)
	}
	return readCSV(b)
}

func readJSON(b []byte) (rows []row, ignored []string, err error) {
	var list []map[string]any
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, nil, Faults{{Line: 1, Message: "not a JSON list of objects: " + err.Error()}}
	}
	for i, o := range list {
		r := row{i + 1, map[string]string{}}
		for name, v := range o {
			column := columnOf(name)
			text, isText := v.(string)
			if column != "" && v != nil && !isText {
				return nil, nil, Faults{{Line: i + 1, Column: column, Message: "not a text"}}
			}
			if column != "" {
				r.cells[column] = text
			}
			if column == "" && !slices.Contains(ignored, name) && len(ignored) < MaxFaults {
				ignored = append(ignored, clip(name))
			}
		}
		rows = append(rows, r)
	}
	slices.Sort(ignored)
	return rows, ignored, nil
}

func readCSV(b []byte) (rows []row, ignored []string, err error) {
	in := csv.NewReader(bytes.NewReader(b))
	in.FieldsPerRecord, in.TrimLeadingSpace = -1, true
	if head, _, _ := bytes.Cut(b, []byte("\n")); bytes.Count(head, []byte(",")) == 0 {
		for _, c := range ";\t" {
			if bytes.ContainsRune(head, c) {
				in.Comma = c
			}
		}
	}
	var header []string
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, Faults{{Line: max(1, len(rows)+2), Message: err.Error()}}
		}
		if header == nil {
			for _, name := range record {
				header = append(header, columnOf(name))
				if columnOf(name) == "" {
					ignored = append(ignored, clip(name))
				}
			}
			continue
		}
		line, _ := in.FieldPos(0)
		r := row{line, map[string]string{}}
		for i, cell := range record {
			if i < len(header) && header[i] != "" {
				r.cells[header[i]] = cell
			}
		}
		rows = append(rows, r)
	}
	if !slices.Contains(header, "time") {
		return nil, ignored, Faults{{Line: 1, Column: "time", Message: "the header line needs a column time (预约时间) and one of plate, vin, code (车牌号, 车架号, 预约码)"}}
	}
	return rows, ignored, nil
}

func columnOf(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	for column, names := range columns() {
		if slices.Contains(names, name) {
			return column
		}
	}
	return ""
}

// clip bounds what is told of a text from outside.
func clip(s string) string {
	rs := []rune(strings.ToValidUTF8(s[:min(len(s), 160)], "?"))
	return string(rs[:min(len(rs), 40)])
}

// entry is the booking of a line, or what is wrong with it.
func (r row) entry(zone *time.Location) (e Entry, faults Faults) {
	wrong := func(column, format string, args ...any) {
		faults = append(faults, Fault{r.line, column, fmt.Sprintf(format, args...)})
	}
	for column, text := range r.cells {
		text = strings.TrimSpace(text)
		r.cells[column] = text
		if len(text) > maxCell || strings.ContainsFunc(text, unicode.IsControl) {
			wrong(column, "%q is too long or has characters that cannot be used", clip(text))
			r.cells[column] = ""
		}
	}
	e.Line = r.line
	var err error
	if e.At, err = readTime(r.cells["time"], zone); err != nil {
		wrong("time", "%q is no time such as 2026-11-22 09:30", clip(r.cells["time"]))
	}
	if e.ID = r.cells["id"]; e.ID != "" {
		if err := kiosk.CheckBookingID(e.ID); err != nil {
			wrong("id", "%v", err)
		}
	}
	if text := r.cells["plate"]; text != "" {
		if e.Plate, _, err = vin.ParsePlate(text); err != nil {
			wrong("plate", "%q is no plate such as 粤B12345", clip(text))
		}
	}
	if text := r.cells["vin"]; text != "" {
		if e.VIN, _, err = vin.Parse(text); err != nil {
			wrong("vin", "%q is no VIN: 17 characters without I, O and Q", clip(text))
		}
	}
	if e.Code = r.cells["code"]; len(e.Code) > maxCode {
		wrong("code", "%d characters, at most %d are allowed", len(e.Code), maxCode)
	}
	if text := r.cells["purpose"]; text != "" {
		if e.Purpose = purposes()[text]; e.Purpose == "" {
			e.Purpose = text
		}
		if !slices.Contains(kiosk.Purposes(), e.Purpose) {
			wrong("purpose", "%q is not one of %s or 保养, 故障, 事故, 其他", clip(text), strings.Join(kiosk.Purposes(), ", "))
		}
	}
	if len(faults) == 0 && e.Plate == "" && e.VIN == "" && e.Code == "" {
		wrong("plate", "one of plate, vin and code is needed, or nobody can find the booking")
	}
	return e, faults
}

func readTime(text string, zone *time.Location) (time.Time, error) {
	for _, form := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006/1/2 15:04", "2006/1/2 15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.In(zone), err
}

// Days makes of entries what boards are told, by day of the store. A booking
// without an id gets one drawn from what it says, so that the same import gives
// the same ids.
func Days(entries []Entry, key []byte, zone *time.Location) (map[string]wire.Bookings, error) {
	days := map[string]wire.Bookings{}
	seen := map[string]int{}
	for _, e := range entries {
		b := wire.Booking{ID: e.ID, At: e.At.In(zone), Plate: vin.Mask(e.Plate), Purpose: e.Purpose}
		if e.Plate != "" {
			b.PlateKey = kiosk.BookedPlate(key, string(e.Plate))
		}
		if e.VIN != "" {
			b.Vehicle = kiosk.Keyed(key, string(e.VIN))
		}
		if e.Code != "" {
			b.CodeKey = kiosk.BookedCode(key, e.Code)
		}
		day := b.At.Format(time.DateOnly)
		if b.ID == "" {
			b.ID = "B" + kiosk.Keyed(key, strings.Join([]string{"booking id", b.At.UTC().Format(time.RFC3339), b.PlateKey, b.Vehicle, b.CodeKey}, "\n"))[:12]
		}
		if first, twice := seen[day+b.ID]; twice {
			return nil, Faults{{e.Line, "id", fmt.Sprintf("the same booking stands on line %d", first)}}
		}
		seen[day+b.ID] = e.Line
		d := days[day]
		d.Day, d.Bookings = day, append(d.Bookings, b)
		days[day] = d
		if len(d.Bookings) > wire.MaxBookings {
			return nil, Faults{{e.Line, "time", fmt.Sprintf("more than %d bookings on %s", wire.MaxBookings, day)}}
		}
	}
	for day, d := range days {
		slices.SortStableFunc(d.Bookings, func(a, b wire.Booking) int { return a.At.Compare(b.At) })
		if err := d.Check(); err != nil {
			return nil, fmt.Errorf("bookings of %s: %w", day, err)
		}
	}
	return days, nil
}
