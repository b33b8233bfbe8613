package kioskapp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// dealer is a store with two boards, a broker and a back office: reception and
// two bays at a, two bays at b.
type dealer struct {
	t      *testing.T
	broker *broker.Broker
	a, b   *rig
	http   string // of the office
}

func newDealer(t *testing.T, change ...func(*settings.Office)) *dealer {
	t.Helper()
	br, err := broker.Start(broker.Config{})
	must(t, err)
	t.Cleanup(func() { check(t, br.Close()) })
	d := &dealer{t: t, broker: br, a: newRig(t), b: newRig(t)}
	d.b.clock = d.a.clock // one wall clock
	d.b.edit = strings.NewReplacer(`name = "k1"`, `name = "k2"`, `letter = "A"`, `letter = "B"`,
		`place = "b1"`, `place = "c1"`, `place = "b2"`, `place = "c2"`, `id = "b1"`, `id = "c1"`, `id = "b2"`, `id = "c2"`).Replace
	d.office(change...)
	for _, r := range []*rig{d.a, d.b} {
		r.gate.open(br.Addr())
		r.up()
	}
	return d
}

// office starts the back office, with its settings changed.
func (d *dealer) office(change ...func(*settings.Office)) {
	t := d.t
	t.Helper()
	d.http = cmdtest.Address(t)
	dir := t.TempDir()
	config := fmt.Sprintf("schema = 1\n[office]\ndata = \"office\"\n[http]\nlisten = %q\n[mqtt]\nurl = %q\n[[store]]\nname = %q\ntag = %q\nkey_file = \"store.key\"\n",
		d.http, d.broker.URL(), store, tag)
	must(t, os.WriteFile(filepath.Join(dir, "backoffice.toml"), []byte(config), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "store.key"), []byte(storeKey), 0o600))
	set, err := settings.LoadOffice(filepath.Join(dir, "backoffice.toml"))
	must(t, err)
	for _, f := range change {
		f(set)
	}
	evening, err := clock.NewLead(kiosk.Moment{Wall: time.Date(2026, 3, 2, 18, 0, 0, 0, time.FixedZone("CST", 8*3600)), Boot: "office", Up: time.Hour, Clock: kiosk.Synced}, nil)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan struct{})
	var failed error
	go func() {
		defer close(done)
		failed = officeapp.Run(ctx, officeapp.Options{Settings: set, Version: "test", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Clock: evening,
			Ready: func() { close(ready) }, ReconnectMin: 2 * time.Millisecond, ReconnectMax: 20 * time.Millisecond})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		check(t, failed)
		check(t, evening.Close())
	})
	select {
	case <-ready:
	case <-done:
		t.Fatalf("the office ended at its start: %v", failed)
	}
}

// arrive checks a car in at a and signs its order.
func (d *dealer) arrive() (visit string) {
	d.t.Helper()
	d.a.scan("front", car(1), bench.AckGood)
	visit = d.a.visitOn(d.a.ticket())
	desk := d.a.desk()
	d.a.post(desk, "/api/desk/accept", map[string]any{"visit": visit})
	d.a.post(desk, "/api/desk/sign", map[string]any{"visit": visit, "item": []string{"M10"}, "promise": "2026-03-02T11:30:00+08:00"})
	d.a.ticket() // job card
	d.a.ticket() // promise slip
	return visit
}

func (d *dealer) deliver(visit string) {
	d.t.Helper()
	d.a.pass(time.Minute)
	d.a.post(d.a.desk(), "/api/desk/deliver", map[string]any{"visit": visit})
}

// lists waits until a board's waiting room does or does not show a number.
func (r *rig) lists(number string, want bool) {
	r.t.Helper()
	r.await(fmt.Sprintf("number %s on the board: %v", number, want), func() bool { return strings.Contains(r.page("/board"), number) == want })
}

// figures are what the office says of the day.
type figures struct {
	Arrivals, Orders int
	OnTime           struct{ Numerator, Denominator int } `json:"on_time"`
}

func (d *dealer) counts(want figures) {
	d.t.Helper()
	var got figures
	defer func() {
		if got != want {
			d.t.Errorf("the office counts %+v, want %+v", got, want)
		}
	}()
	d.a.await(fmt.Sprintf("%+v in the figures", want), func() bool {
		res, err := http.Get("http://" + d.http + "/api/v1/kpi?store=" + store + "&from=2026-03-02&to=2026-03-03&by=day")
		must(d.t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(d.t, err)
		var a struct{ Rows []figures }
		must(d.t, json.Unmarshal(b, &a))
		got = figures{}
		if len(a.Rows) > 0 {
			got = a.Rows[0]
		}
		return got == want && d.a.health().Outbox.Depth == 0 && d.b.health().Outbox.Depth == 0
	})
}

// works is a technician's work at a bay of b, and its inspection. It gives the
// flags of the start.
func (d *dealer) works(visit string) (flags []string) {
	d.t.Helper()
	d.b.scan("s1", badge, bench.AckGood)
	d.b.scan("s1", kiosk.MakeCode(kiosk.KindVisit, visit), bench.AckGood)
	started := of(d.b.rows(), "job.started")
	if len(started) != 1 {
		d.t.Fatalf("at the other board: %v", types(d.b.rows()))
	}
	e := started[0].read(d.t)
	if e.Data.Visit != visit || e.Data.Bay != "c1" || e.Source != kiosk.KioskSource(store, "k2") {
		d.t.Errorf("the start is recorded as %s", started[0].bytes)
	}
	return e.Data.Flags
}

var onTime = figures{Arrivals: 1, Orders: 1, OnTime: struct{ Numerator, Denominator int }{1, 1}}

// TestTwoBoards: a visit opened at one board is worked on at another and
// delivered at the first.
func TestTwoBoards(t *testing.T) {
	d := newDealer(t)
	visit := d.arrive()
	d.b.lists("A001", true)
	d.b.await("the order at the other board", func() bool { return strings.Contains(d.b.page("/board"), "11:30") })
	if flags := d.works(visit); len(flags) > 0 {
		t.Errorf("the start is flagged %v", flags)
	}
	d.b.shows("/bay/c1", "A001")
	d.b.scan("s1", kiosk.ActionCode(tag, kiosk.Finish), bench.AckGood)
	d.b.scan("s1", kiosk.ActionCode(tag, kiosk.PassCard), bench.AckGood)
	d.a.await("the passed inspection at reception", func() bool { return strings.Contains(d.a.page("/board"), "s-passed") })
	d.deliver(visit)
	d.b.lists("A001", false)
	d.counts(onTime)
	d.a.sound(car(1))
	d.b.sound(car(1))
}

// TestTwoBoardsCutOff: the second board is cut off before the visit is opened and
// comes back after it was delivered. It works by the code alone.
func TestTwoBoardsCutOff(t *testing.T) {
	d := newDealer(t)
	d.b.gate.shut()
	d.b.await("cut off", func() bool { return !d.b.health().Outbox.Connected })
	visit := d.arrive()
	if flags := d.works(visit); !slices.Equal(flags, []string{"unknown_visit"}) {
		t.Errorf("the start is flagged %v, want unknown_visit", flags)
	}
	d.b.scan("s1", kiosk.MakeCode(kiosk.KindVisit, "9ZZA4K0001"), bench.AckBad)
	d.b.scan("s1", kiosk.ActionCode(tag, kiosk.Finish), bench.AckGood)
	d.b.scan("s1", kiosk.ActionCode(tag, kiosk.PassCard), bench.AckGood)
	d.deliver(visit)
	d.b.gate.open(d.broker.Addr())
	d.counts(onTime)
	d.b.await("the end of the visit at the other board", func() bool { return d.b.health().Visits == 0 })
	d.b.scan("s1", kiosk.MakeCode(kiosk.KindVisit, visit), bench.AckGood)
	late := of(d.b.rows(), "job.started")
	if e := late[len(late)-1].read(t); !slices.Contains(e.Data.Flags, "after_delivery") {
		t.Errorf("work after the delivery is flagged %v", e.Data.Flags)
	}
}

// TestBoardKnowsAfterARestart: a board that starts without network knows the
// visits it knew.
func TestBoardKnowsAfterARestart(t *testing.T) {
	d := newDealer(t)
	visit := d.arrive()
	d.b.lists("A001", true)
	d.b.await("the order at the other board", func() bool { return strings.Contains(d.b.page("/board"), "11:30") })
	check(t, d.b.stop())
	d.b.gate.shut()
	d.b.up()
	d.b.shows("/board", "A001")
	if flags := d.works(visit); len(flags) > 0 {
		t.Errorf("after a restart without network the start is flagged %v", flags)
	}
}

// TestHostileVisits: whatever stands on the topics of visits, the board goes on,
// says what was wrong, and believes the next good word.
func TestHostileVisits(t *testing.T) {
	d := newDealer(t)
	visit := d.arrive()
	d.b.lists("A001", true)
	c, err := link.New(link.Config{Broker: d.broker.URL(), ClientID: "intruder", Min: time.Millisecond, Max: 20 * time.Millisecond, MaxPacket: 4 << 20}, nil)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); check(t, c.Run(ctx)) }()
	t.Cleanup(func() { cancel(); <-done })
	soon, end := context.WithTimeout(t.Context(), patience)
	defer end()
	s, err := c.Next(soon, 0)
	must(t, err)
	const ledger = "0b9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e11"
	top := wire.Prefix + store + "/visits"
	for _, m := range []struct{ topic, payload string }{
		{top, "{"}, {top, `{"ledger":"` + ledger + `","visits":["0A7A4K0002","0A7A4K0001"]}`}, {top, `{"ledger":"` + ledger + `","visits":["../../x"]}`},
		{top, `{"ledger":"` + ledger + `","visits":["` + strings.Repeat(`0A7A4K0001","`, 20000) + `"]}`},
		{top + "/0A7A4K0009", strings.Repeat("x", 500<<10)}, {top + "/0A7A4K0009", `{"ledger":"` + ledger + `","visit":"0A7A4K0008"}`},
		{top + "/9ZZA4K0001", `{"ledger":"` + ledger + `","visit":"9ZZA4K0001","ticket":"Z666","arrived":"2026-03-02T09:00:00+08:00"}`},
		{top + "/0A7A4K0007", `{"ledger":"` + ledger + `","visit":"0A7A4K0007","events":[{"type":"visit.checked_in","data":{"visit":"0A7A4K0006"}}]}`},
		{top + "/etc", `{"ledger":"` + ledger + `","visit":"0A7A4K0007"}`}, {top + "/" + visit, ``},
	} {
		must(t, s.Publish(m.topic, wire.QoS, true, []byte(m.payload)).Wait(soon))
	}
	d.a.scan("front", car(2), bench.AckGood)
	d.b.lists("A002", true)
	d.b.shows("/board", "A001")
	if p := d.b.page("/board"); strings.Contains(p, "Z666") {
		t.Error("a visit of another store is on the board")
	}
	if files, err := filepath.Glob(filepath.Join(d.b.dir, "data", "*", "*9ZZ*")); err != nil || len(files) > 0 {
		t.Errorf("%v; a visit of another store is on disk: %v", err, files)
	}
	if flags := d.works(visit); len(flags) > 0 {
		t.Errorf("the start is flagged %v", flags)
	}
}

// TestCommands: what the back office orders leads to an event or is answered in
// health; what is late, stood on the broker or cannot be is not carried out.
func TestCommands(t *testing.T) {
	r := newRig(t)
	l := listen(t)
	soon, end := context.WithTimeout(t.Context(), patience)
	defer end()
	n, visit := 0, ""
	order := func(verb string, c wire.Command, retained bool) {
		t.Helper()
		if n++; c.ID == "" {
			c.ID = fmt.Sprintf("command-%08d", n)
		}
		if c.Expires.IsZero() {
			c.Expires = r.clock.Now().Wall.Add(time.Minute)
		}
		b, err := c.Encode()
		must(t, err)
		must(t, l.link.Publish(wire.Prefix+store+"/k1/cmd/"+verb, wire.QoS, retained, b).Wait(soon))
	}
	order("announce", wire.Command{Text: "it stood there"}, true)
	r.gate.open(l.broker.Addr())
	r.up()
	r.await("the broker", func() bool { return r.health().Outbox.Connected })
	r.scan("front", car(1), bench.AckGood)
	visit = r.visitOn(r.ticket())
	past := r.clock.Now().Wall.Add(-time.Second)
	order("call", wire.Command{By: "a01", Visit: visit, Place: "late", Expires: past}, false)
	order("call", wire.Command{By: "nobody", Visit: visit, Place: "desk"}, false)
	must(t, l.link.Publish(wire.Prefix+store+"/k1/cmd/call", wire.QoS, false, []byte("{")).Wait(soon))
	order("call", wire.Command{ID: "command-the-same", By: "a01", Visit: visit, Place: "cashier"}, false)
	order("call", wire.Command{ID: "command-the-same", By: "a01", Visit: visit, Place: "cashier"}, false)
	// A copy asked for while the first is still printing would be that one.
	r.await("the ticket's outcome", func() bool { return len(of(r.rows(), "ticket.confirmed")) == 1 })
	order("print", wire.Command{By: "a01", Visit: visit, Document: "ticket-" + visit}, false)
	if slip := r.ticket(); r.visitOn(slip) != visit {
		t.Error("another ticket was printed")
	}
	if strings.Contains(r.page("/board"), "it stood there") {
		t.Error("a command that stood on the broker was carried out")
	}
	if c := of(r.rows(), "visit.called"); len(c) != 1 || !strings.Contains(string(c[0].bytes), `"place":"cashier"`) {
		t.Errorf("the calls are %s", c)
	}
	order("announce", wire.Command{Text: "17:30 关门 <b>"}, false)
	r.await("the announcement", func() bool { return strings.Contains(r.page("/board"), "17:30 关门 &lt;b&gt;") })
	r.pass(2 * time.Minute)
	r.await("its end", func() bool { return !strings.Contains(r.page("/board"), "17:30") })
	front := r.scanners["front"].Acks()
	for len(front) > 0 {
		<-front
	}
	order("identify", wire.Command{}, false)
	for range 3 {
		if ack := <-front; ack != bench.AckGood {
			t.Errorf("a scanner that shows itself beeps %s", ack)
		}
	}
	r.await("the board's name", func() bool { return strings.Contains(r.page("/board"), ">k1<") })
}
