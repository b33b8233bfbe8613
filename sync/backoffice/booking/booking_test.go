package booking_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/booking"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

var (
	zone = time.FixedZone("CST", 8*3600)
	key  = []byte("the store's key")
)

const export = "预约号,预约时间,车牌号,车架号,预约码,来店目的,姓名,电话\n" +
	"B-1,2026-11-22 09:30,粤b·12345,LSVAA4182E2184931,APPT-1,保养,王小明,13800000000\n" +
	"B-2,2026/11/22 8:00,京AD12345,,,事故,<script>alert(1)</script>,=1+1\n" +
	",2026-11-23T10:00:00+08:00,,,APPT-3,,李,1\n"

func TestRead(t *testing.T) {
	gbk, err := simplifiedchinese.GB18030.NewEncoder().String(export)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"UTF-8": export, "with a mark": "\ufeff" + export, "GB 18030": gbk,
		"semicolons": strings.ReplaceAll(export, ",", ";"), "CRLF": strings.ReplaceAll(export, "\n", "\r\n"),
		"JSON": `[{"id":"B-1","time":"2026-11-22 09:30","plate":"粤B12345","vin":"LSVAA4182E2184931","code":"APPT-1","purpose":"maintenance","姓名":"王","电话":1},
			{"id":"B-2","time":"2026-11-22 08:00","plate":"京AD12345","purpose":"accident"},{"time":"2026-11-23T10:00:00+08:00","code":"APPT-3"}]`} {
		entries, ignored, err := booking.Read([]byte(text), zone)
		if err != nil || len(entries) != 3 {
			t.Errorf("%s: %d bookings, %v", name, len(entries), err)
			continue
		}
		if fmt.Sprint(ignored) != "[姓名 电话]" {
			t.Errorf("%s: ignored %q", name, ignored)
		}
		e := entries[0]
		if e.Plate != "粤B12345" || e.VIN != "LSVAA4182E2184931" || e.Purpose != "maintenance" || e.At.Format(time.RFC3339) != "2026-11-22T09:30:00+08:00" {
			t.Errorf("%s: read as %+v", name, e)
		}
		days, err := booking.Days(entries, key, zone)
		if err != nil || len(days) != 2 {
			t.Fatalf("%s: %d days, %v", name, len(days), err)
		}
		d := days["2026-11-22"].Bookings
		if d[0].ID != "B-2" || d[1].Plate != "粤B••345" || d[1].PlateKey != kiosk.BookedPlate(key, "粤B12345") ||
			d[1].Vehicle != kiosk.Keyed(key, "LSVAA4182E2184931") || d[1].CodeKey != kiosk.BookedCode(key, "APPT-1") {
			t.Errorf("%s: boards are told %+v", name, d)
		}
		b, err := days["2026-11-22"].Encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"12345", "LSVAA", "王", "138", "script", "=1", "APPT"} {
			if strings.Contains(string(b), secret) {
				t.Errorf("%s: boards are told %q: %s", name, secret, b)
			}
		}
	}
}

// Each mistake names its line and column; nothing is taken.
func TestReadRefuses(t *testing.T) {
	head := "time,plate,vin,code,purpose,id\n"
	for name, c := range map[string]struct {
		text, column string
		line         int
	}{
		"no header":           {"", "time", 1},
		"no column of times":  {"plate\n粤B12345\n", "time", 1},
		"no time":             {head + "2026-11-22 09:30,粤B12345\n,粤B12345\n", "time", 3},
		"31 February":         {head + "2026-02-31 09:30,粤B12345\n", "time", 2},
		"no plate":            {head + "2026-11-22 09:30,<b>\n", "plate", 2},
		"a formula as plate":  {head + "2026-11-22 09:30,=1+1\n", "plate", 2},
		"no VIN":              {head + "2026-11-22 09:30,,123\n", "vin", 2},
		"nothing to find by":  {head + "2026-11-22 09:30\n", "plate", 2},
		"a long code":         {head + "2026-11-22 09:30,,," + strings.Repeat("x", 65) + "\n", "code", 2},
		"ESC/POS as code":     {head + "2026-11-22 09:30,,,\"\x1b@\"\n", "code", 2},
		"tea":                 {head + "2026-11-22 09:30,粤B12345,,,tea\n", "purpose", 2},
		"HTML as id":          {head + "2026-11-22 09:30,粤B12345,,,,<b>\n", "id", 2},
		"an open quote":       {head + "\"2026\n", "", 2},
		"JSON that is broken": {"[{]", "", 1},
		"JSON of numbers":     {`[{"time":1}]`, "time", 1},
		"too many bytes":      {strings.Repeat(" ", booking.MaxBytes+1), "", 0},
	} {
		_, _, err := booking.Read([]byte(c.text), zone)
		var faults booking.Faults
		if !errors.As(err, &faults) || faults[0].Line != c.line || faults[0].Column != c.column {
			t.Errorf("%s: %v, want line %d, column %q", name, err, c.line, c.column)
		}
	}
	// As a spreadsheet on a Chinese system writes it: names of columns that are none,
	// one line twice without a number, a formula where a plate should be.
	for text, want := range map[string]string{
		"到店日,牌照,客户\n2026-11-22 09:30,粤B12345,王\n":                                   "line 1, time: the header line needs a column time (预约时间)",
		"预约时间,车牌号\n2026-11-22 09:30,粤B12345\n2026-11-22 09:30,粤B12345\n":            "line 3, id: the same booking stands on line 2",
		"预约时间,车牌号\n2026-11-22 09:30,\"=HYPERLINK(\"\"http://x\"\")\"\n明天,粤B12345\n": `line 2, plate: "=HYPERLINK`,
		"预约号,预约时间,车牌号\n=1+1,2026-11-22 09:30,粤B12345\n":                             "line 2, id: ",
		"预约时间,车牌号,来店目的\n2026-11-22 09:30,粤B12345,@SUM(A1)\n":                        `line 2, purpose: "@SUM(A1)" is not one of`,
		"预约时间;车牌号\n2026-11-22 09:30;粤B12345\n2026-02-29 09:30;粤B12346\n":            `line 3, time: "2026-02-29 09:30" is no time such as`,
	} {
		gbk, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		entries, _, err := booking.Read(gbk, zone)
		if err == nil {
			_, err = booking.Days(entries, key, zone)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q in GBK: %v, want %q", text, err, want)
		}
	}
	twice := head + "2026-11-22 09:30,粤B12345,,,,B-1\n2026-11-22 10:30,粤B12346,,,,B-1\n"
	entries, _, err := booking.Read([]byte(twice), zone)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := booking.Days(entries, key, zone); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("one id twice: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(export))
	f.Add([]byte(`[{"time":"2026-11-22 09:30","code":"x"}]`))
	f.Add([]byte("time;plate\n2026-11-22 09:30;\xd4\xc1B12345"))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, _, err := booking.Read(b, zone)
		if err != nil {
			return
		}
		days, err := booking.Days(entries, key, zone)
		if err != nil {
			return
		}
		for day, d := range days {
			if _, err := d.Encode(); err != nil || d.Day != day {
				t.Errorf("%q gives %s, which cannot be told: %v", b, day, err)
			}
		}
	})
}

// retained hears what stands on the broker.
type retained struct {
	mu  sync.Mutex
	all map[string]string
}

func (r *retained) get(topic string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.all[topic]
	return s, ok
}

// A book is on the broker as long as its day lasts, whoever was away meanwhile.
func TestBook(t *testing.T) {
	srv, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	heard := &retained{all: map[string]string{}}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer func() { cancel(); running.Wait() }()
	connect := func(id string) *link.Link {
		l, err := link.New(link.Config{Broker: srv.URL(), ClientID: id, Min: time.Millisecond, Max: 10 * time.Millisecond}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l, ear := connect("office"), connect("ear")
	changed := make(chan struct{}, 100)
	ear.Handle("baylight/v1/sh-test/bookings/+", wire.QoS, func(_ context.Context, m link.Message) {
		heard.mu.Lock()
		heard.all[m.Topic[len("baylight/v1/sh-test/bookings/"):]] = string(m.Payload)
		heard.mu.Unlock()
		changed <- struct{}{}
	})
	var clock sync.Mutex
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, zone)
	papers, err := ledger.Open(filepath.Join(t.TempDir(), "l.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer papers.Close()
	open := func() *booking.Book {
		b, err := booking.Open(t.Context(), booking.Config{Store: "sh-test", Papers: papers, Key: key, Zone: zone, Link: l,
			Now: func() time.Time { clock.Lock(); defer clock.Unlock(); return now }})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := open()
	if _, _, err := b.Import([]byte("time,plate\n2026-11-21 09:30,粤B12345\n")); err == nil || !strings.Contains(err.Error(), "is over") {
		t.Errorf("yesterday's bookings: %v", err)
	}
	counts, _, err := b.Import([]byte(export))
	if err != nil || counts["2026-11-22"] != 2 || counts["2026-11-23"] != 1 {
		t.Fatalf("imported %v, %v", counts, err)
	}
	b = open() // as if the office had been restarted before it reached the broker
	running.Go(func() { _ = l.Run(ctx) })
	running.Go(func() { _ = ear.Run(ctx) })
	running.Go(func() { _ = b.Run(ctx) })
	wait := func(what string, ok func() bool) {
		t.Helper()
		soon, tick := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
		defer tick.Stop()
		for !ok() {
			select {
			case <-changed:
			case <-tick.C:
			case <-soon:
				t.Fatalf("%s: not within 20 s", what)
			}
		}
	}
	wait("both days", func() bool {
		a, _ := heard.get("2026-11-22")
		c, _ := heard.get("2026-11-23")
		return strings.Contains(a, "B-1") && c != ""
	})
	if _, _, err := b.Import([]byte("time,plate,id\n2026-11-22 11:00,粤B99999,B-9\n")); err != nil {
		t.Fatal(err)
	}
	wait("the day as it is now", func() bool {
		a, _ := heard.get("2026-11-22")
		return strings.Contains(a, "B-9") && !strings.Contains(a, "B-1")
	})
	clock.Lock()
	now = now.AddDate(0, 0, 1)
	clock.Unlock()
	wait("the day is emptied", func() bool { a, ok := heard.get("2026-11-22"); return ok && a == "" })
	wait("it is kept no longer", func() bool {
		left, _, err := papers.Papers(t.Context(), "sh-test", booking.Kind)
		return err == nil && len(left) == 1 && left[0].Name == "2026-11-23"
	})
}

func TestHandler(t *testing.T) {
	b, err := booking.Open(t.Context(), booking.Config{Store: "sh-test", Papers: memledger.New("l"), Key: key, Zone: zone, Now: func() time.Time { return time.Date(2026, 11, 22, 7, 0, 0, 0, zone) }})
	if err != nil {
		t.Fatal(err)
	}
	h := booking.Handler(func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer x" },
		func(store string) *booking.Book {
			if store == "sh-test" {
				return b
			}
			return nil
		})
	for name, c := range map[string]struct {
		query, auth, body string
		status            int
		says              string
	}{
		"imported":    {"store=sh-test", "Bearer x", export, 200, `"2026-11-22":2`},
		"nobody":      {"store=sh-test", "", export, 401, "sign in"},
		"no store":    {"", "Bearer x", export, 404, "store"},
		"a mistake":   {"store=sh-test", "Bearer x", "time,plate\nnoon,粤B12345\n", 422, `"line":2,"column":"time"`},
		"a large one": {"store=sh-test", "Bearer x", strings.Repeat("x", booking.MaxBytes+1), 413, "too large"},
	} {
		req := httptest.NewRequest(http.MethodPost, "/api/v1/bookings?"+c.query, strings.NewReader(c.body))
		req.Header.Set("Authorization", c.auth)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// lent is a ledger whose store may be another office's.
type lent struct {
	*memledger.Ledger
	away bool
}

func (l *lent) KeepPapers(ctx context.Context, store, kind string, was uint64, papers []backoffice.Paper) (uint64, error) {
	if l.away {
		return 0, fmt.Errorf("keep bookings: %w", backoffice.ErrNotHeld)
	}
	return l.Ledger.KeepPapers(ctx, store, kind, was, papers)
}

// Two offices keep the bookings of one store, one after the other: neither undoes
// what the other kept, and who has not got the store is told so.
func TestMoves(t *testing.T) {
	papers := &lent{Ledger: memledger.New("l")}
	open := func() *booking.Book {
		b, err := booking.Open(t.Context(), booking.Config{Store: "sh-test", Papers: papers, Key: key, Zone: zone, Now: func() time.Time { return time.Date(2026, 11, 22, 7, 0, 0, 0, zone) }})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one, other := open(), open()
	if _, _, err := one.Import([]byte(export)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.Import([]byte("time,plate,id\n2026-11-22 11:00,粤B99999,B-9\n")); err != nil {
		t.Fatal(err)
	}
	kept, _, err := papers.Papers(t.Context(), "sh-test", booking.Kind)
	if err != nil || len(kept) != 2 || !strings.Contains(string(kept[0].Bytes), "B-9") || kept[1].Name != "2026-11-23" {
		t.Errorf("kept: %s (%v)", kept, err)
	}
	papers.away = true
	w := httptest.NewRecorder()
	h := booking.Handler(func(*http.Request) bool { return true }, func(string) *booking.Book { return one })
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/v1/bookings", strings.NewReader(export)))
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "another back office") {
		t.Errorf("where the store is another's: %d %s", w.Code, w.Body)
	}
}
