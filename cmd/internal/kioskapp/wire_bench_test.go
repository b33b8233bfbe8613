package kioskapp_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/device/line"
	"baylight/device/scanner"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/kiosk/floor"
	"baylight/kiosk/journal"
	"baylight/kiosk/station"
)

// timed is a journal that tells when a commit is about to begin and when it is done.
type timed struct {
	*journal.Journal
	asked, done chan time.Time
}

func (j timed) AppendSeq(groups iter.Seq[[]kiosk.Event]) error {
	made := slices.Concat(slices.Collect(groups)...)
	if len(made) == 0 {
		return nil
	}
	j.asked <- time.Now()
	err := j.Journal.Append(made)
	j.done <- time.Now()
	return err
}

// BenchmarkWireToEvent measures the whole way of a code through a real tty, the
// scanner, the station and the floor: from its last byte until its event is
// handed to the journal (what the software adds), and until it is durable. The
// code has 17 characters and CR, a byte at a time with the byte time of 9600
// baud between (18.75 ms).
func BenchmarkWireToEvent(b *testing.B) {
	dev, err := bench.NewScanner(filepath.Join(b.TempDir(), "scanner"))
	must(b, err)
	defer dev.Close()
	book, err := journal.Open(filepath.Join(b.TempDir(), "journal.db"), journal.Options{Source: kiosk.KioskSource(store, "k1"), Ballast: -1})
	must(b, err)
	defer book.Close()
	now, err := clock.NewSystem(time.UTC)
	must(b, err)
	j := timed{book, make(chan time.Time, 4), make(chan time.Time, 4)}
	st := station.New(station.Config{Journal: j, Clock: now, Floor: floor.Config{Store: store, Board: "k1", StoreTag: tag, Letter: 'A', Key: []byte(storeKey),
		Calendar: kiosk.ShanghaiWeek(time.UTC), Bays: []floor.Bay{{ID: "b1"}}, Scanners: map[string]string{"s1": "b1"}}})
	ctx, stop := context.WithCancel(context.Background())
	up := make(chan struct{}, 1)
	sc := scanner.New(scanner.Config{Name: "s1", Line: line.Config{Device: dev.Path()}, Limit: 1 << 20}, nil,
		func(s scanner.Scan) { st.Scan(ctx, floor.Scan{Scanner: s.Scanner, Text: s.Text}) }, func(line.State) { up <- struct{}{} })
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = st.Run(ctx) })
	tasks.Go(func() { _ = sc.Run(ctx) })
	defer tasks.Wait()
	defer stop()
	<-up
	<-j.asked
	<-j.done // kiosk.started
	const byteTime = 10 * time.Second / 9600
	var added, durable []time.Duration
	for n := 0; b.Loop(); n++ {
		frame := fmt.Sprintf("%017d\r", n)
		var last time.Time
		for i := range len(frame) {
			<-time.After(byteTime)
			last = time.Now()
			if err := dev.Send([]byte(frame[i : i+1])); err != nil {
				b.Fatal(err)
			}
		}
		added, durable = append(added, (<-j.asked).Sub(last)), append(durable, (<-j.done).Sub(last))
	}
	slices.Sort(added)
	slices.Sort(durable)
	wire := 18 * byteTime
	b.ReportMetric(float64(added[len(added)/2].Microseconds()), "added-µs-median")
	b.ReportMetric(100*float64(added[len(added)/2])/float64(wire), "%-of-wire")
	b.ReportMetric(float64(durable[len(durable)/2].Microseconds()), "durable-µs-median")
}
