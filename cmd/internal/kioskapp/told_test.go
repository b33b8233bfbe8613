package kioskapp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/wire"
)

// newBadge is that of technician t02, of whom only the back office knows.
var newBadge = kiosk.MakeCode(kiosk.KindBadge, "0A70000009")

// staff has the office say who works here: t01 and a01 of the board's file and t02, as far as
// they are named.
func (r *rig) staff(l *listener, ids ...string) {
	r.t.Helper()
	v, err := verifier()
	must(r.t, err)
	all := map[string]wire.Member{
		"t01": {ID: "t01", Name: "李师傅", BadgeKey: staff.BadgeKey([]byte(storeKey), "0A70000001"), Roles: []string{"technician"}},
		"t02": {ID: "t02", Name: "赵师傅", BadgeKey: staff.BadgeKey([]byte(storeKey), "0A70000009"), Roles: []string{"technician", "a-role-of-later"}},
		"a01": {ID: "a01", Name: "王顾问", BadgeKey: staff.BadgeKey([]byte(storeKey), "0A70000003"), Roles: []string{"adviser"}, PIN: v},
	}
	s := wire.Staff{Ledger: "9f9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e99"}
	for _, id := range ids {
		s.People = append(s.People, all[id])
	}
	b, err := s.Encode()
	must(r.t, err)
	l.publish(r.t, "baylight/v1/"+store+"/staff", b)
	r.await("staff to be kept", func() bool {
		there, err := os.ReadFile(filepath.Join(r.dir, "data", "office", "staff.json"))
		return err == nil && bytes.Equal(there, b)
	})
	r.barrier(l)
}

// barrier waits until what was published before has been looked at: it comes
// on one connection, in order.
func (r *rig) barrier(l *listener) {
	r.t.Helper()
	n := 1 + len(r.keptBookings(today))%2
	all := []wire.Booking{booked("B-1", "09:30", "粤B10001", "粤B••001", "", ""), booked("B-2", "09:40", "粤B10002", "粤B••002", "", "")}[:n]
	r.bookings(l, today, all...)
	r.known(today, n)
}

func (r *rig) signIn(who string) (status int) {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	must(r.t, err)
	b, err := json.Marshal(map[string]any{"who": who, "pin": pin})
	must(r.t, err)
	res, err := (&http.Client{Jar: jar, Timeout: patience}).Post("http://"+r.http+"/api/sign-in", "application/json", bytes.NewReader(b))
	must(r.t, err)
	check(r.t, res.Body.Close())
	return res.StatusCode
}

// Whom the back office names opens; whom it does not name does not, though the
// board's own file names them; and so it stays without network and after a restart.
func TestStaffFromTheOffice(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	r.gate.open(l.broker.Addr())
	r.up()
	r.scan("s1", badge, bench.AckGood) // the board's own file counts until the office was heard
	r.scan("s1", newBadge, bench.AckBad)
	r.staff(l, "a01", "t01", "t02")
	r.scan("s1", newBadge, bench.AckGood)
	r.scan("s1", badge, bench.AckGood)
	desk := r.desk()
	r.post(desk, "/api/desk/checkin", map[string]any{"plate": "粤B10002"})

	r.staff(l, "a01", "t02")
	r.scan("s2", badge, bench.AckBad)
	r.alarmed("the back office does not name t01, who", true)
	r.staff(l, "t02")
	if got := r.signIn("a01"); got/100 == 2 {
		t.Errorf("a person the office took away signed in: %d", got)
	}
	res, err := desk.Post("http://"+r.http+"/api/desk/checkin", "application/json", strings.NewReader(`{"plate":"粤B10003"}`))
	must(t, err)
	check(t, res.Body.Close())
	if res.StatusCode/100 == 2 {
		t.Errorf("whoever was signed in when the office took them away goes on: %s", res.Status)
	}

	check(t, r.stop())
	r.gate.shut()
	r.up()
	r.scan("s2", newBadge, bench.AckGood)
	r.scan("s2", badge, bench.AckBad)
	r.gate.open(l.broker.Addr())
	r.staff(l, "t02", "t01", "a01")
	r.scan("s2", badge, bench.AckGood)
	r.desk()
	r.alarmed("the back office does not name", false)
	r.sound(storeKey, "赵师傅")
}

// alarmed waits until the page of devices says, or no longer says, something.
func (r *rig) alarmed(part string, want bool) {
	r.t.Helper()
	desk := r.desk()
	r.await("an alarm about "+part, func() bool {
		res, err := desk.Get("http://" + r.http + "/devices")
		must(r.t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		must(r.t, err)
		return strings.Contains(html.UnescapeString(string(b)), part) == want
	})
}

// Whatever comes as staff or setup: what cannot be right changes nothing, and
// the board says so until something right comes.
func TestHostileStaffAndSetup(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	r.gate.open(l.broker.Addr())
	r.up()
	r.staff(l, "a01", "t02")
	member := `{"id":"t02","name":"n","roles":[]}`
	for name, payload := range map[string]string{
		"no JSON":       `<script>`,
		"too large":     `{"people":[` + strings.Repeat(" ", wire.MaxStaffBytes) + `]}`,
		"twice":         `{"people":[` + member + `,` + member + `]}`,
		"id":            `{"people":[{"id":"../t02","name":"n","roles":[]}]}`,
		"name":          `{"people":[{"id":"t02","name":"` + strings.Repeat("n", 100) + `","roles":[]}]}`,
		"escape":        `{"people":[{"id":"t02","name":"\u001b[2J","roles":[]}]}`,
		"badge in full": `{"people":[{"id":"t02","name":"n","roles":[],"badge_key":"0A70000009"}]}`,
		"PIN in clear":  `{"people":[{"id":"t02","name":"n","roles":[],"pin":"2468"}]}`,
		"too many":      `{"people":[` + strings.Repeat(member+",", wire.MaxPeople) + member + `]}`,
		"emptied":       "",
	} {
		l.publish(t, "baylight/v1/"+store+"/staff", []byte(payload))
		r.barrier(l)
		if payload != "" {
			r.alarmed("decode staff: ", true)
		}
		r.scan("s1", newBadge, bench.AckGood)
		r.scan("s1", badge, bench.AckBad)
		t.Log(name)
	}
	r.staff(l, "a01", "t01", "t02")
	r.alarmed("未予采用，本机按原有设置", false)

	setup := wire.Setup{Calendar: wire.CalendarOf(kiosk.ShanghaiWeek(shanghai(t))),
		Menu: []wire.SetupItem{{Code: "N20", Text: "后台菜单", Category: kiosk.Minor, Payer: "customer", Minutes: 30}}}
	good, err := setup.Encode()
	must(t, err)
	setup.Calendar.Zone = "Europe/Berlin"
	elsewhere, err := setup.Encode()
	must(t, err)
	for payload, says := range map[string]string{"{": "decode setup: ", string(elsewhere): `setup is of zone "Europe/Berlin"`, strings.Replace(string(good), `"minor"`, `"tiny"`, 1): `of category "tiny"`} {
		l.publish(t, "baylight/v1/"+store+"/setup", []byte(payload))
		r.barrier(l)
		r.alarmed(says, true)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "data", "office", "setup.json")); err == nil {
		t.Error("a setup that was refused is kept")
	}
	l.publish(t, "baylight/v1/"+store+"/setup", good)
	r.barrier(l)
	r.alarmed("未予采用，本机按原有设置", false)
	r.signs("N20", true)
	check(t, r.stop())
	r.gate.shut()
	r.up()
	r.signs("M10", false) // the office's menu counts, whole
	r.signs("N20", true)
}

// signs opens a visit and signs an order with an item of the menu.
func (r *rig) signs(item string, want bool) {
	r.t.Helper()
	desk := r.desk()
	r.scan("front", car(1+len(of(r.rows(), "visit.checked_in"))), bench.AckGood)
	visit := r.visitOn(r.ticket())
	r.post(desk, "/api/desk/accept", map[string]any{"visit": visit})
	b, err := json.Marshal(map[string]any{"visit": visit, "item": []string{item}, "promise": "2026-03-02T11:30:00+08:00"})
	must(r.t, err)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+r.http+"/api/desk/sign", bytes.NewReader(b))
	must(r.t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := desk.Do(req)
	must(r.t, err)
	check(r.t, res.Body.Close())
	if (res.StatusCode/100 == 2) != want {
		r.t.Errorf("an order for %s is answered with %s", item, res.Status)
	}
	if want { // the job card and the promise slip
		r.ticket()
		r.ticket()
	}
}

// TestBadgeFromTheOfficeToTheBay: a badge made at the office works at the bays of
// both boards, also at one that started again without network, until its owner
// is removed there.
func TestBadgeFromTheOfficeToTheBay(t *testing.T) {
	t.Parallel()
	d := newDealer(t, func(s *settings.Office) { s.Token = "a-token" })
	change := func(body string) (code string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, "http://"+d.http+"/api/v1/staff", strings.NewReader(body))
		must(t, err)
		req.Header.Set("Authorization", "Bearer a-token")
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		defer res.Body.Close()
		var said struct{ Person struct{ Code string } }
		must(t, json.NewDecoder(res.Body).Decode(&said))
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", body, res.Status)
		}
		return said.Person.Code
	}
	kept := func(r *rig, part string, want bool) {
		t.Helper()
		r.await("staff on the board's disk: "+part, func() bool {
			b, err := os.ReadFile(filepath.Join(r.dir, "data", "office", "staff.json"))
			return err == nil && bytes.Contains(b, []byte(part)) == want
		})
	}
	change(`{"id":"m01","name":"经理","roles":["manager"]}`)
	code := change(`{"id":"t12","name":"周师傅","badge":"new","roles":["technician"],"by":"m01"}`)
	for _, r := range []*rig{d.a, d.b} {
		kept(r, `"t12"`, true)
	}
	check(t, d.b.stop())
	d.b.gate.shut()
	d.b.up()
	d.a.opens(code, true)
	d.b.opens(code, true)
	d.b.gate.open(d.broker.Addr())
	change(`{"id":"t12","remove":true,"by":"m01"}`)
	for _, r := range []*rig{d.a, d.b} {
		kept(r, `"t12"`, false)
		r.opens(code, false)
	}
}

// opens waits until a badge at the first bay is or is not one of ours: the rules
// of the shop hear of people a moment after the disk.
func (r *rig) opens(code string, want bool) {
	r.t.Helper()
	r.await("badge "+code, func() bool {
		r.pass(5 * time.Second) // a code again at once would be the same scan
		var a struct{ Good bool }
		r.tool(http.MethodPost, "/scan", url.Values{"text": {code}, "scanner": {"s1"}}, &a)
		return a.Good == want
	})
}

func shanghai(t *testing.T) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Asia/Shanghai")
	must(t, err)
	return z
}
