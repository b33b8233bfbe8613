package updates

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"baylight/firmware-config/tooltest"
)

// board is a fabricated board with two systems.
type board struct {
	t   *testing.T
	dir string
	env []string
}

func newBoard(t *testing.T) board {
	t.Helper()
	b := board{t: t, dir: t.TempDir()}
	sample, err := os.ReadFile("autoboot.txt")
	if err != nil {
		t.Fatal(err)
	}
	b.write("autoboot.txt", string(sample))
	b.env = append(os.Environ(), "BAYLIGHT_AUTOBOOT="+b.path("autoboot.txt"), "BAYLIGHT_BOOTED="+b.path("partition"),
		"BAYLIGHT_STATE="+b.path("state"), "BAYLIGHT_TRIAL="+b.path("trial"), "BAYLIGHT_STEP=0", "BAYLIGHT_ENOUGH=4", "BAYLIGHT_MOST=12", "PATH="+b.dir+":"+os.Getenv("PATH"))
	b.boot(false)
	return b
}

func (b board) path(name string) string { return filepath.Join(b.dir, name) }

func (b board) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), []byte(text), 0o700); err != nil {
		b.t.Fatal(err)
	}
}

// partition is what autoboot.txt boots, by itself or as a trial.
func (b board) partition(trial bool) (n byte) {
	b.t.Helper()
	text, err := os.ReadFile(b.path("autoboot.txt"))
	if err != nil || len(text) > 512 {
		b.t.Fatalf("autoboot.txt: %d bytes, %v: the bootloader reads 512", len(text), err)
	}
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
		}
		if v, ok := strings.CutPrefix(line, "boot_partition="); ok && (section == "[all]" || trial && section == "[tryboot]") {
			n = v[0] - '0'
		}
	}
	return n
}

// boot does what the bootloader does.
func (b board) boot(trial bool) {
	b.t.Helper()
	flag := byte(0)
	if trial {
		flag = 1
	}
	b.write("partition", string([]byte{0, 0, 0, b.partition(trial)}))
	b.write("trial", string([]byte{0, 0, 0, flag}))
}

func (b board) run(args ...string) (string, error) {
	c := exec.Command("./"+args[0], args[1:]...)
	c.Env = b.env
	out, err := c.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (b board) want(want string, args ...string) {
	b.t.Helper()
	if got, err := b.run(args...); err != nil || got != want {
		b.t.Errorf("%v: %q, %v; want %q", args, got, err, want)
	}
}

// What RAUC asks in the course of an update that is kept, of one that is not, and
// of one that hangs.
func TestTryboot(t *testing.T) {
	b := newBoard(t)
	b.want("A", "tryboot", "get-primary")
	b.want("A", "tryboot", "get-current")
	install := func(slot string) {
		t.Helper()
		b.want("", "tryboot", "set-state", slot, "bad") // RAUC does so before it writes a slot
		b.want("bad", "tryboot", "get-state", slot)
		b.want("", "tryboot", "set-state", slot, "good")
		b.want("", "tryboot", "set-primary", slot)
		b.want(slot, "tryboot", "get-primary")
	}
	install("B")
	b.boot(false) // power was cut before the trial
	b.want("A", "tryboot", "get-current")
	b.boot(true)
	b.want("B", "tryboot", "get-current")
	b.boot(false) // it hung, and the watchdog started the board again
	b.want("A", "tryboot", "get-current")
	b.want("", "tryboot", "set-state", "A", "good")
	if b.partition(false) != 2 {
		t.Error("the old system no longer boots by itself")
	}
	b.boot(true)
	b.want("", "tryboot", "set-state", "B", "good") // kept
	for range 2 {
		b.boot(false)
		b.want("B", "tryboot", "get-current")
		b.want("B", "tryboot", "get-primary")
	}
	install("A")
	b.boot(true)
	b.want("A", "tryboot", "get-current")
	b.want("", "tryboot", "set-state", "A", "bad")
	b.want("B", "tryboot", "get-primary")
	b.boot(false)
	b.want("B", "tryboot", "get-current")
}

func TestTrybootRefuses(t *testing.T) {
	for _, args := range [][]string{{}, {"reboot"}, {"set-primary"}, {"set-primary", "C"}, {"get-state", "$(reboot)"}, {"set-state", "A"}, {"set-state", "A", "fine"}} {
		b := newBoard(t)
		if out, err := b.run(append([]string{"tryboot"}, args...)...); err == nil || !strings.Contains(out, "tryboot: ") {
			t.Errorf("%q: %q, %v", args, out, err)
		}
		if b.partition(false) != 2 {
			t.Errorf("%q changed what boots", args)
		}
	}
	b := newBoard(t)
	b.write("autoboot.txt", "[all]\nboot_partition=7\n")
	if out, err := b.run("tryboot", "get-primary"); err == nil {
		t.Errorf("partition 7 is slot %q", out)
	}
}

// A trial is kept if the kiosk works, and given up if not; other starts are none.
func TestConfirm(t *testing.T) {
	for _, c := range []struct {
		name  string
		trial bool
		bad   func(look int64) (status int, level string) // as the kiosk answers
		says  string
	}{
		{"no trial", false, func(int64) (int, string) { return 503, "losing" }, ""},
		{"works", true, func(int64) (int, string) { return 200, "degraded" }, "mark-good booted\n"},
		{"after a while", true, func(look int64) (int, string) {
			if look < 8 {
				return 503, "ok"
			}
			return 200, "ok"
		}, "mark-good booted\n"},
		{"never ready", true, func(int64) (int, string) { return 503, "ok" }, "mark-bad booted\nreboot\n"},
		{"loses", true, func(int64) (int, string) { return 200, "losing" }, "mark-bad booted\nreboot\n"},
		{"flaps", true, func(look int64) (int, string) {
			if look%4 == 0 {
				return 503, "ok"
			}
			return 200, "ok"
		}, "mark-bad booted\nreboot\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBoard(t)
			var looks atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := looks.Load()
				if r.URL.Path == "/readyz" {
					n = looks.Add(1)
				}
				status, level := c.bad(n)
				if r.URL.Path == "/readyz" {
					w.WriteHeader(status)
				}
				w.Write([]byte(`{"level":"` + level + `"}`))
			}))
			defer srv.Close()
			b.env = append(b.env, "BAYLIGHT_PAGES="+srv.URL)
			b.boot(c.trial)
			b.write("rauc", "#!/bin/sh\nshift\necho \"$@\" >>"+b.path("did")+"\n")
			b.write("journalctl", "#!/bin/sh\necho the log\n")
			if err := os.Mkdir(b.path("state"), 0o700); err != nil {
				t.Fatal(err)
			}
			b.write("reboot", "#!/bin/sh\necho reboot >>"+b.path("did")+"\n")
			out, err := b.run("confirm")
			did, _ := os.ReadFile(b.path("did")) // not there: it did nothing
			if string(did) != c.says || (err != nil) != strings.Contains(c.says, "reboot") {
				t.Errorf("it did %q, %v: %s; want %q", did, err, out, c.says)
			}
			if log, _ := os.ReadFile(b.path("state/failed.log")); (string(log) == "the log\n") != strings.Contains(c.says, "reboot") {
				t.Errorf("the log that is kept is %q", log)
			}
		})
	}
}

// RAUC itself reads the sample; that no service runs here is not its fault.
func TestRAUCReadsIt(t *testing.T) {
	rauc := tooltest.Path(t, "rauc", "rauc")
	read := func(conf string) string {
		out, _ := exec.Command(rauc, "--conf="+conf, "status").CombinedOutput() // it ends with 1 without a service
		return string(out)
	}
	if out := read("system.conf"); !strings.Contains(out, "/data/updates/rauc.status") || !strings.Contains(out, "D-Bus") || strings.Contains(out, "Failed to initialize") {
		t.Errorf("rauc says %s", out)
	}
	text, err := os.ReadFile("system.conf")
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "system.conf")
	if err := os.WriteFile(wrong, append(text, "bootnam=B\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := read(wrong); !strings.Contains(out, "Failed to initialize") {
		t.Errorf("of a misspelt key rauc says %s", out)
	}
}

// The parts fit one another, whoever reads them.
func TestSystemConf(t *testing.T) {
	text, err := os.ReadFile("system.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"bootloader=custom\n", "bootloader-custom-backend=/usr/lib/baylight/tryboot\n", "bootname=A\n", "bootname=B\n",
		"[slot.boot.0]\ndevice=/dev/mmcblk0p2\n", "[slot.boot.1]\ndevice=/dev/mmcblk0p3\n", "parent=rootfs.0\n", "parent=rootfs.1\n"} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("system.conf has %d times %q", strings.Count(string(text), want), want)
		}
	}
}

func TestScripts(t *testing.T) {
	if out, err := exec.Command(tooltest.Path(t, "shellcheck", "shellcheck"), "tryboot", "confirm").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
