package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"baylight/firmware-config/board/agent"
)

// suite is one of the conformance suites, as a test of package conform.
type suite struct {
	test  string
	what  string
	args  []string
	cases int // that have to pass: neither more nor fewer
}

// suiteWithin bounds a suite.
const suiteWithin = 5 * time.Minute

// ConformPi runs the conformance suites of UART and pins on an emulated
// Raspberry Pi 3.
func (t *Trial) ConformPi(ctx context.Context) {
	t.on(ctx, t.raspberry("Conformance on a Raspberry Pi 3"), func(b *bench) error {
		wire := b.machine.Wire
		echoing := make(chan error, 1)
		go func() {
			_, err := io.Copy(wire, wire)
			echoing <- err
		}()
		err := b.conforms(suite{"TestLoop", "a line on the PL011 UART", []string{"-port", "/dev/ttyAMA0"}, 4})
		stopping := wire.SetReadDeadline(time.Now())
		if echo := <-echoing; !errors.Is(echo, os.ErrDeadlineExceeded) {
			stopping = errors.Join(stopping, echo)
		}
		if err = errors.Join(err, stopping, wire.SetReadDeadline(time.Time{})); err != nil {
			return err
		}
		stop, err := b.serve(wire, 0)
		if err != nil {
			return err
		}
		err = b.conforms(suite{"TestLamps", "lamps on the header's pins", []string{"-far", "/dev/ttyAMA0"}, 12})
		b.check("the kernel has nothing to complain about", b.sound(), "")
		return errors.Join(err, stop())
	})
}

// ConformUSB runs the conformance suites of lines, scanners and printers on USB
// adapters. One more adapter carries the tests' talk with the far end.
func (t *Trial) ConformUSB(ctx context.Context) {
	t.on(ctx, usbBoard("Conformance on USB adapters"), func(b *bench) error {
		line, err := b.machine.Plug(ctx, "far", 4)
		if err != nil {
			return err
		}
		defer line.Close()
		far := strings.Replace(adapterName, "_"+adapterID+"-", "_far-", 1)
		err = b.await("the line to the far end has its name", func() (bool, error) {
			a, err := b.do(agent.Request{Do: agent.Links})
			return strings.Contains(a.Out, far), err
		})
		if err != nil {
			return err
		}
		stop, err := b.serve(line, 1)
		if err != nil {
			return err
		}
		args := []string{"-far", far, "-name", adapterName}
		for _, s := range []suite{
			{"TestLine", "a line on a USB adapter", args, 6},
			{"TestScanner", "scanners on a USB adapter", args, 7 * 5},
			{"TestPrinter", "a printer on a USB adapter", args, 10},
		} {
			if err = b.conforms(s); err != nil {
				break
			}
		}
		b.check("the kernel has nothing to complain about", b.sound(), "")
		return errors.Join(err, stop())
	})
}

// conforms runs a suite inside and counts its cases.
func (b *bench) conforms(s suite) error {
	ctx, cancel := context.WithTimeout(b.ctx, suiteWithin+10*time.Second)
	defer cancel()
	args := append([]string{"/bin/conform", "-test.v", "-test.run", "^" + s.test + "$", "-test.timeout", suiteWithin.String()}, s.args...)
	a, err := b.guest.Do(ctx, agent.Request{Do: agent.Run, Args: args, Within: int(suiteWithin.Milliseconds())})
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", s.what, err, end(a.Out))
	}
	passed, failed := 0, 0
	for _, r := range results(a.Out) {
		name := s.what + ": " + r.name
		switch r.verdict {
		case "PASS":
			passed++
			b.check(name, nil, r.took)
		case "FAIL":
			failed++
			b.check(name, fmt.Errorf("\n%s", end(r.said)), "")
		case "SKIP":
			fmt.Fprintf(b.Out, "skip  %s: this rig cannot do that\n", name)
		}
	}
	if failed == 0 && (a.Code != 0 || passed != s.cases) {
		b.check(s.what+": all cases", fmt.Errorf("%d passed, want %d; the program ended with %d:\n%s", passed, s.cases, a.Code, end(a.Out)), "")
	}
	return nil
}

// end is as much of a text as helps.
func end(s string) string { return s[max(0, len(s)-4000):] }

// result is how one case went.
type result struct{ name, verdict, took, said string }

var (
	verdictLine = regexp.MustCompile(`^ *--- (PASS|FAIL|SKIP): [^/ ]+/(\S+) \(([0-9.]+s)\)$`)
	caseLine    = regexp.MustCompile(`^=== (?:RUN|NAME|CONT) +[^/ ]+/(\S+)$`)
)

// results reads what a test program said with -test.v: one result for each case
// that holds no other, in their order.
func results(out string) (rs []result) {
	said := map[string]string{}
	now := ""
	for line := range strings.Lines(out) {
		text := strings.TrimRight(line, "\r\n")
		if m := caseLine.FindStringSubmatch(text); m != nil {
			now = m[1]
			continue
		}
		if strings.HasPrefix(text, "--- ") {
			now = "" // the test is over, its verdicts follow
		}
		if m := verdictLine.FindStringSubmatch(text); m != nil {
			rs = append(rs, result{name: m[2], verdict: m[1], took: m[3]})
			continue
		}
		if now != "" {
			said[now] += line
		}
	}
	cases := rs[:0:0]
	for _, r := range rs {
		holds := false
		for _, other := range rs {
			holds = holds || strings.HasPrefix(other.name, r.name+"/")
		}
		if !holds {
			r.said = said[r.name]
			r.name = strings.ReplaceAll(r.name, "_", " ")
			cases = append(cases, r)
		}
	}
	return cases
}

// raspberry is a Raspberry Pi 3.
func (t *Trial) raspberry(name string) board {
	return board{name: name, console: "ttyS1,115200", pins: true, modules: []string{"bcm2835-rng"},
		args: []string{"-M", "raspi3b", "-dtb", filepath.Join(t.Files, "rpi3.dtb"), "-serial", "chardev:wire", "-serial", "chardev:console"}}
}

// usbBoard is a machine with a USB controller.
func usbBoard(name string) board {
	return board{name: name, console: "ttyAMA0", modules: []string{"xhci-pci", "ftdi_sio"},
		args: []string{"-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "512", "-serial", "chardev:console", "-device", "qemu-xhci,id=usb"}}
}
