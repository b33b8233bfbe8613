package hostile_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baylight/cmd/internal/hostile"
	"baylight/cmd/internal/settings"
	"baylight/kiosk/promtext/promtest"
	"baylight/sync/wire"
)

// configured writes a board's and an office's configuration in which every name is s.
func configured(t *testing.T, s string) (board, office string) {
	t.Helper()
	dir := t.TempDir()
	b, err := json.Marshal(s) // a string of TOML, too
	if err != nil {
		t.Fatal(err)
	}
	q := string(b)
	shared := "name = " + q + "\ntag = \"0A7\"\nkey_file = \"store.key\"\n"
	for name, text := range map[string]string{
		"store.key":  "0123456789abcdef0123456789abcdef",
		"staff.toml": "schema = 1\n[[person]]\nid = " + q + "\nname = " + q + "\nroles = [\"manager\"]\n",
		"kiosk.toml": "schema = 1\nstaff_file = \"staff.toml\"\n[store]\n" + shared + "[kiosk]\nname = " + q + "\nletter = \"A\"\ndata = \"board\"\nsocket = \"kiosk.sock\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n" +
			"[[scanner]]\nname = " + q + "\nplace = \"reception\"\ndevice = \"/dev/null\"\n[[bay]]\nid = " + q + "\n",
		"office.toml": "schema = 1\nstaff_file = \"staff.toml\"\n[office]\ndata = \"office\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n[[store]]\n" + shared + "[[store.bay]]\nid = " + q + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "kiosk.toml"), filepath.Join(dir, "office.toml")
}

// checkConfigured holds that what configuration takes as a name is one in topics and files.
func checkConfigured(t *testing.T, s string) {
	t.Helper()
	board, office := configured(t, s)
	set, err := settings.LoadKiosk(board)
	if err == nil {
		for _, name := range []string{set.Store.Name, set.Name, set.Bays[0].ID, set.Scanners[0].Name, set.Staff[0].ID} {
			if wire.CheckName(name) != nil {
				t.Errorf("a board takes the name %.60q", name)
			}
		}
	}
	all, officeErr := settings.LoadOffice(office)
	if officeErr == nil {
		for _, name := range []string{all.Stores[0].Name, all.Stores[0].Bays[0].ID, all.Staff[0].ID} {
			if wire.CheckName(name) != nil {
				t.Errorf("an office takes the name %.60q", name)
			}
		}
	}
	for _, err := range []error{err, officeErr} {
		if err != nil && (steers(err.Error(), "\n\t") || len(err.Error()) > 2000+20*len(s)) {
			t.Errorf("%.60q is refused in %d bytes: %.300q", s, len(err.Error()), err)
		}
	}
}

// TestNames: wildcards, levels and all the rest as the names of stores, boards,
// bays, scanners and people.
func TestNames(t *testing.T) {
	for _, v := range values() {
		checkConfigured(t, short(v))
	}
	board, office := configured(t, "sh-pudong")
	if _, err := settings.LoadKiosk(board); err != nil {
		t.Errorf("a good name: %v", err)
	}
	if _, err := settings.LoadOffice(office); err != nil {
		t.Errorf("a good name: %v", err)
	}
}

func FuzzNames(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) { checkConfigured(t, short(s)) })
}

// checkMetrics: a scraper reads the families of harmless names, and no other.
func checkMetrics(t *testing.T, s string) {
	t.Helper()
	_, plain := visit(t, board("plain")).send(http.MethodGet, "/metrics", nil)
	want, err := promtest.Parse(plain)
	if err != nil {
		t.Fatal(err)
	}
	_, text := visit(t, board(s)).send(http.MethodGet, "/metrics", nil)
	got, err := promtest.Parse(text)
	if err != nil || len(got.Kinds) != len(want.Kinds) || len(got.Samples) != len(want.Samples) || strings.Count(text, "\n") != strings.Count(plain, "\n") {
		t.Errorf("%.60q: %d families, %d samples, with harmless names %d and %d: %v", s, len(got.Kinds), len(got.Samples), len(want.Kinds), len(want.Samples), err)
	}
}

func TestMetrics(t *testing.T) {
	for _, x := range hostile.Texts() {
		checkMetrics(t, short(x.Value))
	}
}

func FuzzMetrics(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) { checkMetrics(t, short(s)) })
}
