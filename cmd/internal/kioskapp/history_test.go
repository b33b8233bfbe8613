package kioskapp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

// office is the real back office on a broker, and somebody who reads what it
// receipts to board k1.
type office struct {
	t      *testing.T
	http   string
	broker *broker.Broker

	mu      sync.Mutex
	receipt wire.Receipt
}

func newOffice(t *testing.T) *office { return newOfficeOf(t, "", slog.DiscardHandler) }

// newOfficeOf is newOffice with people, whom it asks to sign in; "": with neither.
func newOfficeOf(t *testing.T, people string, log slog.Handler) *office {
	t.Helper()
	b, err := broker.Start(broker.Config{})
	must(t, err)
	t.Cleanup(func() { check(t, b.Close()) })
	o := &office{t: t, http: cmdtest.Address(t), broker: b}
	dir := t.TempDir()
	config := fmt.Sprintf("schema = 1\n[office]\ndata = \"office\"\n[http]\nlisten = %q\n[mqtt]\nurl = %q\n[[store]]\nname = %q\ntag = %q\nkey_file = \"store.key\"\n",
		o.http, b.URL(), store, tag)
	if people != "" {
		config = strings.Replace(strings.Replace(config, "[office]", "staff_file = \"staff.toml\"\n[office]", 1), "[http]", "token_file = \"token\"\n[http]", 1)
		must(t, os.WriteFile(filepath.Join(dir, "staff.toml"), []byte(people), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "token"), []byte("a-token"), 0o600))
	}
	must(t, os.WriteFile(filepath.Join(dir, "backoffice.toml"), []byte(config), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "store.key"), []byte(storeKey), 0o600))
	set, err := settings.LoadOffice(filepath.Join(dir, "backoffice.toml"))
	must(t, err)
	evening := time.Date(2026, 3, 2, 18, 0, 0, 0, time.FixedZone("CST", 8*3600))
	now, err := clock.NewLead(kiosk.Moment{Wall: evening, Boot: "office", Up: time.Hour, Clock: kiosk.Synced}, nil)
	must(t, err)
	t.Cleanup(func() { check(t, now.Close()) })
	ready := make(chan struct{})
	ended := o.run(func(ctx context.Context) error {
		return officeapp.Run(ctx, officeapp.Options{Settings: set, Version: "test", Log: slog.New(log), Clock: now,
			Ready: func() { close(ready) }, ReconnectMin: 2 * time.Millisecond, ReconnectMax: 20 * time.Millisecond})
	})
	select {
	case <-ready:
	case <-ended:
		t.Fatal("the office ended at its start")
	}
	reader, err := link.New(link.Config{Broker: b.URL(), ClientID: "reader", Min: time.Millisecond, Max: 20 * time.Millisecond}, nil)
	must(t, err)
	reader.Handle(wire.Prefix+store+"/k1/receipt", wire.QoS, func(_ context.Context, m link.Message) {
		r, err := wire.DecodeReceipt(m.Payload)
		check(t, err)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.receipt = r
	})
	o.run(reader.Run)
	return o
}

// run runs f until the test ends; ended is closed when f ended.
func (o *office) run(f func(context.Context) error) (ended <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(o.t, f(ctx))
	}()
	o.t.Cleanup(func() { cancel(); <-done })
	return done
}

// epochs is what the office has of the board.
func (o *office) epochs() []wire.Epoch {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.receipt.Epochs)
}

// arrivals is how many cars the figures count.
func (o *office) arrivals() (n int) {
	res, err := http.Get("http://" + o.http + "/api/v1/kpi?store=" + store + "&from=2026-03-02&to=2026-03-03&by=day")
	must(o.t, err)
	defer res.Body.Close()
	var a struct{ Rows []struct{ Arrivals int } }
	must(o.t, json.NewDecoder(res.Body).Decode(&a))
	for _, row := range a.Rows {
		n += row.Arrivals
	}
	return n
}

// checkIns is how often a check-in with one of the epochs stands in a journal.
func (r *rig) epochsOf() (out []string) {
	for _, x := range r.rows() {
		if e := x.read(r.t).Epoch; !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

func (r *rig) delivered() {
	r.t.Helper()
	r.await("everything receipted", func() bool { h := r.health(); return h.Outbox.Connected && h.Outbox.Depth == 0 })
}

// copyTo puts this kiosk's data into another's place. Both are down.
func (r *rig) copyTo(dir string) {
	r.t.Helper()
	must(r.t, os.RemoveAll(filepath.Join(dir, "data")))
	must(r.t, os.CopyFS(filepath.Join(dir, "data"), os.DirFS(filepath.Join(r.dir, "data"))))
}

// A card is copied while its board is down. The board goes on; then the copy
// runs elsewhere under the same name, at last both at once. Every car counts
// once, whoever saw it, and both histories are kept.
func TestClonedCard(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	first, second := newRig(t), newRig(t)
	first.gate.open(o.broker.Addr())
	first.up()
	first.scan("front", car(1), bench.AckGood)
	first.scan("front", car(2), bench.AckGood)
	first.delivered()
	must(t, first.stop())
	first.copyTo(second.dir)
	first.up()
	first.scan("front", car(3), bench.AckGood)
	first.delivered()
	must(t, first.stop())
	shared := first.epochsOf()

	// The copy begins cut off, with numbers that the office has from the other.
	second.up()
	second.scan("front", car(4), bench.AckGood)
	second.scan("s1", badge, bench.AckGood)
	second.gate.open(o.broker.Addr())
	second.await("another epoch", func() bool { return len(second.epochsOf()) == len(shared)+1 })
	second.scan("front", car(5), bench.AckGood) // the same daemon works on
	second.delivered()
	second.shows("/devices", "its card was copied")
	second.shows("/board", "A003")
	second.await("five cars", func() bool { return o.arrivals() == 5 })

	// Now both run at once.
	first.up()
	first.await("told", func() bool { return strings.Contains(first.page("/devices"), "The back office has other records") })
	first.scan("front", car(6), bench.AckGood)
	second.scan("front", car(7), bench.AckGood)
	first.await("seven cars", func() bool { return o.arrivals() == 7 })
	told := func(r *rig) bool { return strings.Contains(r.page("/devices"), "Another board is using this board") }
	first.await("both are told of each other", func() bool { return told(first) && told(second) })
	must(t, first.stop())
	second.delivered()
	must(t, second.stop())
	first.up()
	first.delivered()
	for _, r := range []*rig{first, second} {
		for _, e := range r.epochsOf() {
			if !slices.ContainsFunc(o.epochs(), func(at wire.Epoch) bool { return at.Epoch == e && at.Through > 0 }) {
				t.Errorf("the office has nothing of epoch %s", e)
			}
		}
	}
	if n := o.arrivals(); n != 7 {
		t.Errorf("%d cars are counted, there were 7", n)
	}
	must(t, first.stop())
}

// An old copy of the journal is put back into a board.
func TestOldCopyPutBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r, old := newRig(t), t.TempDir()
	r.gate.open(o.broker.Addr())
	r.up()
	r.scan("front", car(1), bench.AckGood)
	r.delivered()
	must(t, r.stop())
	r.copyTo(old)
	r.up()
	r.scan("front", car(2), bench.AckGood)
	r.scan("front", car(3), bench.AckGood)
	r.delivered()
	must(t, r.stop())
	epochs := r.epochsOf()
	must(t, os.RemoveAll(filepath.Join(r.dir, "data")))
	must(t, os.CopyFS(filepath.Join(r.dir, "data"), os.DirFS(filepath.Join(old, "data"))))
	for len(r.printer.Done()) > 0 {
		<-r.printer.Done()
	}
	r.up()
	r.await("another epoch", func() bool { return len(r.epochsOf()) == len(epochs)+1 })
	r.scan("front", car(4), bench.AckGood)
	r.delivered()
	r.await("four cars", func() bool { return o.arrivals() == 4 })
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	if n := len(r.printer.Done()); n != 1 {
		t.Errorf("%d documents were printed for one new car", n)
	}
	r.shows("/devices", "its card was copied")
	must(t, r.stop())
	// Once told, the old epoch is not tested again.
	r.up()
	r.delivered()
	if got := r.epochsOf(); len(got) != len(epochs)+1 {
		t.Errorf("the journal has epochs %v", got)
	}
	must(t, r.stop())
}

// What was destroyed is closed by journal.lost: the office no longer waits for it.
func TestDestroyedRangeIsClosed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	r := newRig(t)
	r.gate.open(o.broker.Addr())
	r.up()
	r.scan("front", car(1), bench.AckGood)
	r.delivered()
	r.gate.shut()
	r.scan("front", car(2), bench.AckGood)
	r.scan("front", car(3), bench.AckGood)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	must(t, r.stop())
	ins := of(r.rows(), "visit.checked_in")
	epoch, seq, err := kiosk.ParseEventID(ins[1].read(t).ID)
	must(t, err)
	r.change(fmt.Sprintf("UPDATE events SET bytes = x'00' WHERE pos = %d", seq))
	r.change("DELETE FROM cursors WHERE name = 'verified'")
	r.gate.open(o.broker.Addr())
	r.up()
	r.delivered()
	r.await("the two cars that are left", func() bool { return o.arrivals() == 2 })
	r.await("the office no longer waits for what was destroyed", func() bool {
		for _, e := range o.epochs() {
			for _, g := range e.Gaps {
				if e.Epoch == epoch && g.First <= seq && seq <= g.Last {
					return false
				}
			}
		}
		return len(o.epochs()) == 2
	})
	must(t, r.stop())
}
