package screen

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"baylight/kiosk/floor"
	"baylight/kiosk/ticket"
	"baylight/kiosk/words"
)

func TestDevicesAreTriedByStaffOnly(t *testing.T) {
	b := browse(t)
	var tried []string
	fail := error(nil)
	_, cfg := open(t)
	cfg.Test = func(_ context.Context, d Device) error { tried = append(tried, d.Name); return fail }
	srv := httptest.NewServer(New(cfg, b.s))
	defer srv.Close()
	b.url = srv.URL
	b.get("/devices").shows("ticket")
	b.hides("打印测试页")
	if b.post("/devices/test", url.Values{"device": {"ticket"}}); b.code != 401 || len(tried) != 0 {
		t.Errorf("without signing in: %d, tried %v", b.code, tried)
	}
	b.signIn("s01").get("/devices").shows("打印测试页", "扫码回显")
	b.send("/devices/test", url.Values{"device": {"ticket"}}).shows("ticket：测试页已送出")
	if b.at != "/devices" || len(tried) != 1 || tried[0] != "ticket" {
		t.Errorf("tried %v, at %s", tried, b.at)
	}
	form := b.fill("/devices/test", url.Values{"device": {"nobody"}})
	if b.post("/devices/test", form); b.code != 404 || len(tried) != 1 {
		t.Errorf("a device that is not there: %d, tried %v", b.code, tried)
	}
	fail = errors.New("out of paper <b>")
	b.get("/devices").send("/devices/test", url.Values{"device": {"ticket"}}).shows("测试失败", "out of paper &lt;b&gt;")
	if b.code != 502 {
		t.Errorf("a test that failed: %d", b.code)
	}
	if b.get("/devices?tested=" + url.QueryEscape(hostile)); b.code != 200 {
		t.Errorf("an invented test: %d", b.code)
	}
	b.hides("<script>alert")
}

func TestSupportIsForStaffOnly(t *testing.T) {
	b := browse(t)
	var shown []string
	fail := error(nil)
	_, cfg := open(t)
	cfg.Identify = func(_ context.Context, d Device) error { shown = append(shown, d.Name); return fail }
	cfg.Lines = func(n int) []string { return []string{"first", "level=WARN " + hostile, "last"}[3-min(n, 3):] }
	cfg.Support = func(context.Context) (string, []byte, error) { return "bundle.tar.gz", []byte("\x1f\x8b"), fail }
	srv := httptest.NewServer(New(cfg, b.s))
	defer srv.Close()
	b.url = srv.URL
	b.get("/devices").hides("level=WARN")
	b.hides("/devices/support")
	for _, path := range []string{"/devices/log", "/devices/support"} {
		if b.get(path); b.at != "/sign-in" {
			t.Errorf("%s without signing in leads to %s", path, b.at)
		}
	}
	if b.post("/devices/identify", url.Values{"device": {"ticket"}}); b.code != 401 || len(shown) != 0 {
		t.Errorf("without signing in: %d, shown %v", b.code, shown)
	}
	b.signIn("s01").get("/devices").shows("运行日志", "下载支持包")
	b.hides("<script>alert")
	if last, first := strings.Index(b.page, "last\n"), strings.Index(b.page, "first\n"); last < 0 || first < last {
		t.Errorf("the log is not shown with its latest line first: %d, %d", last, first)
	}
	b.send("/devices/identify", url.Values{"device": {"ticket"}}).shows("ticket：已打印自己的名称")
	if b.get("/devices/log"); b.code != 200 || b.page != "first\nlevel=WARN "+hostile+"\nlast\n" || b.head.Get("Content-Type") != "text/plain; charset=utf-8" ||
		!strings.HasPrefix(b.head.Get("Content-Disposition"), `attachment; filename="baylight-log-`) {
		t.Errorf("the log as a file: %d %v %q", b.code, b.head, b.page)
	}
	if b.get("/devices/support"); b.code != 200 || b.page != "\x1f\x8b" || b.head.Get("Content-Disposition") != `attachment; filename="bundle.tar.gz"` {
		t.Errorf("the bundle: %d %v %q", b.code, b.head, b.page)
	}
	fail = errors.New("disk <b>")
	if b.get("/devices/support").shows("支持包未能生成", "disk &lt;b&gt;"); b.code != 500 {
		t.Errorf("a bundle that fails: %d", b.code)
	}
	b.get("/devices").send("/devices/identify", url.Values{"device": {"ticket"}}).shows("无法识别", "disk &lt;b&gt;")
	if b.code != 502 || len(shown) != 2 {
		t.Errorf("a device that does not show itself: %d, %v", b.code, shown)
	}
}

func TestTicketsAreVerifiedAtTheDesk(t *testing.T) {
	b := browse(t)
	_, cfg := open(t)
	key := []byte("0123456789abcdef0123456789abcdef")
	cfg.Keys = func(id string) []byte {
		if id == ticket.KeyID(key) {
			return key
		}
		return nil
	}
	srv := httptest.NewServer(New(cfg, b.s))
	defer srv.Close()
	b.url = srv.URL
	v := b.checkedIn("粤B12345")
	sign := func(k []byte, id, visit string) string {
		s, err := ticket.Token{KeyID: id, Visit: visit, Ticket: "A001", Day: "20261121"}.Sign(k)
		if err != nil {
			t.Fatal(err)
		}
		return url.QueryEscape(s)
	}
	b.signIn("a01")
	b.get("/desk?q="+sign(key, ticket.KeyID(key), v)).shows("真票：A001", "/desk/visit/"+v, "粤B••345")
	b.get("/desk?q="+sign(key, ticket.KeyID(key), "0A7AQ2ZZZZ")).shows("真票", "已结束或不在本机")
	b.get("/desk?q="+sign([]byte("another key"), ticket.KeyID(key), v)).shows("伪造的小票", "is-bad")
	b.get("/desk?q=" + sign([]byte("another key"), "ffffffff", v)).shows("不是本店的小票")
	b.get("/desk?q=BL1." + url.QueryEscape(hostile)).shows("这不是小票上的二维码")
	b.hides("<script>alert")
}

func TestAnswersAtTheDeskAndOfTheWorkshop(t *testing.T) {
	b := browse(t)
	v := b.checkedIn("粤B12345")
	b.s.mu.Lock()
	b.s.said[floor.Desk] = Said{N: 1, Real: b.s.real, Reply: floor.Reply{Good: true, Message: words.Say("floor.help", "RECEPTION"), Visit: v, Place: floor.Desk}}
	b.s.said[floor.Reception] = Said{N: 7, Real: b.s.real, Reply: floor.Reply{Message: words.Say("floor.rejected.unknown_code"), Place: floor.Reception}}
	b.s.mu.Unlock()
	b.signIn("a01").shows("已呼叫帮助 · 接待台", "/desk/visit/"+v)
	// A customer hears nothing of job cards, may put the answer away, and hears the next one.
	b.get("/?large=1").shows("不认识这个码，请扫预约码", "再试一次", "/?seen=7", `class="large"`)
	b.get("/?seen=7").shows("请扫码登记")
	b.hides("不认识")
	b.get("/?seen=6").shows("不认识这个码")
	b.s.pass(CustomerFor)
	b.get("/desk").hides("已呼叫帮助")
	// While nothing can be printed the number has to be remembered: it stays longer.
	b.s.mu.Lock()
	b.s.devices[1].Up = false
	b.s.mu.Unlock()
	b.get("/").shows("不认识这个码")
	b.s.pass(RememberFor)
	b.get("/").hides("不认识这个码")
}

func TestAddressesWithoutAPage(t *testing.T) {
	b := browse(t)
	for _, path := range []string{"/nothing", "/bay/", "/" + url.PathEscape(hostile)} {
		b.get(path).answers("没有找到", 404)
	}
	if b.get("/choose").answers("没有找到", 405); b.head.Get("Allow") != "POST" {
		t.Errorf("GET of an action allows %q", b.head.Get("Allow"))
	}
	if b.get("//board"); b.code != 200 || b.at != "/board" {
		t.Errorf("a doubled slash: %d at %s", b.code, b.at)
	}
}

// answers checks text and status.
func (b *browser) answers(text string, code int) {
	b.t.Helper()
	b.shows(text)
	b.hides("<script>alert")
	if b.code != code {
		b.t.Errorf("%s: %d, want %d", b.at, b.code, code)
	}
}
