package pgledger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

// BenchmarkCommit commits groups of 1,000 events of twenty boards, and in turns
// copies the same bytes into a table with one unique index, a transaction each.
// ratio is of the time that passes, which is others' as well; cpu-ratio is of the
// processor time that both the client and the server took.
func BenchmarkCommit(b *testing.B) {
	s := pgtest.Start(b)
	l := open(b, pgledger.Config{URL: s.URL()})
	s.Exec(`CREATE TABLE bare(source text, epoch text, seq bigint, bytes bytea, UNIQUE(epoch, source, seq))`)
	conn, err := pgx.Connect(context.Background(), s.URL())
	must(b, err)
	defer conn.Close(context.Background())
	var boards []*ledgertest.Board
	for i := range 20 {
		boards = append(boards, ledgertest.NewBoard(b, store, fmt.Sprint("k", i), fmt.Sprint("e", i)))
	}
	var ours, bare, oursBusy, bareBusy time.Duration
	n := 0
	for b.Loop() {
		batch := backoffice.Batch{At: time.Now()}
		var rows [][]any
		for i := range 1000 {
			e := boards[i%20].Event(&kiosk.Started{Job: kiosk.Job{Visit: fmt.Sprint("V", n%500), Bay: "b3", Technician: "t07"}})
			batch.Entries = append(batch.Entries, e)
			rows = append(rows, []any{e.Event.Source, e.Event.Epoch, int64(e.Event.Seq), e.Bytes})
			n++
		}
		busy, began := s.Processor(), time.Now()
		_, err := l.Commit(context.Background(), batch)
		must(b, err)
		between := time.Now()
		busy2 := s.Processor()
		_, err = conn.CopyFrom(context.Background(), pgx.Identifier{"bare"}, []string{"source", "epoch", "seq", "bytes"}, pgx.CopyFromRows(rows))
		must(b, err)
		ours, bare = ours+between.Sub(began), bare+time.Since(between)
		oursBusy, bareBusy = oursBusy+busy2-busy, bareBusy+s.Processor()-busy2
	}
	b.ReportMetric(float64(n)/ours.Seconds(), "events/s")
	b.ReportMetric(float64(n)/bare.Seconds(), "copied/s")
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "ratio")
	b.ReportMetric(float64(oursBusy.Microseconds())/float64(n), "cpu-µs/event")
	b.ReportMetric(bareBusy.Seconds()/oursBusy.Seconds(), "cpu-ratio")
}
