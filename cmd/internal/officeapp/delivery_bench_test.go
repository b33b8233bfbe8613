package officeapp

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/journal"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/link/linktest"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

const (
	backlog = 20_000
	window  = 1000
	store   = "bench"
)

// BenchmarkDelivery drains a backlog of 20,000 events from a real journal through
// uplink, broker and back office into a real ledger, up to the receipt of the
// last event. Beside it, in the same run and to the same broker, bare paho
// publishes the same bytes with the same window, up to the last PUBACK; and the
// same events go into another ledger without any network (ledger/s), and from bare
// paho through the broker into the back office (ingest/s, as in BenchmarkIngest).
//
//	go test ./cmd/internal/officeapp -run '^$' -bench Delivery -benchtime 3x
func BenchmarkDelivery(b *testing.B) {
	var bare, ingest, office, whole time.Duration
	for b.Loop() {
		r := newRun(b)
		bare += r.bare(b)
		ingest += r.ingest(b)
		office += takeOurs(b, r.payloads())
		whole += r.whole(b)
		r.close()
	}
	n := float64(b.N) * backlog
	b.ReportMetric(n/bare.Seconds(), "bare-paho/s")
	b.ReportMetric(n/ingest.Seconds(), "ledger/s")
	b.ReportMetric(n/office.Seconds(), "ingest/s")
	b.ReportMetric(n/whole.Seconds(), "receipted/s")
	b.ReportMetric(bare.Seconds()/whole.Seconds(), "of-paho")
	b.ReportMetric(ingest.Seconds()/whole.Seconds(), "of-ledger")
	b.ReportMetric(office.Seconds()/whole.Seconds(), "of-ingest")
}

type run struct {
	dir     string
	broker  *broker.Broker
	journal *journal.Journal
	rows    []journal.Row
}

func newRun(b *testing.B) *run {
	r := &run{dir: b.TempDir()}
	var err error
	if r.broker, err = broker.Start(broker.Config{}); err != nil {
		b.Fatal(err)
	}
	r.journal, err = journal.Open(filepath.Join(r.dir, "journal.db"), journal.Options{Source: kiosk.KioskSource(store, "k1")})
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for first := 1; first <= backlog; first += 1000 {
		events := make([]kiosk.Event, 1000)
		for i := range events {
			n := first + i
			events[i] = kiosk.Event{Source: r.journal.Source(), Epoch: r.journal.Epoch(), Seq: uint64(n),
				Moment: kiosk.Moment{Wall: at.Add(time.Duration(n) * time.Second), Boot: "boot", Up: time.Duration(n) * time.Second, Clock: kiosk.Synced},
				Data: &kiosk.Started{Job: kiosk.Job{Visit: fmt.Sprintf("0A7A00%04d", n/20), Bay: "b3", Technician: "t07"},
					Meta: kiosk.Meta{Cause: fmt.Sprint("scan", n), Scan: &kiosk.ScanRecord{Text: "V0A7A000000XX", Symbology: "code128", Scanner: "bay3"}}}}
		}
		if err := r.journal.Append(events); err != nil {
			b.Fatal(err)
		}
	}
	for after := uint64(0); after < backlog; {
		rows, err := r.journal.Read(after, 1000)
		if err != nil {
			b.Fatal(err)
		}
		r.rows, after = append(r.rows, rows...), rows[len(rows)-1].Seq
	}
	return r
}

func (r *run) close() { r.journal.Close(); r.broker.Close() }

func (r *run) payloads() [][]byte {
	out := make([][]byte, len(r.rows))
	for i, row := range r.rows {
		out[i] = row.Bytes
	}
	return out
}

// bare is what the broker and paho can do at all.
func (r *run) bare(b *testing.B) time.Duration {
	acked, _ := linktest.Bare(b, r.broker.Addr(), window, r.payloads())
	return acked
}

// ingest is what the ledger takes without any network.
func (r *run) ingest(b *testing.B) time.Duration {
	l, err := ledger.Open(filepath.Join(r.dir, "bare.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	began := time.Now()
	for rest := r.rows; len(rest) > 0; rest = rest[1000:] {
		batch := backoffice.Batch{At: began}
		for _, row := range rest[:1000] {
			e, err := kiosk.Decode(row.Bytes)
			if err != nil {
				b.Fatal(err)
			}
			batch.Entries = append(batch.Entries, backoffice.Entry{Store: store, Event: e, Bytes: row.Bytes})
		}
		if _, err := l.Commit(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

// whole is the real way, from the journal to the receipt.
func (r *run) whole(b *testing.B) time.Duration {
	ctx, cancel := context.WithCancel(b.Context())
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	start := func(run func(context.Context) error) {
		tasks.Go(func() {
			if err := run(ctx); err != nil {
				b.Error(err)
			}
		})
	}
	book, err := ledger.Open(filepath.Join(r.dir, "ledger.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { book.Close() })
	office, err := backoffice.New(backoffice.Config{Ledger: book, Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(time.UTC)}}})
	if err != nil {
		b.Fatal(err)
	}
	desk, err := office.Connect(store, link.Config{Broker: r.broker.URL(), ClientID: "office"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	start(office.Run)
	start(desk.Run)
	if _, err := desk.Next(ctx, 0); err != nil {
		b.Fatal(err)
	}
	topics, err := wire.NewKiosk(store, "k1")
	if err != nil {
		b.Fatal(err)
	}
	board, err := link.New(link.Config{Broker: r.broker.URL(), ClientID: "board"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	src := &outbox{Journal: r.journal, done: make(chan struct{})}
	up, err := uplink.New(uplink.Config{Kiosk: topics, Window: window}, src, board, nil)
	if err != nil {
		b.Fatal(err)
	}
	start(board.Run)
	if _, err := board.Next(ctx, 0); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	start(up.Run)
	<-src.done
	return time.Since(began)
}

// outbox is the journal as uplink reads it; it tells when all is receipted.
type outbox struct {
	*journal.Journal
	done chan struct{}
	mark uplink.Mark
}

func (o *outbox) Read(after uint64, limit int) ([]uplink.Row, error) {
	rows, err := o.Journal.Read(after, limit)
	out := make([]uplink.Row, len(rows))
	for i, r := range rows {
		out[i] = uplink.Row{Seq: r.Seq, Type: string(r.Type), Bytes: r.Bytes, Person: r.Person}
	}
	return out, err
}

func (o *outbox) Appended() <-chan struct{} { return nil }

func (o *outbox) Receipted() (uplink.Mark, error) { return o.mark, nil }

// SetReceipted keeps the mark durably, as the daemon does.
func (o *outbox) SetReceipted(m uplink.Mark) error {
	if err := o.Journal.SetReceipt(journal.Receipt{Ledger: m.Ledger, Term: m.Term, Through: m.Through}); err != nil {
		return err
	}
	if o.mark = m; m.Through == backlog {
		close(o.done)
	}
	return nil
}

func (o *outbox) Supersede(context.Context, uplink.Rift) error {
	return errors.New("a bench has no rift")
}
