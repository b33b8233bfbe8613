package kioskapp_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"baylight/device/bench"
	"baylight/device/printer/paper"
)

// unpack reads a support bundle: its files by name, without their folder.
func unpack(t *testing.T, b []byte) map[string]string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(b))
	must(t, err)
	files := map[string]string{}
	for tape := tar.NewReader(zip); ; {
		h, err := tape.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		must(t, err)
		text, err := io.ReadAll(tape)
		must(t, err)
		_, name, _ := strings.Cut(h.Name, "/")
		files[name] = string(text)
		if strings.HasSuffix(name, ".json") && !json.Valid(text) {
			t.Errorf("%s is no JSON: %s", name, text)
		}
	}
}

// bundleOverSocket is the support bundle as the people's tool gets it.
func (r *rig) bundleOverSocket() map[string]string {
	r.t.Helper()
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(r.dir, "kiosk.sock"))
	}}}
	defer c.CloseIdleConnections()
	res, err := c.Get("http://kiosk/support-bundle")
	must(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(r.t, err)
	return unpack(r.t, b)
}

var bundled = []string{"about.json", "configuration.json", "devices.json", "health.json", "outbox.json", "clock.json", "disk.json", "log.txt"}

// supportFlow: an adviser finds out which device is which, reads the log and
// takes a support bundle home; who has not signed in gets none of it.
func supportFlow(r *rig, chrome context.Context) {
	r.sit(chrome, desktop).open("/devices").is("document.body.innerText.includes('printer') && !document.querySelector('#log, form[action=\"/devices/identify\"], a[download]')")
	for _, path := range []string{"/devices/log", "/devices/support"} {
		res, err := http.Get("http://" + r.http + path)
		must(r.t, err)
		res.Body.Close()
		if res.Request.URL.Path != "/sign-in" {
			r.t.Errorf("%s without signing in: %s at %s", path, res.Status, res.Request.URL)
		}
	}
	b := r.sit(chrome, desktop).signIn()
	b.open("/devices")
	identify := func(device string) {
		b.submit("form[action='/devices/identify']:has([value='" + device + "']) button")
	}
	identify("front")
	b.sees("front：刚才响三声的就是它")
	for range 3 {
		if ack := <-r.scanners["front"].Acks(); ack != bench.AckGood {
			r.t.Errorf("the scanner was told %s", ack)
		}
	}
	identify("printer")
	b.sees("printer：已打印自己的名称")
	if text, err := paper.PlainText(r.ticket()); err != nil || !strings.Contains(text, "printer") || !strings.Contains(text, "k1") {
		r.t.Errorf("%v; the printer says %q", err, text)
	}
	identify("lamp b2")
	b.sees("lamp b2：刚才闪烁的就是它")
	if n := len(r.changes("P5")); n < 4 { // white on and off and on …
		r.t.Errorf("the white lamp changed %d times", n)
	}

	b.sees("运行日志", `msg="device identified" device="lamp b2" by=a01`)
	b.shot("log")
	b.js("document.activeElement.blur(); window.same = 1", nil)
	must(r.t, r.scanners["s2"].Unplug())
	b.is("document.querySelector('#log pre').innerText.split('\\n').slice(0, 9).some((l) => l.includes('line down') && l.includes('s2'))")
	b.is("window.same === 1") // without loading the page again
	must(r.t, r.scanners["s2"].Replug())
	r.await("all devices up", func() bool { return r.health().down() == nil })

	dir := r.t.TempDir()
	c := cdp.WithExecutor(chrome, chromedp.FromContext(chrome).Browser)
	must(r.t, browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithBrowserContextID(b.cookies).WithDownloadPath(dir).Do(c))
	log := b.download(dir, "下载日志", "baylight-log-20260302-*.txt")
	if !strings.Contains(string(log), "device identified") || !strings.Contains(string(log), "line down") {
		r.t.Errorf("the log that was downloaded: %s", log)
	}
	files := unpack(r.t, b.download(dir, "下载支持包", "baylight-sh-test-k1-20260302-*.tar.gz"))
	for _, name := range bundled {
		if len(files[name]) < 20 {
			r.t.Errorf("%s of the bundle: %q", name, files[name])
		}
	}
	if !strings.Contains(files["log.txt"], "support bundle is made") || !strings.Contains(files["devices.json"], `"lamp b2"`) {
		r.t.Errorf("the bundle: %v", files)
	}
	b.shot("bundle")
}

// download touches a link and waits for the file.
func (b *tab) download(dir, link, pattern string) (data []byte) {
	b.t.Helper()
	b.press(link)
	b.await("a file "+pattern, func() bool {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		must(b.t, err)
		if len(found) == 0 {
			return false
		}
		data, err = os.ReadFile(found[0])
		must(b.t, err)
		return len(data) > 0
	})
	return data
}

// Whatever happens in a shop, neither the log nor the support bundle tells who
// it was. The log that goes to the journal of the system is looked at too: there
// no net is between.
func TestSupportTellsOfNobody(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	r.edit = func(c string) string {
		must(t, os.WriteFile(filepath.Join(r.dir, "mqtt.secret"), []byte("broker-password-1"), 0o600))
		return strings.Replace(c, "[mqtt]\n", "[mqtt]\nuser = \"k1\"\npassword_file = \"mqtt.secret\"\n", 1)
	}
	r.gate.open(l.broker.Addr())
	r.up()
	const name, phone, plate = "欧阳小明", "13812345678", "粤B12345"
	r.scan("front", car(1), bench.AckGood)
	visit := r.visitOn(r.ticket())
	desk := r.desk()
	r.post(desk, "/api/desk/checkin", map[string]any{"plate": plate, "vin": car(2), "name": name, "phone": phone, "purpose": "fault"})
	r.ticket()
	r.post(desk, "/api/desk/accept", map[string]any{"visit": visit})
	r.scan("s1", badge, bench.AckGood)
	r.scan("s1", car(3), bench.AckBad)
	r.scan("s1", plate, bench.AckBad)
	r.scan("front", "BK="+name+" "+phone+" "+plate, bench.AckBad)
	for _, bad := range []map[string]any{{"plate": name}, {"plate": plate + plate}, {"vin": car(4)[:16]}, {"plate": plate, "phone": name}} {
		r.wrong(desk, "/api/desk/checkin", bad)
	}
	r.wrong(desk, "/api/desk/"+plate+car(5), map[string]any{"name": name})
	r.wrong(http.DefaultClient, "/api/sign-in", map[string]any{"who": name, "pin": "9753"})
	must(t, r.scanners["s2"].Send([]byte(car(6)[:9])))
	must(t, r.scanners["s2"].Unplug())
	r.await("the loss in the journal", func() bool { return len(r.told("s2")) == 1 })
	must(t, r.scanners["s2"].Replug())
	r.await("the broker", func() bool { return r.health().Outbox.Connected })
	files := r.bundleOverSocket()
	v, err := verifier()
	must(t, err)
	secrets := []string{name, phone, plate, "B12345", "0A70000001", badge, storeKey, "broker-password-1", v, pin, "9753", "李师傅", "王顾问"}
	for n := 1; n <= 6; n++ {
		secrets = append(secrets, car(n), car(n)[9:])
	}
	files["the daemon's own log"] = r.logged.String()
	for file, text := range files {
		for _, s := range secrets {
			pattern := "(?i)" + regexp.QuoteMeta(s)
			if s == pin || s == "9753" { // four digits stand in many a free space or time by chance
				pattern = `(?:^|[^0-9])` + s + `(?:[^0-9]|$)`
			}
			if at := regexp.MustCompile(pattern).FindStringIndex(text); at != nil {
				t.Errorf("%s holds %q: …%s…", file, s, text[max(0, at[0]-80):min(len(text), at[1]+80)])
			}
		}
	}
	if !strings.Contains(files["log.txt"], "line down") || !strings.Contains(files["log.txt"], "sign-in refused") || !strings.Contains(files["outbox.json"], `"connected": true`) {
		t.Errorf("the bundle says too little: %v", files)
	}
	var about struct{ Version, Go string }
	var conf struct {
		Staff    int
		Password bool `json:"broker_password_set"`
		Scanners []struct{ Name, Place string }
	}
	must(t, errors.Join(json.Unmarshal([]byte(files["about.json"]), &about), json.Unmarshal([]byte(files["configuration.json"]), &conf)))
	if about.Version != "test" || about.Go == "" || conf.Staff != 2 || !conf.Password || len(conf.Scanners) != 3 || conf.Scanners[1].Place != "b1" {
		t.Errorf("about %+v, configuration %+v", about, conf)
	}
	for _, name := range bundled {
		if files[name] == "" {
			t.Errorf("%s is missing: %v", name, fmt.Sprint(files))
		}
	}
}

// wrong posts what is refused, or taken as the text that it is.
func (r *rig) wrong(c *http.Client, path string, form map[string]any) {
	r.t.Helper()
	b, err := json.Marshal(form)
	must(r.t, err)
	res, err := c.Post("http://"+r.http+path, "application/json", bytes.NewReader(b))
	must(r.t, err)
	res.Body.Close()
	if res.StatusCode >= 500 {
		r.t.Errorf("POST %s %s: %s", path, b, res.Status)
	}
}
