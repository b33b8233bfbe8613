package systemd

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"baylight/firmware-config/tooltest"
)

// exposure is the most a daemon may have, by systemd's own measure.
const exposure = 1.4

func units(t *testing.T, kind string) []string {
	t.Helper()
	all, err := filepath.Glob("*." + kind)
	if err != nil || len(all) == 0 {
		t.Fatalf("no %s here: %v", kind, err)
	}
	return all
}

func TestExposure(t *testing.T) {
	tool := tooltest.Path(t, "systemd-analyze", "systemd")
	level := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for _, unit := range units(t, "service") {
		out, err := exec.Command(tool, "security", "--no-pager", "--offline=true", "./"+unit).CombinedOutput()
		m := level.FindSubmatch(out)
		if err != nil || m == nil {
			t.Errorf("%s: %v\n%s", unit, err, out)
			continue
		}
		if got, err := strconv.ParseFloat(string(m[1]), 64); err != nil || got > exposure {
			t.Errorf("%s is exposed by %s, want %.1f at most\n%s", unit, m[1], exposure, out)
		}
	}
}

// The kernel's clock may be asked about, with the call that also sets it, by the one
// program that is there for it, and both daemons bring that with them.
func TestOneAsksTheClock(t *testing.T) {
	tool := tooltest.Path(t, "systemd-analyze", "systemd")
	for _, unit := range units(t, "service") {
		out, err := exec.Command(tool, "security", "--no-pager", "--offline=true", "--json=short", "./"+unit).Output()
		if err != nil {
			t.Fatal(unit, err)
		}
		var lines []struct {
			Field string `json:"json_field"`
			Set   bool
		}
		if err := json.Unmarshal(out, &lines); err != nil {
			t.Fatal(unit, err)
		}
		found := 0
		for _, l := range lines {
			switch l.Field {
			case "SystemCallFilter_clock", "ProtectClock":
				found++
				if l.Set == (unit == "baylight-synced.service") {
					t.Errorf("%s: %s is %v", unit, l.Field, l.Set)
				}
			case "CapabilityBoundingSet_CAP_SYS_TIME":
				found++
				if !l.Set {
					t.Errorf("%s may set the clock", unit)
				}
			}
		}
		if found != 3 {
			t.Errorf("%s: systemd says %d of 3 things about the clock: %s", unit, found, out)
		}
	}
	for _, unit := range []string{"kioskd.service", "backofficed.service"} {
		if b, err := os.ReadFile(unit); err != nil || !bytes.Contains(b, []byte("\nWants=baylight-synced.service\n")) {
			t.Errorf("%s does without baylight-synced.service (%v)", unit, err)
		}
	}
}

// systemd-analyze verify ends with 0 on a typo, so every word on stderr counts.
// The programs are looked for where packages put them: here, a folder of empty ones.
func TestVerify(t *testing.T) {
	tool := tooltest.Path(t, "systemd-analyze", "systemd")
	dir := t.TempDir()
	for _, kind := range []string{"service", "timer", "path"} {
		for _, unit := range units(t, kind) {
			b, err := os.ReadFile(unit)
			if err != nil {
				t.Fatal(err)
			}
			for _, program := range []string{"kioskd", "backofficed", "baylight", "baylight-synced"} {
				if err := os.WriteFile(filepath.Join(dir, program), nil, 0o700); err != nil {
					t.Fatal(err)
				}
				b = bytes.ReplaceAll(b, []byte("=/usr/bin/"+program+" "), []byte("="+filepath.Join(dir, program)+" "))
				b = bytes.ReplaceAll(b, []byte("=/usr/libexec/"+program+"\n"), []byte("="+filepath.Join(dir, program)+"\n"))
			}
			if err := os.WriteFile(filepath.Join(dir, unit), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, unit := range slices.Concat(units(t, "service"), units(t, "timer"), units(t, "path")) {
		var words bytes.Buffer
		c := exec.Command(tool, "verify", "--man=no", "--recursive-errors=no", filepath.Join(dir, unit))
		c.Stderr = &words
		if err := c.Run(); err != nil || words.Len() > 0 {
			t.Errorf("%s: %v\n%s", unit, err, words.String())
		}
	}
}

// DESIGN.md says of every line of a service why it is there.
func TestEveryLineIsExplained(t *testing.T) {
	b, err := os.ReadFile("DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "## Start, stop and life")
	text, _, _ = strings.Cut(text, "## Backups")
	for _, unit := range units(t, "service") {
		b, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		_, service, found := strings.Cut(string(b), "[Service]\n")
		service, _, _ = strings.Cut(service, "[Install]")
		if !found || strings.Count(service, "=") < 20 {
			t.Fatalf("%s has hardly a line", unit)
		}
		for line := range strings.Lines(service) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			switch {
			case !ok, name == "ExecStart", name == "ExecStartPre", name == "ExecStartPost":
			case !strings.Contains(text, name+"="), name == "LoadCredential" && !strings.Contains(text, name+"="+value):
				t.Errorf("%s: DESIGN.md does not say why there is %s=%s", unit, name, value)
			}
		}
	}
}

// The scripts of a package know every unit that it brings and that can be switched on.
func TestScriptsKnowUnits(t *testing.T) {
	for _, kind := range []string{"kiosk", "backoffice"} {
		b, err := os.ReadFile(filepath.Join("package", kind+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, m := range regexp.MustCompile(`src: systemd/([^",}]+)`).FindAllStringSubmatch(string(b), -1) {
			if unit, err := os.ReadFile(m[1]); err == nil && strings.Contains(string(unit), "[Install]") {
				want = append(want, m[1])
			}
		}
		for _, script := range []string{"coming", "installed"} {
			text, err := os.ReadFile(filepath.Join("package", kind+"-"+script))
			if err != nil {
				t.Fatal(err)
			}
			m := regexp.MustCompile(`(?m)^units="(.*)"$`).FindSubmatch(text)
			if m == nil || len(want) < 2 || !slices.Equal(strings.Fields(string(m[1])), want) {
				t.Errorf("%s-%s knows %q, the package brings %q", kind, script, m, want)
			}
		}
	}
}

// What each package brings is there, and what it is named by is what it runs.
func TestPackages(t *testing.T) {
	sources := regexp.MustCompile(`src: ([^",}]+)`)
	for _, kind := range []string{"tool", "kiosk", "backoffice"} {
		b, err := os.ReadFile(filepath.Join("package", kind+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, m := range sources.FindAllStringSubmatch(string(b), -1) {
			if _, err := os.Stat(filepath.Join("..", strings.TrimSpace(m[1]))); err != nil {
				t.Errorf("package %s: %v", kind, err)
			}
			found++
		}
		if found == 0 {
			t.Errorf("package %s brings nothing of this repository", kind)
		}
	}
}
