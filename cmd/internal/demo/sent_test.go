package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"baylight/kiosk"
	"baylight/sync/link"
	"baylight/sync/wire"
	"baylight/sync/wire/schema"
)

// ear holds all that goes through the broker to the AsyncAPI document.
type ear struct {
	mu    sync.Mutex
	docs  *jsonschema.Compiler
	kinds map[string]int // messages heard, by the document's names of them
	wrong []string
	more  chan struct{}
}

func listen(t *testing.T, url string) *ear {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.AsyncAPI()))
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{docs: jsonschema.NewCompiler(), kinds: map[string]int{}, more: make(chan struct{}, 1)}
	e.docs.AssertFormat()
	if err := e.docs.AddResource("urn:asyncapi", doc); err != nil {
		t.Fatal(err)
	}
	l, err := link.New(link.Config{Broker: url, ClientID: "ear"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Handle(wire.Prefix+"#", wire.QoS, func(_ context.Context, m link.Message) { e.hear(m.Topic, m.Payload) })
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = l.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return e
}

func (e *ear) hear(topic string, payload []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer func() {
		select {
		case e.more <- struct{}{}:
		default:
		}
	}()
	at, err := wire.ParseTopic(topic)
	if err != nil {
		e.wrong = append(e.wrong, err.Error())
		return
	}
	if len(payload) == 0 { // what ended is emptied
		return
	}
	name := string(at.Kind)
	switch {
	case at.Kind == wire.KindEvent:
		name = topic[strings.LastIndexByte(topic, '/')+1:]
	case at.Kind == wire.KindVisits && at.Name != "":
		name = "visit"
	case at.Kind == wire.KindCmd && at.Name == "time":
		name = "cmd.time"
	case at.Kind == wire.KindCmd:
		name = "command"
	}
	s, err := e.docs.Compile("urn:asyncapi#/components/messages/" + name + "/payload")
	if err == nil {
		var v any
		if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(payload)); err == nil {
			err = s.Validate(v)
		}
	}
	if err != nil {
		e.wrong = append(e.wrong, topic+": "+err.Error())
	}
	e.kinds[name]++
}

// lacks names what was not heard yet.
func (e *ear) lacks(names []string) (out []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range names {
		if e.kinds[n] == 0 {
			out = append(out, n)
		}
	}
	return out
}

// TestSentAsDocumented: what a kiosk and a back office really send while cars come
// and are worked on is as the AsyncAPI document and its schemas say.
func TestSentAsDocumented(t *testing.T) {
	s := newStrip(t)
	e := listen(t, s.shop.BrokerURL())
	scan := func(place, code string) {
		t.Helper()
		if err := s.shop.Clock.Advance(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		if status, text := s.post("/scan", url.Values{"place": {place}, "text": {code}}); status != http.StatusOK {
			t.Fatalf("scan %s at %s: %d %s", code, place, status, text)
		}
	}
	s.arrive(false)
	s.arrive(true)
	s.counts("two cars came", whole)
	visit := s.lastVisit()
	scan("b1", kiosk.MakeCode(kiosk.KindBadge, badgeOf(4))) // a technician
	scan("b1", kiosk.ActionCode(StoreTag, kiosk.Help))
	for _, code := range []string{kiosk.MakeCode(kiosk.KindVisit, visit), kiosk.ActionCode(StoreTag, kiosk.Finish)} {
		scan("b1", code)
	}
	want := []string{"conn", "office", "health", "receipt", "bay", "visits", "visit", "setup", "staff", "person", "visit.checked_in", "ticket.confirmed", "badge.scanned", "job.started", "job.finished", "help.called"}
	deadline := time.After(patience)
	for lacks := e.lacks(want); len(lacks) > 0; lacks = e.lacks(want) {
		select {
		case <-e.more:
		case <-deadline:
			t.Fatalf("never heard %v", lacks)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.wrong {
		t.Error(w)
	}
}

// lastVisit is the id of the last car that came.
func (s *strip) lastVisit() (visit string) {
	s.t.Helper()
	events, err := s.shop.ledger(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range events {
		var d struct{ Visit string }
		if strings.Contains(e.Type, "visit.checked_in") && json.Unmarshal(e.Data, &d) == nil {
			visit = d.Visit
		}
	}
	return visit
}
