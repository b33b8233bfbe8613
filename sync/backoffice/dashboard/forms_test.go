package dashboard_test

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/ledger/memledger"
)

const pin = "135790"

var pepper = []byte("pepper")

// verifier is the one of pin; argon2 takes a while.
var verifier = sync.OnceValues(func() (string, error) { return staff.HashPIN(pepper, pin) })

// crew are people of every role who can sign in.
func crew(t *testing.T) *staff.Directory {
	t.Helper()
	v, err := verifier()
	if err != nil {
		t.Fatal(err)
	}
	var all []staff.Person
	for id, role := range map[string]staff.Role{"v1": staff.Viewer, "a1": staff.Adviser, "s1": staff.Supervisor, "m1": staff.Manager, "t1": staff.Technician} {
		all = append(all, staff.Person{ID: id, Name: "人" + id, Roles: []staff.Role{role}, PIN: v})
	}
	return staff.NewDirectory(all)
}

// newDesk is a site that people can sign in to, whose token nobody here has.
func newDesk(t *testing.T, cfg dashboard.Config) *site {
	t.Helper()
	dir := crew(t)
	cfg.Door = staff.NewDoor(func() *staff.Directory { return dir }, pepper, time.Now)
	cfg.Token = "secret"
	return newSite(t, cfg)
}

// browser is somebody in front of the pages.
type browser struct {
	*testing.T
	base string
	c    *http.Client
}

// guest opens a browser; with an id somebody signs in.
func (s *site) guest(id string) browser {
	s.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	b := browser{s.T, s.server.URL, &http.Client{Jar: jar}}
	if id != "" {
		if _, page := b.post("/signin", url.Values{"who": {id}, "pin": {pin}}); !strings.Contains(page, "人"+id) {
			s.Fatalf("%s cannot sign in: %s", id, text(page))
		}
	}
	return b
}

func (b browser) send(r *http.Request) (int, string) {
	b.Helper()
	res, err := b.c.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (b browser) get(path string) (int, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, b.base+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	return b.send(r)
}

func (b browser) post(path string, form url.Values) (int, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r)
}

var secret = regexp.MustCompile(`name="form" value="([^"]+)"`)

// secretOf is the session's secret as a page's forms carry it.
func (b browser) secretOf(path string) string {
	b.Helper()
	_, page := b.get(path)
	m := secret.FindStringSubmatch(page)
	if m == nil {
		b.Fatalf("%s has no form", path)
	}
	return html.UnescapeString(m[1])
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)

// sure reads the form of the page that asks whether it shall be recorded.
func sure(page string) url.Values {
	_, form, _ := strings.Cut(page, `<form class="put"`)
	out := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(form, -1) {
		out.Set(m[1], html.UnescapeString(m[2]))
	}
	return out
}

// record goes the whole way: the form, the page that asks, the event.
func (b browser) record(path string, fields ...string) (asked, then string) {
	b.Helper()
	form := url.Values{"form": {b.secretOf(path)}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	status, asked := b.post("/record", form)
	if status != http.StatusOK || !strings.Contains(asked, "确认记录") {
		b.Fatalf("%v: %d\n%s", fields, status, text(asked))
	}
	status, then = b.post("/record", sure(asked))
	if status != http.StatusOK || !strings.Contains(then, "已记录") {
		b.Fatalf("%v once sure: %d\n%s", fields, status, text(then))
	}
	return asked, then
}

var tags = regexp.MustCompile(`(?s)<(style|script).*?</(style|script)>|<[^>]*>`)

// text is what people read of a page.
func text(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}

// idOf is the id of a visit's last event of a type.
func (s *site) idOf(visit string, typ kiosk.Type) (id string) {
	s.Helper()
	rows, err := s.ledger.Visit(s.Context(), store, visit)
	if err != nil {
		s.Fatal(err)
	}
	for _, row := range rows {
		e, err := kiosk.Decode(row.Bytes)
		if err != nil {
			s.Fatal(err)
		}
		if e.Type() == typ {
			id = e.ID()
		}
	}
	return id
}

// headline is today's on-time rate as numerator/denominator.
func (s *site) headline() string {
	s.Helper()
	s.token = "secret"
	row := s.get("/api/v1/kpi", "rows", 0, "on_time").(map[string]any)
	return formatFloat(row["numerator"].(float64)) + "/" + formatFloat(row["denominator"].(float64))
}

func TestVoidAnotherBoardsEvent(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	if got := s.headline(); got != "7/10" {
		t.Fatalf("before: %s", got)
	}
	b := s.guest("s1")
	pass := s.idOf("V0", "inspection.passed")
	asked, then := b.record("/orders/V0", "do", "void", "visit", "V0", "event", pass, "reason", "扫错了车")
	for _, want := range []string{"准时交车率 准时 超时", "质检合格 11:10 —", "扫错了车", "人s1"} {
		if !strings.Contains(text(asked), want) {
			t.Errorf("before it is recorded the page does not say %q:\n%s", want, text(asked))
		}
	}
	if !strings.Contains(text(then), "已作废") || !strings.Contains(text(then), "“扫错了车”") {
		t.Errorf("the order does not show the void:\n%s", text(then))
	}
	if got := s.headline(); got != "6/10" {
		t.Errorf("after: %s", got)
	}
	rows, err := s.ledger.Visit(t.Context(), store, "V0")
	if err != nil {
		t.Fatal(err)
	}
	e, err := kiosk.Decode(rows[len(rows)-1].Bytes)
	if err != nil || e.Source != kiosk.OfficeSource(store) || e.Data.Common().By != "s1" || kiosk.Corrects(e.Data) != pass {
		t.Errorf("recorded was %+v %v", e, err)
	}
}

func TestCorrections(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	sup, mgr := s.guest("s1"), s.guest("m1")

	asked, _ := sup.record("/orders/V6", "do", "amend", "visit", "V6", "event", s.idOf("V6", "inspection.passed"), "at", "2026-11-03T15:58:30", "reason", "迟扫")
	if !strings.Contains(text(asked), "质检合格 16:00 15:58") {
		t.Errorf("amending: %s", text(asked))
	}
	if got := s.headline(); got != "8/10" {
		t.Errorf("after a time was amended: %s", got)
	}
	_, page := sup.get("/orders/V9")
	if !strings.Contains(page, `value="2026-11-03T09:30"`) || !strings.Contains(text(page), "补填完工 · 张伟 b2") {
		t.Errorf("the form for the missing finish: %s", text(page))
	}
	sup.record("/orders/V9", "do", "finish", "visit", "V9", "technician", "t1", "bay", "b2", "item", "0", "at", "2026-11-03T15:00", "reason", "忘了")
	if s.idOf("V9", "job.finished") == "" {
		t.Error("no finish was recorded")
	}
	asked, _ = mgr.record("/orders/V9", "do", "promise", "visit", "V9", "at", "2026-11-03T18:00", "consent", "yes", "reason", "parts")
	if !strings.Contains(text(asked), "客户已同意 是") || !strings.Contains(text(asked), "等待配件") {
		t.Errorf("revising: %s", text(asked))
	}
	mgr.record("/orders/V9", "do", "cancel", "visit", "V9", "reason", "客户不修了")
	mgr.record("/orders/V9", "do", "close", "visit", "V9", "outcome", "left")
	_, page = mgr.get("/orders/V9")
	if !strings.Contains(text(page), "结束进站 客户已离开") {
		t.Errorf("closed: %s", text(page))
	}
	if got := s.headline(); got != "8/9" {
		t.Errorf("after an order was cancelled: %s", got)
	}
}

func TestProposals(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	due := clock(t, "16:55")
	again := func(visit, at string, item kiosk.Item) {
		s.at(at, &kiosk.CheckedIn{Visit: visit, Ticket: "B" + visit, Vehicle: "car1", Purpose: "fault"})
		s.at(at, &kiosk.Signed{Visit: visit, Order: "W" + visit, Adviser: "a1", Promise: &due, Items: []kiosk.Item{item}})
	}
	again("VA", "16:41", kiosk.Item{No: 1, Code: "W1", Category: kiosk.Warranty, Payer: "manufacturer", StandardMinutes: 30})
	again("VB", "16:42", kiosk.Item{No: 1, Code: "W1", Category: kiosk.Warranty, Payer: "manufacturer", StandardMinutes: 30})
	again("VC", "16:43", kiosk.Item{No: 1, Code: "X9", Category: kiosk.Major, Payer: "customer", StandardMinutes: 200})
	job := kiosk.Job{Visit: "VC", Bay: "b3", Technician: "t1"}
	s.at("16:44", &kiosk.Started{Job: job})
	s.at("16:50", &kiosk.Finished{Job: job})
	b := s.guest("s1")
	_, page := b.get("/worklist")
	for _, want := range []string{"可能是返工", "同一项目 W1 之前做过", "项目 X9 记为大修，实际工时 6 分钟；按 2 小时界限应为小修"} {
		if !strings.Contains(text(page), want) {
			t.Errorf("the worklist does not say %q:\n%s", want, text(page))
		}
	}
	b.record("/worklist", "do", "rework", "visit", "VA", "earlier", "V1", "items", "W1", "proposal", "rework", "reason", "同一故障")
	b.record("/worklist", "do", "decline", "visit", "VB", "earlier", "V1", "items", "W1", "proposal", "rework", "reason", "另一原因")
	asked, _ := b.record("/worklist", "do", "category", "visit", "VC", "items", "X9", "category", "minor", "reason", "实际很短")
	if !strings.Contains(text(asked), "维修类别 大修 小修") {
		t.Errorf("the page does not say what changes: %s", text(asked))
	}
	if _, page := b.get("/worklist"); strings.Contains(text(page), "可能是返工") || strings.Contains(text(page), "类别可能不符") {
		t.Errorf("decided proposals are still there: %s", text(page))
	}
	if _, page := s.guest("v1").get("/worklist"); strings.Contains(page, "<form") && strings.Contains(page, `name="do"`) {
		t.Error("a viewer is offered decisions")
	}
}

// Sent twice a form records once; one that is not of the session, or of nobody,
// records nothing.
func TestFormsAreSafe(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	b := s.guest("s1")
	pass := s.idOf("V1", "inspection.passed")
	form := url.Values{"form": {b.secretOf("/orders/V1")}, "do": {"void"}, "visit": {"V1"}, "event": {pass}, "reason": {"x"}}
	_, asked := b.post("/record", form)
	yes := sure(asked)
	before, err := s.ledger.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var same [2]string
	for i := range same {
		_, page := b.post("/record", yes)
		same[i] = text(page)
	}
	after, err := s.ledger.Position(t.Context())
	if err != nil || after != before+1 {
		t.Errorf("two clicks recorded %d events (%v)", after-before, err)
	}
	if same[0] != same[1] {
		t.Error("the second click is answered differently")
	}
	foreign := url.Values{}
	for k, v := range yes {
		foreign[k] = v
	}
	foreign.Set("form", s.guest("m1").secretOf("/orders/V1"))
	foreign.Set("once", "made-up")
	if status, page := b.post("/record", foreign); status != http.StatusForbidden || !strings.Contains(text(page), "页面已过期") {
		t.Errorf("with another session's secret: %d %s", status, text(page))
	}
	yes.Set("once", "made-up")
	if status, page := b.post("/record", yes); status != http.StatusConflict || !strings.Contains(text(page), "页面已过期") {
		t.Errorf("with an id that no form had: %d %s", status, text(page))
	}
	r := httptest.NewRequest(http.MethodPost, "http://localhost/record", strings.NewReader(yes.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.server.Config.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("of nobody: %d", w.Code)
	}
	if last, err := s.ledger.Position(t.Context()); err != nil || last != after {
		t.Errorf("something was recorded all the same: %d, %v", last-after, err)
	}
}

// Mistakes are answered on the order's page, in words, with what was filled in.
func TestMistakesInWords(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	sup, adv, mgr := s.guest("s1"), s.guest("a1"), s.guest("m1")
	pass := s.idOf("V1", "inspection.passed")
	for _, tt := range []struct {
		who    browser
		says   string
		status int
		fields []string
	}{
		{sup, "请写明原因", 400, []string{"do", "void", "event", pass}},
		{sup, "原因太长", 400, []string{"do", "void", "event", pass, "reason", strings.Repeat("长", 100)}},
		{sup, "时间还没有到", 400, []string{"do", "amend", "event", pass, "reason", "x", "at", "2030-01-01T00:00"}},
		{sup, "“昨天”不是时间", 400, []string{"do", "amend", "event", pass, "reason", "x", "at", "昨天"}},
		{sup, "“2026-02-29T10:00”不是时间", 400, []string{"do", "amend", "event", pass, "reason", "x", "at", "2026-02-29T10:00"}},
		{sup, "这条记录不在本店账本中", 400, []string{"do", "void", "event", "e9-1", "reason", "x"}},
		{sup, "没有未完工的施工", 409, []string{"do", "finish", "technician", "t1", "at", "2026-11-03T12:00", "reason", "x"}},
		{sup, "返工须指明更早", 400, []string{"do", "rework", "earlier", "V1", "items", "W1"}},
		{sup, "这个项目已经改变", 409, []string{"do", "category", "items", "nothing", "category", "minor", "reason", "x"}},
		{sup, "这个项目已经改变", 409, []string{"do", "category", "items", "M1", "category", "free_maintenance", "reason", "x"}},
		{sup, "没有这种操作", 400, []string{"do", "explode"}},
		{sup, "您的角色不能这样做；需要服务顾问、服务经理", 403, []string{"do", "close", "outcome", "left"}},
		{adv, "您的角色不能这样做；需要车间主管、服务经理", 403, []string{"do", "void", "event", pass, "reason", "x"}},
		{mgr, "已经结束", 409, []string{"do", "close", "outcome", "left"}},
		{mgr, "请选择修改原因", 400, []string{"do", "promise", "at", "2026-11-03T18:00", "reason", "mood"}},
	} {
		form := url.Values{"form": {tt.who.secretOf("/orders/V9")}, "visit": {"V1"}}
		for i := 0; i < len(tt.fields); i += 2 {
			form.Set(tt.fields[i], tt.fields[i+1])
		}
		status, page := tt.who.post("/record", form)
		if status != tt.status || !strings.Contains(text(page), tt.says) || !strings.Contains(page, `role="alert"`) {
			t.Errorf("%v: %d, want %d and %q:\n%.400s", tt.fields, status, tt.status, tt.says, text(page))
		}
	}
	form := url.Values{"form": {sup.secretOf("/orders/V1")}, "visit": {"V1"}, "do": {"amend"}, "event": {pass}, "at": {"soon"}, "reason": {"<b>迟扫</b>"}}
	if _, page := sup.post("/record?lang=en", form); !strings.Contains(text(page), "“soon” is not a time such as") || !strings.Contains(page, "&lt;b&gt;迟扫&lt;/b&gt;") || strings.Contains(page, "<b>迟扫") {
		t.Errorf("in English, with what was filled in: %.300s", text(page))
	}
}

func TestRights(t *testing.T) {
	log := audit.New(memledger.New("trail"), "", nil)
	s := newDesk(t, dashboard.Config{Audit: log})
	pages := map[string]dashboard.Right{"/": dashboard.SeeToday, "/orders/V1": dashboard.SeeToday, "/kiosks": dashboard.SeeToday, "/kpi": dashboard.SeeFigures,
		"/orders": dashboard.SeeFigures, "/report": dashboard.SeeFigures, "/export/figures.csv": dashboard.SeeFigures, "/worklist": dashboard.SeeWork,
		"/kpi/reworks": dashboard.SeeFigures, "/kpi/targets": dashboard.SeeFigures, "/kpi/appraisal": dashboard.SeeScores, "/export/appraisal.csv": dashboard.SeeScores,
		"/staff": dashboard.SeeStaff, "/audit": dashboard.SeeAudit}
	may := map[string][]dashboard.Right{
		"v1": {dashboard.SeeToday, dashboard.SeeFigures, dashboard.SeeWork},
		"a1": {dashboard.SeeToday, dashboard.SeeFigures, dashboard.SeeWork},
		"s1": {dashboard.SeeToday, dashboard.SeeFigures, dashboard.SeeWork, dashboard.SeeStaff, dashboard.SeeScores},
		"m1": {dashboard.SeeToday, dashboard.SeeFigures, dashboard.SeeWork, dashboard.SeeStaff, dashboard.SeeScores, dashboard.SeeAudit},
		"t1": {},
	}
	for id, rights := range may {
		b := s.guest(id)
		for path, right := range pages {
			want := http.StatusForbidden
			for _, r := range rights {
				if r == right {
					want = http.StatusOK
				}
			}
			if status, page := b.get(path); status != want {
				t.Errorf("%s at %s: %d, want %d: %.200s", id, path, status, want, text(page))
			}
		}
	}
	_, page := s.guest("m1").get("/audit")
	for _, want := range []string{"v1 登录", "导出", "127.0.0.1", "baylight-figures-sh-pudong-2026-11-03-2026-11-03.csv"} {
		if !strings.Contains(text(page), want) {
			t.Errorf("the audit log does not say %q:\n%s", want, text(page))
		}
	}
}

// The audit log tells who recorded what, and who came in with a wrong PIN; what
// was typed in the place of a badge is not kept.
func TestAuditLog(t *testing.T) {
	log := audit.New(memledger.New("trail"), "", nil)
	s := newDesk(t, dashboard.Config{Audit: log})
	s.guest("").post("/signin", url.Values{"who": {"a1"}, "pin": {"000000"}})
	s.guest("").post("/signin", url.Values{"who": {"246813579"}, "pin": {"000000"}})
	s.guest("s1").record("/orders/V0", "do", "void", "visit", "V0", "event", s.idOf("V0", "inspection.passed"), "reason", "扫错了车")
	m := s.guest("m1")
	_, page := m.get("/audit")
	for _, want := range []string{"王强 s1 作废记录", "扫错了车", "李娜 a1 登录被拒", "— 登录被拒"} {
		if !strings.Contains(text(page), want) {
			t.Errorf("the audit log does not say %q:\n%s", want, text(page))
		}
	}
	if strings.Contains(page, "246813579") {
		t.Error("what was typed in the place of a badge stands in the audit log")
	}
	for i := range 105 {
		if _, err := s.office.Record(t.Context(), store, &kiosk.ReworkConfirmed{Visit: "V1", Earlier: "V0", Items: []string{"W1"}, Meta: kiosk.Meta{By: "m1", Reason: "n" + formatFloat(float64(i))}}); err != nil {
			t.Fatal(err)
		}
	}
	_, page = m.get("/audit")
	link := regexp.MustCompile(`href="(/audit\?before=\d+)"`).FindStringSubmatch(page)
	if link == nil {
		t.Fatal("there is no way to earlier entries")
	}
	if _, page = m.get(link[1]); !strings.Contains(text(page), "作废记录") || !strings.Contains(text(page), "n0") {
		t.Errorf("earlier entries: %s", text(page))
	}
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
