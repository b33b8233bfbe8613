package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baylight/kiosk"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/outlook"
	"baylight/sync/backoffice/risk"
)

// The board shows what history says, says where it says nothing, and calls for
// help until they are cleared.
func TestRiskAndHelp(t *testing.T) {
	s := newSite(t, dashboard.Config{Risk: func(context.Context, string) (map[string]dashboard.Risk, error) {
		return map[string]dashboard.Risk{"VR": {P: 0.83, Enough: true, Reason: "parts"}, "VS": {P: 0.12, Enough: true, Reason: "behind"}, "VT": {}}, nil
	}})
	due := clock(t, "20:00")
	for _, v := range []string{"VR", "VS", "VT"} {
		s.at("16:50", &kiosk.CheckedIn{Visit: v, Ticket: "B" + v, Purpose: "fault"})
		s.at("16:51", &kiosk.Signed{Visit: v, Order: "W" + v, Adviser: "a1", Promise: &due, Items: []kiosk.Item{{No: 1, Code: "x", Category: kiosk.Minor, StandardMinutes: 10}}})
	}
	for bay, v := range map[string]string{"b1": "VR", "b2": "VS"} {
		s.at("16:52", &kiosk.Started{Job: kiosk.Job{Visit: v, Bay: bay, Technician: "t1"}, Parallel: true})
	}
	for i, want := range []string{"risk 0.83 parts", "working 0.12 "} { // as the lamps say
		bay := s.get("/api/v1/bays", "bays", i).(map[string]any)
		risk, _ := bay["risk"].(map[string]any)
		if got := fmt.Sprint(bay["state"], " ", risk["p"], " ", risk["reason"]); got != want {
			t.Errorf("bay %d is %s, want %s", i+1, got, want)
		}
	}
	s.at("16:52", &kiosk.HelpCalled{Bay: "b3"})
	_, page := s.do("GET", "/", "")
	seen := text(page)
	for _, want := range []string{"b3 呼叫帮助 16:52 起", "83% 待料 李娜", "12% 李娜", "历史不足 李娜", "可能超时 1 今天可能失约", "李娜 4 1 1"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the board does not say %q:\n%s", want, seen)
		}
	}
	s.at("16:53", &kiosk.Passed{Visit: "V0", Inspector: "q1"}) // of a car that was handed over
	if _, page := s.do("GET", "/", ""); !strings.Contains(text(page), "16:53 质检合格 A000 k1") {
		t.Errorf("an event of a visit that has ended stands without its number:\n%s", text(page))
	}
	// The same at the order's page, and for programs.
	for visit, want := range map[string]string{"VR": "风险与原因 83% 待料", "VS": "风险与原因 12% ", "VT": "风险与原因 排队等工位 风险暂按剩余工时判断：历史不足"} {
		if _, page := s.do("GET", "/orders/"+visit, ""); !strings.Contains(text(page), want) {
			t.Errorf("the page of %s does not say %q:\n%s", visit, want, text(page))
		}
	}
	if _, page := s.do("GET", "/orders/VR?lang=en", ""); !strings.Contains(text(page), "Risk and reason 83% waiting for parts") {
		t.Errorf("in English:\n%s", text(page))
	}
	listed := map[string]string{}
	for _, o := range s.get("/api/v1/orders?kpi=orders&from=2026-11-03&to=2026-11-04", "orders").([]any) {
		o := o.(map[string]any)
		one := s.get("/api/v1/orders/"+o["visit"].(string), "order", "risk")
		if fmt.Sprint(o["risk"]) != fmt.Sprint(one) {
			t.Errorf("%s in a list has the risk %v, alone %v", o["visit"], o["risk"], one)
		}
		if one != nil {
			listed[o["visit"].(string)] = fmt.Sprint(one)
		}
	}
	if diff := cmp.Diff(map[string]string{"VR": "map[p:0.83 reason:parts risky:true]", "VS": "map[p:0.12 reason: risky:false]", "VT": "map[p:<nil> reason:queue risky:false]"}, listed); diff != "" {
		t.Errorf("risks (-want +got): %s", diff)
	}
	at := s.get("/api/v1/bays", "as_of").(string)
	if then := s.get("/api/v1/orders?kpi=orders&from=2026-11-03&to=2026-11-04&as_of="+at, "orders"); len(then.([]any)) == 0 || strings.Contains(fmt.Sprint(then), "risk:map") {
		t.Errorf("what once was has a risk now: %v", then)
	}
	s.at("16:55", &kiosk.HelpCleared{Bay: "b3"})
	if _, page := s.do("GET", "/?part=live", ""); strings.Contains(text(page), "16:52 起") {
		t.Error("a call that was cleared is still shown")
	}
}

func TestCalibration(t *testing.T) {
	share := func(f float64) *float64 { return &f }
	c := &outlook.Calibration{From: clock(t, "08:00").AddDate(0, -1, 0), To: clock(t, "08:00"), Orders: 40, Samples: 300, Late: 0.2, Brier: 0.105, Base: 0.16, Deciles: make([]outlook.Decile, 10)}
	c.Deciles[1] = outlook.Decile{N: 250, Guessed: share(0.12), Observed: share(0.11)}
	c.Deciles[8] = outlook.Decile{N: 50, Guessed: share(0.83), Observed: share(0.8)}
	report := outlook.Report{Estimating: true, Calibration: c}
	s := newSite(t, dashboard.Config{Outlook: func(string) (outlook.Report, error) { return report, nil }})
	look := func(wants ...string) {
		t.Helper()
		status, page := s.do("GET", "/kpi/risk", "")
		for _, want := range wants {
			if status != http.StatusOK || !strings.Contains(text(page), want) {
				t.Errorf("%d, without %q:\n%s", status, want, text(page))
			}
		}
	}
	look("0.105", "0.160", "20.0% 超时", "80–90% 50 83.0% 80.0%", "0–10% 0 — —", "Probability that the promise")
	report.Estimating = false
	look("并不比猜平均值更准")
	report.Calibration, report.Why = nil, risk.ErrHistory.Error()
	look("历史还不足以估计风险")
	report.Why = outlook.ErrElsewhere.Error()
	look("由另一个后台负责")
}
