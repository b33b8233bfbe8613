package officeapp

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/settings"
	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
	"baylight/sync/link"
	"baylight/sync/link/linktest"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// TestFleet: stores with two boards each, each board five events a second, two
// real backofficed on one PostgreSQL behind Mosquitto; one of them is killed in
// the middle, and then PostgreSQL, which comes back. Nothing is lost, nothing counts
// twice, and receipts come.
//
// The boards of the first stores are the real uplink and link on a journal in
// memory: what is asked of the office is the real protocol, and each receipt is
// checked as a board checks it. The others are thin, so that a thousand fit into
// one process and leave the processors to the offices. BAYLIGHT_FLEET=500 (make fleet)
// is a group of stores; without it there are a few.
func TestFleet(t *testing.T) {
	stores, seconds := 10, 20
	if s := os.Getenv("BAYLIGHT_FLEET"); s != "" {
		var err error
		if stores, err = strconv.Atoi(s); err != nil || stores < 1 {
			t.Fatalf("BAYLIGHT_FLEET is %q and must be a number of stores", s)
		}
		if stores >= 100 {
			seconds = 60
		}
	}
	server := pgtest.Start(t)
	mosquitto := linktest.StartMosquitto(t, "")
	g := newGroup(stores, mosquitto.Addr)
	program := built(t)
	one := g.office(t, program, server, "one")
	two := g.office(t, program, server, "two")
	var busy watched
	busy.add("boards", os.Getpid())
	busy.add("one", one.Process.Pid)
	busy.add("two", two.Process.Pid)
	busy.add("PostgreSQL", server.PID())
	busy.add("broker", mosquitto.PID())
	g.run(t)
	g.settled(t)
	var worst []time.Duration
	book := ledgerOf(t, server)
	for _, kill := range []bool{false, true} {
		var moved <-chan time.Duration
		if kill {
			must(t, one.Process.Kill())
			_ = one.Wait() // it was killed
			moved = g.moved(t, book, "two")
		}
		busy.begin()
		delays := g.play(t, seconds*5/2)
		slices.Sort(delays)
		at := func(q float64) time.Duration { return delays[int(q*float64(len(delays)-1))].Round(time.Millisecond) }
		t.Logf("%d stores, an office killed: %v: receipts p50 %v, p90 %v, p99 %v, worst %v of %d events", stores, kill, at(.5), at(.9), at(.99), at(1), len(delays))
		busy.told(t, len(delays))
		worst = append(worst, at(.99))
		if kill {
			took := <-moved
			t.Logf("its stores had moved after %v", took.Round(time.Millisecond))
			if os.Getenv("BAYLIGHT_FLEET") != "" && took > 10*time.Second {
				t.Errorf("its stores moved after %v, at most 10s are allowed", took)
			}
		}
	}
	if os.Getenv("BAYLIGHT_FLEET") != "" && worst[0] >= 2*time.Second {
		t.Errorf("receipts come after %v at p99 while nothing is wrong, at most 2s are allowed", worst[0])
	}
	g.tick(t, 5)
	server.Kill() // in the middle of batches
	g.tick(t, 5)
	server.Start()
	g.tick(t, 5)
	g.settled(t)
	g.check(t, server, two)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// built is the real back office.
func built(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backofficed")
	if out, err := exec.Command("go", "build", "-o", path, "baylight/cmd/backofficed").CombinedOutput(); err != nil {
		t.Fatalf("build backofficed: %v\n%s", err, out)
	}
	return path
}

// group is many stores and their boards. They come to the broker by its
// addresses, one after the other.
type group struct {
	brokers []string
	kind    settings.MQTT // what the brokers are
	real    int           // so many stores have boards with the real uplink and link; those of the others are thin
	offices int
	names   []string
	boards  []*thin
}

func newGroup(stores int, brokers ...string) *group {
	g := &group{brokers: brokers, real: 5}
	for i := range stores {
		g.names = append(g.names, fmt.Sprintf("sh-%03d", i))
	}
	for _, s := range g.names {
		for _, k := range []string{"k1", "k2"} {
			b := &thin{small: newSmall(k)}
			b.does = life(k)
			b.store, b.epoch = s, "epoch-"+s+"-"+k
			g.boards = append(g.boards, b)
		}
	}
	return g
}

// office starts one backofficed for all stores.
func (g *group) office(t *testing.T, program string, server *pgtest.Server, name string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	listen := cmdtest.Address(t)
	var text strings.Builder
	broker := g.brokers[g.offices%len(g.brokers)]
	g.offices++
	brokers := ""
	if g.kind.NATS {
		brokers = "brokers = \"nats\"\n"
	}
	fmt.Fprintf(&text, "schema = 1\n[office]\ndata = \"data\"\n[http]\nlisten = %q\n[mqtt]\nurl = \"mqtt://%s\"\n%s[ledger]\npostgres = %q\nname = %q\n", listen, broker, brokers, server.URL(), name)
	for i, s := range g.names {
		fmt.Fprintf(&text, "[[store]]\nname = %q\ntag = \"%03d\"\nkey_file = \"store.key\"\n", s, i)
	}
	must(t, os.WriteFile(filepath.Join(dir, "store.key"), []byte("0123456789abcdef0123456789abcdef"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "backoffice.toml"), []byte(text.String()), 0o600))
	log, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	defer log.Close()
	cmd := exec.Command(program, "run", "--config", filepath.Join(dir, "backoffice.toml"))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if b, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("office %s:\n%s", name, b[max(0, len(b)-4000):])
		}
	})
	return cmd
}

// run connects the boards.
func (g *group) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		for _, s := range g.boards {
			if s.conn != nil {
				_ = s.conn.Close()
			}
		}
		tasks.Wait()
	})
	for i, s := range g.boards {
		if i >= 2*g.real {
			s.dial(t, g.brokers[0], &tasks)
			continue
		}
		topics, err := wire.NewKiosk(s.store, s.name)
		must(t, err)
		say := func(state wire.State) func(uint64) []byte {
			return func(session uint64) []byte {
				b, _ := wire.Conn{State: state, Session: session, Epoch: s.epoch, Version: "test"}.Encode()
				return b
			}
		}
		cfg := link.Config{Broker: "mqtt://" + g.brokers[i%len(g.brokers)], ClientID: topics.ClientID(), KeepAlive: time.Minute, PingTimeout: 30 * time.Second,
			Presence: &link.Presence{Topic: topics.Conn(), Birth: say(wire.Ready), Lost: say(wire.Lost), Bye: say(wire.Disconnected)}}
		g.kind.Tune(&cfg)
		l, err := link.New(cfg, nil)
		must(t, err)
		u, err := uplink.New(uplink.Config{Kiosk: topics}, s, l, nil)
		must(t, err)
		tasks.Go(func() { _ = l.Run(ctx) })
		tasks.Go(func() { _ = u.Run(ctx) })
	}
	for _, s := range g.boards { // the first event of each: who has which store is settled when all are receipted
		s.append(t, 1)
	}
}

// settled waits until every board has the receipt of its last event, and gives
// how long each event waited for its receipt.
func (g *group) settled(t *testing.T) (delays []time.Duration) {
	t.Helper()
	limit := time.After(10 * time.Minute)
	for _, s := range g.boards {
		for !s.done() {
			select {
			case <-s.marked:
			case <-limit:
				t.Fatalf("board %s of %s stands at %+v of %d", s.name, s.store, s.state(), s.Head())
			}
		}
		unlock := s.lock()
		delays = append(delays, s.delays...)
		s.delays = nil
		unlock()
	}
	return delays
}

// play does tick and waits until everything is settled.
func (g *group) play(t *testing.T, n int) []time.Duration {
	t.Helper()
	g.tick(t, n)
	return g.settled(t)
}

// tick lets each board record an event five times a second, n times, the boards
// one after the other through each fifth.
func (g *group) tick(t *testing.T, n int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	const parts = 20
	for i := range n * parts {
		<-tick.C
		for j := i % parts; j < len(g.boards); j += parts {
			g.boards[j].append(t, 1)
		}
	}
}

// check holds that the ledger has each event of each board, and counts it once.
// Offices given are ended first: they may have something to record yet.
func (g *group) check(t *testing.T, server *pgtest.Server, offices ...*exec.Cmd) {
	t.Helper()
	for _, o := range offices {
		must(t, o.Process.Signal(syscall.SIGTERM))
		must(t, o.Wait())
	}
	l := ledgerOf(t, server)
	total := 0
	for _, s := range g.boards {
		epochs, err := l.Epochs(t.Context(), kiosk.KioskSource(s.store, s.name))
		must(t, err)
		want, _, _ := s.Hash(s.Head())
		if len(epochs) != 1 || epochs[0].Through != s.Head() || epochs[0].Hash != want || len(epochs[0].Gaps) > 0 {
			t.Errorf("board %s of %s: the ledger has %+v, want %d events", s.name, s.store, epochs, s.Head())
		}
		total += int(s.Head())
	}
	own := 0 // the offices record too, each store's setup for instance
	for _, s := range g.names {
		epochs, err := l.Epochs(t.Context(), kiosk.OfficeSource(s))
		must(t, err)
		for _, e := range epochs {
			own += int(e.Through)
		}
	}
	if n, err := l.Position(t.Context()); err != nil || n != uint64(total+own) {
		t.Errorf("position %d (%v), the boards recorded %d events and the offices %d", n, err, total, own)
	}
}

// ledgerOf opens the ledger of the offices until the test ends.
func ledgerOf(t *testing.T, server *pgtest.Server) *pgledger.Ledger {
	t.Helper()
	l, err := pgledger.Open(t.Context(), pgledger.Config{URL: server.URL()})
	must(t, err)
	t.Cleanup(l.Close)
	return l
}

// moved gives, once every store is with one of the offices, how long that took.
func (g *group) moved(t *testing.T, l *pgledger.Ledger, to ...string) <-chan time.Duration {
	took := make(chan time.Duration, 1)
	began, limit := time.Now(), time.After(5*time.Minute)
	go func() {
		defer close(took)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			who, err := l.Leases(t.Context()) // it fails while the database is down
			there := 0
			for _, x := range who {
				if slices.Contains(to, x.Office) {
					there++
				}
			}
			if err == nil && there == len(g.names) {
				took <- time.Since(began)
				return
			}
			select {
			case <-tick.C:
			case <-limit:
				t.Errorf("not all of %d stores come to %v: %+v (%v)", len(g.names), to, who, err)
				return
			case <-t.Context().Done():
				return
			}
		}
	}()
	return took
}
