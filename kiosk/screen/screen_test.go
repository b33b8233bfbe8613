package screen

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/health"
)

// browser is what a person sits in front of: a real connection, cookies, and
// the form fields of the last page.
type browser struct {
	t    testing.TB
	s    *shop
	url  string
	c    *http.Client
	page string // body of the last page
	code int
	at   string // its path
	head http.Header
}

func browse(t testing.TB) *browser {
	t.Helper()
	s, cfg := open(t)
	srv := httptest.NewServer(New(cfg, s))
	t.Cleanup(srv.Close)
	jar, _ := cookiejar.New(nil)
	c := srv.Client()
	c.Jar = jar
	return &browser{t: t, s: s, url: srv.URL, c: c}
}

func (b *browser) do(r *http.Request) {
	b.t.Helper()
	resp, err := b.c.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.page, b.code, b.at, b.head = string(body), resp.StatusCode, resp.Request.URL.Path, resp.Header
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	r, err := http.NewRequest("GET", b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(r)
	return b
}

var inputs = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// fill is the form of the last page that posts to action, with values.
func (b *browser) fill(action string, values url.Values) url.Values {
	b.t.Helper()
	_, after, ok := strings.Cut(b.page, `action="`+action+`"`)
	if !ok {
		b.t.Fatalf("no form to %s on %s:\n%s", action, b.at, b.page)
	}
	form, _, _ := strings.Cut(after, "</form>")
	v := url.Values{}
	for _, m := range inputs.FindAllStringSubmatch(form, -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	for k, vs := range values {
		v[k] = vs
	}
	return v
}

func (b *browser) post(action string, v url.Values) *browser {
	b.t.Helper()
	r, err := http.NewRequest("POST", b.url+action, strings.NewReader(v.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.url)
	b.do(r)
	return b
}

// send fills a form of the last page and posts it.
func (b *browser) send(action string, values url.Values) *browser {
	b.t.Helper()
	return b.post(action, b.fill(action, values))
}

func (b *browser) json(path, body string, header ...string) map[string]any {
	b.t.Helper()
	r, err := http.NewRequest("POST", b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	b.do(r)
	var out map[string]any
	if err := json.Unmarshal([]byte(b.page), &out); err != nil {
		b.t.Fatalf("%s answers %q: %v", path, b.page, err)
	}
	return out
}

func (b *browser) signIn(who string) *browser {
	b.t.Helper()
	b.get("/sign-in").post("/sign-in", url.Values{"who": {who}, "pin": {"2468"}})
	if b.code != 200 || b.at != "/desk" {
		b.t.Fatalf("signed in as %s: %d at %s", who, b.code, b.at)
	}
	return b
}

func (b *browser) shows(texts ...string) {
	b.t.Helper()
	for _, s := range texts {
		if !strings.Contains(b.page, s) {
			b.t.Errorf("%s (%d) does not show %q:\n%s", b.at, b.code, s, b.page)
		}
	}
}

func (b *browser) hides(texts ...string) {
	b.t.Helper()
	for _, s := range texts {
		if strings.Contains(b.page, s) {
			b.t.Errorf("%s shows %q", b.at, s)
		}
	}
}

func TestCustomerChecksIn(t *testing.T) {
	b := browse(t)
	b.get("/").shows("请扫码登记", "保养", "故障", "事故", "取车", "呼叫工作人员", "English")
	b.send("/choose", url.Values{"purpose": {"maintenance"}})
	if b.at != "/checkin" || b.s.prepared.Purpose != "maintenance" {
		t.Fatalf("choosing goes to %s with %+v prepared for a scan", b.at, b.s.prepared)
	}
	form := b.fill("/checkin", url.Values{"plate": {"粤 b·12345"}, "waiting": {"1"}})
	b.post("/checkin", form).shows("A001", "粤B••345", "待服务顾问确认")
	b.hides("粤B12345")
	if b.at != "/done" || !strings.Contains(b.head.Get("Refresh"), "url=/") {
		t.Errorf("ends at %s, refresh %q", b.at, b.head.Get("Refresh"))
	}
	b.post("/checkin", form).shows("A001") // a double tap
	if n := b.s.count("visit.checked_in"); n != 1 {
		t.Errorf("%d check-ins after a double tap", n)
	}
	// The next customer, on a form that was already used: never the other's number.
	form.Set("plate", "粤B67890")
	b.post("/checkin", form).shows("页面已过期")
	b.hides("A001")
	b.send("/checkin", url.Values{"plate": {"粤B67890"}, "waiting": {"0"}}).shows("A002")
	in := b.s.last().(floor.CheckIn)
	if in.Form.Waiting || in.Form.Purpose != "maintenance" || in.By != "" {
		t.Errorf("checked in with %+v", in)
	}
}

func TestCustomerInEnglish(t *testing.T) {
	b := browse(t)
	b.get("/?lang=en").shows("Scan to check in", `lang="en"`)
	b.send("/choose", url.Values{"purpose": {"fault"}}).shows("Your number plate")
	b.send("/checkin", url.Values{"plate": {"粤B12345"}, "waiting": {"1"}}).shows("Your number", "A001")
	if in := b.s.last().(floor.CheckIn); in.Form.Language != "en" {
		t.Errorf("language recorded: %q", in.Form.Language)
	}
}

func TestCustomerMistakes(t *testing.T) {
	b := browse(t)
	for _, c := range []struct {
		plate, shows string
	}{
		{"", "请填写"}, {"粤B", "车牌不完整"}, {"粤B12\x00345", "无法使用"}, {strings.Repeat("粤", 100), "过长"}, {"<script>alert(1)</script>", "车牌不完整"},
	} {
		b.get("/checkin?purpose=fault").send("/checkin", url.Values{"plate": {c.plate}, "waiting": {"1"}})
		if b.code != http.StatusUnprocessableEntity {
			t.Errorf("plate %q: status %d", c.plate, b.code)
		}
		b.shows(c.shows)
		b.hides("<script>alert")
	}
	if n := b.s.count("visit.checked_in"); n != 0 {
		t.Errorf("%d check-ins", n)
	}
	b.get("/checkin?purpose=%3Cscript%3E").shows("其他")
	b.hides("<script>a")
	// The journal cannot be written: said clearly, and the same form works later.
	b.get("/checkin?purpose=fault")
	form := b.fill("/checkin", url.Values{"plate": {"粤B12345"}, "waiting": {"1"}})
	b.s.fail = errDisk
	if b.post("/checkin", form); b.code != http.StatusServiceUnavailable {
		t.Errorf("status %d when nothing can be stored", b.code)
	}
	b.shows("未能保存")
	b.s.fail = nil
	b.post("/checkin", form).shows("A001")
}

func TestScanAtReceptionShowsOnTheStartPage(t *testing.T) {
	b := browse(t)
	b.get("/").send("/choose", url.Values{"purpose": {"accident"}})
	r := b.s.scan("rec", "LSVAA4182E2184931")
	if !r.Good && !r.Confirm {
		t.Fatalf("scan: %+v", r)
	}
	if r.Good {
		b.get("/").shows("A001")
		if v, _ := b.s.Snapshot().Visit(r.Visit); v.Purpose != "accident" {
			t.Errorf("purpose %q, the customer chose accident", v.Purpose)
		}
	}
	b.s.scan("rec", "nonsense")
	b.get("/").shows("is-bad")
	b.s.pass(CustomerFor)
	b.get("/").shows("请扫码登记")
	b.hides("is-bad")
}

func TestPickup(t *testing.T) {
	b := browse(t)
	v := b.checkedIn("粤B12345")
	b.get("/pickup").send("/pickup", url.Values{"ticket": {"a001"}}).shows("A001", "等待服务顾问")
	b.get("/pickup").send("/pickup", url.Values{"ticket": {kiosk.MakeCode(kiosk.KindVisit, v)}}).shows("A001")
	if n := b.s.count("pickup.requested"); n != 2 {
		t.Errorf("%d pick-ups", n)
	}
	b.get("/pickup").send("/pickup", url.Values{"ticket": {"A0"}}).shows("没有找到号码")
	b.hides("粤B••345")
}

func TestCallAPerson(t *testing.T) {
	b := browse(t)
	for _, page := range []string{"/", "/checkin?purpose=fault", "/pickup"} {
		b.get(page).send("/help", nil)
		if in, ok := b.s.last().(floor.CallHelp); !ok || in.Place != floor.Reception || b.at != "/done" {
			t.Errorf("from %s: %+v at %s", page, b.s.last(), b.at)
		}
	}
	// A page from before a restart calls as well.
	b.get("/").send("/help", url.Values{"id": {"of-another-run"}})
	if b.at != "/done" || len(b.s.help) != 4 {
		t.Errorf("from an old page: %d at %s, %v", b.code, b.at, b.s.help)
	}
	b.signIn("a01").shows("接待台 呼叫帮助")
	b.send("/desk/clearhelp", nil)
	if len(b.s.help) != 0 {
		t.Errorf("still called: %v", b.s.help)
	}
}

// checkedIn checks a car in and returns its visit.
func (b *browser) checkedIn(plate string) string {
	b.t.Helper()
	a := b.json("/api/kiosk/checkin", `{"plate":"`+plate+`","purpose":"maintenance","waiting":true}`)
	if a["good"] != true {
		b.t.Fatalf("check in: %v", a)
	}
	return a["visit"].(string)
}

func TestDeskWholeVisit(t *testing.T) {
	b := browse(t)
	v := b.checkedIn("粤B12345")
	b.get("/desk/visit/" + v)
	if b.at != "/sign-in" {
		t.Fatalf("without signing in: %s", b.at)
	}
	b.signIn("a01").shows("A001", "粤B••345", "到店待接")
	b.hides("粤B12345")
	at := "/desk/visit/" + v
	b.get(at).send("/desk/accept", nil).shows("已接待 A001", "王顾问")
	b.get(at).send("/desk/sign", url.Values{"promise": {"2026-11-21T15:30"}}).shows("请至少选择一个维修项目")
	b.send("/desk/sign", url.Values{"item": {"M10", "W07"}, "payer.W07": {"store"}, "promise": {"2026-11-21T15:30"}}).shows("已开单", "更换机油机滤", "15:30", "站赔")
	in := b.s.last().(floor.Sign)
	if want := time.Date(2026, 11, 21, 15, 30, 0, 0, shanghai); !in.Promise.Equal(want) || in.By != "a01" || len(in.Items) != 2 || in.Items[0].StandardMinutes != 40 {
		t.Errorf("signed with %+v", in)
	}
	b.get(at).send("/desk/add", url.Values{"item": {"R30"}, "how": {"phone"}}).shows("已追加项目", "空调不制冷检修")
	b.get(at).send("/desk/revise", url.Values{"promise": {"2026-11-21T16:30"}, "reason": {"added_items"}, "consent": {"1"}, "how": {"phone"}}).shows("16:30", "追加维修项目")
	b.get(at).send("/desk/call", nil).shows("已请 A001 到 服务顾问台")
	b.get(at).send("/desk/reprint", nil)
	if in := b.s.last().(floor.Reprint); in.Document != "ticket-"+v {
		t.Errorf("reprints %q", in.Document)
	}
	b.get("/desk?q=A001")
	if b.at != at {
		t.Errorf("finding A001 ends at %s", b.at)
	}
	b.get(at).send("/desk/deliver", nil).shows("已交车")
	b.get(at).shows("交车", "签订工单", "接车") // an ended visit still has its timeline
	if b.code != 200 {
		t.Errorf("ended visit: %d", b.code)
	}
}

func TestRoles(t *testing.T) {
	b := browse(t)
	v := b.checkedIn("粤B12345")
	b.signIn("t07").get("/desk/visit/" + v).shows("A001")
	b.hides("补录完工", "接车", "签订并打印")
	if b.json("/api/desk/accept", `{"visit":"`+v+`"}`); b.code != http.StatusForbidden {
		t.Errorf("a technician accepts: %d", b.code)
	}
	b2 := browse(t)
	v = b2.checkedIn("粤B12345")
	b2.signIn("s01").get("/desk/visit/" + v).shows("作废")
	b2.send("/desk/void", url.Values{"reason": {"登错"}})
	b2.shows("登错")
	if b2.s.count("event.voided") != 1 {
		t.Errorf("the supervisor's void: %d %s", b2.code, b2.page)
	}
	b2.signIn("a01")
	if a := b2.json("/api/desk/void", `{"event":"epoch-1","reason":"x"}`); b2.code != http.StatusForbidden || a["status"] != float64(403) {
		t.Errorf("an adviser voids: %d %v", b2.code, a)
	}
}

func TestAPI(t *testing.T) {
	b := browse(t)
	a := b.json("/api/kiosk/checkin", `{"plate":"粤B12345","purpose":"fault","waiting":false,"language":"en"}`)
	if a["ticket"] != "A001" || a["plate"] != "粤B••345" || a["key"] != "floor.checked_in" {
		t.Fatalf("check-in answers %v", a)
	}
	visit := a["visit"].(string)
	if a := b.json("/api/desk/accept", `{"visit":"`+visit+`"}`); b.code != 401 || a["good"] != false {
		t.Errorf("without session: %d %v", b.code, a)
	}
	if a := b.json("/api/sign-in", `{"who":"a01","pin":"2468"}`); b.code != 200 || a["person"] != "a01" {
		t.Fatalf("sign-in: %d %v", b.code, a)
	}
	if a := b.json("/api/desk/accept", `{"visit":"`+visit+`"}`); a["good"] != true {
		t.Errorf("accept: %v", a)
	}
	for range 2 { // sent twice, done once
		if a := b.json("/api/desk/sign", `{"visit":"`+visit+`","item":["M10"],"minutes.M10":55,"promise":"2026-11-21T15:30:00+08:00"}`, "Idempotency-Key", "k1"); a["good"] != true || a["warn"] == true {
			t.Errorf("sign: %d %v", b.code, a)
		}
	}
	if n := b.s.count("order.signed"); n != 1 {
		t.Errorf("%d orders signed with one Idempotency-Key", n)
	}
	if in := b.s.last().(floor.Sign); in.Items[0].StandardMinutes != 55 {
		t.Errorf("standard minutes %d", in.Items[0].StandardMinutes)
	}
	for _, c := range []struct {
		path, body, field string
		code              int
	}{
		{"/api/desk/sign", `{"visit":"` + visit + `","item":["NONE"]}`, "item", 422},
		{"/api/desk/sign", `{"visit":"` + visit + `","item":["M10"],"promise":"tomorrow"}`, "promise", 422},
		{"/api/desk/sign", `{"visit":"` + visit + `","item":["M10"],"payer.M10":"me"}`, "payer.M10", 422},
		{"/api/desk/revise", `{"visit":"` + visit + `","promise":"2026-11-21T17:00","reason":"because"}`, "reason", 422},
		{"/api/desk/accept", `{"visit":"../../etc"}`, "visit", 422},
		{"/api/desk/accept", `{"visit":"` + visit + `","id":"mine"}`, "id", 422},
		{"/api/desk/accept", `{"visit":{"a":1}}`, "", 400},
		{"/api/desk/accept", `[1]`, "", 400},
		{"/api/desk/accept", `null`, "", 400},
		{"/api/desk/accept", `{"visit":"x"} {}`, "", 400},
		{"/api/desk/accept", `{"visit":"` + strings.Repeat("x", MaxBody) + `"}`, "", 413},
		{"/api/desk/explode", `{}`, "", 404},
		{"/api/kiosk/explode", `{}`, "", 404},
		{"/api/kiosk/checkin", `{"plate":"粤B"}`, "", 422},
		{"/api/sign-in", `{"who":"a01","pin":"0000"}`, "", 401},
	} {
		before := b.s.state.Next()
		a := b.json(c.path, c.body)
		field, _ := a["field"].(string)
		if b.code != c.code || field != c.field || a["status"] != float64(c.code) || a["detail"] == "" || b.head.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %.60s: %d %v, want %d for field %q", c.path, c.body, b.code, a, c.code, c.field)
		}
		if b.s.state.Next() != before {
			t.Errorf("%s %.60s left events", c.path, c.body)
		}
	}
}

func TestBayAndBoard(t *testing.T) {
	b := browse(t)
	v := b.checkedIn("粤B12345")
	b.signIn("a01").json("/api/desk/sign", `{"visit":"`+v+`","item":["M10"],"promise":"2026-11-21T15:30"}`)
	b.get("/bay/b1").shows("1号工位", "空闲", "白灯", "请先扫工牌")
	b.s.scan("s1", kiosk.MakeCode(kiosk.KindBadge, "0A70000T07"))
	b.s.scan("s1", kiosk.MakeCode(kiosk.KindVisit, v))
	b.get("/bay/b1").shows("施工中", "绿灯", "张师傅", "A001", "15:30", "已开工", "data-ends=\"5000\"")
	b.s.pass(AnswerFor)
	b.get("/bay/b1").hides("已开工")
	b.get("/board").shows("A001", "维修中", "15:30")
	b.hides("粤B", "张师傅", "王顾问", v)
	b.json("/api/desk/call", `{"visit":"`+v+`","place":"desk"}`)
	b.get("/board").shows("请到", "服务顾问台")
	b.s.pass(calledFor)
	b.get("/board").hides("服务顾问台")
	if b.get("/bay/none"); b.code != 404 {
		t.Errorf("an unknown bay: %d", b.code)
	}
}

// TestDeskRisk: the desk says which promise may break, by the rule of the lamps:
// as the office says, else by what is left to do.
func TestDeskRisk(t *testing.T) {
	b := browse(t)
	v := b.checkedIn("粤B12345")
	b.signIn("a01").json("/api/desk/accept", `{"visit":"`+v+`"}`)
	due := b.s.Now().Wall.Add(10 * time.Minute)
	b.json("/api/desk/sign", `{"visit":"`+v+`","item":["M10"],"minutes.M10":60,"promise":"`+due.Format(time.RFC3339)+`"}`)
	b.get("/desk").shows("可能超时")
	for p, says := range map[float64]func(...string){0.1: b.hides, 0.9: b.shows} {
		if err := b.s.state.Hear(floor.Elsewhere{Visit: v, Risk: &floor.Risk{P: p, At: b.s.now.Wall}}, b.s.now); err != nil {
			t.Fatal(err)
		}
		b.get("/desk")
		says("可能超时")
	}
	b.s.pass(11 * time.Minute)
	b.get("/desk").shows("已过约定")
	b.hides("可能超时")
}

func TestForMachines(t *testing.T) {
	b := browse(t)
	b.checkedIn("粤B12345")
	b.get("/healthz")
	var h condition
	if err := json.Unmarshal([]byte(b.page), &h); err != nil || !h.OK || h.Head != 1 || h.Outbox.Depth != 3 || h.Paper != 1 || len(h.Devices) != 3 || h.Visits != 1 ||
		h.Level != health.Degraded || len(h.Reasons) != 2 || h.Reasons[0].Code != "printer.paper" || !strings.Contains(h.Reasons[0].ZH, "缺纸") || !strings.Contains(h.Reasons[0].EN, "no paper") {
		t.Errorf("healthz: %+v, %v", h, err)
	}
	b.get("/readyz").shows(`"ready":true`)
	b.get("/metrics").shows("baylight_outbox_depth 3\n", `baylight_device_up{device="ticket",kind="printer"} 1`, `baylight_visits_open{stage="waiting_adviser"} 1`, "baylight_outbox_oldest_seconds 1.5\n",
		"baylight_health_level 1\n", `baylight_health_reasons{code="printer.paper"} 2`, "# TYPE baylight_more gauge\nbaylight_more 7\n")
	b.get("/static/app.css")
	if b.head.Get("Content-Type") != "text/css; charset=utf-8" || b.head.Get("ETag") == "" {
		t.Errorf("css: %v", b.head)
	}
	for _, path := range []string{"/static/layout.html", "/static/..%2fhandler.go", "/static/"} {
		if b.get(path); b.code != 404 {
			t.Errorf("%s: %d", path, b.code)
		}
	}
}

func TestStream(t *testing.T) {
	b := browse(t)
	resp, err := b.c.Get(b.url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	next := func() change {
		t.Helper()
		var got bytes.Buffer
		one := make([]byte, 1)
		for !strings.HasSuffix(got.String(), "\n\n") {
			if _, err := resp.Body.Read(one); err != nil {
				t.Fatal(err)
			}
			got.Write(one)
		}
		var c change
		_, data, _ := strings.Cut(got.String(), "data: ")
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%q: %v", got.String(), err)
		}
		return c
	}
	if c := next(); c.Head != 0 {
		t.Errorf("first: %+v", c)
	}
	b.s.scan("s1", kiosk.MakeCode(kiosk.KindBadge, "0A70000T07"))
	if c := next(); c.Head != 1 || c.Said["b1"] != 1 {
		t.Errorf("after a scan: %+v", c)
	}
}
