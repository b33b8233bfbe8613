package officeapp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// BenchmarkLive is how long it takes from an event that a board publishes to the
// page that shows it, as a browser does it: the stream says that something
// changed, and the live part of the page is asked for again. The store has a
// month of full days behind it, and eighty cars in the house when it ends. It goes through broker,
// ingest, ledger, folding and page.
//
//	go test ./cmd/internal/officeapp -run '^$' -bench Live -benchtime 200x
func BenchmarkLive(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	hub, err := broker.Start(broker.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer hub.Close()
	book, err := ledger.Open(filepath.Join(b.TempDir(), "ledger.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer book.Close()
	today := ledgertest.Fill(b, book, store, 30*ledgertest.FillVisits*ledgertest.FillEvents)
	now := func() time.Time { return today.Add(10 * time.Hour) }
	cal := kiosk.ShanghaiWeek(today.Location())
	office, err := backoffice.New(backoffice.Config{Ledger: book, Now: now, Stores: []backoffice.Store{{Name: store, Calendar: cal}}})
	if err != nil {
		b.Fatal(err)
	}
	told, err := figures.New(figures.Config{Ledger: book, Now: now, Stores: office.Stores()})
	if err != nil {
		b.Fatal(err)
	}
	desk, err := office.Connect(store, link.Config{Broker: hub.URL(), ClientID: "office"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	board, err := link.New(link.Config{Broker: hub.URL(), ClientID: "board"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, run := range []func(context.Context) error{office.Run, desk.Run, told.Run, board.Run} {
		tasks.Go(func() {
			if err := run(ctx); err != nil {
				b.Error(err)
			}
		})
	}
	<-told.Ready()
	if _, err := desk.Next(ctx, 0); err != nil {
		b.Fatal(err)
	}
	session, err := board.Next(ctx, 0)
	if err != nil {
		b.Fatal(err)
	}
	handler, err := dashboard.New(dashboard.Config{Office: office, Data: told})
	if err != nil {
		b.Fatal(err)
	}
	web := httptest.NewServer(handler)
	defer web.Close()
	p := watch(b, web.URL)
	defer p.body.Close()

	k3 := ledgertest.NewBoard(b, store, "k3", "e3")
	k3.Now.Wall = today.Add(9 * time.Hour)
	send := func(d kiosk.Payload) {
		e := k3.Event(d)
		token := session.Publish(wire.Prefix+store+"/k3/event/"+string(e.Event.Type()), wire.QoS, false, e.Bytes)
		if err := token.Wait(ctx); err != nil {
			b.Fatal(err)
		}
	}
	visit := func(n int) string { return fmt.Sprintf("0A7B%06d", n) }
	for n := range 80 {
		send(&kiosk.CheckedIn{Visit: visit(n), Ticket: fmt.Sprintf("B%04d", n)})
	}
	p.shows(b, "B0079")
	var took []time.Duration
	for n := 80; b.Loop(); n++ {
		began := time.Now()
		send(&kiosk.CheckedIn{Visit: visit(n), Ticket: fmt.Sprintf("B%04d", n)})
		p.shows(b, fmt.Sprintf("B%04d", n))
		took = append(took, time.Since(began))
		send(&kiosk.Closed{Visit: visit(n - 80), Outcome: "left"}) // as many as before
	}
	slices.Sort(took)
	at := func(p int) float64 { return float64(took[(len(took)-1)*p/100].Microseconds()) / 1000 }
	b.ReportMetric(at(50), "p50-ms")
	b.ReportMetric(at(99), "p99-ms")
}

// livePage is what a browser does with the live page.
type livePage struct {
	url  string
	body io.ReadCloser
	says *bufio.Scanner
}

func watch(b *testing.B, url string) *livePage {
	res, err := http.Get(url + "/stream")
	if err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%v %v", res, err)
	}
	return &livePage{url, res.Body, bufio.NewScanner(res.Body)}
}

// shows asks for the page whenever the stream says so, until it shows a ticket.
func (p *livePage) shows(b *testing.B, ticket string) {
	for p.says.Scan() {
		if !strings.HasPrefix(p.says.Text(), "data:") {
			continue
		}
		res, err := http.Get(p.url + "/?part=live")
		if err != nil {
			b.Fatal(err)
		}
		page, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("%s %v: %.200s", res.Status, err, page)
		}
		if strings.Contains(string(page), ticket) {
			return
		}
	}
	b.Fatalf("the stream ends: %v", p.says.Err())
}
