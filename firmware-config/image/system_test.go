package image

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"baylight/firmware-config/tooltest"
)

// Each lamp of the example starts pulled away from "on".
func TestPullsFitTheExample(t *testing.T) {
	var set struct {
		Bay []struct {
			ID        string
			Lamp      map[string]string
			ActiveLow bool `toml:"active_low"`
		}
	}
	if err := toml.Unmarshal([]byte(read(t, "../kiosk.toml")), &set); err != nil {
		t.Fatal(err)
	}
	pull := map[string]string{}
	for line := range strings.Lines(read(t, "config.txt")) {
		pins, state, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "gpio="), "=ip,")
		if !ok || !strings.HasPrefix(line, "gpio=") {
			continue
		}
		for pin := range strings.SplitSeq(pins, ",") {
			pull["GPIO"+pin] = state
		}
	}
	lamps := 0
	for _, b := range set.Bay {
		for colour, pin := range b.Lamp {
			lamps++
			want := "pd"
			if b.ActiveLow {
				want = "pu"
			}
			if pull[pin] != want {
				t.Errorf("%s, %s: %s is pulled %q, want %q", b.ID, colour, pin, pull[pin], want)
			}
		}
	}
	if lamps != len(pull) || lamps == 0 {
		t.Errorf("%d lamps in the example, %d pins in config.txt: %v", lamps, len(pull), pull)
	}
}

// What systemd makes of the image: each folder that has to stay is bound from the
// data partition after its folders were made, and the units have no fault.
func TestSystemdReadsIt(t *testing.T) {
	analyze := tooltest.Path(t, "systemd-analyze", "systemd")
	boot, root := image(t)
	if out, status := apply(t, "--data", "shop", boot, root); status != 0 {
		t.Fatal(out)
	}
	dir := t.TempDir()
	c := exec.Command("/lib/systemd/system-generators/systemd-fstab-generator", dir, dir, dir)
	c.Env = append(os.Environ(), "SYSTEMD_FSTAB="+filepath.Join(root, "etc/fstab"), "SYSTEMD_LOG_TARGET=console", "SYSTEMD_PROC_CMDLINE=root=PARTUUID=0b1d-02")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for unit, want := range map[string]string{
		"data.mount":                     "Options=noatime,nodev,nosuid,noexec,errors=remount-ro,nofail",
		"var-lib-baylight.mount":         "What=/data/baylight",
		"etc-baylight.mount":             "What=/data/etc",
		"var-backups-baylight.mount":     "What=/data/backups",
		"var-lib-systemd-timesync.mount": "What=/data/timesync",
		"-.mount":                        "What=/dev/disk/by-partuuid/0b1d-02",
	} {
		got := read(t, dir, unit)
		if !strings.Contains(got, want) || strings.Contains(want, "What=/data/") && !strings.Contains(got, "Requires=baylight-data.service") {
			t.Errorf("%s is\n%s", unit, got)
		}
	}
	units, err := filepath.Glob(filepath.Join(root, "etc/systemd/system/*.service"))
	if err != nil || len(units) < 3 {
		t.Fatalf("units: %v, %v", units, err)
	}
	mounts, err := filepath.Glob(filepath.Join(dir, "*.mount"))
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range slices.Concat(units, mounts) {
		if to, err := os.Readlink(u); err == nil && to == "/dev/null" {
			continue // switched off
		}
		text := []byte(read(t, u))
		// Programs that this machine need not have.
		text = bytes.ReplaceAll(text, []byte("=/usr/bin/cage "), []byte("=/bin/true "))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(u)), text, 0o600); err != nil {
			t.Fatal(err)
		}
		var words bytes.Buffer
		c := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", filepath.Join(dir, filepath.Base(u)))
		c.Stderr = &words
		if err := c.Run(); err != nil || words.Len() > 0 {
			t.Errorf("%s: %v\n%s", filepath.Base(u), err, &words)
		}
	}
}

// Without its partition a daemon would record into memory.
func TestDaemonsNeedTheirPartition(t *testing.T) {
	for _, daemon := range []string{"kioskd", "backofficed"} {
		got := read(t, "data/etc/systemd/system", daemon+".service.d", "data.conf")
		for _, folder := range []string{"/var/lib/baylight", "/etc/baylight", "/var/backups/baylight"} {
			if !strings.Contains(got, "RequiresMountsFor=") || !strings.Contains(got, folder) {
				t.Errorf("%s does not wait for %s:\n%s", daemon, folder, got)
			}
		}
	}
}

func TestScripts(t *testing.T) {
	shellcheck := tooltest.Path(t, "shellcheck", "shellcheck")
	if out, err := exec.Command(shellcheck, "apply", "../board/prepare").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The battery clock moves the system's clock forward only.
func TestBatteryClock(t *testing.T) {
	unit := read(t, "root/etc/systemd/system/baylight-clock.service")
	_, script, ok := strings.Cut(unit, "ExecStart=/bin/sh -c '")
	script, _, ok2 := strings.Cut(script, "'\n")
	if !ok || !ok2 {
		t.Fatalf("no script in\n%s", unit)
	}
	script = strings.NewReplacer("$$", "$", "%%", "%").Replace(script)
	for _, c := range []struct {
		battery string
		now     int
		sets    string
	}{
		{"1795344000", 1795340000, "-s @1795344000\n"},
		{"1795344000", 1795344000, ""},
		{"946684800", 1795340000, ""}, // it lost its time
		{"", 1795340000, ""},          // it cannot be read
	} {
		dir := t.TempDir()
		if c.battery != "" {
			if err := os.WriteFile(filepath.Join(dir, "since_epoch"), []byte(c.battery+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		date := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = +%%s ]; then echo %d; else echo \"$@\" >>%s/set; fi\n", c.now, dir)
		if err := os.WriteFile(filepath.Join(dir, "date"), []byte(date), 0o700); err != nil {
			t.Fatal(err)
		}
		sh := exec.Command("/bin/sh", "-c", strings.ReplaceAll(script, "/sys/class/rtc/rtc0", dir))
		sh.Env = []string{"PATH=" + dir + ":/bin:/usr/bin"}
		out, err := sh.CombinedOutput()
		if (err != nil) != (c.battery == "") {
			t.Errorf("battery %q: %v, %s", c.battery, err, out)
		}
		set, err := os.ReadFile(filepath.Join(dir, "set"))
		if string(set) != c.sets || err != nil && c.sets != "" {
			t.Errorf("battery %q at %d: sets %q, want %q", c.battery, c.now, set, c.sets)
		}
	}
}
