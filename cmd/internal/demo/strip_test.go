package demo

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/task"
	"baylight/kiosk/vin"
)

// TestMain is also the children of the shop: they are this program.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != KioskChild && os.Args[1] != OfficeChild {
		os.Exit(m.Run())
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	config, ids := flags.String("config", "", ""), flags.String("ids", "", "")
	err := flags.Parse(os.Args[2:])
	ctx, stop := task.Signals()
	defer stop()
	if os.Args[1] == KioskChild {
		err = errors.Join(err, RunKiosk(ctx, *config, *ids, "test"))
	} else {
		err = errors.Join(err, RunOffice(ctx, *config, "test"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// strip is somebody at the demo's page.
type strip struct {
	t    *testing.T
	shop *Shop
	at   string
	cars int
}

func newStrip(t *testing.T) *strip {
	t.Helper()
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, firstDay().Location())
	shop, err := open(t.TempDir(), 7, true, start, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shop.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(shop.StartOffice(t.Context()), shop.StartKiosk(t.Context())); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages(shop, newCounter())(t.Context()).Handler)
	t.Cleanup(server.Close)
	return &strip{t: t, shop: shop, at: server.URL}
}

// post gives what the page was answered.
func (s *strip) post(path string, form url.Values) (status int, text string) {
	s.t.Helper()
	res, err := http.PostForm(s.at+path, form)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (s *strip) trick(what string) string {
	s.t.Helper()
	status, text := s.post("/trick", url.Values{"what": {what}})
	if status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", what, status, text)
	}
	return text
}

// arrive lets another car come.
func (s *strip) arrive(twice bool) {
	s.t.Helper()
	s.cars++
	b := fmt.Appendf(nil, "LSVAA418_E2%06d", s.cars)
	b[8] = '0'
	b[8] = vin.CheckDigit(vin.VIN(b))
	form := url.Values{"place": {"reception"}, "text": {string(b)}}
	if twice {
		form.Set("twice", "1")
	}
	if err := s.shop.Clock.Advance(time.Minute); err != nil {
		s.t.Fatal(err)
	}
	if status, text := s.post("/scan", form); status != http.StatusOK || !strings.Contains(text, `"good":true`) {
		s.t.Fatalf("car %d: %d %s", s.cars, status, text)
	}
}

// counts waits until the independent counter says what is right of all cars.
func (s *strip) counts(what string, ok func(Count) bool) {
	s.t.Helper()
	var n Count
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		res, err := http.Get(s.at + "/count")
		if err != nil {
			s.t.Fatal(err)
		}
		err = json.NewDecoder(res.Body).Decode(&n)
		res.Body.Close()
		if res.StatusCode == http.StatusOK && err == nil && n.Owed == s.cars && ok(n) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("%s: after %d cars the counter says %+v (%v)", what, s.cars, n, err)
		}
	}
}

// whole is that nothing is missing and nothing is there twice.
func whole(n Count) bool {
	return n.Arrived == n.Owed && n.Lost == 0 && n.Twice == 0 && n.OnWay == 0 && n.Outbox == 0
}

// arrivals are the cars that the back office counts, epochs those it has.
func (s *strip) arrivals() (n int) {
	s.t.Helper()
	var answer struct{ Rows []struct{ Arrivals int } }
	if err := s.shop.get(s.t.Context(), "http://"+s.shop.Office+"/api/v1/kpi?store="+Store+"&from=2026-03-02&to=2026-03-03&by=day", &answer); err != nil {
		s.t.Fatal(err)
	}
	for _, row := range answer.Rows {
		n += row.Arrivals
	}
	return n
}

// epochs are those of the board: the office records its set-up under its own.
func (s *strip) epochs() (out []string) {
	s.t.Helper()
	events, err := s.shop.ledger(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range events {
		if strings.Contains(e.Source, "/kiosks/") && !slices.Contains(out, e.Epoch) {
			out = append(out, e.Epoch)
		}
	}
	return out
}

// devices is the kiosk's devices page in English.
func (s *strip) devices() string {
	s.t.Helper()
	res, err := http.Get("http://" + s.shop.Kiosk + "/devices?lang=en")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// leapt waits until the kiosk says that its clock jumped, or no longer says so.
func (s *strip) leapt(want bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); strings.Contains(s.devices(), "is not followed") != want; {
		if time.Now().After(deadline) {
			s.t.Fatalf("the devices page does not come to say that the clock jumped: %v", want)
		}
		if err := s.shop.Clock.Advance(time.Second); err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestStrip plays every trick of the strip; the counter stays at lost 0, counted
// twice 0.
func TestStrip(t *testing.T) {
	s := newStrip(t)
	s.arrive(false)
	s.trick(KillKiosk)
	s.arrive(true) // the trigger bounces
	s.trick(KillOffice)
	s.counts("both were killed", whole)
	s.trick(Unplug)
	s.trick(KillKiosk) // starts without the scanner
	s.trick(Unplug)
	s.trick(JumpClock)
	s.leapt(true)
	s.arrive(false)
	s.trick(JumpClock)
	s.leapt(false)
	s.counts("the clock is back", whole)

	s.trick(CutBroker)
	s.arrive(false)
	s.counts("the broker is cut", func(n Count) bool {
		return !n.Broker && n.OnWay == 1 && n.Outbox > 0 && n.Lost == 0 && n.Arrived == s.cars-1
	})
	// The card is copied with events that the office does not have yet.
	if text := s.trick(CloneCard); !strings.Contains(text, "copied") {
		t.Errorf("copying the card says %s", text)
	}
	s.counts("the card is copied", func(n Count) bool { return n.Copied && n.OnWay == 1 })
	if status, text := s.post("/trick", url.Values{"what": {CloneCard}}); status != http.StatusBadRequest || !strings.Contains(text, "broker is cut") {
		t.Errorf("putting the copy back without a broker: %d %s; want that it would lose something", status, text)
	}
	s.trick(CutBroker)
	s.counts("the broker is back", whole)
	s.arrive(false) // after the copy was taken, and the office has them
	s.arrive(false)
	before := s.epochs()
	if len(before) != 1 || strings.Contains(s.devices(), "its card was copied") {
		t.Fatalf("before anything was put back there are epochs %v", before)
	}
	if text := s.trick(CloneCard); !strings.Contains(text, "rolled back") {
		t.Errorf("putting the copy back says %s", text)
	}
	s.counts("the copy is put back", func(n Count) bool { return whole(n) && !n.Copied })
	s.arrive(false)
	s.counts("and the kiosk works on", whole)
	if !strings.Contains(s.devices(), "its card was copied") {
		t.Error("the devices page does not say that the card was copied")
	}
	if after := s.epochs(); len(after) != 2 || after[0] != before[0] {
		t.Errorf("the ledger has epochs %v, before %v: both histories are kept", after, before)
	}
	if n := s.arrivals(); n != s.cars {
		t.Errorf("the back office counts %d cars, there were %d", n, s.cars)
	}
	s.trick(CloneCard) // it can be done again, with the new card
	s.arrive(false)
	s.trick(CloneCard)
	s.counts("a second time", whole)
	if n := s.arrivals(); n != s.cars {
		t.Errorf("the back office counts %d cars, there were %d", n, s.cars)
	}
	if status, _ := s.post("/trick", url.Values{"what": {"earthquake"}}); status != http.StatusBadRequest {
		t.Errorf("an unknown trick: %d", status)
	}
}

// TestTwice: the counter finds out an office that counts an event again which
// came under another id, or the same one; it does not take for twice what the
// office keeps as evidence.
func TestTwice(t *testing.T) {
	again := wireEvent{Source: "k1", ID: "b-1", Was: "a-1", First: "h1", hash: "h2"}
	for name, rows := range map[string]struct {
		events []wireEvent
		want   int
	}{
		"recorded again, kept":             {[]wireEvent{{Source: "k1", ID: "a-1", hash: "h1", counted: true}, again}, 0},
		"kept, the copy counts":            {[]wireEvent{{Source: "k1", ID: "a-1", hash: "h1"}, counts(again)}, 0},
		"recorded again, counted":          {[]wireEvent{{Source: "k1", ID: "a-1", hash: "h1", counted: true}, counts(again)}, 1},
		"the same row":                     {[]wireEvent{counts(again), counts(again)}, 1},
		"another event that had the id":    {[]wireEvent{{Source: "k1", ID: "a-1", hash: "h9", counted: true}, counts(again)}, 0},
		"another board's of the same name": {[]wireEvent{{Source: "k2", ID: "a-1", hash: "h1", counted: true}, counts(again)}, 0},
	} {
		c := newCounter()
		for _, e := range rows.events {
			c.tally.take(e)
		}
		var r Result
		r.owed(nil, rows.events)
		if n := c.count(nil, true); n.Twice != rows.want || r.Duplicated != rows.want {
			t.Errorf("%s: the strip says %d, a headless run %d; want %d", name, n.Twice, r.Duplicated, rows.want)
		}
	}
}

func counts(e wireEvent) wireEvent { e.counted = true; return e }
