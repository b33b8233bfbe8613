package erasure_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/erasure"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/wire"
)

const store = "sh-pudong"

var (
	key  = []byte("0123456789abcdef")
	zone = time.FixedZone("CST", 8*3600)
	noon = time.Date(2026, 11, 3, 12, 0, 0, 0, zone)
)

// desk is an office at work on a ledger, with its list, at a time.
type desk struct {
	*backoffice.Office
	ledger backoffice.Ledger
	told   *figures.Folder
	now    time.Time
	synced bool
	span   time.Duration // that figures are asked for
	wrote  []string      // of what went by its age
}

func open(t fataler, l backoffice.Ledger, dir string) *desk {
	return openAged(t, l, dir, 0, noon.Add(-3*time.Hour))
}

// openAged keeps person parts for so many days; its clock is nobody's yet.
func openAged(t fataler, l backoffice.Ledger, dir string, days int, at time.Time) *desk {
	d := &desk{ledger: l, now: at, span: 12 * time.Hour}
	list, err := erasure.Open(filepath.Join(dir, "erasures"))
	must(t, err)
	stores := []backoffice.Store{{Name: store, Key: key, Calendar: kiosk.ShanghaiWeek(zone), PersonDays: days}}
	now := func() time.Time { return d.now }
	d.Office, err = backoffice.New(backoffice.Config{Ledger: l, Now: now, Stores: stores, Erasures: list, Synced: func() bool { return d.synced },
		Aged: func(store string, before time.Time, removed, held int) error {
			d.wrote = append(d.wrote, fmt.Sprintf("%s %d", store, removed))
			return nil
		}})
	must(t, err)
	d.told, err = figures.New(figures.Config{Ledger: l, Stores: stores, Now: now})
	must(t, err)
	must(t, d.SettleErasures(context.Background()))
	return d
}

// picture is everything that erasing must leave alone: figures, receipts, and the
// bytes of the events up to a position, which are their chain.
func (d *desk) picture(t fataler, through uint64) string {
	ctx := context.Background()
	var out strings.Builder
	a, err := d.told.Figures(ctx, store, figures.Query{From: noon.Add(-12 * time.Hour), To: noon.Add(d.span), By: kpi.ByDay, AsOf: &through, Now: noon})
	must(t, err)
	rows, err := json.Marshal(a.Rows)
	must(t, err)
	fmt.Fprintf(&out, "%s\n", rows)
	events, err := d.ledger.Events(ctx, store, 0, 100_000)
	must(t, err)
	for _, r := range events {
		if r.Position > through {
			break
		}
		fmt.Fprintf(&out, "%d %t %s %s\n", r.Position, r.Counted, r.When, r.Bytes)
	}
	for _, board := range []string{"k1", "k2"} {
		epochs, err := d.ledger.Epochs(ctx, kiosk.KioskSource(store, board))
		must(t, err)
		fmt.Fprintf(&out, "%+v\n", epochs)
	}
	return out.String()
}

type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

func must(t fataler, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// car is a vehicle of the story.
func car(n int) (vin, vehicle, plate string) {
	vin = fmt.Sprintf("LSVAA4182E2%06d", n)
	return vin, kiosk.Keyed(key, vin), fmt.Sprintf("粤B1000%d", n)
}

// told is an event with its part.
type told struct {
	entry backoffice.Entry
	part  backoffice.PersonEntry
	car   int
	at    time.Time
	salt  string
	came  bool
}

// story makes visits of a few cars on two boards, each at its time.
func story(t *rapid.T, tb testing.TB) (all []*told) {
	boards := []*ledgertest.Board{ledgertest.NewBoard(tb, store, "k1", "e1"), ledgertest.NewBoard(tb, store, "k2", "e2")}
	for i := range rapid.IntRange(1, 14).Draw(t, "visits") {
		b := boards[rapid.IntRange(0, 1).Draw(t, "board")]
		n := rapid.IntRange(0, 3).Draw(t, "car")
		b.Now = b.Now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "minutes")) * time.Minute)
		vin, vehicle, plate := car(n)
		visit := fmt.Sprintf("A%09d", i)
		late := rapid.Bool().Draw(t, "identified later")
		tell := func(p kiosk.Payload, person kiosk.Person) {
			person.Salt = fmt.Sprintf("%032x", 4096+len(all))
			raw, digest, err := person.Encode()
			must(t, err)
			p.Common().PersonDigest = digest
			e := b.Event(p)
			all = append(all, &told{entry: e, part: b.Part(e, raw), car: n, at: e.Event.Moment.Wall, salt: person.Salt})
		}
		in := &kiosk.CheckedIn{Visit: visit, Ticket: "A001", Purpose: "fault", Vehicle: vehicle, Means: "scan"}
		if late {
			in.Vehicle = ""
			tell(in, kiosk.Person{Plate: plate, Name: "王"})
			tell(&kiosk.Identified{Visit: visit, Vehicle: vehicle, Means: "desk"}, kiosk.Person{VIN: vin})
		} else {
			tell(in, kiosk.Person{VIN: vin, Plate: plate, Phone: "13812345678"})
		}
	}
	return all
}

// Whoever is forgotten whenever, and whatever comes late: figures, receipts and
// chains stay, those who came before they asked are in no file any more, those
// who did not ask or came again are still there. And so it is after a restart,
// and after a backup from before was restored.
func TestErasing(t *testing.T) { onShelves(t, 100, erasing) }

func erasing(t *rapid.T, tb testing.TB, kept shelf, dir string) {
	l, done := kept.open(t)
	d := open(t, l, dir)
	ctx := context.Background()
	all := story(t, tb)
	bring := func(share int) { d.bring(t, all, share) }
	bring(5)
	kept.backup(t)
	asked, known := map[int]time.Time{}, map[*told]bool{}
	for range rapid.IntRange(1, 3).Draw(t, "requests") {
		n := rapid.IntRange(0, 3).Draw(t, "who")
		d.now = d.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "asked minutes later")) * time.Minute)
		through, err := l.Position(ctx)
		must(t, err)
		before := d.picture(t, through)
		vin, _, _ := car(n)
		_, err = d.Erase(ctx, store, vin, "m1")
		must(t, err)
		if after := d.picture(t, through); after != before {
			t.Fatalf("erasing changed something:\n%s\n%s", before, after)
		}
		if asked[n].Before(d.now) {
			asked[n] = d.now
		}
		for _, s := range all {
			known[s] = known[s] || s.came && s.car == n
		}
		bring(4)
	}
	bring(10)
	through, err := l.Position(ctx)
	must(t, err)
	before := d.picture(t, through)
	check(t, l, kept, all, asked, known)
	d = open(t, l, dir) // a restart
	if after := d.picture(t, through); after != before {
		t.Fatalf("a restart changed something:\n%s\n%s", before, after)
	}
	done()
	if !kept.restore(t) {
		return
	}
	l, done = kept.open(t)
	defer done()
	d = open(t, l, dir)
	for _, s := range all { // the boards send again what it lacks
		_, err := d.TakeIn(ctx, store, backoffice.Batch{Entries: []backoffice.Entry{s.entry}, Persons: []backoffice.PersonEntry{s.part}})
		must(t, err)
	}
	check(t, l, kept, all, asked, known)
	list, err := d.Erasures(store)
	must(t, err)
	if len(list) == 0 {
		t.Fatal("the requests went with the ledger")
	}
}

// bring takes in some of what has not come yet, share of ten.
func (d *desk) bring(t *rapid.T, all []*told, share int) {
	ctx := context.Background()
	for _, s := range all {
		if s.came || rapid.IntRange(0, 9).Draw(t, "comes") >= share {
			continue
		}
		s.came = true
		b := backoffice.Batch{Entries: []backoffice.Entry{s.entry}}
		if s.salt != "" {
			b.Persons = []backoffice.PersonEntry{s.part}
			if rapid.Bool().Draw(t, "the part first") {
				_, err := d.TakeIn(ctx, store, backoffice.Batch{Persons: b.Persons})
				must(t, err)
				b.Persons = nil
			}
		}
		_, err := d.TakeIn(ctx, store, b)
		must(t, err)
	}
}

// check holds the ledger, and its files, to who asked.
func check(t *rapid.T, l backoffice.Ledger, kept shelf, all []*told, asked map[int]time.Time, known map[*told]bool) {
	ctx := context.Background()
	gone := map[string]bool{} // visits
	for _, s := range all {
		at := asked[s.car]
		if v := kiosk.VisitOf(s.entry.Event.Data); !at.IsZero() && (known[s] || !s.at.After(at)) {
			if in, ok := s.entry.Event.Data.(*kiosk.CheckedIn); !ok || in.Vehicle != "" { // else nobody could know whose it is
				gone[v] = true
			}
		}
	}
	for _, s := range all {
		row, there, err := l.Event(ctx, store, s.entry.Event.ID())
		must(t, err)
		if !there {
			t.Fatalf("event %s is not there", s.entry.Event.ID())
		}
		v := kiosk.VisitOf(s.entry.Event.Data)
		switch {
		case gone[v] && row.Person != "erased":
			t.Fatalf("the part of %s of %s is %s; car %d asked at %s", s.entry.Event.ID(), s.at, row.Person, s.car, asked[s.car])
		case gone[v] && kept.holds(t, s.salt):
			t.Fatalf("the part of %s is still in a file", s.entry.Event.ID())
		case asked[s.car].IsZero() && row.Person != "present":
			t.Fatalf("car %d never asked, and the part of %s is %s", s.car, s.entry.Event.ID(), row.Person)
		}
	}
}

// A request over HTTP: who may, what is no VIN, what is told, what is written down
// first; and no answer names the VIN.
func TestHandler(t *testing.T) {
	d := open(t, memledger.New("mem"), t.TempDir())
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	vin, vehicle, plate := car(1)
	raw, digest, err := kiosk.Person{Salt: strings.Repeat("0", 32), VIN: vin, Plate: plate}.Encode()
	must(t, err)
	e := b.Event(&kiosk.CheckedIn{Visit: "A000000001", Vehicle: vehicle, Meta: kiosk.Meta{PersonDigest: digest}})
	_, err = d.TakeIn(t.Context(), store, backoffice.Batch{Entries: []backoffice.Entry{e}, Persons: []backoffice.PersonEntry{b.Part(e, raw)}})
	must(t, err)
	tomorrow := func(bookings ...wire.Booking) {
		raw, err := wire.Bookings{Day: "2026-11-04", Bookings: bookings}.Encode()
		must(t, err)
		_, err = d.ledger.KeepPapers(t.Context(), store, "bookings", 0, []backoffice.Paper{{Name: "2026-11-04", At: noon.Add(-24 * time.Hour), Bytes: raw}})
		must(t, err)
	}
	at := noon.Add(24 * time.Hour)
	tomorrow(wire.Booking{ID: "B-1", At: at, Vehicle: vehicle}, wire.Booking{ID: "B-2", At: at, Plate: "粤B••001", PlateKey: kiosk.BookedPlate(key, plate)},
		wire.Booking{ID: "B-3", At: at, Plate: "粤B••002", PlateKey: kiosk.BookedPlate(key, "粤B20002")})
	allowed, written, broken := true, []string{}, false
	h := erasure.Handler(erasure.Config{Office: d.Office, May: func(*http.Request) (string, int, string) {
		if !allowed {
			return "", http.StatusUnauthorized, "sign in"
		}
		return "m1", 0, ""
	}, Audit: func(_ *http.Request, who, store, detail string) error {
		if broken {
			return errors.New("disk full")
		}
		written = append(written, who+" "+store+" "+detail)
		return nil
	}, Log: slog.New(slog.DiscardHandler)})
	ask := func(method, query, body string, want int) string {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/api/v1/erasures"+query, strings.NewReader(body)))
		if w.Code != want {
			t.Errorf("%s %s %s: %d %s, want %d", method, query, body, w.Code, w.Body, want)
		}
		if strings.Contains(w.Body.String(), vin) {
			t.Errorf("an answer names the VIN: %s", w.Body)
		}
		return w.Body.String()
	}
	ask("GET", "?store=nowhere", "", 404)
	for _, bad := range []string{"", "x", `{"vin":""}`, `{"vin":"LSVAA"}`, `{"vin":"` + strings.Repeat("A", 5000) + `"}`} {
		want := 400
		if strings.HasPrefix(bad, `{`) && len(bad) < 100 {
			want = 422
		}
		ask("POST", "", bad, want)
	}
	allowed = false
	ask("POST", "", `{"vin":"`+vin+`"}`, 401)
	ask("GET", "", "", 401)
	allowed = true
	written = nil
	said := ask("POST", "", `{"vin":"`+strings.ToLower(vin)+`"}`, 200)
	var a erasure.Answer
	must(t, json.Unmarshal([]byte(said), &a))
	if a.Visits != 1 || a.Parts != 1 || a.Vehicle != vehicle || a.By != "m1" || a.Bookings != 2 || len(written) != 1 {
		t.Errorf("the answer is %s, written down was %q", said, written)
	}
	papers, _, err := d.ledger.Papers(t.Context(), store, "bookings")
	must(t, err)
	if len(papers) != 1 || !bytes.Contains(papers[0].Bytes, []byte("B-3")) || bytes.Contains(papers[0].Bytes, []byte(vehicle)) || bytes.Contains(papers[0].Bytes, []byte("B-2")) {
		t.Errorf("the bookings are %s", papers)
	}
	broken = true
	ask("POST", "", `{"vin":"`+vin+`"}`, 500)
	if listed := ask("GET", "", "", 200); !strings.Contains(listed, vehicle) {
		t.Errorf("the list is %s", listed)
	}
	rows, err := d.ledger.Events(t.Context(), store, 1, 10)
	if err != nil || len(rows) != 1 || !bytes.Contains(rows[0].Bytes, []byte("baylight.person.erased.v1")) || bytes.Contains(rows[0].Bytes, []byte(vin)) || bytes.Contains(rows[0].Bytes, []byte(plate)) {
		t.Errorf("recorded: %v %v", rows, err)
	}
}

// What a power cut left half is skipped, and the next request is readable; the same
// is added once; a store's name is no path.
func TestList(t *testing.T) {
	dir := t.TempDir()
	l, err := erasure.Open(dir)
	must(t, err)
	_, vehicle, _ := car(1)
	e := kiosk.Erasure{Vehicle: vehicle, At: noon.UTC()}
	must(t, l.Add(store, e))
	must(t, l.Add(store, e))
	path := filepath.Join(dir, store+".jsonl")
	raw, err := os.ReadFile(path)
	must(t, err)
	if n := bytes.Count(raw, []byte(vehicle)); n != 1 {
		t.Errorf("it stands there %d times", n)
	}
	must(t, os.WriteFile(path, append(raw, `{"vehicle":"12`...), 0o600))
	e.Visits = []string{"A000000001"}
	must(t, l.Add(store, e))
	other := e
	other.At = noon.Add(time.Hour).UTC()
	must(t, l.Add(store, other))
	got, err := l.List(store)
	if err != nil || len(got) != 2 || len(got[0].Visits) != 1 || !got[1].Same(other) {
		t.Errorf("the list is %+v: %v", got, err)
	}
	for _, bad := range []string{"../x", "", "a/b"} {
		if l.Add(bad, e) == nil {
			t.Errorf("store %q was taken", bad)
		}
	}
	if l.Add(store, kiosk.Erasure{}) == nil {
		t.Error("an empty request was taken")
	}
	if _, err := (wire.Erasures{Erasures: got}).Encode(); err != nil {
		t.Error(err)
	}
}
