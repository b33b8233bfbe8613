package ledgertest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// Open opens the ledger kept in dir, or creates it. Close must be called before
// it is opened again.
type Open func(t testing.TB, dir string) (l backoffice.Ledger, close func())

const store = "sh-pudong"

// Run checks an implementation.
func Run(t *testing.T, open Open) {
	tests := map[string]func(*testing.T, *suite){
		"nothing":           empty,
		"counted once":      countedOnce,
		"conflict":          conflict,
		"another history":   stray,
		"what strays on":    strayAbove,
		"taken places":      takenPlaces,
		"many taken places": manyTaken,
		"contiguous prefix": prefix,
		"person parts":      persons,
		"erased":            erased,
		"aged":              agedParts,
		"destroyed range":   destroyed,
		"lost":              lost,
		"much is lost":      muchLost,
		"malformed":         rejects,
		"recorded again":    recordedAgain,
		"shared id":         sharedID,
		"pinned":            pinned,
		"clock set":         clockSet,
		"clock jumps":       clockJumps,
		"gap after leaving": gapAfterLeaving,
		"corrections":       corrections,
		"stores apart":      storesApart,
		"reopened":          reopened,
		"marks":             marks,
		"cancelled":         cancelled,
		"stale":             staleMarks,
		"visits at":         visitsAt,
		"rollups":           keeps,
		"steps":             keepsInPassing,
		"papers":            papersKept,
		"trail":             trail,
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) { f(t, newSuite(t, open)) })
	}
	t.Run("model", func(t *testing.T) { model(t, open) })
}

// suite is a ledger under test with the verbs of the tests.
type suite struct {
	*testing.T
	backoffice.Ledger
	open  Open
	dir   string
	close func()
}

func newSuite(t *testing.T, open Open) *suite {
	s := &suite{T: t, open: open, dir: t.TempDir()}
	s.Ledger, s.close = open(t, s.dir)
	t.Cleanup(func() {
		if s.Ledger != nil {
			checkMany(t, s.Ledger)
			checkSound(t, s.Ledger)
		}
		s.close()
	})
	return s
}

var office = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func (s *suite) commit(items ...any) backoffice.Outcome {
	s.Helper()
	b := backoffice.Batch{At: office}
	for _, it := range items {
		switch it := it.(type) {
		case backoffice.Entry:
			b.Entries = append(b.Entries, it)
		case backoffice.PersonEntry:
			b.Persons = append(b.Persons, it)
		case backoffice.Reject:
			b.Rejects = append(b.Rejects, it)
		}
	}
	out, err := s.Commit(context.Background(), b)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// epoch is what the receipt says about one epoch: "through [gaps]".
func (s *suite) epoch(source, epoch string) string {
	s.Helper()
	all, err := s.Epochs(context.Background(), source)
	if err != nil {
		s.Fatal(err)
	}
	if err := (wire.Receipt{Ledger: s.ID(), Epochs: all}).Check(); err != nil {
		s.Errorf("the receipt of %s is not well formed: %v", source, err)
	}
	i := slices.IndexFunc(all, func(e wire.Epoch) bool { return e.Epoch == epoch })
	if i < 0 {
		return "unknown"
	}
	return fmt.Sprint(all[i].Through, all[i].Gaps)
}

func (s *suite) wantEpoch(b *Board, want string) {
	s.Helper()
	if got := s.epoch(b.Source, b.Epoch); got != want {
		s.Errorf("the receipt for epoch %s says %s, want %s", b.Epoch, got, want)
	}
}

// changed lists visits changed after a position, "visit:type@time,…".
func (s *suite) changed(after uint64) (out []string, at uint64) {
	s.Helper()
	at, err := s.Changed(context.Background(), store, after, func(v string, events []kiosk.Event) { out = append(out, describe(v, events)) })
	if err != nil {
		s.Fatal(err)
	}
	slices.Sort(out)
	return out, at
}

func (s *suite) until(at uint64) (out []string) {
	s.Helper()
	if err := s.Until(context.Background(), store, at, func(v string, events []kiosk.Event) { out = append(out, describe(v, events)) }); err != nil {
		s.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func describe(visit string, events []kiosk.Event) string {
	var parts []string
	for _, e := range events {
		mark := ""
		if e.Uncertain {
			mark = "?"
		}
		parts = append(parts, string(e.Type())+"@"+e.When.UTC().Format("01-02T15:04:05.000")+mark)
	}
	slices.Sort(parts)
	return visit + ": " + strings.Join(parts, " ")
}

func empty(t *testing.T, s *suite) {
	if n, err := s.Position(t.Context()); n != 0 || err != nil {
		t.Errorf("an empty ledger stands at %d (%v)", n, err)
	}
	if len(s.ID()) != 36 || s.Opened() != 1 {
		t.Errorf("a new ledger has id %q and run %d", s.ID(), s.Opened())
	}
	if out := s.commit(); out.Added != 0 || out.Position != 0 {
		t.Errorf("committing nothing gives %+v", out)
	}
	if got := s.epoch(kiosk.KioskSource(store, "k1"), "e"); got != "unknown" {
		t.Errorf("an epoch never heard of: %s", got)
	}
}

func countedOnce(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	first, second := b.CheckIn("V1"), b.Event(&kiosk.Accepted{Visit: "V1", Adviser: "a"})
	if out := s.commit(first, second, first); out.Added != 2 || out.Duplicates != 1 || out.Position != 2 {
		t.Errorf("two events, one of them twice: %+v", out)
	}
	if out := s.commit(second); out.Added != 0 || out.Duplicates != 1 || out.Position != 2 || len(out.Problems) != 0 {
		t.Errorf("an event again: %+v", out)
	}
	s.wantEpoch(b, "2 []")
	rows, err := s.Visit(t.Context(), store, "V1")
	if err != nil || len(rows) != 2 || !bytes.Equal(rows[0].Bytes, first.Bytes) || rows[0].Position != 1 || !rows[0].Counted || rows[0].Person != "none" {
		t.Errorf("the events of the visit are %+v (%v)", rows, err)
	}
	all, err := s.Events(t.Context(), store, 1, 10)
	if err != nil || len(all) != 1 || !bytes.Equal(all[0].Bytes, second.Bytes) {
		t.Errorf("the events after position 1 are %+v (%v)", all, err)
	}
	row, found, err := s.Event(t.Context(), store, second.Event.ID())
	if err != nil || !found || !bytes.Equal(row.Bytes, second.Bytes) {
		t.Errorf("event %s: %+v %v %v", second.Event.ID(), row, found, err)
	}
	if _, found, err := s.Event(t.Context(), "other", second.Event.ID()); found || err != nil {
		t.Errorf("another store finds the event (%v)", err)
	}
}

func conflict(t *testing.T, s *suite) {
	one, other := NewBoard(t, store, "k1", "e1"), NewBoard(t, store, "k1", "e1")
	s.commit(one.CheckIn("V1"))
	forged := other.CheckIn("V2")
	out := s.commit(forged)
	if out.Added != 0 || out.Conflicts != 1 || len(out.Problems) != 1 {
		t.Errorf("another event in the same place: %+v", out)
	}
	if out := s.commit(forged); len(out.Problems) != 0 {
		t.Errorf("the same conflict alarms twice: %q", out.Problems)
	}
	if got, _ := s.changed(0); len(got) != 1 || !strings.HasPrefix(got[0], "V1") {
		t.Errorf("visits after a conflict: %q", got)
	}
	src, err := s.Sources(t.Context(), store)
	if err != nil || len(src) != 1 || src[0].Conflicts != 1 || !src[0].Last.Equal(office) {
		t.Errorf("sources %+v (%v)", src, err)
	}
	s.wantEpoch(one, "1 []")
}

func prefix(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	var es []backoffice.Entry
	for i := range 9 {
		es = append(es, b.CheckIn(fmt.Sprintf("V%d", i)))
	}
	s.commit(es[3], es[6])
	s.wantEpoch(b, "0 [{1 3} {5 6}]")
	s.commit(es[1], es[0])
	s.wantEpoch(b, "2 [{3 3} {5 6}]")
	s.commit(es[2])
	s.wantEpoch(b, "4 [{5 6}]")
	s.commit(es[5], es[4])
	s.wantEpoch(b, "7 []")
	all, err := s.Epochs(t.Context(), b.Source)
	if err != nil || all[0].Hash != kiosk.HashOf(es[6].Bytes) {
		t.Errorf("the hash at 7 is %v (%v)", all, err)
	}
}

func persons(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	e1, p1 := b.WithPerson("V1")
	e2, p2 := b.WithPerson("V2")
	e3, p3 := b.WithPerson("V3")
	e4 := b.CheckIn("V4")
	s.commit(e1)
	s.wantEpoch(b, "0 []") // its part may be on its way: no gap yet
	s.commit(p1)
	s.wantEpoch(b, "1 []")
	s.commit(p2)
	s.wantEpoch(b, "1 []")
	s.commit(e2)
	s.wantEpoch(b, "2 []")
	s.commit(e3, e4)
	s.wantEpoch(b, "2 [{3 3}]")
	wrong := p3
	wrong.Bytes = bytes.Replace(p3.Bytes, []byte("12345"), []byte("54321"), 1)
	if out := s.commit(wrong); out.Rejected != 1 || len(out.Problems) != 1 {
		t.Errorf("a person part of another digest: %+v", out)
	}
	s.wantEpoch(b, "2 [{3 3}]")
	erased := p3
	erased.Bytes = nil
	s.commit(erased)
	s.wantEpoch(b, "4 []")
	if out := s.commit(b.Part(e4, p1.Bytes)); out.Rejected != 1 {
		t.Errorf("a person part of an event that has none: %+v", out)
	}
	e5, p5 := b.WithPerson("V5")
	early := p5
	early.Bytes = p1.Bytes
	if out := s.commit(early); out.Rejected != 0 {
		t.Errorf("a person part before its event: %+v", out)
	}
	if out := s.commit(e5); out.Rejected != 1 {
		t.Errorf("the event of a wrong person part: %+v", out)
	}
	s.commit(p5)
	s.wantEpoch(b, "5 []")
	for visit, want := range map[string]string{"V1": "present", "V3": "erased", "V4": "none"} {
		if rows, err := s.Visit(t.Context(), store, visit); err != nil || rows[0].Person != want {
			t.Errorf("the person part of %s is %v (%v), want %s", visit, rows, err, want)
		}
	}
}

func rejects(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	s.commit(b.CheckIn("V1"))
	b.Skip(1)
	s.commit(b.CheckIn("V2"))
	placed := backoffice.Reject{Store: store, Topic: "t", Source: b.Source, Epoch: "e1", Seq: 2, Payload: []byte(`{"broken"`), Reason: "broken"}
	if out := s.commit(placed); out.Rejected != 1 || len(out.Problems) != 1 || out.Added != 0 {
		t.Errorf("a malformed event: %+v", out)
	}
	s.wantEpoch(b, "3 []")
	if out := s.commit(placed); len(out.Problems) != 0 {
		t.Errorf("the same malformed event alarms again: %q", out.Problems)
	}
	s.commit(backoffice.Reject{Store: store, Topic: "v", Reason: "nothing at all"})
	s.commit(backoffice.Reject{Store: store, Topic: "u", Payload: []byte{0, 255}, Reason: "no JSON"})
	got, err := s.Rejected(t.Context(), store, 10)
	if err != nil || len(got) != 3 || got[2].Seq != 2 || !bytes.Equal(got[0].Payload, []byte{0, 255}) || got[0].Reason != "no JSON" {
		t.Errorf("rejected: %+v (%v)", got, err)
	}
	if all, err := s.Events(t.Context(), store, 0, 10); err != nil || len(all) != 2 {
		t.Errorf("%d events are exported beside a malformed one (%v)", len(all), err)
	}
	if got := s.until(1 << 40); len(got) != 2 {
		t.Errorf("visits beside a malformed event: %q", got)
	}
}

func corrections(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	in := b.CheckIn("V1")
	amend := b.Event(&kiosk.Amended{Event: in.Event.ID(), Fields: []byte(`{"purpose":"accident"}`)})
	void := b.Event(&kiosk.Voided{Event: amend.Event.ID()})
	s.commit(void)
	s.commit(amend)
	if got, _ := s.changed(0); len(got) != 0 {
		t.Errorf("corrections of an event that is not here changed %q", got)
	}
	s.commit(in)
	got, at := s.changed(0)
	if len(got) != 1 || strings.Count(got[0], "@") != 3 {
		t.Errorf("corrections that came first: %q", got)
	}
	office := NewBoard(t, store, "x", "e-office")
	office.Source = kiosk.OfficeSource(store)
	s.commit(office.Event(&kiosk.Voided{Event: in.Event.ID(), Meta: kiosk.Meta{By: "m1", Reason: "duplicate"}}))
	if got, _ = s.changed(at); len(got) != 1 || strings.Count(got[0], "event.voided") != 2 {
		t.Errorf("a correction by the office: %q", got)
	}
	if out := s.commit(b.Event(&kiosk.Voided{Event: "nothing"})); out.Added != 1 {
		t.Errorf("a correction of no event: %+v", out)
	}
}

func storesApart(t *testing.T, s *suite) {
	a, b := NewBoard(t, store, "k1", "e1"), NewBoard(t, "sh-other", "k1", "e2")
	in := a.CheckIn("V1")
	s.commit(in, b.CheckIn("V1"), b.Event(&kiosk.Voided{Event: in.Event.ID()}))
	if got, _ := s.changed(0); len(got) != 1 || strings.Contains(got[0], "voided") {
		t.Errorf("another store's correction reaches %q", got)
	}
	if src, err := s.Sources(t.Context(), "sh-other"); err != nil || len(src) != 1 || src[0].Source != b.Source {
		t.Errorf("sources of the other store: %+v (%v)", src, err)
	}
}

func reopened(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	e, p := b.WithPerson("V1")
	s.commit(e)
	id := s.ID()
	before, _ := s.changed(0)
	s.close()
	s.Ledger, s.close = s.open(t, s.dir)
	if s.ID() != id || s.Opened() != 2 {
		t.Errorf("reopened as %s, run %d; it was %s", s.ID(), s.Opened(), id)
	}
	if after, _ := s.changed(0); !slices.Equal(before, after) {
		t.Errorf("reopened with %q; it had %q", after, before)
	}
	s.commit(p, b.CheckIn("V2"))
	s.wantEpoch(b, "2 []")
}

func marks(t *testing.T, s *suite) {
	if n, err := s.Marked(t.Context(), "a"); n != 0 || err != nil {
		t.Errorf("a mark never made is %d (%v)", n, err)
	}
	for _, n := range []uint64{7, 5} {
		if err := s.Mark(t.Context(), "a", n); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Marked(t.Context(), "a"); got != n || err != nil {
			t.Errorf("mark %d reads %d (%v)", n, got, err)
		}
	}
}

func cancelled(t *testing.T, s *suite) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := NewBoard(t, store, "k1", "e1")
	if _, err := s.Commit(ctx, backoffice.Batch{At: office, Entries: []backoffice.Entry{b.CheckIn("V1")}}); err == nil {
		t.Error("a commit goes on though it was cancelled before it began")
	}
	if n, err := s.Position(t.Context()); n != 0 || err != nil {
		t.Errorf("it stands at %d (%v)", n, err)
	}
}
