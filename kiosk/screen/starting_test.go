package screen

import (
	"net/http"
	"strings"
	"testing"
)

// While the records are read no page shows an empty shop and nothing is taken;
// what machines ask is answered.
func TestStarting(t *testing.T) {
	b := browse(t)
	v := b.checkedIn("粤B12345")
	form := b.get("/pickup").fill("/pickup", nil)
	b.s.starting, b.s.read = true, 42
	inputs := len(b.s.inputs)
	for _, path := range []string{"/", "/board", "/bay/b1", "/bay/none", "/desk/visit/" + v, "/nowhere"} {
		b.get(path).shows("正在启动，请稍候", "Starting, please wait", `value="42"`, "已读取记录 42%", "42 % of the records")
		if b.code != http.StatusServiceUnavailable || b.head.Get("Refresh") != "2" || b.head.Get("Retry-After") != "2" {
			t.Errorf("%s: %d %v", path, b.code, b.head)
		}
	}
	if b.post("/pickup", form); b.code != http.StatusServiceUnavailable || b.head.Get("Refresh") != "2; url=/" {
		t.Errorf("a form: %d %v", b.code, b.head)
	}
	r, _ := http.NewRequest("POST", b.url+"/api/kiosk/checkin", strings.NewReader(`{"plate":"粤B12346"}`))
	r.Header.Set("Content-Type", "application/json")
	if b.do(r); b.code != http.StatusServiceUnavailable || b.head.Get("Content-Type") != "application/problem+json" || b.head.Get("Retry-After") != "2" {
		t.Errorf("a script: %d %v", b.code, b.head)
	}
	if len(b.s.inputs) != inputs {
		t.Errorf("%d inputs were taken", len(b.s.inputs)-inputs)
	}
	if b.get("/healthz").shows(`"ok":false`, `"code":"starting"`); b.code != http.StatusServiceUnavailable {
		t.Errorf("healthz: %d", b.code)
	}
	if b.get("/readyz").shows(`"ready":false`); b.code != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d", b.code)
	}
	for _, path := range []string{"/metrics", "/static/app.css"} {
		if b.get(path); b.code != http.StatusOK {
			t.Errorf("%s: %d", path, b.code)
		}
	}
	b.s.read = 99
	b.get("/").shows(`value="99"`) // what is left is the start itself
	b.s.read = 0
	b.get("/").shows("正在启动，请稍候")
	b.hides("<progress")
	b.s.starting = false
	if b.get("/").code != http.StatusOK || b.head.Get("Refresh") != "" {
		t.Errorf("started: %d %v", b.code, b.head)
	}
}
