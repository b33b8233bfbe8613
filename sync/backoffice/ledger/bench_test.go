package ledger_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// BenchmarkCommit measures durable events per second in groups of 1,000, and in
// the same run the bare insertion of the same bytes into one table with one
// unique index, synchronous=FULL; the ratio of the two is x/bare.
func BenchmarkCommit(b *testing.B) {
	const group = 1000
	dir := b.TempDir()
	l, err := ledger.Open(filepath.Join(dir, "ledger.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	bare, err := sql.Open("sqlite3", filepath.Join(dir, "bare.db")+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	bare.SetMaxOpenConns(1)
	if _, err := bare.Exec(`CREATE TABLE e(n INTEGER PRIMARY KEY AUTOINCREMENT, epoch TEXT, seq INTEGER, bytes BLOB, UNIQUE(epoch, seq))`); err != nil {
		b.Fatal(err)
	}
	board := ledgertest.NewBoard(b, "sh-pudong", "k1", "e1")
	var ours, theirs time.Duration
	n := 0
	for b.Loop() {
		entries := make([]backoffice.Entry, group)
		for i := range entries {
			entries[i] = board.CheckIn(fmt.Sprintf("V%d", n/8)) // eight events a visit
			n++
		}
		start := time.Now()
		if _, err := l.Commit(b.Context(), backoffice.Batch{At: office, Entries: entries}); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		start = time.Now()
		insert(b, bare, entries)
		theirs += time.Since(start)
	}
	b.ReportMetric(float64(n)/ours.Seconds(), "events/s")
	b.ReportMetric(float64(n)/theirs.Seconds(), "bare/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x/bare")
}

var office = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func insert(b *testing.B, db *sql.DB, entries []backoffice.Entry) {
	b.Helper()
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	s, err := tx.Prepare(`INSERT INTO e(epoch, seq, bytes) VALUES (?, ?, ?)`)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if _, err := s.Exec(e.Event.Epoch, int64(e.Event.Seq), e.Bytes); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCheck measures how many events per second are held against their hashes
// and their chain, and in the same run the bare reading of their bytes; x/bare is
// the ratio of the two.
func BenchmarkCheck(b *testing.B) {
	path := filepath.Join(b.TempDir(), "ledger.db")
	l, err := ledger.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ledgertest.Fill(b, l, "sh-pudong", 200_000)
	bare, err := sql.Open("sqlite3", path)
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	var ours, theirs time.Duration
	n := uint64(0)
	for b.Loop() {
		start := time.Now()
		if err := l.Check(b.Context(), "sh-pudong", func(d backoffice.Damaged) error { b.Error(d); return nil }); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		var size int64
		start = time.Now()
		if err := bare.QueryRow(`SELECT sum(octet_length(bytes || '')) FROM events NOT INDEXED`).Scan(&size); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(start)
		at, err := l.Position(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		n += at
	}
	b.ReportMetric(float64(n)/ours.Seconds(), "events/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x/bare")
}
