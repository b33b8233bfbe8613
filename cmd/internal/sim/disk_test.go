package sim

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/kiosk/journal"
	"baylight/sync/uplink"
)

// TestDiskIsTheJournal gives a simulated card and a real journal the same
// appends, receipts, epochs and restarts: bytes, hashes and marks are the same.
func TestDiskIsTheJournal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := 0
		next := func() string { names++; return fmt.Sprintf("epoch-%d", names) }
		o := journal.Options{Source: kiosk.KioskSource(storeName, "k1"), NewEpoch: next, Ballast: -1}
		path := filepath.Join(t.TempDir(), fmt.Sprint(rapid.Uint64().Draw(rt, "name"), ".db"))
		j, err := journal.Open(path, o)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = j.Close() }()
		w := &world{rng: rand.New(rand.NewPCG(1, 1)), res: Result{Faults: map[Fault]int{}}}
		w.judge = newJudge(w)
		d := newDisk(w, o.Source)
		d.current().name = j.Epoch()
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0, 1:
				both(rt, j.Append, d.Append, made(j, rapid.IntRange(1, 3).Draw(rt, "events")))
			case 2:
				m := uplink.Mark{Epoch: d.Epoch(), Ledger: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "ledger"), Term: 1,
					Through: rapid.Uint64Range(0, d.Head()).Draw(rt, "through")}
				if err, other := j.SetReceipt(journal.Receipt{Ledger: m.Ledger, Term: m.Term, Through: m.Through}), d.SetReceipted(m); err != nil || other != nil {
					rt.Fatal(err, other)
				}
			case 3:
				after := rapid.Uint64Range(0, d.Head()).Draw(rt, "after")
				eras, err := j.Eras()
				if err != nil {
					rt.Fatal(err)
				}
				var parts []uplink.Part
				var old []journal.Part
				for _, e := range eras[:len(eras)-1] {
					if e.Last > 0 && rapid.Bool().Draw(rt, "part") {
						p := uplink.Part{Epoch: e.Epoch, After: rapid.Uint64Range(0, e.Last-1).Draw(rt, "of it")}
						parts, old = append(parts, p), append(old, journal.Part(p))
					}
				}
				if _, err := j.BeginEpochWith(old, "test", after, "stranger"); err != nil {
					rt.Fatal(err)
				}
				if err := d.begin(&era{name: j.Epoch(), apart: true}, parts, after, "stranger"); err != nil {
					rt.Fatal(err)
				}
			case 4:
				if err := j.Close(); err != nil {
					rt.Fatal(err)
				}
				if j, err = journal.Open(path, o); err != nil {
					rt.Fatal(err)
				}
			}
			same(rt, j, d)
		}
	})
}

// made are events that follow what a journal has.
func made(j *journal.Journal, n int) (out []kiosk.Event) {
	for i := range n {
		out = append(out, kiosk.Event{Source: j.Source(), Epoch: j.Epoch(), Seq: j.Head() + uint64(i) + 1, Data: &kiosk.KioskStarted{Version: "test"},
			Moment: kiosk.Moment{Wall: begin(), Boot: "boot", Up: time.Second, Clock: kiosk.Synced}})
	}
	return out
}

func both(t *rapid.T, a, b func([]kiosk.Event) error, events []kiosk.Event) {
	if err := b(append([]kiosk.Event{}, events...)); err != nil {
		t.Fatal(err)
	}
	if err := a(events); err != nil {
		t.Fatal(err)
	}
}

func same(t *rapid.T, j *journal.Journal, d *disk) {
	if j.Epoch() != d.Epoch() || j.Head() != d.Head() || j.Knows("stranger") != d.Knows("stranger") {
		t.Fatalf("the journal stands at %d of %s, the card at %d of %s", j.Head(), j.Epoch(), d.Head(), d.Epoch())
	}
	rows, err := j.Read(0, 1000)
	if err != nil || len(rows) != len(d.current().rows) {
		t.Fatalf("the journal has %d rows (%v), the card %d", len(rows), err, len(d.current().rows))
	}
	for i, r := range d.current().rows {
		if !bytes.Equal(rows[i].Bytes, r.Bytes) || rows[i].Hash != r.hash || rows[i].Seq != r.Seq {
			t.Fatalf("row %d is\n%s in the journal and\n%s on the card", r.Seq, rows[i].Bytes, r.Bytes)
		}
	}
	has, err := j.Eras()
	if err != nil {
		t.Fatal(err)
	}
	eras, _ := d.Eras()
	eras = slices.DeleteFunc(eras, func(e uplink.Era) bool { head, _ := d.era(e.Epoch).head(); return head == 0 && e.Epoch != d.Epoch() })
	for i, e := range eras {
		if len(has) != len(eras) || has[i].Epoch != e.Epoch || has[i].Last != e.Last || !maps.Equal(has[i].Had, e.Had) {
			t.Fatalf("the journal's epochs are %+v, the card's %+v", has, eras)
		}
	}
	mark, _ := d.Receipted()
	if r, _, err := j.Receipt(); err != nil || r.Ledger != mark.Ledger || r.Through != mark.Through {
		t.Fatalf("the journal's receipt is %+v (%v), the card's %+v", r, err, mark)
	}
	if left, err := j.LeftLedgers(); err != nil || len(left) != len(mark.Left) {
		t.Fatalf("ledgers left are %v (%v) in the journal, %v on the card", left, err, mark.Left)
	}
}
