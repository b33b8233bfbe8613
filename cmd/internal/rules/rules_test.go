package rules

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type pkg struct {
	ImportPath, Dir, Doc, Name string
	Imports                    []string
}

// packages lists the module's packages.
func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json", "baylight/...").Output()
	if err != nil {
		t.Fatalf("list packages: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 15 {
		t.Fatalf("only %d packages found: the rules looked at the wrong place", len(all))
	}
	return all
}

// only names libraries that a single room may import, and why.
var only = []struct {
	lib   string
	rooms []string
	why   string
}{
	{"github.com/tarm/serial", []string{"device/line"}, "its traps are made up for in one place"},
	{"periph.io/", []string{"device/lamp"}, "pins are driven through one safe backend"},
	{"github.com/warthog618/go-gpiocdev", []string{"device/lamp"}, "stands behind lamp's pins"},
	{"github.com/eclipse/paho.mqtt.golang", []string{"sync/link"}, "its tokens are honest only as link uses them"},
	{"github.com/mattn/go-sqlite3", []string{"kiosk/journal", "sync/backoffice/ledger"}, "durable settings are asserted there"},
	{"github.com/jackc/pgx", []string{"sync/backoffice/ledger/pgledger"}, "durable settings are asserted there"},
	{"github.com/mochi-mqtt", []string{"sync/broker"}, "a store runs Mosquitto; this one is for demo and tests"},
	{"github.com/pelletier/go-toml", []string{"cmd/internal/settings"}, "nothing behind settings sees TOML"},
}

// never says which room must not import which.
var never = []struct {
	from, to string
	why      string
}{
	{"kiosk", "device", "the shop knows no wires"},
	{"kiosk", "sync", "the shop knows no network"},
	{"device", "kiosk", "a device knows no shop"},
	{"device", "sync", "a device knows no network"},
	{"sync", "device", "the network knows no wires"},
	{"sync", "kiosk/journal", "uplink reads through its own Source"},
	{"sync", "kiosk/floor", "the rules of the shop run on the board"},
	{"sync", "kiosk/station", "the back office has no station"},
	{"sync", "kiosk/screen", "the back office has its own pages"},
	{"kiosk", "cmd", "wiring is the outermost"},
	{"device", "cmd", "wiring is the outermost"},
	{"sync", "cmd", "wiring is the outermost"},
	{"kiosk/floor", "kiosk/journal", "the floor is pure"},
	{"kiosk/floor", "kiosk/station", "the floor is pure"},
	{"kiosk/screen", "kiosk/station", "screen declares the station it needs"},
	{"kiosk/screen", "kiosk/journal", "screen sees what station shows"},
	{"kiosk/station", "kiosk/screen", "station knows no pages"},
	{"sync/backoffice/kpi", "sync/backoffice/ledger", "figures are pure"},
	{"sync/backoffice/kpi", "sync/wire", "figures are pure"},
	{"device/bench", "device/lamp", "pretend pins live in lamptest"},
}

// pure packages import nothing that waits, talks or stores.
var pure = []string{"kiosk", "kiosk/floor", "kiosk/vin", "kiosk/words", "kiosk/ticket", "sync/backoffice/kpi", "sync/backoffice/calendar", "sync/backoffice/risk"}

var impure = []string{"os", "os/exec", "net", "net/http", "database/sql", "log", "math/rand", "math/rand/v2", "crypto/rand"}

func in(path, room string) bool {
	path = strings.TrimPrefix(path, "baylight/")
	return path == room || strings.HasPrefix(path, room+"/")
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			for _, r := range only {
				if strings.HasPrefix(imp, r.lib) && !slices.ContainsFunc(r.rooms, func(room string) bool { return in(p.ImportPath, room) }) {
					t.Errorf("%s imports %s; only %v may: %s", p.ImportPath, imp, r.rooms, r.why)
				}
			}
			for _, r := range never {
				if in(p.ImportPath, r.from) && strings.HasPrefix(imp, "baylight/") && in(imp, r.to) && !in(imp, r.from) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imp, r.why)
				}
			}
			if slices.ContainsFunc(pure, func(room string) bool { return p.ImportPath == "baylight/"+room }) && slices.Contains(impure, imp) {
				t.Errorf("%s is pure and imports %s", p.ImportPath, imp)
			}
			if p.ImportPath == "baylight/kiosk" && strings.Contains(imp, ".") || p.ImportPath == "baylight/kiosk" && strings.HasPrefix(imp, "baylight/") {
				t.Errorf("kiosk uses the standard library only, and imports %s", imp)
			}
			if imp == "testing" && p.Name != "main" && !strings.HasSuffix(p.Name, "test") {
				t.Errorf("%s imports testing: helpers for tests live in packages named …test", p.ImportPath)
			}
		}
	}
}

func TestPackageDocs(t *testing.T) {
	for _, p := range packages(t) {
		if len(strings.Fields(p.Doc)) < 4 {
			t.Errorf("%s has no package comment that says what it is", p.ImportPath)
		}
	}
}

// long names the files that may exceed 500 lines, and why.
var long = map[string]string{}

func TestFileSizes(t *testing.T) {
	for _, p := range packages(t) {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			rel := strings.TrimPrefix(p.ImportPath, "baylight/") + "/" + filepath.Base(f)
			limit := 500
			if filepath.Base(f) == "main.go" {
				limit = 150
			}
			if n := lines(t, f); n > limit && long[rel] == "" && !strings.HasSuffix(f, "_test.go") {
				t.Errorf("%s has %d lines, at most %d: split it, or give a reason here", rel, n, limit)
			}
		}
	}
}

func lines(t *testing.T, path string) (n int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		n++
	}
	return n
}

// TestNoSleeps: tests wait for signals, never for time.
func TestNoSleeps(t *testing.T) {
	sleep := regexp.MustCompile(`\btime\.Sleep\(`)
	for _, p := range packages(t) {
		tests, _ := filepath.Glob(filepath.Join(p.Dir, "*_test.go"))
		for _, f := range tests {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != "rules" && sleep.Match(b) && !bytes.Contains(b, []byte("testing/synctest")) {
				t.Errorf("%s sleeps: use synctest or a signal", f)
			}
		}
	}
}

// TestTopLevel: the architecture can be read from the folder names.
func TestTopLevel(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"CHANGELOG.md", "LICENSE", "Makefile", "README.md", "cmd", "device", "firmware-config", "go.mod", "go.sum", "kiosk", "sync", "systemd"}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) && tracked(root, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
	if files, err := filepath.Glob(filepath.Join(root, "sync", "*.go")); err != nil || len(files) > 0 {
		t.Errorf("sync has Go files of its own, and would fight the standard library's name: %v", files)
	}
}

func tracked(root, name string) bool {
	out, err := exec.Command("git", "-C", root, "ls-files", "--", name).Output()
	return err != nil || len(out) > 0
}
