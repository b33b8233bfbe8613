package link_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/link/linktest"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

const (
	benchEpoch  = "0b7e2c1a-1111-4222-8333-944455566677"
	benchEvents = 20_000
	benchWindow = 1000
)

// BenchmarkUplink drains a backlog of 20,000 events of 700 bytes through
// uplink, broker and a subscriber that writes receipts, up to the last receipt,
// and beside it, in the same run and to the same broker, publishes the same
// bytes with bare paho and a window of 1,000, up to the last PUBACK (ratio) and
// until a subscriber has all, as our receipts want it (to-arrival).
func BenchmarkUplink(b *testing.B) {
	rows, payloads := benchRows(benchEvents)
	beside := func(b *testing.B, addr string) {
		var bare, arrived, up time.Duration
		for round := 0; b.Loop(); round++ {
			acked, all := linktest.Bare(b, addr, benchWindow, payloads)
			bare, arrived = bare+acked, arrived+all
			up += drainUplink(b, addr, addr, rows, round, new(time.Duration))
		}
		n := float64(b.N) * benchEvents
		b.ReportMetric(n/bare.Seconds(), "bare-events/s")
		b.ReportMetric(n/up.Seconds(), "uplink-events/s")
		b.ReportMetric(bare.Seconds()/up.Seconds(), "ratio")
		b.ReportMetric(arrived.Seconds()/up.Seconds(), "to-arrival")
	}
	b.Run("embedded", func(b *testing.B) {
		br := startBench(b)
		beside(b, br.Addr())
	})
	b.Run("mosquitto", func(b *testing.B) { beside(b, linktest.StartMosquitto(b, "").Addr) })
	// At 100 ms round trip the window is what limits: window / round trip.
	b.Run("far", func(b *testing.B) {
		br := startBench(b)
		long, payloads := benchRows(3 * benchEvents)
		var bare, up time.Duration
		for round := 0; b.Loop(); round++ {
			acked, _ := linktest.Bare(b, linktest.Far(b, br.Addr(), 50*time.Millisecond), benchWindow, payloads)
			bare += acked
			up += drainUplink(b, linktest.Far(b, br.Addr(), 50*time.Millisecond), br.Addr(), long, round, new(time.Duration))
		}
		rate := float64(b.N*len(long)) / up.Seconds()
		b.ReportMetric(rate, "uplink-events/s")
		b.ReportMetric(rate/(benchWindow/0.1), "of-window/rtt")
		b.ReportMetric(bare.Seconds()/up.Seconds(), "ratio")
	})
}

// BenchmarkBridge drains the same backlog twice into the same Mosquitto: queued
// in another Mosquitto, over its bridge, and from the board. Both are measured
// from the first to the last message that a subscriber gets.
func BenchmarkBridge(b *testing.B) {
	rows, payloads := benchRows(benchEvents)
	var bridge, up time.Duration
	for round := 0; b.Loop(); round++ {
		to := linktest.NewMosquitto(b, "")
		from := linktest.StartMosquitto(b, "connection out\naddress "+to.Addr+"\ntopic # out 1\ncleansession false\nrestart_timeout 1 1\nremote_clientid bridge\nnotifications false")
		linktest.Bare(b, from.Addr, benchWindow, payloads)
		to.Start()
		bridge += linktest.Arrival(b, to.Addr, "bare/+", len(payloads))
		from.Kill()
		drainUplink(b, to.Addr, to.Addr, rows, round, &up)
		to.Kill()
	}
	n := float64(b.N) * benchEvents
	b.ReportMetric(n/bridge.Seconds(), "bridge-events/s")
	b.ReportMetric(n/up.Seconds(), "uplink-events/s")
	b.ReportMetric(bridge.Seconds()/up.Seconds(), "ratio")
}

func benchRows(n int) ([]uplink.Row, [][]byte) {
	rows, payloads := make([]uplink.Row, n), make([][]byte, n)
	for i := range rows {
		rows[i] = uplink.Row{Seq: uint64(i + 1), Type: "job.started", Bytes: append(fmt.Appendf(nil, `{"seq":%d,"x":"`, i+1), bytes.Repeat([]byte("x"), 680)...)}
		payloads[i] = rows[i].Bytes
	}
	return rows, payloads
}

func startBench(b *testing.B) *broker.Broker {
	br, err := broker.Start(broker.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = br.Close() })
	return br
}

// drainUplink is a board that reaches the broker at addr, and an office at its
// own. It adds to arrival what passes from the first to the last event there.
func drainUplink(b *testing.B, addr, officeAddr string, rows []uplink.Row, round int, arrival *time.Duration) time.Duration {
	k, err := wire.NewKiosk("s", fmt.Sprint("k", round))
	if err != nil {
		b.Fatal(err)
	}
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
	office := startReceipts(b, "mqtt://"+officeAddr, k, uint64(len(rows)), start, arrival)
	l, err := link.New(link.Config{Broker: "mqtt://" + addr, ClientID: "board"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	src := &backlog{rows: rows, done: make(chan struct{})}
	u, err := uplink.New(uplink.Config{Kiosk: k, Window: benchWindow}, src, l, nil)
	if err != nil {
		b.Fatal(err)
	}
	state, err := wire.Office{State: wire.Ready, Session: 1, Ledger: "l"}.Encode()
	if err != nil {
		b.Fatal(err)
	}
	if err := office.Publish(k.Store().Office(), 1, true, state).Wait(ctx); err != nil {
		b.Fatal(err)
	}
	start(l.Run)
	if _, err := l.Next(ctx, 0); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	start(u.Run)
	<-src.done
	return time.Since(began)
}

// startReceipts is an office that keeps nothing: it writes a receipt every
// 1,000 events and at the last.
func startReceipts(b *testing.B, url string, k wire.Kiosk, last uint64, start func(func(context.Context) error), arrival *time.Duration) *link.Link {
	l, err := link.New(link.Config{Broker: url, ClientID: "office"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	through, first := uint64(0), time.Time{}
	l.Handle(k.Store().AllEvents(), 1, func(_ context.Context, m link.Message) {
		digits, _, _ := bytes.Cut(m.Payload[len(`{"seq":`):], []byte(","))
		seq, err := strconv.ParseUint(string(digits), 10, 64)
		if err != nil || seq != through+1 {
			return
		}
		if seq == 1 {
			first = time.Now()
		} else if seq == last {
			*arrival += time.Since(first)
		}
		if through = seq; seq%1000 != 0 && seq != last {
			return
		}
		r := wire.Receipt{Ledger: "l", Term: 1, Epochs: []wire.Epoch{{Epoch: benchEpoch, Through: seq, Hash: kiosk.HashOf(m.Payload)}}}
		p, err := r.Encode()
		if err != nil {
			b.Error(err)
		}
		l.Publish(k.Receipt(), 1, true, p)
	})
	start(l.Run)
	if _, err := l.Next(b.Context(), 0); err != nil {
		b.Fatal(err)
	}
	return l
}

// backlog is a journal that has everything already.
type backlog struct {
	rows []uplink.Row
	mark uplink.Mark
	done chan struct{}
}

func (s *backlog) Epoch() string                   { return benchEpoch }
func (s *backlog) Knows(string) bool               { return true }
func (s *backlog) Owns(string) bool                { return true }
func (s *backlog) Head() uint64                    { return uint64(len(s.rows)) }
func (s *backlog) Appended() <-chan struct{}       { return nil }
func (s *backlog) Receipted() (uplink.Mark, error) { return s.mark, nil }

func (s *backlog) Read(after uint64, limit int) ([]uplink.Row, error) {
	rows := s.rows[after:]
	return rows[:min(limit, len(rows))], nil
}

func (s *backlog) Hash(seq uint64) (kiosk.Hash, bool, error) {
	return kiosk.HashOf(s.rows[seq-1].Bytes), true, nil
}

func (s *backlog) SetReceipted(m uplink.Mark) error {
	if s.mark = m; m.Through == uint64(len(s.rows)) {
		close(s.done)
	}
	return nil
}

func (s *backlog) Supersede(context.Context, uplink.Rift) error {
	return errors.New("a bench has no rift")
}
