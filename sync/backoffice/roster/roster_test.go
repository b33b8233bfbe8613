package roster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/wire"
)

const key = "0123456789abcdef0123456789abcdef"

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))

// place is a roster, what it recorded, and who asks it.
type place struct {
	testing.TB
	*Roster
	people *staff.Directory
	papers *lent
	kept   []wire.Setup
	whys   []string
	gone   []string // signed out
	broken error    // of the ledger
}

func seed() []staff.Person {
	return []staff.Person{{ID: "m1", Name: "经理", Badge: "0A70000001", Roles: []staff.Role{staff.Manager}, PIN: "$argon2id$v=19$x"},
		{ID: "t1", Name: "李师傅", Badge: "0A70000002", Roles: []staff.Role{staff.Technician}, Team: "一组"}}
}

// lent is a ledger whose store may be another office's.
type lent struct {
	*memledger.Ledger
	refuses error
}

func (l *lent) KeepPapers(ctx context.Context, store, kind string, was uint64, papers []backoffice.Paper) (uint64, error) {
	if l.refuses != nil {
		return 0, l.refuses
	}
	return l.Ledger.KeepPapers(ctx, store, kind, was, papers)
}

// paper is what is kept, nil if nothing is.
func (l *lent) paper() []byte {
	ps, _, _ := l.Papers(context.Background(), "sh-pudong", Kind)
	if len(ps) == 0 {
		return nil
	}
	return ps[0].Bytes
}

func newLent() *lent { return &lent{Ledger: memledger.New("l")} }

func open(t testing.TB, papers *lent, people []staff.Person) (*place, error) {
	return openAs(t, papers, people, "", 6)
}

// openAs opens the roster of an office whose store opens at an hour.
func openAs(t testing.TB, papers *lent, people []staff.Person, office string, hour int) (*place, error) {
	p := &place{TB: t, papers: papers, people: staff.NewDirectory(nil)}
	week := kiosk.ShanghaiWeek(noon.Location())
	week.Week[0] = kiosk.Hours{Open: time.Duration(hour) * time.Hour, Close: 20 * time.Hour}
	n := uint32(0)
	var err error
	p.Roster, err = Open(t.Context(), Config{Store: "sh-pudong", Tag: "0A7", Key: []byte(key), Ledger: "l", Papers: papers, Office: office, Seed: people, People: p.people,
		Setup: wire.Setup{Calendar: wire.CalendarOf(week)},
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
	p, err := open(t, newLent(), people)
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
		again, err := open(t, p.papers, seed())
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
	if b := p.papers.paper(); bytes.Contains(b, []byte("2468\"")) || bytes.Contains(b, []byte(`"m1","name`)) || !bytes.Contains(b, []byte("argon2id")) {
		t.Errorf("the paper holds a PIN, or whom nobody changed: %s", b)
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
	if b := p.papers.paper(); b != nil {
		t.Errorf("something was kept: %s", b)
	}
}

// TestFirstManager: where nobody manages yet, the token makes the first manager.
func TestFirstManager(t *testing.T) {
	p := newPlace(t, nil)
	if !p.now.silent(p.Roster) {
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

// TestBrokenParts: a paper that cannot be read is no empty one; a change that
// could not be recorded is in force and said to be unrecorded; one that could not
// be kept is not in force.
func TestBrokenParts(t *testing.T) {
	p := newPlace(t, seed())
	p.broken = errors.New("disk")
	if status, out := p.ask("m1", http.MethodPost, `{"id":"t1","remove":true}`); status != http.StatusInternalServerError {
		t.Errorf("%d %v", status, out)
	}
	if _, there := p.people.Person("t1"); there {
		t.Error("whoever was removed is still there")
	}
	for refuses, want := range map[error]int{errors.New("disk"): http.StatusInternalServerError, backoffice.ErrNotHeld: http.StatusConflict} {
		p.papers.refuses = fmt.Errorf("keep: %w", refuses)
		if status, out := p.ask("m1", http.MethodPost, `{"id":"m2","name":"n"}`); status != want {
			t.Errorf("a change that could not be kept: %d %v, want %d", status, out, want)
		}
	}
	p.papers.refuses = nil
	if _, there := p.people.Person("m2"); there {
		t.Error("what is not durable is in force")
	}
	for _, b := range []string{"", "{", `{"schema":2}`} {
		_, revision, _ := p.papers.Papers(t.Context(), "sh-pudong", Kind)
		if _, err := p.papers.KeepPapers(t.Context(), "sh-pudong", Kind, revision, []backoffice.Paper{{Name: Paper, Bytes: []byte(b)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, p.papers, seed()); err == nil {
			t.Errorf("a roster of %q was opened", b)
		}
	}
}

// TestOwed: a change that the ledger could not be told of, because the store was
// just taken or the ledger was away, is recorded with who made it and why, once, by
// whichever office has the store next.
func TestOwed(t *testing.T) {
	a, err := openAs(t, newLent(), seed(), "a", 6)
	must(t, err, a.record(t.Context()))
	for _, c := range []struct {
		broken error
		status int
		body   string
	}{
		{fmt.Errorf("record: %w", backoffice.ErrNotHeld), http.StatusOK, `{"id":"t2","name":"赵师傅"}`},
		{errors.New("disk"), http.StatusInternalServerError, `{"id":"t2","team":"二组"}`},
	} {
		a.broken = c.broken
		if status, out := a.ask("m1", http.MethodPost, c.body); status != c.status {
			t.Errorf("%s: %d %v", c.body, status, out)
		}
	}
	if !a.owes() || len(a.whys) != 1 {
		t.Errorf("recorded while it could not be: %q", a.whys)
	}
	b, err := openAs(t, a.papers, seed(), "b", 6)
	must(t, err, b.record(t.Context()), b.record(t.Context()))
	want := []string{"m1: staff t2: name", "m1: staff t2: team", ": ", ": "}
	if diff := cmp.Diff(want, b.whys); diff != "" || b.owes() {
		t.Errorf("the other office recorded (-want +got): %s", diff)
	}
	a.broken = nil
	must(t, a.Refresh(t.Context()), a.record(t.Context()))
	if diff := cmp.Diff([]string{": ", ": "}, a.whys); diff != "" {
		t.Errorf("recorded once more (-want +got): %s", diff)
	}
}

// TestOwedAreBounded: a change is refused before what an earlier one owes is given
// up; what is owed is recorded with every name once the ledger is back.
func TestOwedAreBounded(t *testing.T) {
	a, err := openAs(t, newLent(), seed(), "a", 6)
	must(t, err, a.record(t.Context()))
	a.broken = errors.New("disk")
	one := func() error {
		return a.revise(t.Context(), func(s *state) (bool, error) { return true, s.owe("m1", "staff t1: name") })
	}
	for range maxOwed {
		must(t, one())
	}
	if err := one(); err == nil || !strings.Contains(err.Error(), "256 changes wait to be recorded") {
		t.Errorf("one more: %v", err)
	}
	a.broken = nil
	before := len(a.whys)
	must(t, a.settle(t.Context()), one())
	if n := len(a.whys) - before; n != maxOwed {
		t.Errorf("%d changes were recorded", n)
	}
}

// hour is when the store opens on Sundays by the setup in force.
func (p *place) hour() int { return p.inForce().Calendar.Week[0].Open / 60 }

// TestMoves: an office that takes a store knows who was changed at the other, and
// whose PIN was; the two keep in turns and neither undoes the other's.
func TestMoves(t *testing.T) {
	a, err := openAs(t, newLent(), seed(), "a", 6)
	must(t, err, a.state(t.Context()))
	b, err := openAs(t, a.papers, seed(), "b", 6)
	must(t, err, b.state(t.Context()))
	for body, at := range map[string]*place{`{"id":"t2","name":"赵师傅","pin":"2468"}`: a, `{"id":"t3","name":"钱师傅"}`: b, `{"id":"t1","pin":"1357"}`: a} {
		if status, out := at.ask("m1", http.MethodPost, body); status != http.StatusOK {
			t.Fatalf("%s: %d %v", body, status, out)
		}
	}
	must(t, a.Refresh(t.Context()), b.Refresh(t.Context()))
	if diff := cmp.Diff(a.people.All(), b.people.All()); diff != "" || len(a.people.All()) != 4 {
		t.Errorf("one knows %v, the other differs: %s", a.people.All(), diff)
	}
	if diff := cmp.Diff([]string{"t1"}, b.gone); diff != "" {
		t.Errorf("signed out where it was not changed: %s", diff)
	}
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestConfigurations: of offices whose configurations differ, the one that was
// written last is in force, wherever the store is; moving changes nothing.
func TestConfigurations(t *testing.T) {
	papers := newLent()
	fewer := seed()[:1]
	take := func(office string, people []staff.Person, hour, want int) *place {
		t.Helper()
		p, err := openAs(t, papers, people, office, hour)
		must(t, err, p.record(t.Context()))
		if p.hour() != want || p.kept[0].Calendar.Week[0].Open != want*60 {
			t.Errorf("at office %s, which says %d, the store opens at %d and %d is recorded, want %d", office, hour, p.hour(), p.kept[0].Calendar.Week[0].Open/60, want)
		}
		return p
	}
	take("a", seed(), 6, 6)
	take("b", seed(), 6, 6)
	before := take("a", fewer, 7, 7) // the operator changes one after the other
	if p := take("b", seed(), 6, 7); len(p.people.All()) != 1 || p.kept[0].Staff[0].ID != "m1" {
		t.Errorf("the staff file of an older configuration is in force: %v", p.people.All())
	}
	take("c", seed(), 6, 7) // comes new with the old one
	take("b", fewer, 7, 7)
	take("a", seed(), 6, 6) // and takes it back
	take("b", fewer, 7, 6)
	take("d", seed(), 9, 9) // comes new with what nobody had
	must(t, before.Refresh(t.Context()))
	if before.hour() != 9 || len(before.people.All()) != 2 {
		t.Errorf("where the store was it opens at %d with %v", before.hour(), before.people.All())
	}
	alone, err := open(t, papers, fewer)
	if err != nil || alone.hour() != 6 || len(alone.people.All()) != 1 {
		t.Errorf("an office alone is what its configuration says: %d, %v, %v", alone.hour(), alone.people.All(), err)
	}
}

// TestMerge: what a file of an earlier program says joins what is kept, and each
// person is as changed last; doing it again changes nothing.
func TestMerge(t *testing.T) {
	const paper = `{"schema":1,"people":[{"id":"t1","name":"new","at":"2026-11-02T00:00:00Z","by":"m1"},{"id":"t2","name":"old","at":"2026-11-01T00:00:00Z","by":"m1"}],"said":[{"office":"a","digest":"x"}]}`
	const file = `{"schema":1,"people":[{"id":"t1","removed":true,"at":"2026-11-01T00:00:00Z","by":"m1"},{"id":"t2","removed":true,"at":"2026-11-02T00:00:00Z","by":"m1"},{"id":"t3","name":"n","at":"2026-11-01T00:00:00Z","by":"m1"}]}`
	merged, changed, err := Merge([]byte(paper), []byte(file))
	if err != nil || !changed {
		t.Fatalf("%v, changed %v", err, changed)
	}
	s, err := parse(merged)
	if err != nil || s.changed["t1"].Name != "new" || !s.changed["t2"].Removed || s.changed["t3"].Name != "n" || len(s.said) != 1 {
		t.Errorf("merged: %s (%v)", merged, err)
	}
	again, changed, err := Merge(merged, []byte(file))
	if err != nil || changed || !bytes.Equal(again, merged) {
		t.Errorf("merged again: %s, changed %v (%v)", again, changed, err)
	}
	if first, changed, err := Merge(nil, []byte(file)); err != nil || !changed || !bytes.Contains(first, []byte(`"t3"`)) {
		t.Errorf("into nothing: %s (%v)", first, err)
	}
	for _, broken := range [][2]string{{paper, "{"}, {"{", file}, {paper, `{"schema":9}`}} {
		if _, _, err := Merge([]byte(broken[0]), []byte(broken[1])); err == nil {
			t.Errorf("%q were merged", broken)
		}
	}
}
