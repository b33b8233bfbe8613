package dashboard_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/wire"
)

func TestKPI(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	path := "/api/v1/kpi?store=sh-pudong&from=2026-11-01&to=2026-11-05&by=day&definition=kpi/1"
	row := s.get(path, "rows", 2).(map[string]any)
	for key, want := range map[string]any{"key": "2026-11-03", "arrivals": 10.0, "orders": 10.0, "category_counts": 20.0, "vehicles": 9.0, "unclosed_jobs": 0.0} {
		if row[key] != want {
			t.Errorf("%s is %v, want %v", key, row[key], want)
		}
	}
	onTime := row["on_time"].(map[string]any)
	if onTime["rate"] != 0.7 || onTime["numerator"] != 7.0 || len(onTime["variants"].(map[string]any)) != 24 {
		t.Errorf("on_time is %v", onTime)
	}
	if got := row["turnaround_minutes"].(map[string]any); got["p50"] != 210.0 || got["p90"] != 490.0 {
		t.Errorf("turnaround %v", got)
	}
	if n := len(s.get(path, "rows").([]any)); n != 3 {
		t.Errorf("%d rows for three days and one that has not come", n)
	}
	if got := s.get("/api/v1/kpi", "rows", 0, "key"); got != "" {
		t.Errorf("without a period and by it is one row for today, not %v", got)
	}
}

func TestAsOfGivesTheSameFigures(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	path := "/api/v1/kpi?from=2026-11-03&to=2026-11-04&by=none"
	_, before := s.do("GET", path, "")
	asOf, now := pick(t, before, "as_of").(string), pick(t, before, "now").(string)
	passed := s.get("/api/v1/orders/V6", "events").([]any)
	id := passed[len(passed)-2].(map[string]any)["id"].(string)
	if _, err := s.office.Record(t.Context(), store, &kiosk.Voided{Event: id, Meta: kiosk.Meta{By: "s1", Reason: "wrong car"}}); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(48 * time.Hour)
	if got := s.get(path, "rows", 0, "on_time", "variants", "first/pass/signed/on_time", "numerator"); got != 7.0 {
		t.Errorf("after the pass was voided: %v in time, ties included, want 7", got)
	}
	_, again := s.do("GET", path+"&as_of="+asOf+"&now="+strings.ReplaceAll(now, "+", "%2B"), "")
	if again != before {
		t.Errorf("as of then it is\n%s\nit was\n%s", again, before)
	}
}

func TestOrdersBehindAFigure(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	ids := func(query string) string {
		var out []string
		for _, o := range s.get("/api/v1/orders?from=2026-11-03&to=2026-11-04"+query, "orders").([]any) {
			out = append(out, o.(map[string]any)["order"].(string))
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"&kpi=on_time&value=late":                               "W6 W7 W9",
		"&kpi=on_time&value=late&variant=last/pass/passed/late": "W6",
		"&kpi=on_time&value=on_time":                            "W0 W1 W2 W3 W4 W5 W8",
		"&kpi=rework":                                           "",
		"":                                                      "W0 W1 W2 W3 W4 W5 W6 W7 W8 W9",
	} {
		if got := ids(query); got != want {
			t.Errorf("orders%s: %s, want %s", query, got, want)
		}
	}
}

func TestOrderDownToItsScans(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	byOrder, byVisit := s.get("/api/v1/orders/W7", "events").([]any), s.get("/api/v1/orders/V7", "events").([]any)
	if len(byOrder) != len(byVisit) || len(byOrder) != 8 {
		t.Fatalf("%d events by order, %d by visit, want 8", len(byOrder), len(byVisit))
	}
	var types []string
	for _, e := range byOrder {
		types = append(types, e.(map[string]any)["type"].(string))
	}
	want := "visit.checked_in visit.accepted order.signed job.started job.finished promise.revised inspection.passed visit.delivered"
	if got := strings.Join(types, " "); got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	start := byOrder[3].(map[string]any)
	if start["scan"].(map[string]any)["text"] != "V0A713K8QZ25" || start["time"] != "2026-11-03T09:30:00.000+08:00" || start["counted"] != true {
		t.Errorf("the start is %v", start)
	}
	if start["event"].(map[string]any)["source"] != "/stores/sh-pudong/kiosks/k1" {
		t.Errorf("its bytes are %v", start["event"])
	}
}

func TestBaysAndKiosks(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	bay := s.get("/api/v1/bays", "bays", 1).(map[string]any)
	if bay["bay"] != "b2" || bay["state"] != "late" || bay["visit"] != "V9" || bay["ticket"] != "A009" {
		t.Errorf("bay b2 is %v, want V9, late", bay)
	}
	for i, want := range map[int]string{0: "free", 2: "free"} {
		if got := s.get("/api/v1/bays", "bays", i, "state"); got != want {
			t.Errorf("bay %d is %v, want %s", i, got, want)
		}
	}
	// Another car takes the bay: the earlier one leaves it, though its job is open.
	s.at("16:50", &kiosk.Started{Job: kiosk.Job{Visit: "VX", Bay: "b2", Technician: "t2"}})
	if bay := s.get("/api/v1/bays", "bays", 1).(map[string]any); bay["visit"] != "VX" || bay["state"] != "working" {
		t.Errorf("bay b2 is %v, want VX, working", bay)
	}
	k := s.get("/api/v1/kiosks", "kiosks", 0).(map[string]any)
	if k["kiosk"] != "k1" || k["receipt"].([]any)[0].(map[string]any)["through"] != 69.0 {
		t.Errorf("the board is %v", k)
	}
}

func TestExport(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	_, body := s.do("GET", "/api/v1/events?after=3&limit=2", "")
	lines := strings.Split(strings.TrimSpace(body), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2", len(lines))
	}
	rows, err := s.ledger.Events(t.Context(), store, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`{"position":4,"event":%s}`, rows[0].Bytes); lines[0] != want {
		t.Errorf("the first line is\n%s\nwant\n%s", lines[0], want)
	}
	if _, all := s.do("GET", "/api/v1/events?limit=100000", ""); strings.Count(all, "\n") != 68 {
		t.Errorf("%d lines in all", strings.Count(all, "\n"))
	}
}

func TestBadInput(t *testing.T) {
	s := newSite(t, dashboard.Config{Token: "secret"})
	for _, tt := range []struct {
		path, parameter, says string
		status                int
	}{
		{"kpi?store=nowhere", "store", `"nowhere" is not one of sh-pudong`, 404},
		{"kpi?from=2026-02-29", "from", `"2026-02-29" is not a day`, 400},
		{"kpi?from=2026-11-04&to=2026-11-03", "to", "to 2026-11-03 is not after from 2026-11-04", 400},
		{"kpi?from=2026-11-04&to=2026-11-04", "to", "is not after", 400},
		{"kpi?from=1900-01-01", "to", "more than", 400},
		{"kpi?by=hour", "by", `"hour"`, 400},
		{"kpi?definition=kpi/2", "definition", `"kpi/2" is not known`, 400},
		{"kpi?as_of=12", "as_of", "<ledger>-<position>", 400},
		{"kpi?as_of=other-12", "as_of", "this one is " + s.ledger.ID(), 404},
		{"kpi?as_of=" + s.ledger.ID() + "-99999", "as_of", "the ledger ends at 68", 404},
		{"kpi?now=noon", "now", `"noon"`, 400},
		{"orders?kpi=profit", "kpi", `"profit" is not one of`, 400},
		{"orders?kpi=on_time&value=green", "kpi", `"green"`, 400},
		{"orders?kpi=on_time&variant=x", "variant", `"x"`, 400},
		{"orders/W99", "id", `"W99"`, 404},
		{"events?limit=-1", "limit", `"-1"`, 400},
		{"events?after=abc", "after", `"abc"`, 400},
	} {
		status, body := s.do("GET", "/api/v1/"+tt.path, "")
		if tt.path == "kpi?from=1900-01-01" {
			status, body = s.do("GET", "/api/v1/kpi?from=1900-01-01&to=2026-01-01", "")
		}
		if status != tt.status || pick(t, body, "parameter") != tt.parameter || !strings.Contains(pick(t, body, "detail").(string), tt.says) {
			t.Errorf("%s: %d %s, want %d, %s, %q", tt.path, status, body, tt.status, tt.parameter, tt.says)
		}
	}
}

func TestRecord(t *testing.T) {
	s := newSite(t, dashboard.Config{Token: "secret"})
	events := s.get("/api/v1/orders/V0", "events").([]any)
	pass := events[5].(map[string]any)["id"].(string)
	post := func(by, typ, data string) (int, string) {
		return s.do("POST", "/api/v1/events", fmt.Sprintf(`{"type":%q,"by":%q,"data":%s}`, typ, by, data))
	}
	for _, tt := range []struct {
		by, typ, data, says string
		status              int
	}{
		{"a1", "event.voided", `{"event":"` + pass + `","reason":"wrong car"}`, "a1 may not record", 403},
		{"x9", "event.voided", `{"event":"` + pass + `","reason":"wrong car"}`, `"x9" is nobody`, 400},
		{"s1", "job.started", `{}`, "cannot be recorded here", 400},
		{"s1", "event.voided", `{"event":"e1-999","reason":"r"}`, "e1-999", 400},
		{"s1", "event.voided", `{"event":"` + pass + `"}`, "needs its reason", 400},
		{"s1", "event.voided", `{"evnt":"` + pass + `"}`, "unknown field", 400},
		{"s1", "event.amended", `{"event":"` + pass + `","reason":"r","fields":{"visit":"V1"}}`, "do not fit", 400},
		{"s1", "event.amended", `{"event":"` + pass + `","reason":"r","fields":{"at":"2027-01-01T00:00:00Z"}}`, "has not come yet", 400},
		{"s1", "job.finished", `{"visit":"V9","bay":"b2","technician":"t1","reason":"forgot"}`, "needs its time", 400},
		{"s1", "job.finished", `{"visit":"V9","bay":"b2","technician":"t1","at":"2026-11-03T08:00:00+08:00","reason":"forgot"}`, "went on until", 409},
		{"s1", "job.finished", `{"visit":"V9","bay":"b2","technician":"t2","at":"2026-11-03T10:00:00+08:00","reason":"forgot"}`, "no unfinished job", 409},
		{"s1", "rework.confirmed", `{"visit":"V9","earlier":"V9","items":["M1"]}`, "earlier visit", 400},
		{"s1", "rework.confirmed", `{"visit":"V9","earlier":"V77","items":["M1"]}`, `"V77"`, 400},
		{"a1", "promise.revised", `{"visit":"V9","promise":"2026-11-03T18:00:00+08:00","consent":true,"reason":"mood"}`, `"mood"`, 400},
		{"a1", "order.cancelled", `{"visit":"V9"}`, "reason", 409},
		{"a1", "visit.closed", `{"visit":"V0","outcome":"left"}`, "open: false", 409},
		{"s1", "rework.confirmed", `{"visit":"V9","earlier":"V0","items":["M1"],"persondigest":"00"}`, "not for people to state", 400},
		{"s1", "attendance.recorded", `{"technician":"t1","from":"2026-11-03T18:00:00+08:00","to":"2026-11-03T08:00:00+08:00"}`, "after from", 400},
	} {
		if status, body := post(tt.by, tt.typ, tt.data); status != tt.status || !strings.Contains(pick(t, body, "detail").(string), tt.says) {
			t.Errorf("%s by %s %s: %d %s, want %d %q", tt.typ, tt.by, tt.data, status, body, tt.status, tt.says)
		}
	}
	for _, tt := range [][3]string{
		{"s1", "event.voided", `{"event":"` + pass + `","reason":"wrong car"}`},
		{"s1", "job.finished", `{"visit":"V9","bay":"b2","technician":"t1","at":"2026-11-03T15:00:00+08:00","reason":"forgot"}`},
		{"s1", "rework.confirmed", `{"visit":"V9","earlier":"V0","items":["M1"]}`},
		{"a1", "promise.revised", `{"visit":"V9","promise":"2026-11-03T18:00:00+08:00","consent":true,"reason":"parts"}`},
	} {
		if status, body := post(tt[0], tt[1], tt[2]); status != http.StatusCreated || pick(t, body, "by") != tt[0] {
			t.Errorf("%s: %d %s", tt[1], status, body)
		}
	}
	row := s.get("/api/v1/kpi", "rows", 0).(map[string]any)
	if row["on_time"].(map[string]any)["numerator"] != 6.0 || row["rework"].(map[string]any)["numerator"] != 1.0 {
		t.Errorf("after a pass was voided and a rework confirmed: %v", row)
	}
	var voided bool
	for _, e := range s.get("/api/v1/orders/V0", "events").([]any) {
		if m := e.(map[string]any); m["id"] == pass {
			voided = m["voided"].(bool)
		}
	}
	if !voided {
		t.Error("the voided event does not say so")
	}
	for body, says := range map[string]string{`{"type":"x"} {}`: "something follows", `[`: "read body", `{"typ":1}`: "unknown field", strings.Repeat(" ", 70_000): "too large"} {
		if status, answer := s.do("POST", "/api/v1/events", body); status != 400 || !strings.Contains(answer, says) {
			t.Errorf("body %.20q: %d %s, want %q", body, status, answer, says)
		}
	}
}

func TestAccess(t *testing.T) {
	s := newSite(t, dashboard.Config{Token: "secret"})
	s.token = ""
	for path, want := range map[string]int{"/api/v1/kpi": 401, "/": 401, "/metrics": 401, "/stream": 401, "/readyz": 200} {
		if status, _ := s.do("GET", path, ""); status != want {
			t.Errorf("GET %s without the token: %d, want %d", path, status, want)
		}
	}
	s.token = "guess"
	if status, body := s.do("GET", "/api/v1/kpi", ""); status != 401 || !strings.Contains(body, "bring the token") {
		t.Errorf("with a wrong token: %d %s", status, body)
	}
	open := newSite(t, dashboard.Config{})
	if status, _ := open.do("GET", "/api/v1/kpi", ""); status != 200 {
		t.Errorf("from this machine, no token being set: %d", status)
	}
	if status, _ := open.do("POST", "/api/v1/events", `{"type":"event.voided","by":"s1","data":{}}`); status != 401 {
		t.Errorf("recording without a token: %d", status)
	}
	r := httptest.NewRequest("GET", "http://localhost/api/v1/kpi", nil) // comes from 192.0.2.1
	w := httptest.NewRecorder()
	open.server.Config.Handler.ServeHTTP(w, r)
	if w.Code != 401 {
		t.Errorf("from another machine, no token being set: %d", w.Code)
	}
	r = httptest.NewRequest("GET", "http://evil.example/api/v1/kpi", nil)
	w = httptest.NewRecorder()
	open.server.Config.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusMisdirectedRequest {
		t.Errorf("under a foreign name: %d", w.Code)
	}
}

func TestSignIn(t *testing.T) {
	pepper := []byte("pepper")
	pin, err := staff.HashPIN(pepper, "135790")
	if err != nil {
		t.Fatal(err)
	}
	dir := staff.NewDirectory([]staff.Person{{ID: "s1", Name: "王强", Roles: []staff.Role{staff.Supervisor}, PIN: pin}})
	door := staff.NewDoor(func() *staff.Directory { return dir }, pepper, time.Now)
	s := newSite(t, dashboard.Config{Token: "secret", Door: door})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	send := func(method, path, body string, cookies []*http.Cookie, origin string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(body, "{") {
			r.Header.Set("Content-Type", "application/json")
		} else {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for _, c := range cookies {
			r.AddCookie(c)
		}
		r.Header.Set("Sec-Fetch-Site", origin)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	if resp := send("GET", "/kpi?from=2026-11-03", "", nil, "none"); resp.StatusCode != 303 || resp.Header.Get("Location") != "/signin?next=%2Fkpi%3Ffrom%3D2026-11-03" {
		t.Errorf("a page for strangers: %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	if resp := send("POST", "/signin", "who=s1&pin=000000", nil, "same-origin"); resp.StatusCode != 403 {
		t.Errorf("a wrong PIN: %d", resp.StatusCode)
	}
	if resp := send("POST", "/signin", "who=s1&pin=135790", nil, "cross-site"); resp.StatusCode != 403 {
		t.Errorf("from another site: %d", resp.StatusCode)
	}
	resp := send("POST", "/signin", "who=s1&pin=135790&next=//evil.example", nil, "same-origin")
	if resp.StatusCode != 303 || resp.Header.Get("Location") != "/" {
		t.Fatalf("signing in: %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	cookies := resp.Cookies()
	if got := send("GET", "/signin", "", nil, "none"); got.StatusCode != 200 {
		t.Errorf("the page to sign in on: %d", got.StatusCode)
	}
	if got := send("GET", "/", "", cookies, "none"); got.StatusCode != 200 {
		t.Errorf("a page once signed in: %d", got.StatusCode)
	}
	rework := `{"type":"rework.confirmed","data":{"visit":"V9","earlier":"V0","items":["M1"]}}`
	if got := send("POST", "/api/v1/events", rework, cookies, "cross-site"); got.StatusCode != 403 {
		t.Errorf("recording from another site: %d", got.StatusCode)
	}
	if got := send("POST", "/api/v1/events", rework, cookies, "same-origin"); got.StatusCode != 201 {
		t.Errorf("recording once signed in: %d", got.StatusCode)
	}
	send("POST", "/signout", "", cookies, "same-origin")
	if got := send("GET", "/", "", cookies, "none"); got.StatusCode != 303 {
		t.Errorf("a page once signed out: %d", got.StatusCode)
	}
}

func TestPages(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	later := clock(t, "18:00") // signed today, and not yet due
	s.at("16:50", &kiosk.Signed{Visit: "VX", Order: "WX", Adviser: "a1", Promise: &later})
	for path, wants := range map[string][]string{
		"/":                                  {"准时交车率", "63.6%", ">7</a>/<a", ">11</a>", "70.0%", ">10</a>", "已超时", "A009", "超时 60 分钟", "上海浦东店", "到店数", "李娜"},
		"/?lang=en":                          {"On-time rate", "60 min over", "No order is at risk", "Latest events"},
		"/?part=live":                        {"准时交车率"},
		"/kpi?from=2026-11-03&to=2026-11-04": {"定义", "同一底盘号多次维修为一辆车", "Distinct vehicles among those orders", "11-03 周二", ">210</a> <small>/ 490"},
		"/kpi?from=x&lang=en":                {"Not possible:", "is not a day"},
		"/orders/W7":                         {"V0A713K8QZ25", "个人信息", "修改约定时间", "保修"},
		"/kiosks?lang=en":                    {"Receipted up to", "69", "No alarms"},
	} {
		_, body := s.do("GET", path, "")
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not show %q", path, want)
			}
		}
		if i := strings.Index(body, "&lt;"); i >= 0 { // nothing here is hostile: it is a tag of ours, shown as text
			t.Errorf("%s shows %.80q", path, body[i:])
		}
		if strings.Contains(path, "part=") != !strings.Contains(body, "<html") {
			t.Errorf("%s is a whole page, or is not", path)
		}
	}
	if status, body := s.do("GET", "/kpi?from=%3Cscript%3E", ""); status != 400 || strings.Contains(body, "<script>") {
		t.Errorf("a hostile parameter: %d, unescaped %v", status, strings.Contains(body, "<script>"))
	}
	resp, err := s.server.Client().Get(s.server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
}

// TestEveryTextExists looks up each text that a page names, written out or by
// a value of the domain.
func TestEveryTextExists(t *testing.T) {
	all := words.All()
	has := func(key string) {
		if _, ok := all[words.Key(key)]; !ok {
			t.Errorf("no text is called %q", key)
		}
	}
	files, err := filepath.Glob("web/*.html")
	if err != nil || len(files) < 5 {
		t.Fatalf("pages: %v %v", files, err)
	}
	named := regexp.MustCompile(`\.T "([^"]+)"`)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(b), -1) {
			has(m[1])
		}
	}
	for _, s := range append(kiosk.Stages(), kiosk.StageEnded) {
		has("stage." + string(s))
	}
	for _, c := range kiosk.Categories() {
		has("category." + string(c))
	}
	for _, s := range []string{"free", "working", "waiting", "risk", "late", "ready"} {
		has("bay." + s)
	}
	for _, s := range []wire.State{wire.Ready, wire.Lost, wire.Disconnected, "unknown"} {
		has("office.state." + string(s))
	}
	for _, v := range kpi.Variants() {
		for _, part := range strings.Split(v.String(), "/") {
			has("kpi.variant." + part)
		}
	}
	for _, code := range dashboard.Troubles() {
		has("office.trouble." + code)
		has("office.trouble." + code + ".do")
	}
	for _, f := range dashboard.Figures() {
		has("kpi." + f)
		has("kpi." + f + ".def")
	}
	for _, f := range dashboard.Shares() {
		has("kpi." + f + ".num")
		has("kpi." + f + ".den")
	}
	for _, m := range kpi.Measures() {
		if m.Aim() {
			has("office.targets.unit." + string(m.Unit))
		}
	}
}

func TestStreamSaysThatSomethingChanged(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", s.server.URL+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "" { // the stream stands
	}
	if _, err := s.office.Record(t.Context(), store, &kiosk.ReworkConfirmed{Visit: "V9", Earlier: "V0", Items: []string{"M1"}}); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if data != `{"position":69}` {
				t.Errorf("it says %s", data)
			}
			return
		}
	}
	t.Errorf("the stream ended: %v", lines.Err())
}

func TestReadyAndMetrics(t *testing.T) {
	why := fmt.Errorf("broker cannot be reached")
	s := newSite(t, dashboard.Config{Ready: func() error { return why }})
	if status, body := s.do("GET", "/readyz", ""); status != 503 || !strings.Contains(body, why.Error()) {
		t.Errorf("not ready: %d %s", status, body)
	}
	why = nil
	if status, _ := s.do("GET", "/readyz", ""); status != 200 {
		t.Errorf("ready: %d", status)
	}
	if status, _ := s.do("GET", "/metrics", ""); status != 404 {
		t.Errorf("metrics that nobody keeps: %d", status)
	}
	s = newSite(t, dashboard.Config{Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("baylight_ledger_position 68\n")) })})
	if status, body := s.do("GET", "/metrics", ""); status != 200 || body != "baylight_ledger_position 68\n" {
		t.Errorf("metrics: %d %s", status, body)
	}
}
