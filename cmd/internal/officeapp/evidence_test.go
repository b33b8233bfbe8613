package officeapp_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3" // to look into the ledger's file

	"baylight/kiosk"
	"baylight/sync/wire"
)

// sql opens the ledger's file beside the office.
func (r *rig) sql() *sql.DB {
	r.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(r.dir, "office", "ledger.db")+"?_busy_timeout=10000")
	must(r.t, err)
	r.t.Cleanup(func() { check(r.t, db.Close()) })
	return db
}

// kept says whether the ledger holds these bytes in a table.
func kept(t *testing.T, db *sql.DB, table string, bytes []byte) (n int) {
	t.Helper()
	must(t, db.QueryRow(`SELECT count(*) FROM `+table+` WHERE bytes = ?`, bytes).Scan(&n))
	return n
}

// event is an event of the board, not sent and not in its sequence.
func (r *rig) event(e kiosk.Event) (bytes []byte) {
	r.t.Helper()
	e.Source = kiosk.KioskSource(shop, "k1")
	e.Moment = kiosk.Moment{Wall: r.options.Clock.Now().Wall.Truncate(1e9), Boot: "b", Up: 1, Clock: kiosk.Synced}
	b, err := kiosk.Encode(e)
	must(r.t, err)
	return b
}

func checkIn(n int) *kiosk.CheckedIn {
	return &kiosk.CheckedIn{Visit: fmt.Sprintf("0A7A13%04d", n), Ticket: "A900", Purpose: "other", Language: "zh-CN", Means: "scan"}
}

// The same epoch and sequence with other bytes: an alarm, both are kept, the
// one that came second is not counted, and the receipt proves the first.
func TestAnotherEventInAPlace(t *testing.T) {
	r := newRig(t)
	r.good()
	before := r.prev
	_, first := r.checkIn("")
	r.cars++
	r.publish(topics+"event/visit.checked_in", first)
	r.await("the receipt", func() bool { return r.through() == r.seq })
	second := r.event(kiosk.Event{Epoch: epoch, Seq: r.seq, Prev: before, Data: checkIn(1)})
	r.publish(topics+"event/visit.checked_in", second)
	r.await("an alarm", func() bool {
		return strings.Contains(r.kiosks(), `"conflicts":1`) && strings.Contains(r.kiosks(), "in the place of")
	})
	r.good() // and the rest goes on
	db := r.sql()
	if n, m := kept(t, db, "events", first), kept(t, db, "conflicts", second); n != 1 || m != 1 {
		t.Errorf("the first is kept %d times as an event, the second %d times as evidence; want both once", n, m)
	}
	if n := kept(t, db, "events", second); n != 0 {
		t.Error("the second counts")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.said, func(x wire.Receipt) bool { e, _ := x.Find(epoch); return e.Through == 2 })
	if i < 0 {
		t.Fatal("no receipt was through the first")
	}
	if e, _ := r.said[i].Find(epoch); e.Hash != kiosk.HashOf(first) {
		t.Errorf("the receipt proves %s, want the first, %s", e.Hash, kiosk.HashOf(first))
	}
}

// What was recorded again after a rollback counts once, whichever comes first.
func TestRecordedAgain(t *testing.T) {
	for name, againFirst := range map[string]bool{"after": false, "before": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.cars = 1
			const next = "1c9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e11"
			one := r.event(kiosk.Event{Epoch: epoch, Seq: 1, Data: checkIn(1)})
			again := r.event(kiosk.Event{Epoch: next, Seq: 1, Data: checkIn(1), Was: kiosk.EventID(epoch, 1), WasHash: kiosk.HashOf(one).String()})
			both := [][]byte{one, again}
			if againFirst {
				slices.Reverse(both)
			}
			for _, b := range both {
				r.publish(topics+"event/visit.checked_in", b)
			}
			r.await("receipts of both", func() bool {
				r.mu.Lock()
				defer r.mu.Unlock()
				a, _ := r.receipt["k1"].Find(epoch)
				b, _ := r.receipt["k1"].Find(next)
				return a.Through == 1 && b.Through == 1
			})
			r.counts()
			var counted, all int
			must(t, r.sql().QueryRow(`SELECT count(*), sum(state = 0) FROM events WHERE source LIKE '%/kiosks/%'`).Scan(&all, &counted))
			if all != 2 || counted != 1 {
				t.Errorf("%d events are kept and %d counted, want 2 and 1", all, counted)
			}
		})
	}
}

// A gap is named in the first receipt after what came above it, and closed by
// journal.lost: the receipt goes on beyond.
func TestGapAndDestroyedRange(t *testing.T) {
	r := newRig(t)
	r.good()
	r.mu.Lock()
	heard := len(r.said)
	r.mu.Unlock()
	r.seq += 3 // three that never come
	_, above := r.checkIn("")
	r.cars++
	r.publish(topics+"event/visit.checked_in", above)
	r.await("the next receipt", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.said) > heard })
	r.mu.Lock()
	got, _ := r.said[heard].Find(epoch)
	r.mu.Unlock()
	if want := []wire.Gap{{First: 2, Last: 4}}; got.Through != 1 || !reflect.DeepEqual(got.Gaps, want) {
		t.Errorf("the first receipt after a gap is through %d with gaps %v, want 1 and %v", got.Through, got.Gaps, want)
	}
	r.seq++
	lost := r.event(kiosk.Event{Epoch: epoch, Seq: r.seq, Prev: r.prev, Data: &kiosk.JournalLost{Epoch: epoch, From: 2, To: 4}})
	r.prev = kiosk.HashOf(lost)
	r.publish(topics+"event/journal.lost", lost)
	r.await("a receipt beyond the destroyed range", func() bool { return r.through() == r.seq })
	r.good()
	if said := r.kiosks(); !strings.Contains(said, `"destroyed":3`) {
		t.Errorf("three destroyed events are not told: %s", said)
	}
}

// An event of a type that this program does not know is stored and receipted;
// a program that knows it counts it.
func TestUnknownThenKnown(t *testing.T) {
	r := newRig(t)
	r.good()
	_, b := r.checkIn("")
	r.publish(topics+"event/visit.checked_in", b)
	r.await("the receipt", func() bool { return r.through() == r.seq })
	r.stop()
	// As an older program would have kept it: bytes and place, and no more.
	_, err := r.sql().Exec(`UPDATE events SET type = 'baylight.visit.checked_in.v1', visit = '' WHERE bytes = ?`, b)
	must(t, err)
	r.cars++ // from now on
	r.start()
	r.await("the office's next session", func() bool { return r.session() >= 2<<20 })
	r.good()
}
