package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/roster"
	"baylight/sync/wire"
)

// TestChangeTargets: a manager changes what the store wants to reach, with a reason;
// figures are held to it at once, those as of before to what was in force; nobody
// else may, and what cannot be is said in words.
func TestChangeTargets(t *testing.T) {
	var s *site
	all := rosterThat(t, crew(t), map[string]int64{"on_time_percent": 70, "rework_percent": 3}, func(ctx context.Context, setup wire.Setup, by, why string) error {
		return s.office.KeepSetup(ctx, store, setup, by, why)
	})
	s = newDesk(t, dashboard.Config{Staff: func(string) dashboard.Roster { return all }})
	m := s.guest("m1")
	change := func(b browser, secret, name, target, reason string) (int, string) {
		status, page := b.post("/kpi/targets", url.Values{"form": {secret}, "name": {name}, "target": {target}, "reason": {reason}})
		return status, text(page)
	}
	secret := m.secretOf("/kpi/targets")
	if status, page := change(m, secret, "rework_percent", "4", "试运行"); status != http.StatusOK || !strings.Contains(page, "已保存：返修率 ≤ 4%") {
		t.Fatalf("%d %s", status, page)
	}
	const kpi = "/api/v1/kpi?from=2026-11-03&to=2026-11-04"
	before := s.get(kpi, "as_of").(string)
	for _, c := range []struct{ target, says string }{{"75", "已保存：准时交车率 ≥ 75%"}, {"75", "已保存：准时交车率 ≥ 75%"}, {"", "已保存：准时交车率 未设"}, {"80", "已保存：准时交车率 ≥ 80%"}} {
		if status, page := change(m, secret, "on_time_percent", c.target, "厂家新要求"); status != http.StatusOK || !strings.Contains(page, c.says) {
			t.Errorf("%q: %d, without %q: %s", c.target, status, c.says, page)
		}
	}
	if got := fmt.Sprint(s.get(kpi, "targets", 0, "target"), s.get(kpi, "rows", 0, "targets_met", "on_time_percent")); got != "80 false" { // 7 of 10
		t.Errorf("now: %s", got)
	}
	if got := fmt.Sprint(s.get(kpi+"&as_of="+before, "targets", 0, "target"), s.get(kpi+"&as_of="+before, "rows", 0, "targets_met", "on_time_percent")); got != "70 true" {
		t.Errorf("as of before: %s", got)
	}
	if _, page := m.get("/kpi/targets"); !strings.Contains(text(page), "≥ 80% m1,") || !strings.Contains(text(page), "厂家新要求") {
		t.Errorf("the page does not say who set it and why: %s", text(page))
	}
	if _, page := m.get("/audit"); strings.Count(text(page), "target on_time_percent: ") != 3 || !strings.Contains(text(page), "target on_time_percent: 70 → 75; 厂家新要求") {
		t.Errorf("what was done: %s", text(page))
	}
	for _, c := range []struct{ name, target, reason, says string }{
		{"on_time_percent", "101", "x", "“准时交车率”的目标须为 0 到 100 的整数"},
		{"on_time_percent", "-1", "x", "须为 0 到 100"},
		{"on_time_percent", "95.5", "x", "须为 0 到 100"},
		{"on_time_percent", "99999999999999999999", "x", "须为 0 到 100"},
		{"on_time_percent", "95", " ", "请写明修改目标的原因"},
		{"orders", "5", "x", "没有这个指标的目标"},
		{"<b>", "5", "x", "没有这个指标的目标"},
	} {
		if status, page := change(m, secret, c.name, c.target, c.reason); status != http.StatusBadRequest || !strings.Contains(page, c.says) {
			t.Errorf("%+v: %d %s", c, status, page)
		}
	}
	if status, _ := change(m, "forged", "on_time_percent", "1", "x"); status != http.StatusForbidden {
		t.Errorf("a form of another session: %d", status)
	}
	v := s.guest("s1")
	if _, page := v.get("/kpi/targets"); strings.Contains(page, `name="target"`) || !strings.Contains(text(page), "服务经理登录后可以修改目标") {
		t.Errorf("what a supervisor sees: %s", text(page))
	}
	if status, page := change(v, v.secretOf("/orders/V9"), "on_time_percent", "1", "x"); status != http.StatusForbidden || !strings.Contains(page, "需要服务经理") {
		t.Errorf("a supervisor changes a target: %d %s", status, page)
	}
	if status, _ := change(s.guest(""), "", "on_time_percent", "1", "x"); status != http.StatusUnauthorized {
		t.Errorf("a stranger changes a target: %d", status)
	}
	if got := s.get(kpi, "targets", 0, "target"); got != 80.0 {
		t.Errorf("after all that was refused: %v", got)
	}
}

func (away) ChangeTarget(context.Context, string, roster.Target) error {
	return fmt.Errorf("keep roster: %w", &backoffice.Elsewhere{Office: "two", URL: "http://two.example:8080"})
}

// TestTargetsElsewhere: where another office has the store, the page says which.
func TestTargetsElsewhere(t *testing.T) {
	all := rosterOf(t, crew(t))
	s := newDesk(t, dashboard.Config{Staff: func(string) dashboard.Roster { return away{all} }})
	m := s.guest("m1")
	status, page := m.post("/kpi/targets", url.Values{"form": {m.secretOf("/kpi/targets")}, "name": {"on_time_percent"}, "target": {"95"}, "reason": {"x"}})
	if status != http.StatusConflict || !strings.Contains(text(page), "two http://two.example:8080") {
		t.Errorf("%d %.300s", status, text(page))
	}
}
