package dashboard_test

import (
	"bytes"
	"html"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/booking"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/ledger/ledgertest"
)

const evil = `"><img src=x onerror=alert(1)>`

// TestHostile plays events whose every text is an attack and looks for it, whole,
// in pages and files.
func TestHostile(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	due := clock(t, "16:59")
	s.at("16:51", &kiosk.CheckedIn{Visit: "VH", Ticket: evil, Purpose: evil})
	s.at("16:51", &kiosk.Accepted{Visit: "VH", Adviser: evil})
	s.at("16:52", &kiosk.Signed{Visit: "VH", Order: "=HYPERLINK(\"http://x\")", Adviser: "@SUM(A1)", Promise: &due,
		Items: []kiosk.Item{{No: 1, Code: evil, Text: evil, Category: "=evil", Payer: evil, StandardMinutes: 9999}}})
	s.at("16:53", &kiosk.Started{Job: kiosk.Job{Visit: "VH", Bay: evil, Technician: evil}, Meta: kiosk.Meta{Cause: "c", Scan: &kiosk.ScanRecord{Text: evil, Scanner: evil, Symbology: evil}, Flags: []kiosk.Flag{evil}}})
	s.at("16:54", &kiosk.HelpCalled{Bay: evil})
	b := s.guest("m1")
	for _, path := range []string{"/", "/kpi?by=bay", "/kpi?by=technician", "/kpi?by=category", "/kpi?by=adviser", "/kpi/on_time?by=technician", "/orders", "/orders/VH", "/worklist", "/report", "/staff",
		"/orders?by=bay&key=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E", "/orders?q=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E", "/?lang=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E"} {
		status, page := b.get(path)
		if status != http.StatusOK || strings.Contains(page, "<img src=x") || strings.Contains(page, `href="javascript`) {
			t.Errorf("%s: %d, or what is hostile stands there as it came", path, status)
		}
	}
	if _, page := b.get("/orders/VH"); !strings.Contains(text(page), evil) {
		t.Error("the order does not show what it has, as text")
	}
	_, file := b.get("/export/orders.csv")
	if !strings.HasPrefix(file, "\ufeff") || !strings.Contains(file, `'=HYPERLINK`) || !strings.Contains(file, "'@SUM(A1)") || strings.Contains(file, `,"=HYPERLINK`) {
		t.Errorf("the CSV runs formulas: %.600s", file)
	}
	_, book := b.get("/export/orders.xlsx")
	f, err := excelize.OpenReader(strings.NewReader(book))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows(f.GetSheetList()[0])
	if err != nil || !strings.Contains(strings.Join(rows[len(rows)-1], "|"), "=HYPERLINK") {
		t.Errorf("the workbook does not keep the text: %v %v", rows[len(rows)-1], err)
	}
	for i := range rows {
		for j := range rows[i] {
			at, _ := excelize.CoordinatesToCellName(j+1, i+1)
			if formula, _ := f.GetCellFormula(f.GetSheetList()[0], at); formula != "" {
				t.Errorf("%s is the formula %q", at, formula)
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	b := s.guest("m1")
	for path, disposition := range map[string]string{"/": "", "/report": "", "/static/chart.js": "", "/static/uplot/uPlot.iife.min.js": "", "/static/uplot/LICENSE": "", "/nowhere": "",
		"/export/figures.csv?from=2026-11-01&until=2026-11-30":  `attachment; filename="baylight-figures-sh-pudong-2026-11-01-2026-11-30.csv"`,
		"/export/figures.xlsx?from=2026-11-01&until=2026-11-30": `attachment; filename="baylight-figures-sh-pudong-2026-11-01-2026-11-30.xlsx"`} {
		res, err := b.c.Get(b.base + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		policy := res.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Content-Disposition") != disposition {
			t.Errorf("%s: %v", path, res.Header)
		}
	}
	pages := []string{"/", "/kpi", "/kpi/on_time", "/orders", "/orders/V1", "/worklist", "/kiosks", "/bookings", "/staff", "/audit", "/report", "/signin"}
	for _, path := range pages {
		_, page := b.get(path)
		for _, inline := range []string{" style=", " onclick", "<style", "<script>", "javascript:", "http://", "https://"} {
			if strings.Contains(page, inline) {
				t.Errorf("%s has %q, which the policy forbids or which comes from elsewhere", path, inline)
			}
		}
	}
}

// books stands for the bookings of a store.
type books struct{ taken []byte }

func (b *books) Import(raw []byte) (map[string]int, []string, error) {
	if bytes.Contains(raw, []byte("wrong")) {
		return nil, []string{"=姓名"}, booking.Faults{{Line: 3, Column: "time", Message: `"` + "<b>gestern" + `" is no time such as 2026-11-22 09:30`}}
	}
	b.taken = raw
	return map[string]int{"2026-11-04": 2}, nil, nil
}

func upload(t *testing.T, b browser, secret, name, content string) (int, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("form", secret); err != nil {
		t.Fatal(err)
	}
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", b.base+"/bookings", &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r)
}

// TestBookingsExample: what the page shows as an example can be imported as it is.
func TestBookingsExample(t *testing.T) {
	s := newDesk(t, dashboard.Config{Bookings: func(string) dashboard.Importer { return &books{} }})
	m := s.guest("m1")
	for _, path := range []string{"/bookings", "/bookings?lang=en"} {
		_, page := m.get(path)
		_, rest, _ := strings.Cut(page, "<pre tabindex=\"0\">")
		example, _, found := strings.Cut(rest, "</pre>")
		entries, ignored, err := booking.Read([]byte(html.UnescapeString(example)), zone)
		if !found || err != nil || len(entries) != 1 || len(ignored) != 0 {
			t.Errorf("%s: %q gives %v, ignored %v: %v", path, example, entries, ignored, err)
		}
	}
}

func TestBookings(t *testing.T) {
	kept := &books{}
	s := newDesk(t, dashboard.Config{Bookings: func(name string) dashboard.Importer {
		if name == store {
			return kept
		}
		return nil
	}})
	b := s.guest("a1")
	secret := b.secretOf("/bookings")
	status, page := upload(t, b, secret, "x.csv", "time,plate\n")
	if status != http.StatusOK || !strings.Contains(text(page), "2026-11-04 2 个预约") || string(kept.taken) != "time,plate\n" {
		t.Errorf("importing: %d %q %s", status, kept.taken, text(page))
	}
	status, page = upload(t, b, secret, "x.csv", "wrong")
	if status != http.StatusUnprocessableEntity || !strings.Contains(text(page), "3 time “<b>gestern” 时间要写成") || !strings.Contains(text(page), "未使用的列： =姓名") || strings.Contains(page, "<b>gestern") {
		t.Errorf("a file with mistakes: %d %s", status, text(page))
	}
	kept.taken = nil
	for _, tt := range []struct {
		who             browser
		secret, content string
		status          int
		says            string
	}{
		{b, secret, "", 400, "请选择一个文件"},
		{b, secret, strings.Repeat("x", 2<<20), 413, "文件太大，最多 1 MB"},
		{b, "guess", "time", 403, "页面已过期"},
		{s.guest("v1"), "", "time", 403, "需要服务顾问、服务经理"},
		{s.guest(""), "", "time", 401, "请先登录"},
	} {
		if status, page := upload(t, tt.who, tt.secret, "x.csv", tt.content); status != tt.status || !strings.Contains(text(page), tt.says) || kept.taken != nil {
			t.Errorf("%.20q: %d, want %d %q: %s", tt.content, status, tt.status, tt.says, text(page))
		}
	}
}

// group is a dashboard of three stores, the third without events.
func group(t *testing.T) *site {
	t.Helper()
	s := newSite(t, dashboard.Config{})
	stores := []backoffice.Store{{Name: "bj-chaoyang", Title: "北京朝阳店"}, {Name: "gz-tianhe", Title: "广州天河店"}, {Name: store, Title: "上海浦东店"}}
	for i := range stores {
		stores[i].Calendar, stores[i].Staff = kiosk.ShanghaiWeek(zone), staff.NewDirectory(nil)
	}
	office, err := backoffice.New(backoffice.Config{Ledger: s.ledger, Stores: stores, Now: s.office.Now})
	if err != nil {
		t.Fatal(err)
	}
	h, err := dashboard.New(dashboard.Config{Office: office})
	if err != nil {
		t.Fatal(err)
	}
	s.office, s.server = office, httptest.NewServer(h)
	t.Cleanup(s.server.Close)
	other := ledgertest.NewBoard(t, "gz-tianhe", "k1", "e9")
	for i, p := range []kiosk.Payload{&kiosk.CheckedIn{Visit: "G1", Ticket: "A001", Purpose: "fault"}, &kiosk.Signed{Visit: "G1", Order: "GW1", Adviser: "g1", Items: []kiosk.Item{{No: 1, Code: "x", Category: kiosk.Minor}}}} {
		other.Now = other.Now.Add(clock(t, "10:00").Sub(other.Now.Wall))
		e := other.Event(p)
		e.Store = "gz-tianhe"
		if out, err := s.ledger.Commit(t.Context(), backoffice.Batch{At: s.now, Entries: []backoffice.Entry{e}}); err != nil || out.Added != 1 {
			t.Fatalf("event %d: %+v %v", i, out, err)
		}
	}
	return s
}

func TestAllStores(t *testing.T) {
	s := group(t)
	rows := s.get("/api/v1/kpi?store=*", "rows").([]any)
	if len(rows) != 3 || rows[1].(map[string]any)["key"] != "gz-tianhe" || rows[1].(map[string]any)["orders"] != 1.0 || rows[2].(map[string]any)["orders"] != 10.0 {
		t.Errorf("rows %v", rows)
	}
	sum := s.get("/api/v1/kpi?store=*", "sum").(map[string]any)
	if sum["orders"] != 11.0 || sum["arrivals"] != 11.0 || sum["on_time"].(map[string]any)["numerator"] != 7.0 || sum["turnaround_minutes"].(map[string]any)["p50"] != 210.0 {
		t.Errorf("the sum is %v", sum)
	}
	if n := len(s.get("/api/v1/orders?store=*&kpi=orders", "orders").([]any)); n != 11 {
		t.Errorf("%d orders of all stores", n)
	}
	if n := len(s.get("/api/v1/bays?store=*", "stores").([]any)); n != 3 {
		t.Errorf("bays of %d stores", n)
	}
	if n := len(s.get("/api/v1/kiosks?store=*", "stores").([]any)); n != 3 {
		t.Errorf("boards of %d stores", n)
	}
	if status, body := s.do("GET", "/api/v1/kpi?store=*&by=day", ""); status != 400 || pick(t, body, "parameter") != "by" {
		t.Errorf("by day of all stores: %d %s", status, body)
	}
	if status, body := s.do("GET", "/api/v1/kpi", ""); status != 400 || pick(t, body, "parameter") != "store" {
		t.Errorf("without a store: %d %s", status, body)
	}
	for path, wants := range map[string][]string{
		"/":                                     {"全部门店", "北京朝阳店", "广州天河店 0.0% 0/1", "上海浦东店 70.0% 7/10", "合计 63.6% 7/11"},
		"/kpi":                                  {"广州天河店 0.0% 0/1", "合计 63.6% 7/11", "同一辆车到过两家门店计两次"},
		"/kpi/on_time":                          {"上海浦东店 70.0%", "63.6%", "分母 11"},
		"/orders":                               {"请选择一家门店", "广州天河店"},
		"/orders?store=gz-tianhe&kpi=orders":    {"1 条", "GW1"},
		"/?store=gz-tianhe&lang=en":             {"广州天河店", "Cars in house", "0.0%"},
		"/report?store=sh-pudong&month=2026-11": {"上海浦东店", "70.0%"},
	} {
		_, page := s.do("GET", path, "")
		for _, want := range wants {
			if !strings.Contains(text(page), want) {
				t.Errorf("%s does not show %q:\n%.700s", path, want, text(page))
			}
		}
	}
	_, page := s.do("GET", "/kpi", "")
	for _, link := range linksOf(page) {
		if strings.HasPrefix(link, "/orders") && !strings.Contains(link, "store=") {
			t.Errorf("a number of one store leads to %s", link)
		}
	}
	_, file := s.do("GET", "/export/figures.csv?store=*", "")
	if lines := strings.Split(strings.TrimSpace(file), "\r\n"); len(lines) != 5 || !strings.HasPrefix(lines[4], "合计,11,11") {
		t.Errorf("the file of all stores: %q", file)
	}
}
