package kioskapp_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/kiosk/journal"
)

// of a device, what the journal says became of it, in order.
func (r *rig) told(device string) (out []string) {
	for _, x := range r.rows() {
		if x.typ == "device.down" || x.typ == "device.up" {
			if e := x.read(r.t); e.Data.Device == device {
				out = append(out, strings.TrimPrefix(x.typ, "device."))
			}
		}
	}
	return out
}

func TestScannerUnplugged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	r.scan("front", car(1), bench.AckGood)
	must(t, r.scanners["front"].Send([]byte("LSVAA4"))) // pulled out in the middle of a code
	must(t, r.scanners["front"].Unplug())
	r.await("the loss in the journal", func() bool { return slices.Equal(r.told("front"), []string{"down"}) })
	if d := r.health().down(); len(d) != 1 || !strings.HasPrefix(d[0], "front: ") || len(d[0]) < 10 {
		t.Errorf("health names %q, want front alone and why", d)
	}
	r.shows("/devices", "front")
	r.scan("s1", badge, bench.AckGood) // the others go on
	must(t, r.scanners["front"].Replug())
	r.await("its return in the journal", func() bool { return slices.Equal(r.told("front"), []string{"down", "up"}) })
	r.scan("front", car(2), bench.AckGood)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	if n := len(of(r.rows(), "visit.checked_in")); n != 2 || r.printer.Cut() != 2 {
		t.Errorf("%d check-ins and %d tickets, want 2 of each: half a code is none", n, r.printer.Cut())
	}
	r.sound(car(1), car(2))
}

func TestPrinterOutOfPaper(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	r.printer.SetFaults(bench.PrinterFaults{PaperOut: true})
	r.await("the printer's need in the journal", func() bool { return slices.Equal(r.told("printer"), []string{"down"}) })
	r.scan("front", car(1), bench.AckGood)
	r.scan("front", car(2), bench.AckGood)
	r.scan("s1", badge, bench.AckGood)
	r.shows("/", "A002") // the number stands on the screen, if not on paper
	if h := r.health(); !h.OK || h.Paper == 0 || r.printer.Cut() != 0 {
		t.Errorf("without paper health is %+v with %d tickets cut", h, r.printer.Cut())
	}
	r.printer.SetFaults(bench.PrinterFaults{})
	first, second := r.visitOn(r.ticket()), r.visitOn(r.ticket())
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	rows := r.rows()
	in := of(rows, "visit.checked_in")
	if first != in[0].read(t).Data.Visit || second != in[1].read(t).Data.Visit {
		t.Error("the tickets did not come out in the order of their cars")
	}
	if n := len(of(rows, "ticket.confirmed")); n != 2 || r.printer.Cut() != 2 {
		t.Errorf("%d tickets confirmed and %d cut, want each of two once: %v", n, r.printer.Cut(), types(rows))
	}
	if got := r.told("printer"); !slices.Equal(got, []string{"down", "up"}) {
		t.Errorf("the journal says of the printer %v", got)
	}
	r.sound()
}

// While another program has a port, the kiosk says which one, works without it,
// and takes the port when it is free.
func TestPortHeld(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	name, err := filepath.EvalSymlinks(r.scanners["s2"].Path())
	must(t, err)
	f, err := os.OpenFile(name, unix.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	must(t, unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
	r.start()
	r.await("only s2 down", func() bool { return len(r.health().down()) == 1 })
	if d := r.health().down()[0]; !strings.HasPrefix(d, "s2: ") || !strings.Contains(d, "in use") {
		t.Errorf("health says %q, want that s2 is in use", d)
	}
	r.shows("/devices", "in use")
	r.scan("s1", badge, bench.AckGood)
	must(t, f.Close())
	r.await("all devices up", func() bool { return r.health().down() == nil })
	r.scan("s2", badge, bench.AckGood)
}

// A restart on the same data forgets nothing, and prints nothing twice.
func TestRestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	r.scan("front", car(1), bench.AckGood)
	visit := r.visitOn(r.ticket())
	r.scan("s1", badge, bench.AckGood)
	r.scan("s1", kiosk.MakeCode(kiosk.KindVisit, visit), bench.AckGood)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	before := r.rows()
	must(t, r.stop())
	r.up()
	r.await("green lamp again", func() bool { return r.pins.Levels()["P1"] == false && r.pins.Levels()["P0"] })
	r.shows("/bay/b1", "A001")
	rows := r.rows()
	if len(rows) != len(before)+1 || rows[len(before)].typ != "kiosk.started" {
		t.Fatalf("the restart left %v, want kiosk.started", types(rows[len(before):]))
	}
	r.scan("front", car(2), bench.AckGood)
	r.ticket()
	if in := of(r.rows(), "visit.checked_in"); in[1].read(t).Data.Ticket != "A002" {
		t.Errorf("the next number is recorded as %s, want A002", in[1].bytes)
	}
	r.scan("front", car(1), bench.AckGood) // the same car: its own ticket again, no second visit
	if again := r.visitOn(r.ticket()); again != visit {
		t.Errorf("the car of visit %s got visit %s", visit, again)
	}
	r.scan("s1", kiosk.ActionCode(tag, kiosk.Finish), bench.AckGood) // the badge is still known
	fin := of(r.rows(), "job.finished")
	if len(fin) != 1 || fin[0].read(t).Data.Technician != "t01" || fin[0].read(t).Data.Visit != visit {
		t.Errorf("after the restart FINISH was recorded as %s", fin)
	}
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	if r.printer.Cut() != 3 {
		t.Errorf("%d tickets were cut, want 3", r.printer.Cut())
	}
	r.sound(car(1), car(2))
}

// again runs a second kiosk with the rig's files, changed by edit, to its error.
func (r *rig) again(edit func(config string) string) error {
	r.t.Helper()
	r.edit = edit
	pins := r.pins
	o := r.options(nil)
	r.pins = pins
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	return kioskapp.Run(ctx, o)
}

// A second daemon at the same place is refused, with words, and harms nothing.
func TestSecondDaemonIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	free := func(c string) string { return strings.ReplaceAll(c, r.http, "127.0.0.1:0") }
	err := r.again(free)
	if !errors.Is(err, journal.ErrInUse) || !strings.Contains(err.Error(), "journal.db") || !strings.Contains(err.Error(), "process") {
		t.Errorf("on the same data: %v; want that the journal is in use, where, and by which process", err)
	}
	err = r.again(func(c string) string { return strings.ReplaceAll(c, `data = "data"`, `data = "other"`) })
	var op *net.OpError
	if !errors.As(err, &op) || !strings.Contains(err.Error(), r.http) {
		t.Errorf("on the same address: %v; want that the address is taken", err)
	}
	other := func(c string) string { return strings.ReplaceAll(free(c), `data = "data"`, `data = "other"`) }
	if err = r.again(other); err == nil || !strings.Contains(err.Error(), "kiosk.sock: another kioskd answers there") {
		t.Errorf("on the same socket: %v; want that another kiosk answers there", err)
	}
	r.scan("front", car(1), bench.AckGood)
	must(t, r.stop())
	err = r.again(func(c string) string { return strings.ReplaceAll(c, `name = "k1"`, `name = "k2"`) })
	if !errors.Is(err, journal.ErrForeign) || !strings.Contains(err.Error(), "/stores/sh-test/kiosks/k1") || !strings.Contains(err.Error(), "/stores/sh-test/kiosks/k2") {
		t.Errorf("a journal of another board: %v; want whose it is and whose it should be", err)
	}
	must(t, os.WriteFile(filepath.Join(r.dir, "precious"), []byte("not ours"), 0o600))
	err = r.again(func(c string) string { return strings.ReplaceAll(c, "kiosk.sock", "precious") })
	if b, readErr := os.ReadFile(filepath.Join(r.dir, "precious")); err == nil || string(b) != "not ours" {
		t.Errorf("a file where the socket should be: %v, and now it holds %q, %v", err, b, readErr)
	}
	r.edit = nil
	r.up()
	if n := len(of(r.rows(), "visit.checked_in")); n != 1 {
		t.Errorf("%d check-ins after the refusals, want 1", n)
	}
}

// Check finds each thing that is missing, and nothing where all is there.
func TestCheck(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	r.gate.open(l.broker.Addr())
	load := func() *settings.Kiosk {
		r.configure()
		set, err := settings.LoadKiosk(filepath.Join(r.dir, "kiosk.toml"))
		must(t, err)
		for i := range set.Bays { // this machine may have no pins
			set.Bays[i].Pins = nil
		}
		return set
	}
	if got := kioskapp.Check(t.Context(), load()); len(got) != 0 {
		t.Errorf("with everything there: %v", got)
	}
	must(t, r.scanners["s1"].Unplug())
	must(t, r.printer.Unplug())
	must(t, l.broker.Close())
	taken, err := net.Listen("tcp", r.http)
	must(t, err)
	defer taken.Close()
	must(t, os.MkdirAll(filepath.Join(r.dir, "data"), 0o700))
	must(t, os.WriteFile(filepath.Join(r.dir, "data", "journal.db"), []byte("not a database, but something else entirely"), 0o600))
	r.gate.l.Close()
	started := time.Now()
	got := kioskapp.Check(t.Context(), load())
	for i, want := range []string{r.http, "scanner s1: " + r.scanners["s1"].Path(), "printer: " + r.printer.Path(), "journal: ", "nothing answers at " + r.gate.addr()} {
		if i >= len(got) || !strings.Contains(got[i].Error(), want) {
			t.Fatalf("finding %d does not name %q; all: %v", i+1, want, errors.Join(got...))
		}
	}
	if len(got) != 5 || time.Since(started) > patience {
		t.Errorf("%d findings in %v, want 5 soon: %v", len(got), time.Since(started), errors.Join(got...))
	}
}
