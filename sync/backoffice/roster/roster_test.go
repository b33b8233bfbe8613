package roster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/wire"
)

const key = "0123456789abcdef0123456789abcdef"

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))

// place is a roster, what it recorded, and who asks it.
type place struct {
	testing.TB
	*Roster
	people *staff.Directory
	file   string
	kept   []wire.Setup
	whys   []string
	gone   []string // signed out
	broken error    // of the ledger
}

func seed() []staff.Person {
	return []staff.Person{{ID: "m1", Name: "经理", Badge: "0A70000001", Roles: []staff.Role{staff.Manager}, PIN: "$argon2id$v=19$x"},
		{ID: "t1", Name: "李师傅", Badge: "0A70000002", Roles: []staff.Role{staff.Technician}, Team: "一组"}}
}

func open(t testing.TB, file string, people []staff.Person) (*place, error) {
	p := &place{TB: t, file: file, people: staff.NewDirectory(nil)}
	n := uint32(0)
	var err error
	p.Roster, err = Open(Config{Store: "sh-pudong", Tag: "0A7", Key: []byte(key), Ledger: "l", File: file, Seed: people, People: p.people,
		Setup: wire.Setup{Calendar: wire.CalendarOf(kiosk.ShanghaiWeek(noon.Location()))},
		Keep: func(_ context.Context, s wire.Setup, by, why string) error {
			if p.broken == nil {
				p.kept, p.whys = append(p.kept, s), append(p.whys, by+": "+why)
			}
			return p.broken
		},
		SignOut: func(id string) { p.gone = append(p.gone, id) },
		Random:  func() uint32 { n++; return n },
		Now:     func() time.Time { return noon }})
	return p, err
}

func newPlace(t testing.TB, people []staff.Person) *place {
	t.Helper()
	p, err := open(t, filepath.Join(t.TempDir(), "staff", "sh-pudong.json"), people)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ask asks the handler as who: a manager's id, "token", or "".
func (p *place) ask(who, method, body string) (int, map[string]any) {
	p.Helper()
	h := Handler(func(r *http.Request) (string, int, string) {
		switch who {
		case "":
			return "", http.StatusUnauthorized, "sign in"
		case "token":
			return "", 0, ""
		}
		return who, 0, ""
	}, func(store string) *Roster {
		if store == "sh-pudong" {
			return p.Roster
		}
		return nil
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "/api/v1/staff?store=sh-pudong", strings.NewReader(body)))
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		p.Fatalf("%s: %v", w.Body, err)
	}
	return w.Code, out
}

// TestChanges follows people through being changed, added, removed and taken on
// again; every step is in the file, the directory and the ledger.
func TestChanges(t *testing.T) {
	p := newPlace(t, seed())
	for _, c := range []struct{ body, why string }{
		{`{"id":"t2","name":"赵师傅","badge":"new","roles":["technician"],"team":"二组"}`, "m1: staff t2: badge, name, roles, team"},
		{`{"id":"t1","team":"二组"}`, "m1: staff t1: team"},
		{`{"id":"t2","pin":"2468"}`, "m1: staff t2: pin"},
		{`{"id":"t1","remove":true}`, "m1: staff t1: removed"},
		{`{"id":"t2","badge":""}`, "m1: staff t2: badge"},
		{`{"id":"t1","name":"李师傅","badge":"0A70000002","roles":["technician","inspector"]}`, "m1: staff t1: badge, name, roles"},
	} {
		if status, out := p.ask("m1", http.MethodPost, c.body); status != http.StatusOK || p.whys[len(p.whys)-1] != c.why {
			t.Fatalf("%s: %d %v, recorded %q", c.body, status, out, p.whys)
		}
		again, err := open(t, p.file, seed())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.people.All(), again.people.All()); diff != "" {
			t.Errorf("after %s a restart knows others: %s", c.body, diff)
		}
	}
	t1, _ := p.people.Person("t1")
	t2, _ := p.people.Person("t2")
	if t1.Team != "" || !t1.Has(staff.Inspector) || t2.Badge != "" || t2.PIN == "" {
		t.Errorf("t1 is %+v, t2 %+v", t1, t2)
	}
	if ok, err := staff.CheckPIN([]byte(key), t2.PIN, "2468"); !ok || err != nil {
		t.Errorf("the PIN does not open: %v", err)
	}
	if diff := cmp.Diff([]string{"t2", "t1"}, p.gone); diff != "" {
		t.Errorf("signed out: %s", diff)
	}
	want := []wire.SetupStaff{{ID: "m1", Roles: []string{"manager"}}, {ID: "t1", Roles: []string{"inspector", "technician"}}, {ID: "t2", Roles: []string{"technician"}, Team: "二组"}}
	if diff := cmp.Diff(want, p.kept[len(p.kept)-1].Staff); diff != "" {
		t.Errorf("the ledger has %s", diff)
	}
	b, err := os.ReadFile(p.file)
	if err != nil || bytes.Contains(b, []byte("2468\"")) || bytes.Contains(b, []byte(`"m1","name`)) {
		t.Errorf("the file holds a PIN, or whom nobody changed: %s, %v", b, err)
	}
	if info, err := os.Stat(p.file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of verifiers is %v, %v", info.Mode(), err)
	}
}

func TestRefused(t *testing.T) {
	p := newPlace(t, seed())
	for _, c := range []struct {
		who, body, parameter string
		status               int
	}{
		{"", `{"id":"t1","team":"x"}`, "Authorization", http.StatusUnauthorized},
		{"m1", `{"id":"t1","team":"x","by":"m2"}`, "by", http.StatusForbidden},
		{"token", `{"id":"t1","team":"x"}`, "by", http.StatusForbidden},
		{"token", `{"id":"t1","team":"x","by":"t1"}`, "by", http.StatusForbidden},
		{"m1", `{"id":"T 1","team":"x"}`, "id", http.StatusBadRequest},
		{"m1", `{"id":"t1"}`, "id", http.StatusBadRequest},
		{"m1", `{"id":"t9","roles":["technician"]}`, "name", http.StatusBadRequest},
		{"m1", `{"id":"t1","name":"a\u001b[2Jb"}`, "name", http.StatusBadRequest},
		{"m1", `{"id":"t1","roles":["king"]}`, "roles", http.StatusBadRequest},
		{"m1", `{"id":"t1","badge":"short"}`, "badge", http.StatusBadRequest},
		{"m1", `{"id":"t1","badge":"0A70000001"}`, "badge", http.StatusConflict},
		{"m1", `{"id":"t1","pin":"1"}`, "pin", http.StatusBadRequest},
		{"m1", `{"id":"t9","remove":true}`, "id", http.StatusConflict},
		{"m1", `{"id":"m1","remove":true}`, "id", http.StatusConflict},
		{"m1", `{"id":"m1","roles":[]}`, "id", http.StatusConflict},
		{"m1", `{"id":"m1","pin":""}`, "id", http.StatusConflict},
		{"m1", `{"id":"t1","salary":1}`, "body", http.StatusBadRequest},
		{"m1", `{"id":"t1","team":"` + strings.Repeat("x", maxBody) + `"}`, "body", http.StatusBadRequest},
		{"m1", ``, "body", http.StatusBadRequest},
	} {
		status, out := p.ask(c.who, http.MethodPost, c.body)
		if status != c.status || out["parameter"] != c.parameter {
			t.Errorf("%s %.60s: %d %v, want %d about %s", c.who, c.body, status, out, c.status, c.parameter)
		}
	}
	if diff := cmp.Diff(seed(), p.people.All()); diff != "" || len(p.kept) != 0 {
		t.Errorf("something was changed or recorded: %s", diff)
	}
	if _, err := os.Stat(p.file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was written: %v", err)
	}
}

// TestFirstManager: where nobody manages yet, the token makes the first manager.
func TestFirstManager(t *testing.T) {
	p := newPlace(t, nil)
	if !p.silent() {
		t.Error("a store that names nobody is not silent")
	}
	if status, out := p.ask("token", http.MethodPost, `{"id":"m1","name":"经理","roles":["manager"],"pin":"2468"}`); status != http.StatusOK {
		t.Fatalf("%d %v", status, out)
	}
	if status, _ := p.ask("token", http.MethodPost, `{"id":"m2","name":"n","roles":["manager"]}`); status != http.StatusForbidden {
		t.Errorf("and the second too: %d", status)
	}
	if status, out := p.ask("token", http.MethodPost, `{"id":"m2","name":"n","roles":["manager"],"by":"m1"}`); status != http.StatusOK {
		t.Errorf("%d %v", status, out)
	}
	status, out := p.ask("m1", http.MethodGet, "")
	if all := out["people"].([]any); status != http.StatusOK || len(all) != 2 || all[0].(map[string]any)["by"] != "token" || all[0].(map[string]any)["pin"] != true {
		t.Errorf("%d %v", status, out)
	}
}

// TestBrokenParts: a file that cannot be read is no empty one; a change that
// could not be recorded is in force and said to be unrecorded.
func TestBrokenParts(t *testing.T) {
	p := newPlace(t, seed())
	p.broken = errors.New("disk")
	if status, out := p.ask("m1", http.MethodPost, `{"id":"t1","remove":true}`); status != http.StatusInternalServerError {
		t.Errorf("%d %v", status, out)
	}
	if _, there := p.people.Person("t1"); there {
		t.Error("whoever was removed is still there")
	}
	for _, b := range []string{"", "{", `{"schema":2}`} {
		if err := os.WriteFile(p.file, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, p.file, seed()); err == nil {
			t.Errorf("a roster of %q was opened", b)
		}
	}
	if err := os.RemoveAll(filepath.Dir(p.file)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Dir(p.file), nil, 0o600); err != nil { // a file where the folder has to be
		t.Fatal(err)
	}
	if status, _ := p.ask("m1", http.MethodPost, `{"id":"m2","name":"n"}`); status != http.StatusInternalServerError {
		t.Errorf("a change that could not be kept: %d", status)
	}
	if _, there := p.people.Person("m2"); there {
		t.Error("what is not durable is in force")
	}
}
