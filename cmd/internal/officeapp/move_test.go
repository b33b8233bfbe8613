package officeapp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
	"baylight/kiosk"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/booking"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
	"baylight/sync/backoffice/roster"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// moving is the store that moves, the first of a group.
const moving = "sh-000"

// mover is a real backofficed of a test, and what is asked of it.
type mover struct {
	t    *testing.T
	name string
	dir  string
	url  string
	cmd  *exec.Cmd
}

// newMover makes the folder of an office; start starts it.
func newMover(t *testing.T, server *pgtest.Server, broker, name string) *mover {
	t.Helper()
	listen := cmdtest.Address(t)
	m := &mover{t: t, name: name, dir: t.TempDir(), url: "http://" + listen}
	text := fmt.Sprintf("schema = 1\n[office]\ndata = \"data\"\ntoken_file = \"token\"\n[http]\nlisten = %q\n[mqtt]\nurl = %q\n[ledger]\npostgres = %q\nname = %q\n[[store]]\nname = %q\ntag = \"0A7\"\nkey_file = \"store.key\"\n",
		listen, broker, server.URL(), name, moving)
	for file, b := range map[string]string{"backoffice.toml": text, "store.key": "0123456789abcdef0123456789abcdef", "token": "a-token-that-is-long-enough"} {
		must(t, os.WriteFile(filepath.Join(m.dir, file), []byte(b), 0o600))
	}
	return m
}

func (m *mover) start(program string) {
	m.t.Helper()
	log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(m.t, err)
	defer log.Close()
	m.cmd = exec.Command(program, "run", "--config", filepath.Join(m.dir, "backoffice.toml"))
	m.cmd.Stdout, m.cmd.Stderr = log, log
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(m.t, m.cmd.Start())
	cmd := m.cmd
	m.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if b, err := os.ReadFile(log.Name()); m.t.Failed() && err == nil {
			m.t.Logf("office %s:\n%s", m.name, b[max(0, len(b)-4000):])
		}
	})
}

func (m *mover) end(how syscall.Signal) {
	must(m.t, m.cmd.Process.Signal(how))
	_ = m.cmd.Wait()
}

// ask calls the API with the token; status 0: nobody answers.
func (m *mover) ask(method, path, body string) (status int, said string) {
	req, err := http.NewRequestWithContext(m.t.Context(), method, m.url+path, strings.NewReader(body))
	must(m.t, err)
	req.Header.Set("Authorization", "Bearer a-token-that-is-long-enough")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(b)
}

// does asks until it is done: by then the office has the store.
func (m *mover) does(path, body string) {
	m.t.Helper()
	var status int
	var said string
	await(m.t, m.name+" does "+path, func() bool {
		status, said = m.ask(http.MethodPost, path, body)
		if status != 0 && status != http.StatusOK && status != http.StatusConflict {
			m.t.Fatalf("office %s: %s: %d %s", m.name, body, status, said)
		}
		return status == http.StatusOK
	})
}

// lets says whether somebody comes in with a PIN.
func (m *mover) lets(who, pin string) bool {
	jar, err := cookiejar.New(nil)
	must(m.t, err)
	c := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.PostForm(m.url+"/signin", url.Values{"who": {who}, "pin": {pin}})
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusSeeOther
}

// people are the ids of who works in the moving, as the office says.
func (m *mover) people() (ids string) {
	_, said := m.ask(http.MethodGet, "/api/v1/staff", "")
	var out struct{ People []roster.Person }
	_ = json.Unmarshal([]byte(said), &out) // it may not be there yet
	for _, p := range out.People {
		ids += p.ID + " "
	}
	return ids
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, limit := time.NewTicker(20*time.Millisecond), time.After(3*time.Minute)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s: not within 3 min", what)
		}
	}
}

// ear hears what is retained of the store.
type ear struct {
	*link.Link
	mu   sync.Mutex
	last map[string]string
}

func newEar(t *testing.T, broker string) *ear {
	e := &ear{last: map[string]string{}}
	var err error
	e.Link, err = link.New(link.Config{Broker: broker, ClientID: "ear", Min: time.Millisecond, Max: 20 * time.Millisecond}, nil)
	must(t, err)
	for _, topic := range []string{"staff", "setup", "bookings/+"} {
		e.Handle(wire.Prefix+moving+"/"+topic, wire.QoS, func(_ context.Context, m link.Message) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.last[strings.TrimPrefix(m.Topic, wire.Prefix+moving+"/")] = string(m.Payload)
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return e
}

// on is what stands on a topic; forget empties it on the broker.
func (e *ear) on(topic string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last[topic]
}

func (e *ear) forget(t *testing.T, topics ...string) {
	t.Helper()
	for _, topic := range topics {
		must(t, e.Publish(wire.Prefix+moving+"/"+topic, wire.QoS, true, nil).Wait(t.Context()))
		await(t, topic+" is emptied", func() bool { return e.on(topic) == "" })
	}
}

// TestStoreMoves: bookings and staff follow a store from an office that is killed
// in the middle of a day to another one, and back; each office lets the same people
// in, the audit log is that of both, and moving records nothing.
func TestStoreMoves(t *testing.T) {
	server := pgtest.Start(t)
	hub, err := broker.Start(broker.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, hub.Close()) })
	program := built(t)
	one, two := newMover(t, server, hub.URL(), "one"), newMover(t, server, hub.URL(), "two")
	day := func(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }
	bookings := func(n int, id string) string {
		return fmt.Sprintf("time,plate,id\n%s 09:30,粤B12345,%s\n", day(n), id)
	}

	one.start(program)
	e := newEar(t, hub.URL())
	await(t, "the setup is recorded and told", func() bool { return e.on("setup") != "" })
	one.does("/api/v1/staff", `{"id":"m1","name":"经理","roles":["manager"],"pin":"24682"}`)
	one.does("/api/v1/staff", `{"id":"t1","name":"李师傅","badge":"0A70000002","roles":["technician"],"by":"m1"}`)
	one.does("/api/v1/bookings?store="+moving, bookings(3, "B-1"))
	two.start(program)
	await(t, "two knows who works here", func() bool { return two.people() == "m1 t1 " })
	if status, said := two.ask(http.MethodPost, "/api/v1/bookings?store="+moving, bookings(3, "B-0")); status != http.StatusConflict || !strings.Contains(said, "one, whose pages are at") {
		t.Errorf("an office that has not got the store: %d %s", status, said)
	}
	if status, said := two.ask(http.MethodPost, "/api/v1/staff", `{"id":"t1","remove":true,"by":"m1"}`); status != http.StatusConflict {
		t.Errorf("an office that has not got the store: %d %s", status, said)
	}
	if !one.lets("m1", "24682") || !two.lets("m1", "24682") {
		t.Error("the manager cannot sign in at both offices")
	}
	g := newGroup(1, strings.TrimPrefix(hub.URL(), "mqtt://"))
	g.run(t)
	g.play(t, 5)
	await(t, "boards are told", func() bool {
		return strings.Contains(e.on("bookings/"+day(3)), "B-1") && strings.Contains(e.on("staff"), "t1") && e.on("setup") != ""
	})

	e.forget(t, "staff", "setup", "bookings/"+day(3)) // the broker lost what it kept as well
	began := time.Now()
	one.end(syscall.SIGKILL)
	for _, b := range g.boards {
		b.append(t, 5)
	}
	two.does("/api/v1/bookings?store="+moving, bookings(4, "B-2"))
	t.Logf("after the office was killed the other takes bookings within %v", time.Since(began).Round(time.Millisecond))
	two.does("/api/v1/staff", `{"id":"t2","name":"赵师傅","roles":["technician"],"by":"m1"}`)
	told := func() bool {
		return strings.Contains(e.on("bookings/"+day(3)), "B-1") && strings.Contains(e.on("bookings/"+day(4)), "B-2") && strings.Contains(e.on("staff"), "t1") &&
			strings.Contains(e.on("staff"), "t2") && strings.Contains(e.on("setup"), "t2")
	}
	await(t, "boards are told by the other", told)
	if !two.lets("m1", "24682") || two.lets("m1", "99999") {
		t.Error("who may sign in has changed")
	}
	g.settled(t)

	one.start(program)
	await(t, "one knows who works here", func() bool { return one.people() == "m1 t1 t2 " })
	sameFigures(t, two, one)
	e.forget(t, "staff", "setup", "bookings/"+day(3), "bookings/"+day(4))
	two.end(syscall.SIGTERM) // in order
	await(t, "boards are told by the first again", told)
	one.does("/api/v1/bookings?store="+moving, bookings(3, "B-3"))
	await(t, "boards are told what changed", func() bool { return strings.Contains(e.on("bookings/"+day(3)), "B-3") })
	g.play(t, 5)
	one.end(syscall.SIGTERM)
	checkMoved(t, server, g)
}

// sameFigures holds that an office which has not got the store gives the figures
// that the other one gives, to the letter.
func sameFigures(t *testing.T, has, other *mover) {
	t.Helper()
	path := "/api/v1/kpi?store=" + moving + "&from=" + fleetDay.Format(time.DateOnly) + "&to=" + fleetDay.AddDate(0, 0, 1).Format(time.DateOnly)
	status, said := has.ask(http.MethodGet, path, "")
	var at struct {
		AsOf string `json:"as_of"`
		Now  string `json:"now"`
	}
	must(t, json.Unmarshal([]byte(said), &at))
	if status != http.StatusOK || at.AsOf == "" || at.Now == "" {
		t.Fatalf("figures: %d %.300s", status, said)
	}
	if again, same := other.ask(http.MethodGet, fmt.Sprintf("%s&as_of=%s&now=%s", path, url.QueryEscape(at.AsOf), url.QueryEscape(at.Now)), ""); again != http.StatusOK || same != said {
		t.Errorf("where the store is not: %d %.300s\nwhere it is: %.300s", again, same, said)
	}
}

// checkMoved holds that the ledger has what boards recorded and people did, once.
func checkMoved(t *testing.T, server *pgtest.Server, g *group) {
	t.Helper()
	l, err := pgledger.Open(t.Context(), pgledger.Config{URL: server.URL()})
	must(t, err)
	defer l.Close()
	for _, b := range g.boards {
		epochs, err := l.Epochs(t.Context(), kiosk.KioskSource(moving, b.name))
		if err != nil || len(epochs) != 1 || epochs[0].Through != b.Head() || len(epochs[0].Gaps) > 0 {
			t.Errorf("board %s: the ledger has %+v (%v), want %d events", b.name, epochs, err, b.Head())
		}
	}
	rows, err := l.Events(t.Context(), moving, 0, 1000)
	must(t, err)
	var setups []string
	previous := ""
	for _, row := range rows {
		e, err := kiosk.Decode(row.Bytes)
		must(t, err)
		if d, ok := e.Data.(*kiosk.SetupChanged); ok {
			var s wire.Setup
			must(t, json.Unmarshal(d.Setup, &s))
			if s.Previous != previous {
				t.Errorf("setup %s follows %q, want %q", e.ID(), s.Previous, previous)
			}
			previous, setups = e.ID(), append(setups, d.By+" "+d.Reason)
		}
	}
	const want = " |token staff m1: name, pin, roles|m1 staff t1: badge, name, roles|m1 staff t2: name, roles"
	if got := strings.Join(setups, "|"); got != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
	where := map[string]int{}
	entries, err := audit.New(l, "", nil).Latest(1000, func(audit.Entry) bool { return true })
	must(t, err)
	for _, e := range entries {
		where[e.Office+" "+e.What]++
	}
	if fmt.Sprint(where) != "map[one signed_in:1 two refused:1 two signed_in:2]" {
		t.Errorf("the audit log has %v", where)
	}
	days, _, err := l.Papers(t.Context(), moving, booking.Kind)
	if err != nil || len(days) != 2 || !strings.Contains(string(days[0].Bytes), "B-3") || !strings.Contains(string(days[1].Bytes), "B-2") {
		t.Errorf("bookings: %v (%v)", days, err)
	}
}
