package ledgertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// Harm changes what the ledger kept in dir holds of one event, as a bad disk would:
// behind its back. Open or closed, it is not told.
type Harm struct {
	Bytes  func(t testing.TB, dir string, e backoffice.Entry, bytes, hash []byte) // hash nil: it stays
	Delete func(t testing.TB, dir string, e backoffice.Entry)
}

// Damaged checks that a ledger tells of what changed on its disk, and of nothing
// else: by its place, in its own store, also while an erased person part, a gap that
// is still waited for and a malformed event are beside it.
func Damaged(t *testing.T, open Open, harm Harm) {
	bytes := func(make func(e backoffice.Entry) []byte) func(testing.TB, string, backoffice.Entry) {
		return func(t testing.TB, dir string, e backoffice.Entry) { harm.Bytes(t, dir, e, make(e), nil) }
	}
	exchanged := func(change func(e *kiosk.Event)) func(testing.TB, string, backoffice.Entry) {
		return func(t testing.TB, dir string, e backoffice.Entry) {
			other := e.Event
			change(&other)
			b, err := kiosk.Encode(other)
			if err != nil {
				t.Fatal(err)
			}
			hash := kiosk.HashOf(b)
			harm.Bytes(t, dir, e, b, hash[:])
		}
	}
	const changed = ": its bytes are not those that came: their hash is not the one that was kept"
	another := func(e *kiosk.Event) { e.Data = &kiosk.Accepted{Visit: "V2", Adviser: "another"} }
	for name, c := range map[string]struct {
		of   int // which event
		harm func(t testing.TB, dir string, e backoffice.Entry)
		want string
	}{
		"a flipped bit":           {2, bytes(func(e backoffice.Entry) []byte { return flipped(e.Bytes) }), "3" + changed},
		"cut short":               {2, bytes(func(e backoffice.Entry) []byte { return e.Bytes[:40] }), "3" + changed},
		"empty":                   {0, bytes(func(backoffice.Entry) []byte { return []byte{} }), "1" + changed},
		"exchanged with its hash": {1, exchanged(another), "3: it does not follow the event that is before it: one of the two was exchanged"},
		"the last one, exchanged": {3, exchanged(another), "4: it is another one than receipts prove"},
		"of another place": {1, exchanged(func(e *kiosk.Event) { e.Seq = 99 }),
			fmt.Sprintf("2: its bytes are of another place: they say %q of %q", kiosk.EventID("e1", 99), kiosk.KioskSource(store, "k1"))},
		"of another board": {1, exchanged(func(e *kiosk.Event) { e.Source = kiosk.KioskSource(store, "k9") }),
			fmt.Sprintf("2: its bytes are of another place: they say %q of %q", kiosk.EventID("e1", 2), kiosk.KioskSource(store, "k9"))},
		"of another epoch": {1, exchanged(func(e *kiosk.Event) { e.Epoch = "e9" }),
			fmt.Sprintf("2: its bytes are of another place: they say %q of %q", kiosk.EventID("e9", 2), kiosk.KioskSource(store, "k1"))},
		"gone": {1, harm.Delete, "2: it is gone, and receipts cover it"},
		"two, gone": {1, func(t testing.TB, dir string, e backoffice.Entry) {
			harm.Delete(t, dir, e)
			e.Event.Seq++
			harm.Delete(t, dir, e)
		}, "2: it is gone, with others up to 3, and receipts cover it"},
		"the last, gone": {3, harm.Delete, "4: it is gone, and receipts cover it"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t, open)
			events := s.somewhatOdd()
			c.harm(t, s.dir, events[c.of])
			if got := s.damaged(store); !slices.Equal(got, []string{c.want}) {
				t.Errorf("the ledger says %q, want %q", got, c.want)
			}
			if got := s.damaged("sh-other"); len(got) > 0 {
				t.Errorf("of a store beside it the ledger says %q", got)
			}
			row, found, err := s.Event(t.Context(), store, events[c.of].Event.ID())
			if gone := strings.Contains(c.want, "gone"); err != nil || found == gone || row.Damaged != strings.HasSuffix(c.want, changed) {
				t.Errorf("who reads it has %v %+v (%v)", found, row, err)
			}
			s.Ledger = nil // what is damaged answers nothing else
		})
	}
}

// somewhatOdd fills a ledger with two stores and returns the events that are one
// chain; what stands beside them is odd, and sound.
func (s *suite) somewhatOdd() []backoffice.Entry {
	s.Helper()
	b, other, odd, behind := NewBoard(s, store, "k1", "e1"), NewBoard(s, "sh-other", "k1", "e1"), NewBoard(s, store, "k2", "e2"), NewBoard(s, store, "k3", "e3")
	first, part := b.WithPerson("V1")
	events := []backoffice.Entry{first, b.CheckIn("V2"), b.Event(&kiosk.Accepted{Visit: "V1", Adviser: "a"}), b.CheckIn("V3")}
	s.commit(first, part, events[1], events[2], events[3], other.CheckIn("V1"), other.CheckIn("V2"))
	if n, err := s.Erase(context.Background(), store, []uint64{1}); n != 1 || err != nil {
		s.Fatal(n, err)
	}
	s.commit(odd.CheckIn("V5"))
	odd.Skip(1)
	s.commit(odd.CheckIn("V6"), backoffice.Reject{Store: store, Topic: "t", Source: odd.Source, Epoch: "e2", Seq: 2, Payload: []byte(`{"broken"`), Reason: "broken"})
	s.commit(behind.CheckIn("V7"), backoffice.Reject{Store: store, Topic: "t", Source: behind.Source, Epoch: "e3", Seq: 2, Payload: events[2].Bytes, Reason: "of another place"})
	behind.Skip(3) // 3 and 4 do not come
	s.commit(behind.CheckIn("V8"))
	return events
}

func flipped(b []byte) []byte {
	b = slices.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// damaged is what the ledger says about its events: "sequence: what".
func (s *suite) damaged(store string) (out []string) {
	s.Helper()
	if err := s.Ledger.(backoffice.Checker).Check(context.Background(), store, func(d backoffice.Damaged) error {
		if d.Store != store || d.Source != kiosk.KioskSource(store, "k1") || d.Epoch != "e1" {
			s.Errorf("damaged is %s", d)
		}
		out = append(out, fmt.Sprintf("%d: %s", d.Seq, d.What))
		return nil
	}); err != nil {
		s.Fatal(err)
	}
	return out
}

// checkSound holds that nothing a ledger took in is called damaged.
func checkSound(t rapid.TB, l backoffice.Ledger) {
	t.Helper()
	checks, ok := l.(backoffice.Checker)
	if !ok {
		return
	}
	for _, name := range []string{store, "sh-other"} {
		if err := checks.Check(context.Background(), name, func(d backoffice.Damaged) error {
			t.Errorf("a sound ledger says: %s", d)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
