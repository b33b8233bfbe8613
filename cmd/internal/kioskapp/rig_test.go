package kioskapp_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/device/bench"
	"baylight/device/lamp/lamptest"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/kiosk/staff"
	"baylight/sync/wire"
)

const (
	store    = "sh-test"
	tag      = "0A7"
	storeKey = "0123456789abcdef0123456789abcdef"
	pin      = "2468"
	patience = 20 * time.Second
)

// badge is that of technician t01.
var badge = kiosk.MakeCode(kiosk.KindBadge, "0A70000001")

// verifier is the verifier of pin: it is dear, so it is made once.
var verifier = sync.OnceValues(func() (string, error) { return staff.HashPIN([]byte(storeKey), pin) })

// rig is one kiosk with everything around it: devices on ptys, pins, a clock
// that stands, a broker behind a gate, configuration files.
type rig struct {
	t        *testing.T
	dir      string
	http     string
	gate     *gate
	clock    *clock.Lead
	scanners map[string]*bench.Scanner // by the name in the configuration
	printer  *bench.Printer
	edit     func(config string) string // of kiosk.toml before it is written; nil: none

	pins *lamptest.Board
	stop func() error
	done chan struct{} // closed when the daemon of this start has ended
	err  error         // read after done

	logged logBook // everything that was logged, as the system's journal gets it

	mu  sync.Mutex
	lit []lit
}

// logBook is a buffer for several writers.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// lit is one change of a pin and what was durable at that moment.
type lit struct {
	pin  string
	high bool
	rows []row
}

// row is an event as it stands in the journal's file.
type row struct {
	typ    string
	bytes  []byte
	person []byte
}

// envelope is what the tests read of an event, with their own eyes.
type envelope struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Type   string `json:"type"`
	Epoch  string `json:"epoch"`
	Prev   string `json:"prev"`
	Data   struct {
		Visit        string   `json:"visit"`
		Ticket       string   `json:"ticket"`
		Vehicle      string   `json:"vehicle"`
		Bay          string   `json:"bay"`
		Technician   string   `json:"technician"`
		Device       string   `json:"device"`
		Reason       string   `json:"reason"`
		Document     string   `json:"document"`
		Action       string   `json:"action"`
		Cause        string   `json:"cause"`
		Flags        []string `json:"flags"`
		PersonDigest string   `json:"persondigest"`
		Scan         *struct {
			Text, Symbology, Scanner, Keyed string
		} `json:"scan"`
	} `json:"data"`
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), scanners: map[string]*bench.Scanner{}, stop: func() error { return nil }}
	r.gate = newGate(t)
	for _, name := range []string{"front", "s1", "s2"} {
		s, err := bench.NewScanner(filepath.Join(r.dir, "tty-"+name))
		must(t, err)
		t.Cleanup(func() { check(t, s.Close()) })
		r.scanners[name] = s
	}
	p, err := bench.NewPrinter(filepath.Join(r.dir, "tty-printer"))
	must(t, err)
	t.Cleanup(func() { check(t, p.Close()) })
	r.printer = p
	r.http = cmdtest.Address(t)
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.FixedZone("CST", 8*3600))
	r.clock, err = clock.NewLead(kiosk.Moment{Wall: start, Boot: "boot-1", Up: time.Minute, Clock: kiosk.Synced}, nil)
	must(t, err)
	t.Cleanup(func() { check(t, r.clock.Close()) })
	return r
}

// configure writes the files that a store's IT person would write.
func (r *rig) configure() {
	v, err := verifier()
	must(r.t, err)
	var b strings.Builder
	fmt.Fprintf(&b, "schema = 1\nstaff_file = \"staff.toml\"\n[store]\nname = %q\ntag = %q\nkey_file = \"store.key\"\n[kiosk]\nname = \"k1\"\nletter = \"A\"\ndata = \"data\"\nsocket = \"kiosk.sock\"\n[http]\nlisten = %q\n[mqtt]\nurl = %q\n",
		store, tag, r.http, "mqtt://"+r.gate.addr())
	for _, s := range [][2]string{{"front", "reception"}, {"s1", "b1"}, {"s2", "b2"}} {
		fmt.Fprintf(&b, "[[scanner]]\nname = %q\nplace = %q\ndevice = %q\nbeep = \"honeywell\"\n", s[0], s[1], r.scanners[s[0]].Path())
	}
	b.WriteString("[[bay]]\nid = \"b1\"\nactive_low = true\nlamp = { white = \"P0\", green = \"P1\", amber = \"P2\", red = \"P3\", blue = \"P4\" }\n")
	b.WriteString("[[bay]]\nid = \"b2\"\nlamp = { white = \"P5\", green = \"P6\", amber = \"P7\", red = \"P8\", blue = \"P9\" }\n")
	fmt.Fprintf(&b, "[printer]\ndevice = %q\nbaud = 3000000\nwidth = 80\n", r.printer.Path())
	b.WriteString("[[menu]]\ncode = \"M10\"\ntext = \"10000公里保养\"\ncategory = \"maintenance\"\nminutes = 40\n")
	config := b.String()
	if r.edit != nil {
		config = r.edit(config)
	}
	people := "schema = 1\n" +
		"[[person]]\nid = \"t01\"\nname = \"李师傅\"\nbadge = \"0A70000001\"\nroles = [\"technician\"]\n" +
		"[[person]]\nid = \"a01\"\nname = \"王顾问\"\nbadge = \"0A70000003\"\nroles = [\"adviser\"]\npin = \"" + v + "\"\n"
	for name, text := range map[string]string{"kiosk.toml": config, "staff.toml": people, "store.key": storeKey} {
		must(r.t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600))
	}
}

// options are those of the daemon with the rig's clock and pins.
func (r *rig) options(ready func()) kioskapp.Options {
	r.t.Helper()
	r.configure()
	set, err := settings.LoadKiosk(filepath.Join(r.dir, "kiosk.toml"))
	must(r.t, err)
	r.pins = lamptest.New(r.saw)
	return kioskapp.Options{
		Settings: set, Version: "test", Log: slog.New(slog.NewTextHandler(io.MultiWriter(r.t.Output(), &r.logged), nil)), Clock: r.clock, Pins: r.pins.Open,
		NewID: kioskapp.RandomID, Ready: ready, ReconnectMin: 2 * time.Millisecond, ReconnectMax: 20 * time.Millisecond,
	}
}

// start starts the kiosk and waits until all its parts are ready.
func (r *rig) start() {
	r.t.Helper()
	ready := make(chan struct{})
	o := r.options(func() { close(ready) })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	r.done = done
	go func() {
		defer close(done)
		r.err = kioskapp.Run(ctx, o)
	}()
	r.stop = func() error {
		cancel()
		<-done
		r.stop = func() error { return nil }
		return r.err
	}
	r.t.Cleanup(func() {
		cancel()
		<-done
		if r.err != nil {
			r.t.Errorf("the kiosk ended with: %v", r.err)
		}
	})
	select {
	case <-ready:
	case <-done:
		r.t.Fatalf("the kiosk ended at its start: %v", r.err)
	case <-time.After(patience):
		r.t.Fatal("the kiosk is not ready")
	}
}

// up starts the kiosk and waits until every device works.
func (r *rig) up() {
	r.t.Helper()
	r.start()
	r.await("all devices up", func() bool { return r.health().down() == nil })
}

// saw notes a change of a pin and what is durable at that very moment.
func (r *rig) saw(pin string, high bool) {
	rows := r.rows()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lit = append(r.lit, lit{pin, high, rows})
}

// changes are the changes of one pin so far. That it is driven dark at the start
// is none.
func (r *rig) changes(pin string) (out []lit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	level := pin <= "P4" // at rest: the relays of b1 switch on at low level
	for _, l := range r.lit {
		if l.pin == pin && l.high != level {
			out, level = append(out, l), l.high
		}
	}
	return out
}

// rows reads the journal's file as another program would: only what is committed.
func (r *rig) rows() (rows []row) {
	path := filepath.Join(r.dir, "data", "journal.db")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		r.t.Error(err)
		return nil
	}
	defer db.Close()
	res, err := db.Query("SELECT type, bytes, person FROM events ORDER BY pos")
	if err != nil {
		r.t.Error(err)
		return nil
	}
	defer res.Close()
	for res.Next() {
		var x row
		if err := res.Scan(&x.typ, &x.bytes, &x.person); err != nil {
			r.t.Error(err)
		}
		rows = append(rows, x)
	}
	if err := res.Err(); err != nil {
		r.t.Error(err)
	}
	return rows
}

// keptBookings are the bookings of a day as they stand on the kiosk's disk.
func (r *rig) keptBookings(day string) []wire.Booking {
	b, err := os.ReadFile(filepath.Join(r.dir, "data", "bookings", day+".json"))
	if err != nil {
		return nil
	}
	d, err := wire.DecodeBookings(b)
	if err != nil {
		r.t.Error(err)
	}
	return d.Bookings
}

// of gives the rows of a type.
func of(rows []row, typ string) (out []row) {
	for _, x := range rows {
		if x.typ == typ {
			out = append(out, x)
		}
	}
	return out
}

func (x row) read(t *testing.T) (e envelope) {
	t.Helper()
	if err := json.Unmarshal(x.bytes, &e); err != nil {
		t.Fatalf("event %s: %v", x.bytes, err)
	}
	return e
}

// sound checks what has to hold of every journal: the chain, the bounds, and
// that nothing of secrets stands in any event's own bytes.
func (r *rig) sound(secrets ...string) {
	r.t.Helper()
	prev := kiosk.Hash{}
	for i, x := range r.rows() {
		e := x.read(r.t)
		if e.Prev != prev.String() {
			r.t.Errorf("event %d: prev is %s, the event before it hashes to %s", i+1, e.Prev, prev)
		}
		prev = kiosk.HashOf(x.bytes)
		if len(x.bytes) > 4096 || len(x.person) > 4096 {
			r.t.Errorf("event %d (%s) has %d bytes and %d of person part", i+1, x.typ, len(x.bytes), len(x.person))
		}
		want := ""
		if x.person != nil {
			want = kiosk.DigestOf(x.person)
		}
		if e.Data.PersonDigest != want {
			r.t.Errorf("event %d (%s) names the person part %q, the one beside it is %q", i+1, x.typ, e.Data.PersonDigest, want)
		}
		plain := hexadecimal.ReplaceAll(x.bytes, nil) // five digits stand in many a hash
		for _, s := range secrets {
			if bytes.Contains(plain, []byte(s)) || bytes.Contains(plain, []byte(html.EscapeString(s))) {
				r.t.Errorf("event %d holds %q: %s", i+1, s, x.bytes)
			}
		}
	}
}

// hexadecimal are hashes and digests.
var hexadecimal = regexp.MustCompile(`"[0-9a-f]{64}"`)

// await asks until ok, bounded.
func (r *rig) await(what string, ok func() bool) {
	r.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-r.done:
			r.t.Fatalf("%s: the kiosk has ended: %v", what, r.err)
		case <-deadline:
			var types []string
			for _, x := range r.rows() {
				types = append(types, x.typ)
			}
			r.t.Fatalf("%s: not within %v; journal: %v", what, patience, types)
		}
	}
}

// pass lets shop time go by: the same code within three seconds is one scan.
func (r *rig) pass(d time.Duration) {
	r.t.Helper()
	must(r.t, r.clock.Advance(d))
}

// scan reads a code at a scanner and expects a beep.
func (r *rig) scan(scanner, text string, want bench.Ack) {
	r.t.Helper()
	r.pass(5 * time.Second)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	got, err := r.scanners[scanner].Scan(ctx, text)
	must(r.t, err)
	if got != want {
		r.t.Fatalf("%s scanned %q and heard %s, want %s", scanner, text, got, want)
	}
}

// send puts bytes on a scanner's wire and expects one beep.
func (r *rig) send(scanner string, raw []byte, want bench.Ack) {
	r.t.Helper()
	r.pass(5 * time.Second)
	s := r.scanners[scanner]
	for len(s.Acks()) > 0 {
		<-s.Acks()
	}
	must(r.t, s.Send(raw))
	select {
	case got := <-s.Acks():
		if got != want {
			r.t.Fatalf("%s sent %.60q and heard %s, want %s", scanner, raw, got, want)
		}
	case <-time.After(patience):
		r.t.Fatalf("%s sent %.60q and heard nothing", scanner, raw)
	}
}

// ticket takes the next ticket out of the printer.
func (r *rig) ticket() []byte {
	r.t.Helper()
	select {
	case p := <-r.printer.Done():
		return p
	case <-time.After(patience):
		r.t.Fatal("no ticket came out")
		return nil
	}
}

// page gets a page of the kiosk in English.
func (r *rig) page(path string) string {
	r.t.Helper()
	res, err := http.Get("http://" + r.http + path + "?lang=en")
	must(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(r.t, err)
	if res.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %s: %s", path, res.Status, b)
	}
	return string(b)
}

// shows checks that a page says what it has to say.
func (r *rig) shows(path, text string) {
	r.t.Helper()
	if p := r.page(path); !strings.Contains(html.UnescapeString(p), text) {
		r.t.Errorf("page %s does not say %q:\n%s", path, text, p)
	}
}

// desk signs the adviser in and gives a browser.
func (r *rig) desk() *http.Client {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	must(r.t, err)
	c := &http.Client{Jar: jar, Timeout: patience}
	r.post(c, "/api/sign-in", map[string]any{"who": "a01", "pin": pin})
	return c
}

func (r *rig) post(c *http.Client, path string, form map[string]any) {
	r.t.Helper()
	b, err := json.Marshal(form)
	must(r.t, err)
	res, err := c.Post("http://"+r.http+path, "application/json", bytes.NewReader(b))
	must(r.t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	must(r.t, err)
	if res.StatusCode/100 != 2 {
		r.t.Fatalf("POST %s: %s: %s", path, res.Status, answer)
	}
}

type health struct {
	OK     bool   `json:"ok"`
	Head   uint64 `json:"head"`
	Paper  int    `json:"paper_pending"`
	Visits int    `json:"visits_open"`
	Outbox struct {
		Depth     uint64 `json:"depth"`
		Connected bool   `json:"connected"`
	} `json:"outbox"`
	Devices []struct {
		Name   string `json:"name"`
		Up     bool   `json:"up"`
		Reason string `json:"reason"`
	} `json:"devices"`
}

// down lists the devices that do not work, each with its reason.
func (h health) down() (out []string) {
	for _, d := range h.Devices {
		if !d.Up {
			out = append(out, d.Name+": "+d.Reason)
		}
	}
	return out
}

func (r *rig) health() (h health) {
	r.t.Helper()
	res, err := http.Get("http://" + r.http + "/healthz")
	must(r.t, err)
	defer res.Body.Close()
	must(r.t, json.NewDecoder(res.Body).Decode(&h))
	return h
}

// gate stands between the kiosk and its broker: open it lets through, shut it
// refuses, and cutting it tears the connections without a goodbye.
type gate struct {
	l  net.Listener
	wg sync.WaitGroup

	mu    sync.Mutex
	to    string // the broker; "": shut
	conns []net.Conn
}

func newGate(t *testing.T) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	g := &gate{l: l}
	g.wg.Go(g.accept)
	t.Cleanup(func() {
		l.Close()
		g.shut()
		g.wg.Wait()
	})
	return g
}

func (g *gate) addr() string { return g.l.Addr().String() }

func (g *gate) open(broker string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.to = broker
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.to = ""
	for _, c := range g.conns {
		c.Close()
	}
	g.conns = nil
}

func (g *gate) accept() {
	for {
		c, err := g.l.Accept()
		if err != nil {
			return
		}
		g.serve(c)
	}
}

func (g *gate) serve(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.to == "" {
		c.Close()
		return
	}
	up, err := net.Dial("tcp", g.to)
	if err != nil {
		c.Close()
		return
	}
	g.conns = append(g.conns, c, up)
	for _, pair := range [][2]net.Conn{{c, up}, {up, c}} {
		g.wg.Go(func() {
			io.Copy(pair[0], pair[1]) // either end may go at any time: that is what the gate is for
			pair[0].Close()
			pair[1].Close()
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func types(rows []row) (out []string) {
	for _, x := range rows {
		out = append(out, x.typ)
	}
	return out
}
