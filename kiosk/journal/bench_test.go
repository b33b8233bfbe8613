package journal

import (
	"bytes"
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"baylight/kiosk"
)

// bare is the least that a durable commit of an event's row costs: the same
// table, settings and disk, prepared statements, nothing checked or chained.
type bare struct {
	conn   *sql.Conn
	insert *sql.Stmt
	begin  *sql.Stmt
	commit *sql.Stmt
	pos    int64
}

func newBare(b *testing.B, dir string) *bare {
	b.Helper()
	ctx := b.Context()
	path := filepath.Join(dir, "bare.db")
	if err := create(ctx, path, source, "bare"); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite3", dsn(path, "rw"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	conn, err := db.Conn(ctx)
	if err != nil {
		b.Fatal(err)
	}
	if err := checkSettings(ctx, conn); err != nil {
		b.Fatal(err)
	}
	s := &bare{conn: conn}
	for query, stmt := range map[string]**sql.Stmt{
		"BEGIN IMMEDIATE": &s.begin, "COMMIT": &s.commit,
		"INSERT INTO events (pos, type, visit, bytes, person, hash) VALUES (?, ?, ?, ?, ?, ?)": &s.insert,
	} {
		if *stmt, err = conn.PrepareContext(ctx, query); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func (s *bare) write(b *testing.B, rows ...encoded) {
	ctx := context.Background()
	if _, err := s.begin.ExecContext(ctx); err != nil {
		b.Fatal(err)
	}
	for _, r := range rows {
		s.pos++
		if _, err := s.insert.ExecContext(ctx, s.pos, r.typ, r.visit, r.bytes, nil, r.hash[:]); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := s.commit.ExecContext(ctx); err != nil {
		b.Fatal(err)
	}
}

// started are n events as a bay makes most of them.
func started(epoch string, after uint64, n int) []kiosk.Event {
	out := make([]kiosk.Event, n)
	for i := range out {
		seq := after + uint64(i) + 1
		out[i] = kiosk.Event{Source: source, Epoch: epoch, Seq: seq, Moment: at(seq), Data: &kiosk.Started{
			Job:  kiosk.Job{Visit: "A1B2C3D4E5", Bay: "b3", Technician: "t07", Item: 2},
			Meta: kiosk.Meta{Cause: "b3-1234", Scan: &kiosk.ScanRecord{Text: "2A1B2C3D4E5X", Symbology: "code128", Scanner: "bay3"}},
		}}
	}
	return out
}

// encodeAll are the rows of n events that would be the first of an empty journal.
func encodeAll(b *testing.B, j *Journal, n int) (all []encoded) {
	b.Helper()
	es := started(j.Epoch(), 0, n)
	for some, chunk := j.batch(j.shape(), j.shape().current(), head{}), es; len(chunk) > 0; chunk = chunk[1:] {
		some.next()
		if err := some.add(some.part, &chunk[0]); err != nil {
			b.Fatal(err)
		}
		row := some.part.rows[0]
		row.bytes = bytes.Clone(row.bytes)
		all = append(all, row)
	}
	return all
}

func percentile(d []time.Duration, p int) float64 {
	slices.Sort(d)
	return float64(d[min(len(d)-1, len(d)*p/100)].Nanoseconds())
}

// BenchmarkAppend1 is one event in one commit, each beside one bare commit of a
// row of the same size on the same disk. The ratios are what counts.
func BenchmarkAppend1(b *testing.B) {
	j := fresh(b)
	s := newBare(b, filepath.Dir(j.path))
	rows := encodeAll(b, j, 1)
	var ours, bares []time.Duration
	for b.Loop() {
		es := started(j.Epoch(), j.Head(), 1)
		t0 := time.Now()
		s.write(b, rows[0])
		t1 := time.Now()
		if err := j.Append(es); err != nil {
			b.Fatal(err)
		}
		bares, ours = append(bares, t1.Sub(t0)), append(ours, time.Since(t1))
	}
	b.ReportMetric(percentile(ours, 50), "p50-ns")
	b.ReportMetric(percentile(bares, 50), "bare-p50-ns")
	b.ReportMetric(percentile(ours, 50)/percentile(bares, 50), "p50-ratio")
	b.ReportMetric(percentile(ours, 99)/percentile(bares, 99), "p99-ratio")
}

// BenchmarkBurst is a thousand events in one commit and in commits of a hundred, and
// five thousands without a pause, beside a thousand commits of one and one bare
// commit of a thousand.
func BenchmarkBurst(b *testing.B) {
	const burst = 1000
	j := fresh(b)
	s := newBare(b, filepath.Dir(j.path))
	rows := encodeAll(b, j, burst)
	took := func(n, group int) time.Duration {
		es := started(j.Epoch(), j.Head(), n)
		t0 := time.Now()
		for some := range slices.Chunk(es, group) {
			if err := j.Append(some); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(t0)
	}
	var singles, hundreds, one, five, bares, bareSingles time.Duration
	for b.Loop() {
		t0 := time.Now()
		for _, r := range rows {
			s.write(b, r)
		}
		bareSingles += time.Since(t0)
		singles += took(burst, 1)
		hundreds += took(burst, 100)
		one += took(burst, burst)
		five += took(5*burst, burst)
		t0 = time.Now()
		s.write(b, rows...)
		bares += time.Since(t0)
	}
	n := float64(burst * b.N)
	b.ReportMetric(n/singles.Seconds(), "singles/s")
	b.ReportMetric(n/one.Seconds(), "burst/s")
	b.ReportMetric(singles.Seconds()/one.Seconds(), "burst-gain")
	b.ReportMetric(singles.Seconds()/hundreds.Seconds(), "hundreds-gain")
	b.ReportMetric(5*singles.Seconds()/five.Seconds(), "five-gain")
	b.ReportMetric(bareSingles.Seconds()/bares.Seconds(), "bare-gain")
	b.ReportMetric(one.Seconds()/bares.Seconds(), "burst-to-bare")
}

// BenchmarkReplay is a replay of ten thousand events with every check.
func BenchmarkReplay(b *testing.B) {
	j := fresh(b)
	const n = 10_000
	if err := j.Append(started(j.Epoch(), 0, n)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := j.Replay(0, func(kiosk.Event) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
}
