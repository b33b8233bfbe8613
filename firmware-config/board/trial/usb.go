package trial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"baylight/firmware-config/board/agent"
	"baylight/firmware-config/board/emulator"
)

// usb is a board with three scanners on USB.
type usb struct {
	*bench
	plugged map[string]*adapter
	used    int      // codes so far
	heard   []heard  // scans whose beep came back
	torn    []string // codes whose end never came
	pulls   map[string]int
}

// adapter is a scanner on its USB adapter.
type adapter struct {
	wire net.Conn
	*emulator.Scanner
}

// heard is a scan that was answered, and the bay where the scanner is fixed.
type heard struct{ code, bay string }

// usbScanners are known to the configuration by every stable name there is: the
// serial number as the kernel shows it, the link that udev makes of it, and the
// link for the socket that an adapter is plugged into.
var usbScanners = []struct {
	id, place, device string
	socket            int
}{
	{"s0", "b0", "usb:s0", 1},
	{"s1", "b1", "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_s1-if00-port0", 2},
	{"s2", "b2", "/dev/serial/by-path/usb-1-3:1.0-port0", 3},
}

func usbConfig() (toml string) {
	for _, s := range usbScanners {
		toml += fmt.Sprintf("[[scanner]]\nname = %q\nplace = %q\ndevice = %q\nbeep = \"honeywell\"\n[[bay]]\nid = %q\n", s.id, s.place, s.device, s.place)
	}
	return toml
}

// USB judges the daemon on a machine whose scanners are pulled out and put back.
func (t *Trial) USB(ctx context.Context) {
	t.on(ctx, usbBoard("USB scanners"), func(b *bench) error {
		u := &usb{bench: b, plugged: map[string]*adapter{}, pulls: map[string]int{}}
		defer func() {
			for _, a := range u.plugged {
				a.Close()
			}
		}()
		if err := u.configure(files(usbConfig())); err != nil {
			return err
		}
		for _, part := range []func() error{u.first, u.pulled, u.swapped, u.flapping, u.dead, u.ended} {
			if err := part(); err != nil {
				return err
			}
		}
		return nil
	})
}

// plug plugs a scanner in.
func (u *usb) plug(id string) error {
	for _, s := range usbScanners {
		if s.id != id {
			continue
		}
		wire, err := u.machine.Plug(u.ctx, id, s.socket)
		if err != nil {
			return err
		}
		u.plugged[id] = &adapter{wire, emulator.NewScanner(wire)}
	}
	return nil
}

// pull pulls it out.
func (u *usb) pull(id string) error {
	a := u.plugged[id]
	delete(u.plugged, id)
	u.pulls[id]++
	err := u.machine.Unplug(u.ctx, id, a.wire)
	a.Close()
	return err
}

// code is the card of another car.
func (u *usb) code() string {
	u.used++
	return card(u.used)
}

// scan reads a new card and wants to hear a beep.
func (u *usb) scan(id string, within time.Duration) error {
	ctx, cancel := context.WithTimeout(u.ctx, within)
	defer cancel()
	c := u.code()
	good, err := u.plugged[id].Scan(ctx, c)
	if err == nil {
		u.heard = append(u.heard, heard{c, strings.Replace(id, "s", "b", 1)})
		if !good {
			err = fmt.Errorf("%s sent %s and heard a bad beep", id, c)
		}
	}
	return err
}

// back scans with a new card each time until one is heard, as a person does.
func (u *usb) back(id string) (took time.Duration, err error) {
	began := time.Now()
	err = u.await(id+" is heard again", func() (bool, error) {
		err := u.scan(id, 500*time.Millisecond)
		if errors.Is(err, context.DeadlineExceeded) && u.ctx.Err() == nil {
			return false, nil
		}
		return true, err
	})
	return time.Since(began), err
}

// first: the daemon waits for scanners that are not there, and takes each as it comes.
func (u *usb) first() error {
	took, err := u.start()
	u.check("kioskd is ready with no scanner plugged in", err, fmt.Sprintf("%.1f s", took.Seconds()))
	if err != nil {
		return err
	}
	for _, s := range usbScanners {
		err = errors.Join(err, u.plug(s.id))
	}
	if err != nil {
		return err
	}
	for _, s := range usbScanners {
		if _, err = u.back(s.id); err != nil {
			return err
		}
	}
	u.check("three scanners are taken as they are plugged in", err, "")
	return nil
}

// ownWithin bounds what the daemon adds to a return. On a real board this is the
// longest pause between two attempts, 1 s, and little more.
const ownWithin = 4 * time.Second

// cycles is how often a scanner is pulled out and put back.
const cycles = 4

// pulled: a scanner is pulled out at four awkward moments; the other ones never notice.
func (u *usb) pulled() error {
	tty, err := u.ttyOf("s1")
	if err != nil {
		return err
	}
	var slowest time.Duration
	others := 0
	for n := range cycles {
		if n > 0 { // in the middle of a code, at its end, right behind it
			c := u.code() + "\r"
			part := []int{0, len(c) / 2, len(c) - 1, len(c)}[n]
			if part < len(c) {
				u.torn = append(u.torn, c[:12])
			}
			if err := u.plugged["s1"].Send(c[:part]); err != nil {
				return err
			}
		}
		if err := u.pull("s1"); err != nil {
			return err
		}
		for range 3 {
			if err := u.scan("s0", patience); err != nil {
				return err
			}
			others++
		}
		if err := u.reported("s1", false); err != nil {
			return err
		}
		if err := u.plug("s1"); err != nil {
			return err
		}
		took, err := u.back("s1")
		if err != nil {
			return err
		}
		slowest = max(slowest, took)
		now, err := u.ttyOf("s1")
		if err == nil && now != tty {
			err = fmt.Errorf("it was %s and came back as %s: its dead port was still held", tty, now)
		}
		if err != nil {
			u.check("the port is free again when the scanner comes back", err, "")
			return nil
		}
	}
	u.check("four times pulled out and put back, the scanner is heard again", nil, fmt.Sprintf("slowest %.1f s, all in", slowest.Seconds()))
	u.check("its dead port was let go each time", nil, tty)
	u.check("meanwhile another scanner goes on", nil, fmt.Sprintf("%d scans", others))
	own, err := u.ownPart("s1")
	if err == nil && own > ownWithin {
		err = fmt.Errorf("%v from its name to the open line, want at most %v", own, ownWithin)
	}
	u.check("the daemon opens the line soon after its name appears", err, fmt.Sprintf("slowest %d ms, emulated", own.Milliseconds()))
	return nil
}

// ttyOf is the kernel's name of the line a scanner is on.
func (u *usb) ttyOf(id string) (string, error) {
	a, err := u.do(agent.Request{Do: agent.Links})
	if err != nil {
		return "", err
	}
	tty := ""
	for line := range strings.Lines(a.Out) {
		f := strings.Fields(line)
		if len(f) == 4 && f[1] == "add" && strings.Contains(f[3], "_"+id+"-") {
			tty = f[2]
		}
	}
	if tty == "" {
		return "", fmt.Errorf("%s has no line: %s", id, a.Out)
	}
	return tty, nil
}

// reported waits until the daemon says that a scanner is there, or not.
func (u *usb) reported(id string, up bool) error {
	return u.await(fmt.Sprintf("%s is reported, up=%v", id, up), func() (bool, error) {
		d, err := u.device(id)
		return d.Up == up, err
	})
}

// swapped: the scanners come back in another order, and so under each other's
// kernel names; their places stay.
func (u *usb) swapped() error {
	before, err := u.ttyOf("s1")
	if err != nil {
		return err
	}
	for _, s := range usbScanners {
		if err := errors.Join(u.pull(s.id), u.reported(s.id, false)); err != nil {
			return err
		}
	}
	for _, id := range []string{"s2", "s0", "s1"} {
		if err := u.plug(id); err != nil {
			return err
		}
		if _, err := u.back(id); err != nil {
			return err
		}
	}
	after, err := u.ttyOf("s1")
	if err == nil && before == after {
		err = fmt.Errorf("the kernel gave %s again: nothing was shown", after)
	}
	u.check("three scanners come back under each other's kernel names", err, "s1 was "+before+", is "+after)
	return nil
}

// flapping: a bad plug. Nothing is expected of a scanner that is hardly there,
// but that it works when it stays.
func (u *usb) flapping() error {
	for range 4 {
		if err := errors.Join(u.pull("s2"), u.plug("s2")); err != nil {
			return err
		}
	}
	_, err := u.back("s2")
	u.check("a plug that flaps four times, then stays", err, "")
	return err
}

// watched is how long a daemon at rest is watched.
const watched = 6 * time.Second

// dead: a scanner stays away. Waiting for it costs no more than reading it.
func (u *usb) dead() error {
	alive, cpuAlive, err := u.atRest()
	if err != nil {
		return err
	}
	if err := errors.Join(u.pull("s2"), u.reported("s2", false)); err != nil {
		return err
	}
	dead, cpuDead, err := u.atRest()
	if err == nil && dead > alive+50 {
		err = fmt.Errorf("the daemon reads %.0f times a second, and %.0f while all lines are up", dead, alive)
	}
	u.check("a dead line is no busy loop", err, fmt.Sprintf("the whole daemon: %.0f reads/s, with all lines up %.0f; emulated processor time %.1f and %.1f %%", dead, alive, cpuDead, cpuAlive))
	return nil
}

// atRest is how often a second the daemon reads while nobody scans, and the
// share of a core it takes, in per cent.
func (u *usb) atRest() (reads, cpu float64, err error) {
	r1, t1, err := u.effort()
	if err != nil {
		return 0, 0, err
	}
	select {
	case <-time.After(watched):
	case <-u.ctx.Done():
		return 0, 0, u.ctx.Err()
	}
	r2, t2, err := u.effort()
	return float64(r2-r1) / watched.Seconds(), float64(t2-t1) / watched.Seconds(), err
}

// ended: what the journal holds.
func (u *usb) ended() error {
	if _, err := u.end(syscall.SIGTERM, 0); err != nil {
		return err
	}
	events, err := u.events()
	if err != nil {
		return err
	}
	u.check("every scan that was heard is in the journal, at its own bay", u.placed(events), fmt.Sprintf("%d scans, %d events", len(u.heard), len(events)))
	u.check("the journal tells each loss and each return, in turn", u.told(events), "")
	u.check("the kernel has nothing to complain about", u.sound(), "")
	return nil
}
