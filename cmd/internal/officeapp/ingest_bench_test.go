package officeapp

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/link/linktest"
	"baylight/sync/wire"
)

// BenchmarkIngest takes 20,000 events from the broker into the real ledger, to
// the commit of the last, and beside it, in the same run, from the same broker
// and the same publisher, with a bare program: paho, the same batches, one
// table with one unique index in SQLite with the same settings, and no check of
// anything. The two take turns; what is reported are medians, and of-bare is the
// median of the rounds' ratios; cpu-of-bare is the same of processor time, which
// other work on the machine changes less.
//
//	go test ./cmd/internal/officeapp -run '^$' -bench Ingest -benchtime 7x
func BenchmarkIngest(b *testing.B) {
	events := someEvents(b)
	var bare, ours, ratio, busy []float64
	for b.Loop() {
		c0 := processor(b)
		x := takeBare(b, events).Seconds()
		c1 := processor(b)
		y := takeOurs(b, events).Seconds()
		c2 := processor(b)
		bare, ours, ratio, busy = append(bare, backlog/x), append(ours, backlog/y), append(ratio, x/y), append(busy, (c1-c0)/(c2-c1))
	}
	b.ReportMetric(median(bare), "bare/s")
	b.ReportMetric(median(ours), "durable/s")
	b.ReportMetric(median(ratio), "of-bare")
	b.ReportMetric(median(busy), "cpu-of-bare")
}

// processor is how many seconds of processor time this program has had.
func processor(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}

// someEvents are those of one board over some thousand visits.
func someEvents(b *testing.B) (out [][]byte) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var prev kiosk.Hash
	for n := 1; n <= backlog; n++ {
		e := kiosk.Event{Source: kiosk.KioskSource(store, "k1"), Epoch: "0b7e2c1a-1111-4222-8333-944455566677", Seq: uint64(n), Prev: prev,
			Moment: kiosk.Moment{Wall: at.Add(time.Duration(n) * time.Second), Boot: "0b7e2c1a-2222-4222-8333-944455566677", Up: time.Duration(n) * time.Second, Clock: kiosk.Synced},
			Data: &kiosk.Started{Job: kiosk.Job{Visit: fmt.Sprintf("0A7A00%04d", n/20), Bay: "b3", Technician: "t07"},
				Meta: kiosk.Meta{Cause: fmt.Sprint("scan", n), Scan: &kiosk.ScanRecord{Text: "V0A7A000000XX", Symbology: "code128", Scanner: "bay3"}}}}
		bytes, err := kiosk.Encode(e)
		if err != nil {
			b.Fatal(err)
		}
		prev, out = kiosk.HashOf(bytes), append(out, bytes)
	}
	return out
}

const benchTopic = wire.Prefix + store + "/k1/event/job.started"

// takeOurs is the back office.
func takeOurs(b *testing.B, events [][]byte) time.Duration {
	ctx, cancel := context.WithCancel(b.Context())
	var tasks sync.WaitGroup
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
	defer tasks.Wait()
	defer cancel()
	office, err := backoffice.New(backoffice.Config{Ledger: book, Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(time.UTC)}}})
	if err != nil {
		b.Fatal(err)
	}
	desk, err := office.Connect(store, link.Config{Broker: hub.URL(), ClientID: "office"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	changes, stop := office.Watch()
	defer stop()
	for _, run := range []func(context.Context) error{office.Run, desk.Run} {
		tasks.Go(func() {
			if err := run(ctx); err != nil {
				b.Error(err)
			}
		})
	}
	if _, err := desk.Next(ctx, 0); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	tasks.Go(func() { linktest.Publish(b, hub.Addr(), benchTopic, window, events) })
	late := time.After(time.Minute)
	for office.Counts().Events < backlog {
		select {
		case <-changes:
		case <-late:
			b.Fatalf("of %d events %d came: the broker keeps 16,384 for a subscriber that is slow, and bare paho sends nothing twice", backlog, office.Counts().Events)
		}
	}
	return time.Since(began)
}

// takeBare is a program without any of our checks.
func takeBare(b *testing.B, events [][]byte) time.Duration {
	hub, err := broker.Start(broker.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer hub.Close()
	db, err := sql.Open("sqlite3", filepath.Join(b.TempDir(), "bare.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE e(n INTEGER PRIMARY KEY AUTOINCREMENT, epoch TEXT, seq INTEGER, bytes BLOB, UNIQUE(epoch, seq))`); err != nil {
		b.Fatal(err)
	}
	type message struct {
		payload []byte
		ack     func()
	}
	queue := make(chan message, 2048)
	stop := linktest.Consume(b, hub.Addr(), "baylight/v1/+/+/event/+", func(p []byte, ack func()) { queue <- message{p, ack} })
	defer stop()
	var publisher sync.WaitGroup
	defer publisher.Wait()
	began := time.Now()
	publisher.Go(func() { linktest.Publish(b, hub.Addr(), benchTopic, window, events) })
	for n := 0; n < backlog; {
		batch := []message{<-queue}
		for len(batch) < 1000 && len(queue) > 0 {
			batch = append(batch, <-queue)
		}
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		s, err := tx.Prepare(`INSERT INTO e(epoch, seq, bytes) VALUES (?, ?, ?)`)
		if err != nil {
			b.Fatal(err)
		}
		for _, m := range batch {
			n++
			if _, err := s.Exec("0b7e2c1a-1111-4222-8333-944455566677", n, m.payload); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
		for _, m := range batch {
			m.ack()
		}
	}
	return time.Since(began)
}
