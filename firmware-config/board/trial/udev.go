package trial

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"baylight/firmware-config/board/agent"
	"baylight/firmware-config/board/emulator"
)

// whoMay is who else is on a board: the groups that own its devices, and a user
// in each of them, with whose rights the daemon looks.
const (
	whoMay   = 1000
	groups   = "root:x:0:\ntty:x:5:\ndialout:x:1000:\ngpio:x:1000:\ni2c:x:1000:\nlp:x:1000:\n"
	udevadm  = "/bin/udevadm"
	udevd    = "/lib/systemd/systemd-udevd"
	udevTree = "udev" // what prepare unpacked of it, in the cache
)

// Udev judges the image's rules with Debian's own udevd: the names they make, and
// that who is in the groups may use what has them.
func (t *Trial) Udev(ctx context.Context) {
	pi := t.raspberry("udev on a Raspberry Pi 3")
	pi.pins, pi.udev = false, true
	t.on(ctx, pi, func(b *bench) error {
		const header = "/dev/baylight/header0"
		if err := b.may(header, lamps(), false); err != nil {
			return err
		}
		if err := b.udev(); err != nil {
			return err
		}
		b.check("the header's line has its name", b.linked("/dev/ttyAMA0", header), "")
		return b.may(header, lamps(), true)
	})
	usb := usbBoard("udev on USB adapters")
	usb.udev = true
	t.on(ctx, usb, func(b *bench) error {
		if err := b.udev(); err != nil {
			return err
		}
		for _, s := range usbScanners[:2] {
			wire, err := b.machine.Plug(b.ctx, s.id, s.socket)
			if err != nil {
				return err
			}
			defer wire.Close()
		}
		var names []string
		for n := range 2 {
			var links []string
			err := b.await("an adapter has its name", func() (bool, error) {
				var err error
				links, err = b.links(fmt.Sprintf("/dev/ttyUSB%d", n), "/dev/baylight/usb-")
				return len(links) == 1, err
			})
			if err != nil {
				return err
			}
			names = append(names, links[0])
		}
		var err error
		if names[0] == names[1] {
			err = fmt.Errorf("both are %s", names[0])
		}
		b.check("each adapter has a name of its socket", err, strings.Join(names, ", "))
		return b.may(names[1], "[[bay]]\nid = \"b1\"\n", true)
	})
}

// udev starts udevd with the image's rules and waits until it has seen everything.
func (b *bench) udev() error {
	if err := b.configure(map[string]string{"/etc/group": groups, "/etc/passwd": "root:x:0:0::/:/bin/sh\n"}); err != nil {
		return err
	}
	// Only what the rules are about: an emulated board takes long for all it has.
	trigger := []string{udevadm, "trigger", "--action=add", "--sysname-match=ttyAMA0", "--sysname-match=gpiochip*"}
	for _, args := range [][]string{{udevd, "--daemon"}, trigger, {udevadm, "settle", "--timeout=40"}} {
		a, err := b.do(agent.Request{Do: agent.Run, Args: args})
		if err == nil && a.Code != 0 {
			err = fmt.Errorf("it ended with %d", a.Code)
		}
		if err != nil {
			return fmt.Errorf("%v: %w: %s", args, err, a.Out)
		}
		for line := range strings.Lines(a.Out) { // what it does not like of the rules
			if strings.Contains(line, "99-baylight.rules") {
				b.check("udevd reads the rules", errors.New(strings.TrimSpace(line)), "")
			}
		}
	}
	return nil
}

// links are the names of a device that begin with prefix.
func (b *bench) links(device, prefix string) (links []string, err error) {
	a, err := b.do(agent.Request{Do: agent.Run, Args: []string{udevadm, "info", "--query=symlink", "--root", "--name=" + device}})
	for _, l := range strings.Fields(a.Out) {
		if strings.HasPrefix(l, prefix) {
			links = append(links, l)
		}
	}
	return links, err
}

func (b *bench) linked(device, name string) error {
	links, err := b.links(device, name)
	if err == nil && len(links) != 1 {
		err = fmt.Errorf("%s has no name %s", device, name)
	}
	return err
}

// may has the daemon look, as a user of the groups, at a scanner of that name and
// the rest of a configuration; ok is whether it may use all of it.
func (b *bench) may(scanner, rest string, ok bool) error {
	toml := fmt.Sprintf("[[scanner]]\nname = \"s1\"\nplace = \"b1\"\ndevice = %q\n", scanner) + rest
	if err := b.configure(files(toml)); err != nil {
		return err
	}
	a, err := b.do(agent.Request{Do: agent.Run, User: whoMay, Args: []string{"/bin/kioskd", "check", "--config", configPath}})
	if err != nil {
		return err
	}
	refused := strings.Contains(a.Out, "scanner s1: ") || strings.Contains(a.Out, "lamps: ")
	if refused == ok {
		err = fmt.Errorf("it said %q", a.Out)
	}
	what := "who is in the groups may use " + scanner
	if !ok {
		what = "without the rules nobody but root may use " + scanner
	}
	b.check(what, err, "")
	return nil
}

// addUdev adds udevd, what it needs, and the image's rules.
func (t *Trial) addUdev(a *emulator.Initramfs) error {
	root := filepath.Join(t.Files, udevTree)
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err == nil {
			a.File(name, b)
		}
		return err
	})
}
