package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/backoffice/roster"
	"baylight/sync/wire"
)

// rosterOf is a roster of some people that records no setup.
func rosterOf(t *testing.T, dir *staff.Directory) *roster.Roster {
	t.Helper()
	return rosterThat(t, dir, nil, func(context.Context, wire.Setup, string, string) error { return nil })
}

// rosterThat is one of a store that wants to reach something, and what records it.
func rosterThat(t *testing.T, dir *staff.Directory, targets map[string]int64, keep func(ctx context.Context, s wire.Setup, by, why string) error) *roster.Roster {
	t.Helper()
	all, err := roster.Open(t.Context(), roster.Config{Store: store, Tag: "0A7", Key: pepper, Ledger: "l", People: dir, Seed: dir.All(), Papers: memledger.New("l"),
		Now: time.Now, Random: func() uint32 { return 7 }, Setup: wire.Setup{Calendar: wire.CalendarOf(kiosk.ShanghaiWeek(zone)), Targets: targets}, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A manager changes people on the page; nobody else does, and what cannot be is
// said in words.
func TestStaff(t *testing.T) {
	dir := crew(t)
	all := rosterOf(t, dir)
	s := newDesk(t, dashboard.Config{Staff: func(string) dashboard.Roster { return all }})
	m := s.guest("m1")
	change := func(b browser, fields ...string) (int, string) {
		form := url.Values{"form": {m.secretOf("/staff")}}
		for i := 0; i < len(fields); i += 2 {
			form.Add(fields[i], fields[i+1])
		}
		status, page := b.post("/staff", form)
		return status, text(page)
	}
	if status, page := change(m, "id", "T9", "name", "<b>新人", "team", "一组", "role", "technician", "role", "inspector", "badge", "new", "pin", "97531"); status != 200 || !strings.Contains(page, "已保存：<b>新人（t9）") {
		t.Errorf("adding: %d %s", status, page)
	}
	p, ok := dir.Person("t9")
	if !ok || p.Name != "<b>新人" || !p.Has(staff.Technician) || !p.Has(staff.Inspector) || len(p.Badge) != 10 || p.PIN == "" {
		t.Errorf("the new person is %+v %v", p, ok)
	}
	if status, page := change(m, "id", "t9", "do", "remove"); status != 200 || !strings.Contains(page, "t9 已离职") {
		t.Errorf("removing: %d %s", status, page)
	}
	if _, ok := dir.Person("t9"); ok {
		t.Error("who was removed is still there")
	}
	for _, tt := range []struct {
		says   string
		status int
		fields []string
	}{
		{"最后一位能登录的经理", 409, []string{"id", "m1", "do", "remove"}},
		{"PIN 须为 4–12 位数字", 400, []string{"id", "a1", "name", "x", "pin", "12"}},
		{"没有这种角色", 400, []string{"id", "a1", "name", "x", "role", "king"}},
		{"工号须为", 400, []string{"id", "../etc", "name", "x"}},
		{"请填写姓名", 400, []string{"id", "new1", "name", ""}},
	} {
		if status, page := change(m, tt.fields...); status != tt.status || !strings.Contains(page, tt.says) {
			t.Errorf("%v: %d, want %d %q: %.300s", tt.fields, status, tt.status, tt.says, page)
		}
	}
	v := s.guest("s1")
	if _, page := v.get("/staff"); strings.Contains(page, `name="pin"`) {
		t.Error("a supervisor is offered to change people")
	}
	form := url.Values{"form": {v.secretOf("/orders/V9")}, "id": {"s1"}, "name": {"x"}, "role": {"manager"}}
	if status, page := v.post("/staff", form); status != http.StatusForbidden || !strings.Contains(text(page), "需要服务经理") {
		t.Errorf("a supervisor makes themselves manager: %d %s", status, text(page))
	}
}

// away is a roster whose store another office has.
type away struct{ dashboard.Roster }

func (away) Change(context.Context, string, roster.Change) (roster.Person, error) {
	return roster.Person{}, fmt.Errorf("keep roster: %w", &backoffice.Elsewhere{Office: "two", URL: "http://two.example:8080"})
}

// Where another office has the store, the page says which.
func TestStaffElsewhere(t *testing.T) {
	all, err := roster.Open(t.Context(), roster.Config{Store: store, Tag: "0A7", Key: pepper, Ledger: "l", People: crew(t), Papers: memledger.New("l"),
		Now: time.Now, Random: func() uint32 { return 7 }, Keep: func(context.Context, wire.Setup, string, string) error { return nil }, Seed: crew(t).All()})
	if err != nil {
		t.Fatal(err)
	}
	s := newDesk(t, dashboard.Config{Staff: func(string) dashboard.Roster { return away{all} }})
	m := s.guest("m1")
	status, page := m.post("/staff", url.Values{"form": {m.secretOf("/staff")}, "id": {"t1"}, "name": {"x"}, "role": {"technician"}})
	if status != http.StatusConflict || !strings.Contains(text(page), "请到那里操作。two http://two.example:8080") {
		t.Errorf("%d %.300s", status, text(page))
	}
}
