package transfer

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// transferred is how many events a benchmark carries.
const transferred = 40_000

// BenchmarkTransfer imports a file over HTTP and exports it again, beside bare
// commits of the same events in transactions of the same size and a bare read of
// the same rows.
func BenchmarkTransfer(b *testing.B) {
	board := ledgertest.NewBoard(b, store, "k1", epoch)
	var entries []backoffice.Entry
	var file bytes.Buffer
	for i := range transferred / 2 {
		visit := fmt.Sprintf("A1B2C%05d", i)
		for _, e := range []backoffice.Entry{board.CheckIn(visit), board.Event(&kiosk.Accepted{Visit: visit, Adviser: "a1"})} {
			entries = append(entries, e)
			file.Write(append(e.Bytes, '\n'))
		}
	}
	var commit, imports, exports, read time.Duration
	for b.Loop() {
		began := time.Now()
		bare(b, sqlite(b), entries)
		commit += time.Since(began)

		book := sqlite(b)
		s := newSite(b, book, nil)
		began = time.Now()
		p := s.load(file.Bytes())
		imports += time.Since(began)
		if p.Added != transferred {
			b.Fatalf("%+v, want %d added", p, transferred)
		}
		began = time.Now()
		out, _ := s.save("")
		exports += time.Since(began)
		if !bytes.Equal(out, file.Bytes()) {
			b.Fatal("another file came out than went in")
		}
		began = time.Now()
		n := 0
		for after := uint64(0); ; n++ {
			rows, err := book.Events(context.Background(), store, after, 1000)
			if err != nil {
				b.Fatal(err)
			}
			if len(rows) == 0 {
				break
			}
			after = rows[len(rows)-1].Position
		}
		read += time.Since(began)
	}
	per := func(d time.Duration) float64 { return float64(b.N) * transferred / d.Seconds() }
	b.ReportMetric(per(imports), "imported/s")
	b.ReportMetric(per(exports), "exported/s")
	b.ReportMetric(per(imports)/per(commit), "of-bare-commits")
	b.ReportMetric(per(exports)/per(read), "of-bare-read")
}

// bare commits entries as an import does.
func bare(b *testing.B, l *ledger.Ledger, entries []backoffice.Entry) {
	for len(entries) > 0 {
		n := min(maxBatch, len(entries))
		out, err := l.Commit(context.Background(), backoffice.Batch{At: time.Date(2026, 11, 4, 12, 0, 0, 0, zone), Entries: entries[:n]})
		if err != nil || out.Added != n {
			b.Fatalf("commit: %+v %v", out, err)
		}
		entries = entries[n:]
	}
}
