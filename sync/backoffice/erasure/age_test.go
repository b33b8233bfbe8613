package erasure_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/erasure"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
)

const (
	day      = 24 * time.Hour
	keptDays = 30
)

// long makes visits over three months: most end, some come back with the same
// work, some never end, and some scans belong to none.
func long(t *rapid.T, tb testing.TB) (all []*told) {
	boards := []*ledgertest.Board{ledgertest.NewBoard(tb, store, "k1", "e1"), ledgertest.NewBoard(tb, store, "k2", "e2")}
	for i := range rapid.IntRange(1, 12).Draw(t, "visits") {
		b := boards[rapid.IntRange(0, 1).Draw(t, "board")]
		b.Now = b.Now.Add(time.Duration(rapid.IntRange(1, 15*24).Draw(t, "hours")) * time.Hour)
		_, vehicle, plate := car(i % 3)
		visit := fmt.Sprintf("A%09d", i)
		tell := func(p kiosk.Payload, person kiosk.Person) {
			one := &told{car: i}
			if !person.Empty() {
				person.Salt = fmt.Sprintf("%032x", 8192+len(all))
				raw, digest, err := person.Encode()
				must(t, err)
				p.Common().PersonDigest = digest
				one.salt = person.Salt
				one.entry = b.Event(p)
				one.part = b.Part(one.entry, raw)
			} else {
				one.entry = b.Event(p)
			}
			one.at = one.entry.Event.Moment.Wall
			all = append(all, one)
		}
		if rapid.IntRange(0, 5).Draw(t, "refused") == 0 {
			tell(&kiosk.ScanRejected{}, kiosk.Person{Text: "x"})
			continue
		}
		tell(&kiosk.CheckedIn{Visit: visit, Ticket: "A001", Purpose: "fault", Vehicle: vehicle, Means: "scan"}, kiosk.Person{Plate: plate})
		if i > 0 && rapid.IntRange(0, 3).Draw(t, "again") == 0 {
			tell(&kiosk.ReworkConfirmed{Visit: visit, Earlier: fmt.Sprintf("A%09d", i-1), Meta: kiosk.Meta{By: "a1"}}, kiosk.Person{})
		}
		if rapid.IntRange(0, 4).Draw(t, "ends") > 0 {
			b.Now = b.Now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "hours in the shop")) * time.Hour)
			tell(&kiosk.Delivered{Visit: visit, Adviser: "a1"}, kiosk.Person{})
		}
	}
	return all
}

// Whatever comes in whatever order, however the clock goes: parts of visits that
// ended long enough ago are in no file any more, those of open visits, of such as
// are done again, and younger ones are there; figures, receipts and chains stay.
// So it is after a restart, and a restored backup has the age it had before any
// clock is believed.
func TestAgeing(t *testing.T) { onShelves(t, 30, ageing) }

func ageing(t *rapid.T, tb testing.TB, kept shelf, dir string) {
	l, done := kept.open(t)
	d := openAged(t, l, dir, keptDays, noon)
	d.span = 60 * day
	ctx := context.Background()
	all := long(t, tb)
	age := func() {
		t.Helper()
		through, err := l.Position(ctx)
		must(t, err)
		before := d.picture(t, through)
		must(t, d.Age(ctx, store))
		if after := d.picture(t, through); after != before {
			t.Fatalf("growing old changed something:\n%s\n%s", before, after)
		}
	}
	d.bring(t, all, 6)
	kept.backup(t)
	d.synced = true
	for range rapid.IntRange(1, 5).Draw(t, "looks") {
		d.now = d.now.Add(time.Duration(rapid.IntRange(1, 31).Draw(t, "days later")) * day)
		d.bring(t, all, 5)
		age()
		d.old(t, kept, all)
	}
	d.bring(t, all, 10)
	d.now = d.now.Add(day) // also for what the end of another visit lets go
	age()
	is := d.old(t, kept, all)

	at, truth := d.now, present(t, l, all)
	d.synced, d.now = false, at.Add(20*day)
	age()
	d.synced, d.now = true, at.Add(3650*day)
	age()
	if now, err := d.Ageing(store); err != nil || now.Before != is || now.Wait == "" || present(t, l, all) != truth {
		t.Fatalf("a clock that jumped was believed: %+v %v", now, err)
	}
	if err := d.AgeTo(ctx, store, at, "m1"); err != nil { // a person says that it is right
		t.Fatal(err)
	}
	d.now = at.Add(keptDays * day)
	if err := d.AgeTo(ctx, store, at.Add(day), "m1"); !errors.Is(err, backoffice.ErrNotOld) {
		t.Fatalf("parts that are to be kept may go: %v", err)
	}
	is = d.old(t, kept, all)
	if !is.Equal(at.Truncate(time.Second)) {
		t.Fatalf("a person said %s, it is %s", at, is)
	}

	done()
	l, done = kept.open(t)
	d = openAged(t, l, dir, keptDays, at) // a restart
	if now := d.old(t, kept, all); !now.Equal(is) {
		t.Fatalf("it was %s, and is %s after a restart", is, now)
	}
	done()
	if !kept.restore(t) {
		return
	}
	l, done = kept.open(t)
	defer func() { done() }()
	d = openAged(t, l, dir, keptDays, time.Unix(0, 0))
	if now := d.old(t, kept, nil); !now.Equal(is) {
		t.Fatalf("it was %s, and is %s once restored", is, now)
	}
	d.oldAsFar(t, kept, all)
	for _, s := range all { // the boards send again what it lacks
		s.came = false
	}
	d.bring(t, all, 10)
	must(t, d.Age(ctx, store))
	d.old(t, kept, all)
}

// present is where parts are.
func present(t fataler, l backoffice.Ledger, all []*told) string {
	var out strings.Builder
	for _, s := range all {
		row, _, err := l.Event(context.Background(), store, s.entry.Event.ID())
		must(t, err)
		out.WriteString(row.Person + " ")
	}
	return out.String()
}

// oldAsFar marks what the ledger has as come, and holds it to that.
func (d *desk) oldAsFar(t *rapid.T, kept shelf, all []*told) {
	for _, s := range all {
		row, there, err := d.ledger.Event(context.Background(), store, s.entry.Event.ID())
		must(t, err)
		s.came = there && row.Person != "missing"
	}
	d.old(t, kept, all)
}

// old holds the ledger, and its files, to what is to be there now, and gives the
// end of what is gone.
func (d *desk) old(t *rapid.T, kept shelf, all []*told) time.Time {
	now, err := d.Ageing(store)
	must(t, err)
	ended, redone := map[string]time.Time{}, map[string]bool{}
	for _, s := range all {
		if e, ok := s.entry.Event.Data.(*kiosk.Delivered); ok && s.came {
			ended[e.Visit] = s.at
		}
	}
	for _, s := range all {
		if e, ok := s.entry.Event.Data.(*kiosk.ReworkConfirmed); ok && s.came && ended[e.Visit].IsZero() {
			redone[e.Earlier] = true
		}
	}
	for _, s := range all {
		if !s.came || s.salt == "" {
			continue
		}
		row, _, err := d.ledger.Event(context.Background(), store, s.entry.Event.ID())
		must(t, err)
		visit := kiosk.VisitOf(s.entry.Event.Data)
		end := ended[visit]
		gone := !end.IsZero() && end.Before(now.Before) && !redone[visit]
		if visit == "" {
			gone = s.at.Before(now.Before)
		}
		switch {
		case gone && row.Person != "erased":
			t.Fatalf("the part of %s of %s, ended %s, is %s; before %s they go", visit, s.at, end, row.Person, now.Before)
		case gone && kept.holds(t, s.salt):
			t.Fatalf("the part of %s is still in a file", visit)
		case !gone && row.Person == "erased" && !(!end.IsZero() && end.Before(now.Before)): // it may have gone before it was known that it is done again
			t.Fatalf("the part of %s of %s, ended %s, redone %t, is gone; before %s they go", visit, s.at, end, redone[visit], now.Before)
		}
	}
	return now.Before
}

// A person vouches for the clock over HTTP: it is written down first, wrong days
// are refused, and everybody who may read the requests reads how far it is.
func TestAgedBefore(t *testing.T) {
	d := openAged(t, memledger.New("mem"), t.TempDir(), keptDays, noon.Add(100*day))
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	in, part := b.WithPerson("A000000001")
	b.Now = b.Now.Add(time.Hour)
	out := b.Event(&kiosk.Delivered{Visit: "A000000001", Adviser: "a1"})
	_, err := d.TakeIn(t.Context(), store, backoffice.Batch{Entries: []backoffice.Entry{in, out}, Persons: []backoffice.PersonEntry{part}})
	must(t, err)
	d.synced = true
	must(t, d.Age(t.Context(), store))
	var written []string
	h := erasure.Handler(erasure.Config{Office: d.Office, May: func(*http.Request) (string, int, string) { return "m1", 0, "" },
		Audit: func(_ *http.Request, who, store, detail string) error {
			written = append(written, who+" "+detail)
			return nil
		}, Log: slog.New(slog.DiscardHandler)})
	ask := func(method, body string, want int, says string) {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/api/v1/erasures", strings.NewReader(body)))
		if w.Code != want || !strings.Contains(w.Body.String(), says) {
			t.Errorf("%s %s: %d %s, want %d %s", method, body, w.Code, w.Body, want, says)
		}
	}
	ask("GET", "", 200, `"wait":"the clock says 2027-02-11, 100 days after 2026-11-03: if that is right, say so (baylight erase --aged-before 2027-01-12)"`)
	for _, bad := range []string{`{"vin":"x","aged_before":"2027-01-12"}`, `{"aged_before":"yesterday"}`} {
		ask("POST", bad, 400, "aged_before")
	}
	ask("POST", `{"aged_before":"2027-02-11"}`, 422, "30 days")
	ask("GET", "", 200, `"before":""`)
	written = nil
	ask("POST", `{"aged_before":"2027-01-12"}`, 200, `"parts":1`)
	if len(written) != 1 || !strings.Contains(written[0], "m1 person parts of visits that ended before 2027-01-12") || len(d.wrote) != 1 || d.wrote[0] != store+" 1" {
		t.Errorf("written down was %q and %q", written, d.wrote)
	}
	ask("GET", "", 200, `"before":"2027-01-11T16:00:00Z"`)
}
