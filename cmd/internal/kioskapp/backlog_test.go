package kioskapp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/journal"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// maxResident is how many bytes of memory a board may need to drain any backlog.
const maxResident = 40_000_000

// TestBacklog: the real daemon, in a process of its own, drains a backlog from a
// real journal; its memory does not grow with it. BAYLIGHT_BACKLOG says how many
// events (make backlog: a million); without it there is nothing to see.
func TestBacklog(t *testing.T) {
	s := os.Getenv("BAYLIGHT_BACKLOG")
	if s == "" {
		t.Skip("takes minutes: make backlog")
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1000 {
		t.Fatalf("BAYLIGHT_BACKLOG is %q and must be a number of events from 1000", s)
	}
	r := newRig(t)
	r.configure()
	fill(t, filepath.Join(r.dir, "data", "journal.db"), n)
	b, err := broker.Start(broker.Config{})
	must(t, err)
	t.Cleanup(func() { check(t, b.Close()) })
	all := stubOffice(t, b.URL(), uint64(n))
	program := install(t, r.dir)
	r.gate.open(b.Addr())
	cmd := exec.Command(program, "run", "--config", filepath.Join(r.dir, "kiosk.toml"))
	cmd.Stderr = t.Output()
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	began := time.Now()
	select {
	case <-all:
	case <-time.After(15 * time.Minute):
		t.Fatal("the backlog is not drained within 15 minutes")
	}
	took := time.Since(began)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	must(t, err)
	size := func(what string) int {
		_, line, _ := strings.Cut(string(status), what+":")
		kib, err := strconv.Atoi(strings.Fields(line)[0])
		must(t, err)
		return kib << 10
	}
	peak := size("VmHWM")
	t.Logf("%d events drained %v after the start of the daemon; it never needed more than %.1f MB (at the end %.1f, of which its own %.1f)",
		n, took.Round(time.Millisecond), float64(peak)/1e6, float64(size("VmRSS"))/1e6, float64(size("RssAnon"))/1e6)
	if peak >= maxResident {
		t.Errorf("the daemon needed %d bytes, it has to be less than %d", peak, maxResident)
	}
}

// install puts the daemon in a folder as a package does: written, and not as the
// linker leaves it, of which a newer kernel maps much more at each fault
// (systemd/DESIGN.md, Memory).
func install(t *testing.T, dir string) (program string) {
	t.Helper()
	built, program := filepath.Join(dir, "built"), filepath.Join(dir, "kioskd")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", built, "baylight/cmd/kioskd").CombinedOutput()
	if err != nil {
		t.Fatalf("build kioskd: %v: %s", err, out)
	}
	from, err := os.Open(built)
	must(t, err)
	defer from.Close()
	to, err := os.OpenFile(program, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	must(t, err)
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 32<<10))
	must(t, err)
	must(t, to.Close())
	return program
}

// fill writes a journal of a board that was cut off for long: one visit after
// another, ten events each, a hundred seconds apart.
func fill(t *testing.T, path string, n int) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	j, err := journal.Open(path, journal.Options{Source: kiosk.KioskSource(store, "k1")})
	must(t, err)
	last := time.Date(2026, 3, 1, 17, 0, 0, 0, time.FixedZone("CST", 8*3600))
	for k := 0; k < n; {
		events := make([]kiosk.Event, min(1000, n-k))
		for i := range events {
			k++
			ago := time.Duration(n-k) * 100 * time.Second
			events[i] = kiosk.Event{Source: j.Source(), Epoch: j.Epoch(), Seq: uint64(k), Data: visitStep(k),
				Moment: kiosk.Moment{Wall: last.Add(-ago), Boot: "boot-0", Up: time.Duration(k) * 100 * time.Second, Clock: kiosk.Synced}}
		}
		must(t, j.Append(events))
	}
	must(t, j.Close())
}

// visitStep is the kth event of a shop that serves one car after another.
func visitStep(k int) kiosk.Payload {
	visit := fmt.Sprintf("0A7A%06d", k/10%1000000)
	job := kiosk.Job{Visit: visit, Bay: "b1", Technician: "t01"}
	scan := kiosk.Meta{Cause: fmt.Sprint("scan", k), Scan: &kiosk.ScanRecord{Text: "V" + visit + "XX", Symbology: "code128", Scanner: "s1"}}
	switch k % 10 {
	case 0:
		return &kiosk.CheckedIn{Visit: visit, Ticket: fmt.Sprintf("A%03d", k/10%1000), Purpose: "maintenance", Language: "zh-CN", Means: "scan", Meta: scan}
	case 1:
		return &kiosk.Accepted{Visit: visit, Adviser: "a01"}
	case 2:
		return &kiosk.Signed{Visit: visit, Order: "order-" + visit, Adviser: "a01",
			Items: []kiosk.Item{{No: 1, Code: "M10", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 40}}}
	case 3:
		return &kiosk.Started{Job: job, Meta: scan}
	case 4:
		job.Item = 1
		return &kiosk.Paused{Job: job, Meta: kiosk.Meta{Reason: kiosk.Parts, Cause: scan.Cause, Scan: scan.Scan}}
	case 5:
		return &kiosk.Resumed{Job: job, Meta: scan}
	case 6:
		return &kiosk.Finished{Job: job, Meta: scan}
	case 7:
		return &kiosk.Passed{Visit: visit, Inspector: "q01", Bay: "b1", Meta: scan}
	case 8:
		return &kiosk.VehicleWashed{Visit: visit, Meta: scan}
	}
	return &kiosk.Delivered{Visit: visit, Adviser: "a01"}
}

// stubOffice writes receipts for what comes in order, every 1,000 events and
// from the last on for each; the channel is closed when the nth came.
func stubOffice(t *testing.T, url string, n uint64) <-chan struct{} {
	t.Helper()
	l, err := link.New(link.Config{Broker: url, ClientID: "office", Min: time.Millisecond, Max: 20 * time.Millisecond}, nil)
	must(t, err)
	all, through := make(chan struct{}), uint64(0)
	topics, err := wire.NewKiosk(store, "k1")
	must(t, err)
	l.Handle(topics.Store().AllEvents(), wire.QoS, func(_ context.Context, m link.Message) {
		_, rest, _ := bytes.Cut(m.Payload, []byte(`"id":"`))
		id, _, _ := bytes.Cut(rest, []byte(`"`))
		epoch, seq, err := kiosk.ParseEventID(string(id))
		if err != nil || seq != through+1 {
			return
		}
		if through = seq; seq < n && seq%1000 != 0 {
			return
		}
		b, err := wire.Receipt{Ledger: "ledger-1", Term: 1, Epochs: []wire.Epoch{{Epoch: epoch, Through: seq, Hash: kiosk.HashOf(m.Payload)}}}.Encode()
		check(t, err)
		l.Publish(topics.Receipt(), wire.QoS, true, b)
		if seq == n {
			close(all)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); check(t, l.Run(ctx)) }()
	t.Cleanup(func() { cancel(); <-done })
	_, err = l.Next(t.Context(), 0)
	must(t, err)
	state, err := wire.Office{State: wire.Ready, Session: 1, Ledger: "ledger-1"}.Encode()
	must(t, err)
	must(t, l.Publish(topics.Store().Office(), wire.QoS, true, state).Wait(t.Context()))
	return all
}
