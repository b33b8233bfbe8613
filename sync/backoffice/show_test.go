package backoffice_test

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
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// screen is what somebody sees who subscribes to a store's visits.
type screen struct {
	t      *testing.T
	link   *link.Session
	news   chan link.Message
	list   wire.Visits
	visits map[string]wire.Visit
	marks  int
	raw    []byte // everything that was ever published
}

func watchVisits(t *testing.T, b *broker.Broker, name string) *screen {
	t.Helper()
	s := &screen{t: t, news: make(chan link.Message, 1000), visits: map[string]wire.Visit{}}
	l, err := link.New(link.Config{Broker: b.URL(), ClientID: name, Min: time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, filter := range []string{"/visits", "/visits/+", "/+/cmd/+"} {
		l.Handle(wire.Prefix+store+filter, wire.QoS, func(ctx context.Context, m link.Message) { give(ctx, s.news, m) })
	}
	run(t, l)
	if s.link, err = l.Next(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return s
}

// until takes messages until what is seen is as wanted.
func (s *screen) until(wanted func() bool) {
	s.t.Helper()
	for !wanted() {
		m := <-s.news
		s.raw = append(s.raw, m.Payload...)
		topic, err := wire.ParseTopic(m.Topic)
		switch {
		case err == nil && topic.Kind == wire.KindVisits && topic.Name == "":
			s.list, err = wire.DecodeVisits(m.Payload)
		case err == nil && topic.Kind == wire.KindCmd:
			s.marks++
		case err == nil && len(m.Payload) == 0:
			delete(s.visits, topic.Name)
		case err == nil && topic.Kind == wire.KindVisits:
			s.visits[topic.Name], err = wire.DecodeVisit(m.Payload)
		}
		if err != nil {
			s.t.Fatalf("%s: %v", m.Topic, err)
		}
	}
}

func (s *screen) shows(list ...string) {
	s.t.Helper()
	s.until(func() bool { return slices.Equal(s.list.Visits, list) && len(s.visits) == len(list) })
}

// listens waits until the office has subscribed: what is published before is lost.
func (w *wired) listens() {
	for s := range w.offices {
		if s.State == wire.Ready {
			return
		}
	}
}

func (w *wired) publish(t *testing.T, kiosk string, e backoffice.Entry, parts ...backoffice.PersonEntry) {
	t.Helper()
	topic := wire.Prefix + store + "/" + kiosk
	tokens := []*link.Token{w.board.Publish(topic+"/event/"+string(e.Event.Type()), wire.QoS, false, e.Bytes)}
	for _, p := range parts {
		b, err := wire.PersonPart{ID: e.Event.ID(), Person: p.Bytes}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, w.board.Publish(topic+"/person", wire.QoS, false, b))
	}
	for _, token := range tokens {
		if err := token.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

const one, two = "0A7A000001", "0A7A000002"

func started(visit, technician string) kiosk.Payload {
	return &kiosk.Started{Job: kiosk.Job{Visit: visit, Bay: "b1", Technician: technician}}
}

// TestOpenVisitsAreShown: from the first event to the end, with the events of two
// boards, and nothing of a person.
func TestOpenVisitsAreShown(t *testing.T) {
	b, l := startBroker(t), openLedger(t)
	w, _ := wireUp(t, b, l)
	w.listens()
	s := watchVisits(t, b, "screen")
	s.until(func() bool { return s.list.Ledger == l.ID() })
	s.shows()
	k1, k2 := ledgertest.NewBoard(t, store, "k1", "e1"), ledgertest.NewBoard(t, store, "k2", "e2")
	e, p := k1.WithPerson(one)
	w.publish(t, "k1", e, p)
	w.publish(t, "k2", k2.Event(started(one, "t1")))
	w.publish(t, "k2", k2.CheckIn(two))
	s.until(func() bool { return len(s.visits[one].Jobs) == 1 && len(s.visits) == 2 && len(s.list.Visits) == 2 })
	want := []wire.Seen{{Source: k1.Source, Epoch: "e1", Through: 1}, {Source: k2.Source, Epoch: "e2", Through: s.visits[one].Seen[1].Through}}
	if v := s.visits[one]; !slices.Equal(v.Seen, want) || v.Ticket != "A001" || v.Jobs[0].Technician != "t1" || v.Ledger != l.ID() {
		t.Errorf("the visit is shown as %+v", v)
	}
	if _, err := w.Record(t.Context(), store, &kiosk.Closed{Visit: two, Outcome: "left"}); err != nil {
		t.Fatal(err)
	}
	s.shows(one)
	w.publish(t, "k2", k2.Event(&kiosk.Delivered{Visit: one, Adviser: "a1"}))
	s.shows()
	if through := seenOf(s.list.Seen, k2.Source); through != 3 {
		t.Errorf("the list without the visit is true through %d of k2", through)
	}
	if bytes.Contains(s.raw, []byte("B12345")) || bytes.Contains(s.raw, []byte("persondigest")) {
		t.Errorf("a person part was published: %s", s.raw)
	}
	late := watchVisits(t, b, "late")
	if err := late.link.Publish(wire.Prefix+store+"/k9/cmd/identify", wire.QoS, false, nil).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	late.until(func() bool { return late.marks == 1 }) // what is retained came before
	if late.list.Ledger != l.ID() || len(late.visits) != 0 {
		t.Errorf("of what ended %v is left beside the list %+v", late.visits, late.list)
	}
}

func seenOf(seen []wire.Seen, source string) uint64 {
	for _, s := range seen {
		if s.Source == source {
			return s.Through
		}
	}
	return 0
}

// TestStateStandsOnThePrefix: an event above a gap, or one whose person part is
// missing, is not in the state; a board would apply it twice.
func TestStateStandsOnThePrefix(t *testing.T) {
	b, l := startBroker(t), openLedger(t)
	w, _ := wireUp(t, b, l)
	w.listens()
	s := watchVisits(t, b, "screen")
	k1 := ledgertest.NewBoard(t, store, "k1", "e1")
	first, first2, accepted, job := k1.CheckIn(one), k1.CheckIn(two), k1.Event(&kiosk.Accepted{Visit: one, Adviser: "a1"}), k1.Event(started(one, "t1"))
	w.publish(t, "k1", first)
	w.publish(t, "k1", job)
	s.shows(one)
	if v := s.visits[one]; len(v.Jobs) != 0 || v.Seen[0].Through != 1 {
		t.Errorf("with a gap below the job the visit is shown as %+v", v)
	}
	w.publish(t, "k1", first2)
	w.publish(t, "k1", accepted)
	s.until(func() bool { return len(s.visits) == 2 && len(s.visits[one].Jobs) == 1 })
	if v := s.visits[one]; v.Adviser != "a1" || v.Seen[0].Through != 4 {
		t.Errorf("once the gap is filled the visit is shown as %+v", v)
	}
	e, p := k1.WithPerson("0A7A000003")
	w.publish(t, "k1", e)
	s.until(func() bool { return len(s.list.Visits) == 3 })
	if _, ok := s.visits["0A7A000003"]; ok {
		t.Error("a visit is shown before its check-in is whole")
	}
	w.publish(t, "k1", e, p)
	s.until(func() bool { return s.visits["0A7A000003"].Ticket == "A001" })
}

// TestShownAgain: after a restart, and to a broker that forgot everything; what
// ended meanwhile goes.
func TestShownAgain(t *testing.T) {
	b, l := startBroker(t), openLedger(t)
	w, stop := wireUp(t, b, l)
	w.listens()
	s := watchVisits(t, b, "screen")
	k1 := ledgertest.NewBoard(t, store, "k1", "e1")
	w.publish(t, "k1", k1.CheckIn(one))
	w.publish(t, "k1", k1.CheckIn(two))
	s.shows(one, two)
	stop()
	if _, err := l.Commit(t.Context(), backoffice.Batch{Entries: []backoffice.Entry{k1.Event(&kiosk.Delivered{Visit: one})}}); err != nil {
		t.Fatal(err)
	}
	_, stop = wireUp(t, b, l)
	s.shows(two)
	stop()
	forgetful := startBroker(t)
	late := watchVisits(t, forgetful, "late")
	wireUp(t, forgetful, l)
	late.shows(two)
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, zone)

// TestTheTimeIsTold: a board's nonce comes back with the office's time; what is
// no question gets no answer.
func TestTheTimeIsTold(t *testing.T) {
	b := startBroker(t)
	o, err := backoffice.New(backoffice.Config{Ledger: openLedger(t), Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}},
		Now: func() time.Time { return noon }, Synced: func() bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	up, err := o.Connect(store, link.Config{Broker: b.URL(), ClientID: "office", Min: time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	run(t, up, o)
	if _, err := up.Next(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	s := watchVisits(t, b, "screen")
	ask := func(kiosk, payload string) {
		if err := s.link.Publish(wire.Prefix+store+"/"+kiosk+"/time", wire.QoS, false, []byte(payload)).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	answer := func() (string, wire.TimeAnswer) {
		for m := range s.news {
			if topic, err := wire.ParseTopic(m.Topic); err == nil && topic.Kind == wire.KindCmd {
				a, err := wire.DecodeTimeAnswer(m.Payload)
				if err != nil || topic.Name != "time" {
					t.Fatal(err, m.Topic)
				}
				return topic.Kiosk, a
			}
		}
		return "", wire.TimeAnswer{}
	}
	for i, bad := range []string{"", "{}", `{"nonce":"short"}`, `{"nonce":"` + strings.Repeat("x", 70) + `"}`, `{"nonce":"0123456789abcdef/#"}`, strings.Repeat("[", 100_000)} {
		ask(fmt.Sprint("bad", i), bad)
	}
	const nonce = "0123456789abcdef"
	ask("k1", `{"nonce":"`+nonce+`"}`)
	ask("k2", `{"nonce":"`+nonce+`2"}`)
	for range 2 {
		switch from, a := answer(); from {
		case "k1":
			if a.Nonce != nonce || !a.Synced || !a.Time.Equal(noon) || !a.Expires.Equal(noon.Add(wire.TimeValid)) {
				t.Errorf("the answer to k1 is %+v", a)
			}
		case "k2":
			if a.Nonce != nonce+"2" {
				t.Errorf("the answer to k2 is %+v", a)
			}
		default:
			t.Errorf("%s is answered", from)
		}
	}
}

// TestShowBeginsWhereFolded: an office that starts asks for the visits that were
// open when the store was last folded and for those that changed since; the rest
// of history it does not read.
func TestShowBeginsWhereFolded(t *testing.T) {
	l := openLedger(t)
	k1 := ledgertest.NewBoard(t, store, "k1", "e1")
	take(t, l, k1.CheckIn(one), k1.CheckIn("0A7A000003"))
	at, err := l.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// It was folded with the second visit ended, which its events do not say.
	if err := l.Keep(t.Context(), store, backoffice.Kept{
		Is:    backoffice.Progress{Round: 1, Next: backoffice.Cursor{Changed: at + 1}, Through: at},
		Facts: []backoffice.Fact{{Visit: one, At: at, Bytes: []byte("1"), Keys: []string{backoffice.KeyOpen}}, {Visit: "0A7A000003", At: at, Bytes: []byte("3")}},
	}); err != nil {
		t.Fatal(err)
	}
	take(t, l, k1.CheckIn(two))
	b := startBroker(t)
	s := watchVisits(t, b, "eyes")
	wireUp(t, b, l)
	s.shows(one, two)
}
