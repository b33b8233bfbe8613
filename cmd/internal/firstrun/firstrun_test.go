package firstrun_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/firstrun"
	"baylight/cmd/internal/settings"
	"baylight/device/bench"
	"baylight/device/lamp/lamptest"
	"baylight/kiosk/staff"
	"baylight/sync/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// board is a machine without a configuration, and somebody at its browser.
type board struct {
	t       *testing.T
	root    string // where its devices are
	path    string // of the configuration to come
	url     string
	console *console
	client  *http.Client
	form    string // the session's secret, from the last page
	pins    *lamptest.Board
	cancel  func()
	done    chan error
}

// console keeps what is printed.
type console struct {
	lines chan string
}

func (c *console) Write(p []byte) (int, error) { c.lines <- string(p); return len(p), nil }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// line puts a device of the bench where udev would name it.
func (b *board) line(name, tty string) string {
	b.t.Helper()
	dir := filepath.Join(b.root, "dev/serial/by-id")
	must(b.t, os.MkdirAll(dir, 0o755))
	path := filepath.Join(dir, name)
	must(b.t, os.Symlink(tty, path))
	return path
}

func newBoard(t *testing.T) *board {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	b := &board{t: t, root: t.TempDir(), path: filepath.Join(t.TempDir(), "etc", "kiosk.toml"), console: &console{make(chan string, 8)},
		client: &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}, pins: lamptest.New(nil), done: make(chan error, 1)}
	must(t, os.MkdirAll(filepath.Join(b.root, "dev"), 0o755))
	must(t, os.WriteFile(filepath.Join(b.root, "dev/gpiochip0"), nil, 0o600))
	return b
}

// start serves the first run.
func (b *board) start() {
	b.t.Helper()
	ready := make(chan struct{})
	listen := cmdtest.Address(b.t)
	b.url = "http://" + listen
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	go func() {
		b.done <- firstrun.Run(ctx, firstrun.Options{Path: b.path, Listen: listen, Root: b.root, Console: b.console, Pins: b.pins.Open,
			Log: slog.New(slog.NewTextHandler(b.t.Output(), nil)), Data: filepath.Join(b.root, "data"), Socket: filepath.Join(b.root, "s.sock"),
			Ready: func() { close(ready) }})
	}()
	select {
	case <-ready:
	case err := <-b.done:
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		cancel()
		<-b.done
	})
}

// end waits for the end of the first run.
func (b *board) end() error {
	err := <-b.done
	b.done <- nil // for the clean-up
	return err
}

var secret = regexp.MustCompile(`name="form" value="([^"]+)"`)

// answer is a page as it came.
type answer struct {
	status int
	body   string
	path   string // where redirections led
}

func (b *board) read(r *http.Response, err error) answer {
	b.t.Helper()
	must(b.t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	must(b.t, err)
	if m := secret.FindSubmatch(body); m != nil {
		b.form = string(m[1])
	}
	return answer{r.StatusCode, string(body), r.Request.URL.Path}
}

func (b *board) get(path string) answer {
	b.t.Helper()
	return b.read(b.client.Get(b.url + path))
}

func (b *board) post(path string, values url.Values) answer {
	b.t.Helper()
	values.Set("form", b.form)
	return b.read(b.client.PostForm(b.url+path, values))
}

var codeForm = regexp.MustCompile(`[A-Z2-7]{8}`)

// code is the one-time code as the console tells it.
func (b *board) code() string {
	b.t.Helper()
	all := <-b.console.lines
	return codeForm.FindString(strings.SplitN(all, b.url, 2)[1])
}

func (b *board) signIn() {
	b.t.Helper()
	if a := b.post("/", url.Values{"code": {strings.ToLower(b.code())}}); a.path != "/setup/store" || a.status != 200 {
		b.t.Fatalf("the code led to %s, %d: %s", a.path, a.status, a.body)
	}
}

// next sends a step and wants the one after it.
func (b *board) next(step, after string, values url.Values) answer {
	b.t.Helper()
	values.Set("do", "next")
	a := b.post("/setup/"+step, values)
	if a.path != "/setup/"+after {
		b.t.Fatalf("step %s led to %s (%d): %s", step, a.path, a.status, a.body)
	}
	return a
}

func storeForm() url.Values {
	return url.Values{"title": {`浦东"店\<b>`}, "name": {"sh-pudong"}, "tag": {"0a7"}, "zone": {"Asia/Shanghai"}, "week": {"08:30-18:00"}, "sunday": {"closed"}}
}

func boardForm(mqtt string) url.Values {
	return url.Values{"name": {"k1"}, "letter": {"a"}, "listen": {"127.0.0.1:0"}, "url": {mqtt}, "user": {"k1"}, "password": {"se\"cret"}}
}

func baysForm() url.Values {
	return url.Values{"id": {"b1", "b2", ""}, "name0": {"1号工位"}, "green0": {"P1"}, "red0": {"P3"}, "low0": {"1"}, "name1": {"洗车"}, "wash1": {"1"}}
}

func peopleForm() url.Values {
	return url.Values{"name": {"王顾问", "李师傅", "陈经理"}, "role": {"adviser", "technician", "manager"}, "pin": {"2468", "", "13579"}}
}

// From a machine with nothing to a configuration that its daemon takes: every
// device tried on the way.
func TestWholeFirstRun(t *testing.T) {
	br, err := broker.Start(broker.Config{})
	must(t, err)
	defer br.Close()
	b := newBoard(t)
	sc, err := bench.NewScanner(filepath.Join(b.root, "tty-scanner"))
	must(t, err)
	defer sc.Close()
	pr, err := bench.NewPrinter(filepath.Join(b.root, "tty-printer"))
	must(t, err)
	defer pr.Close()
	scannerLine, printerLine := b.line("usb-Honeywell_1", sc.Path()), b.line("usb-Printer_1", pr.Path())
	b.start()
	b.signIn()

	b.next("store", "board", storeForm())
	form := boardForm(br.URL())
	form.Set("do", "broker")
	if a := b.post("/setup/board", form); !strings.Contains(a.body, "连接成功") {
		t.Errorf("the broker answers, the page says: %s", a.body)
	}
	b.next("board", "bays", boardForm(br.URL()))
	form = baysForm()
	form.Set("do", "lamp b1")
	if a := b.post("/setup/bays", form); !strings.Contains(a.body, "灯已依次点亮") {
		t.Errorf("trying the lamp says: %s", a.body)
	}
	b.next("bays", "devices", baysForm())

	lines := url.Values{"what0": {"scanner"}, "place0": {"b1"}, "baud0": {"9600"}, "what1": {"printer"}, "baud1": {"115200"}, "width1": {"80"}}
	lines.Set("do", "listen")
	b.post("/setup/devices", lines)
	scanned(t, b, sc)
	lines.Set("do", "print")
	if a := b.post("/setup/devices", lines); !strings.Contains(a.body, "打印机确认已出纸") {
		t.Errorf("printing says: %s", a.body)
	}
	b.next("devices", "people", lines)
	b.next("people", "finish", peopleForm())

	page := b.get("/setup/finish")
	if !strings.Contains(page.body, "写入配置") || strings.Contains(page.body, "in use") || strings.Contains(page.body, `"2468"`) || strings.Contains(page.body, "店\\<b>") {
		t.Errorf("the last page: %s", page.body)
	}
	if _, err := os.Stat(b.path); !errors.Is(err, os.ErrNotExist) {
		t.Error("something is written before anybody said so")
	}
	if a := b.post("/setup/finish", url.Values{"do": {"write"}}); !strings.Contains(a.body, "配置已写入") {
		t.Fatalf("writing says: %s", a.body)
	}
	if a := b.get("/setup/sheets/badges.pdf"); !strings.HasPrefix(a.body, "%PDF-") {
		t.Errorf("the badges are %.60s", a.body)
	}
	if a := b.post("/setup/finish", url.Values{"do": {"start"}}); a.status != 200 || !strings.Contains(a.body, "正在启动") {
		t.Errorf("starting says %d: %s", a.status, a.body)
	}
	must(t, b.end())
	b.judge(scannerLine, printerLine)
}

// scanned scans until the page shows it: the line may not be open yet.
func scanned(t *testing.T, b *board, sc *bench.Scanner) {
	t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	limit := time.After(30 * time.Second)
	for {
		must(t, sc.Send([]byte("LSVNV2182E2100001\r")))
		select {
		case <-again.C:
		case <-limit:
			t.Fatal("the scan is not shown")
		}
		if a := b.get("/setup/devices"); strings.Contains(a.body, "LSVNV2182E2100001") {
			return
		}
	}
}

// judge reads what was written as the daemon does.
func (b *board) judge(scannerLine, printerLine string) {
	t := b.t
	t.Helper()
	set, err := settings.LoadKiosk(b.path)
	must(t, err)
	if set.Store.Title != `浦东"店\<b>` || set.Store.Tag != "0A7" || set.Letter != 'A' || set.MQTT.Password != "se\"cret" {
		t.Errorf("store %+v, letter %c, password %q", set.Store, set.Letter, set.MQTT.Password)
	}
	if len(set.Scanners) != 1 || set.Scanners[0].Line.Device != scannerLine || set.Scanners[0].Place != "b1" || set.Printer == nil || set.Printer.Line.Device != printerLine {
		t.Errorf("scanners %+v, printer %+v", set.Scanners, set.Printer)
	}
	if len(set.Bays) != 2 || set.Bays[0].Pins["green"] != "P1" || !set.Bays[0].ActiveLow || !set.Bays[1].Wash {
		t.Errorf("bays %+v", set.Bays)
	}
	if len(set.Staff) != 3 || set.Staff[1].PIN != "" || set.Staff[2].Badge == set.Staff[0].Badge {
		t.Fatalf("staff %+v", set.Staff)
	}
	if ok, err := staff.CheckPIN(set.Store.Key, set.Staff[0].PIN, "2468"); !ok || err != nil {
		t.Errorf("the PIN is not taken: %v", err)
	}
	for _, name := range []string{"kiosk.toml", "staff.toml", "store.key", "mqtt.password"} {
		s, err := os.Stat(filepath.Join(filepath.Dir(b.path), name))
		must(t, err)
		if s.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, s.Mode())
		}
	}
}

func TestCodeCannotBeGuessed(t *testing.T) {
	b := newBoard(t)
	b.start()
	code := b.code()
	for _, path := range []string{"/setup/store", "/setup/finish", "/setup/sheets/badges.pdf", "/x"} {
		if a := b.get(path); a.path != "/" || strings.Contains(a.body, "/setup/store") {
			t.Errorf("%s is shown without the code: %s", path, a.body)
		}
	}
	for range staff.Failures {
		if a := b.post("/", url.Values{"code": {"AAAAAAAA"}}); a.status != http.StatusForbidden {
			t.Errorf("a wrong code is answered with %d", a.status)
		}
	}
	if a := b.post("/", url.Values{"code": {code}}); a.status != http.StatusTooManyRequests {
		t.Errorf("after five wrong codes the right one is answered with %d", a.status)
	}
}

func TestOtherSitesAreKeptOut(t *testing.T) {
	b := newBoard(t)
	b.start()
	b.signIn()
	ask := func(change func(*http.Request)) int {
		body := url.Values{"form": {b.form}, "do": {"write"}}.Encode()
		r, err := http.NewRequest(http.MethodPost, b.url+"/setup/finish", strings.NewReader(body))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		change(r)
		return b.read(b.client.Do(r)).status
	}
	if got := ask(func(r *http.Request) { r.Host = "evil.example" }); got != http.StatusMisdirectedRequest {
		t.Errorf("another host's name is answered with %d", got)
	}
	if got := ask(func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }); got != http.StatusForbidden {
		t.Errorf("another site's form is answered with %d", got)
	}
	b.form = "wrong"
	if got := ask(func(*http.Request) {}); got != http.StatusForbidden {
		t.Errorf("a form without the session's secret is answered with %d", got)
	}
}

// What is wrong is said on the step it belongs to, and the step stays.
func TestWrongAnswers(t *testing.T) {
	b := newBoard(t)
	b.line("usb-1", "/dev/null")
	b.start()
	b.signIn()
	for _, c := range []struct {
		step, key, value, say string
	}{
		{"store", "name", "上海", "门店代号"},
		{"store", "tag", "IL", "门店标签"},
		{"store", "zone", "Mars/North", "时区"},
		{"store", "week", "8-18", "营业时间"},
		{"store", "key", "short", "门店密钥"},
		{"board", "letter", "I", "号码字母"},
		{"board", "url", "http://x", "MQTT"},
		{"board", "listen", "8080", "网页地址"},
		{"board", "url", "mqtt://192.0.2.10", "不加密"},
		{"board", "code", "0000-0000-0000-0001", "一次性代码"},
		{"board", "code", "0000-0000-0000-0000", "后台地址"},
		{"bays", "id", "reception", "工位编号"},
		{"bays", "red0", "P1", "引脚"},
		{"bays", "red0", `"; rm`, "引脚"},
		{"devices", "place0", "nowhere", "位置"},
		{"devices", "baud0", "-1", "波特率"},
		{"people", "pin", "12", "PIN"},
		{"people", "name", "", "人员"},
	} {
		form := map[string]url.Values{"store": storeForm(), "board": boardForm("mqtt://127.0.0.1:1"), "bays": baysForm(), "people": peopleForm(),
			"devices": {"what0": {"scanner"}, "place0": {"reception"}, "baud0": {"9600"}}}[c.step]
		form.Set(c.key, c.value)
		form.Set("do", "next")
		if a := b.post("/setup/"+c.step, form); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, c.say) {
			t.Errorf("%s %s=%q is answered with %d on %s", c.step, c.key, c.value, a.status, a.path)
		}
	}
	if a := b.post("/setup/store", url.Values{"title": {strings.Repeat("x", 300<<10)}}); a.status != http.StatusBadRequest {
		t.Errorf("a form of 300 kB is answered with %d", a.status)
	}
}

// A key and a staff file that were copied from another board are kept, and
// nothing that is there is written over.
func TestWhatIsThereIsKept(t *testing.T) {
	b := newBoard(t)
	dir := filepath.Dir(b.path)
	must(t, os.MkdirAll(dir, 0o700))
	key := strings.Repeat("k", 40)
	people := "schema = 1\n[[person]]\nid = \"a09\"\nname = \"旧人\"\nroles = [\"adviser\"]\n"
	must(t, os.WriteFile(filepath.Join(dir, "store.key"), []byte(key), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "staff.toml"), []byte(people), 0o600))
	b.start()
	b.signIn()
	b.next("store", "board", storeForm())
	b.next("board", "bays", boardForm("mqtt://127.0.0.1:1"))
	b.next("bays", "devices", baysForm())
	b.next("devices", "people", url.Values{})
	b.next("people", "finish", peopleForm())
	if a := b.get("/setup/finish"); !strings.Contains(a.body, "broker") {
		t.Errorf("a broker that does not answer is not said: %s", a.body)
	}
	must(t, os.WriteFile(b.path, []byte("somebody was faster"), 0o600))
	if a := b.post("/setup/finish", url.Values{"do": {"write"}}); !strings.Contains(a.body, "file exists") {
		t.Errorf("writing over a file says: %s", a.body)
	}
	must(t, os.Remove(b.path))
	must(t, os.Remove(filepath.Join(dir, "mqtt.password")))
	b.post("/setup/finish", url.Values{"do": {"write"}})
	set, err := settings.LoadKiosk(b.path)
	must(t, err)
	if string(set.Store.Key) != key || len(set.Staff) != 1 || set.Staff[0].ID != "a09" {
		t.Errorf("key %q, staff %+v", set.Store.Key, set.Staff)
	}
}

// Secrets that systemd passed are neither asked for nor written.
func TestCredentialsAreKept(t *testing.T) {
	passed, key := t.TempDir(), strings.Repeat("c", 40)
	must(t, os.WriteFile(filepath.Join(passed, settings.StoreKey), []byte(key), 0o600))
	must(t, os.WriteFile(filepath.Join(passed, settings.KioskPassword), []byte("passed"), 0o600))
	t.Setenv("CREDENTIALS_DIRECTORY", passed)
	b := newBoard(t)
	b.start()
	b.signIn()
	b.next("store", "board", storeForm())
	b.next("board", "bays", boardForm("mqtt://127.0.0.1:1"))
	b.next("bays", "devices", baysForm())
	b.next("devices", "people", url.Values{})
	b.next("people", "finish", peopleForm())
	b.post("/setup/finish", url.Values{"do": {"write"}})
	set, err := settings.LoadKiosk(b.path)
	must(t, err)
	if string(set.Store.Key) != key || set.MQTT.Password != "passed" {
		t.Errorf("key %q, password %q", set.Store.Key, set.MQTT.Password)
	}
	for _, name := range []string{"store.key", "mqtt.password"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(b.path), name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was written: %v", name, err)
		}
	}
}

// Each line is named once, by the name that changes least.
func TestLook(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"dev/serial/by-id", "dev/usb", "dev/baylight"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for _, name := range []string{"ttyUSB0", "ttyUSB1", "ttyACM0", "usb/lp0", "gpiochip0", "ttyS0"} {
		must(t, os.WriteFile(filepath.Join(root, "dev", name), nil, 0o600))
	}
	must(t, os.Symlink("../../ttyUSB0", filepath.Join(root, "dev/serial/by-id/usb-A")))
	must(t, os.Symlink("../ttyACM0", filepath.Join(root, "dev/baylight/front")))
	must(t, os.Symlink("../../gone", filepath.Join(root, "dev/serial/by-id/usb-gone")))
	m := firstrun.Look(root)
	want := fmt.Sprint([]string{root + "/dev/baylight/front", root + "/dev/serial/by-id/usb-A", root + "/dev/ttyUSB1"})
	if got := fmt.Sprint(m.Lines); got != want {
		t.Errorf("lines %s, expected %s", got, want)
	}
	if len(m.Printers) != 1 || len(m.Chips) != 1 {
		t.Errorf("printers %v, chips %v", m.Printers, m.Chips)
	}
}

// A broken configuration is shown until it is mended, and never set up anew.
func TestFault(t *testing.T) {
	listen := cmdtest.Address(t)
	ready, done := make(chan struct{}), make(chan error, 1)
	broken := make(chan error, 1)
	broken <- errors.New(`kiosk.toml:3:1: unknown key "<script>"`)
	var last error
	read := func() error {
		select {
		case last = <-broken:
		default:
		}
		return last
	}
	go func() {
		done <- firstrun.Fault(t.Context(), firstrun.Options{Path: "/etc/baylight/kiosk.toml", Listen: listen, Ready: func() { close(ready) }}, read)
	}()
	<-ready
	r, err := http.Get("http://" + listen + "/desk")
	must(t, err)
	body, err := io.ReadAll(r.Body)
	must(t, err)
	must(t, r.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "unknown key") || strings.Contains(string(body), "<script>") ||
		!strings.Contains(string(body), "/etc/baylight/kiosk.toml") || strings.Contains(string(body), "setup/") {
		t.Errorf("%d: %s", r.StatusCode, body)
	}
	broken <- nil
	must(t, <-done)
}
