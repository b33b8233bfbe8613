package kioskapp_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baylight/cmd/internal/kioskapp"
	"baylight/device/printer/paper"
)

// tool asks the kiosk over its socket, as the people's tool does.
func (r *rig) tool(method, path string, form url.Values, into any) {
	r.t.Helper()
	c := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(r.dir, "kiosk.sock"))
	}}}
	req, err := http.NewRequest(method, "http://kiosk"+path, strings.NewReader(form.Encode()))
	must(r.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.Do(req)
	must(r.t, err)
	defer res.Body.Close()
	must(r.t, json.NewDecoder(res.Body).Decode(into))
}

func TestTools(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.up()
	if st, err := os.Stat(filepath.Join(r.dir, "kiosk.sock")); err != nil || st.Mode().Perm() != 0o660 {
		t.Errorf("the socket is %v, %v; want 0660", st.Mode(), err)
	}
	for _, c := range []struct {
		path string
		form url.Values
		good bool
		says string
	}{
		{"/scan", url.Values{"text": {car(1)}, "scanner": {"front"}}, true, "A001"},
		{"/scan", url.Values{"text": {badge}, "scanner": {"s1"}}, true, "李师傅"},
		{"/scan", url.Values{"text": {"HELLO"}}, false, "Unknown code"},
		{"/scan", url.Values{"text": {"\x1b@\xff\x00"}, "scanner": {"s1"}}, false, "Unknown code"},
		{"/scan", url.Values{"text": {"HELLO"}, "scanner": {"nobody"}}, false, `"nobody"`},
		{"/scan", url.Values{}, false, "nothing to scan"},
		{"/lamp/test", url.Values{"bay": {"b9"}}, false, `"b9"`},
	} {
		var a kioskapp.Answer
		r.tool("POST", c.path, c.form, &a)
		if a.Good != c.good || !strings.Contains(a.Message, c.says) {
			t.Errorf("%s %v: %+v; want good=%v and %q", c.path, c.form, a, c.good, c.says)
		}
		r.pass(5e9)
	}
	r.ticket()
	var a kioskapp.Answer
	r.tool("POST", "/print/test", nil, &a)
	if page, err := paper.PlainText(r.ticket()); !a.Good || err != nil || !strings.Contains(page, store) {
		t.Errorf("test page: %+v, %v:\n%s", a, err, page)
	}
	var devices []struct {
		Name string
		Up   bool
	}
	r.tool("GET", "/devices", nil, &devices)
	var outbox struct{ Head, Depth uint64 }
	r.tool("GET", "/outbox", nil, &outbox)
	if len(devices) != 6 || outbox.Head == 0 || outbox.Head != uint64(len(r.rows())) || outbox.Depth != outbox.Head {
		t.Errorf("devices %+v, outbox %+v with %d events", devices, outbox, len(r.rows()))
	}
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	r.sound(car(1), "HELLO")
}
