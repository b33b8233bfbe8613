package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// serialNames is where udev keeps stable names of serial lines.
const serialNames = "/dev/serial"

// links keeps stable names for USB serial lines, by the rules of udev's
// 60-serial.rules: by-id from the USB descriptors, by-path from the port.
type links struct {
	mu   sync.Mutex
	has  map[string][]string // names by tty
	past []string            // what happened, one line each
}

func newLinks() *links { return &links{has: map[string][]string{}} }

// follow listens to the kernel's uevents, then takes in what is there already.
func (l *links) follow() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return fmt.Errorf("listen to uevents: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		unix.Close(fd)
		return fmt.Errorf("listen to uevents: %w", err)
	}
	ttys, _ := filepath.Glob("/sys/class/tty/ttyUSB*") // the pattern is well formed
	for _, t := range ttys {
		l.added(filepath.Base(t))
	}
	go func() {
		buf := make([]byte, 16<<10)
		for {
			n, _, err := unix.Recvfrom(fd, buf, 0)
			if err != nil {
				l.note("uevents: %v", err)
				continue
			}
			l.event(buf[:n])
		}
	}()
	return nil
}

// event takes one uevent: "add@/devices/…" and KEY=value, each ended by 0.
func (l *links) event(b []byte) {
	vars := map[string]string{}
	for part := range bytes.SplitSeq(b, []byte{0}) {
		if k, v, ok := strings.Cut(string(part), "="); ok {
			vars[k] = v
		}
	}
	if vars["SUBSYSTEM"] != "tty" || !strings.HasPrefix(vars["DEVNAME"], "ttyUSB") {
		return
	}
	switch vars["ACTION"] {
	case "add":
		l.added(vars["DEVNAME"])
	case "remove":
		l.removed(vars["DEVNAME"])
	}
}

func (l *links) added(tty string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range namesOf(tty) {
		// As udev does it: made aside and renamed, so that there is never a gap.
		next := name + ".new"
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			os.Remove(next)
			err = os.Symlink("/dev/"+tty, next)
		}
		if err == nil {
			err = os.Rename(next, name)
		}
		if err != nil {
			l.note("%s: %v", name, err)
			continue
		}
		l.has[tty] = append(l.has[tty], name)
		l.note("add %s %s", tty, name)
	}
}

func (l *links) removed(tty string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range l.has[tty] {
		if to, err := os.Readlink(name); err == nil && to == "/dev/"+tty {
			os.Remove(name)
		}
		l.note("remove %s %s", tty, name)
	}
	delete(l.has, tty)
}

func (l *links) note(format string, args ...any) {
	l.past = append(l.past, time.Now().Format(time.RFC3339Nano)+" "+fmt.Sprintf(format, args...))
}

func (l *links) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.past, "\n")
}

// namesOf are the stable names of a USB tty. The interface is the parent of its
// usb-serial port, and the USB device the parent of that.
func namesOf(tty string) (names []string) {
	port, err := filepath.EvalSymlinks("/sys/class/tty/" + tty + "/device")
	if err != nil {
		return nil // gone again
	}
	iface := filepath.Dir(port)
	usb := filepath.Dir(iface)
	attr := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(usb, name)) // absent: an adapter without that descriptor
		return strings.Map(safe, strings.TrimSpace(string(b)))
	}
	if serial := attr("serial"); serial != "" {
		names = append(names, filepath.Join(serialNames, "by-id", fmt.Sprintf("usb-%s_%s_%s-if00-port0", attr("manufacturer"), attr("product"), serial)))
	}
	return append(names, filepath.Join(serialNames, "by-path", "usb-"+filepath.Base(iface)+"-port0"))
}

func safe(r rune) rune {
	if r > ' ' && r < 0x7f && r != '/' {
		return r
	}
	return '_'
}
