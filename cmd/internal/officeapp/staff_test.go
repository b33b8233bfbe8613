package officeapp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// retained listens to topics of the store, and is what stands on each.
func (r *rig) retained(topics ...string) func(topic string) []byte {
	r.t.Helper()
	var mu sync.Mutex
	last := map[string][]byte{}
	l, err := link.New(link.Config{Broker: r.broker.URL(), ClientID: "listener", Min: time.Millisecond, Max: 20 * time.Millisecond}, nil)
	must(r.t, err)
	for _, topic := range topics {
		l.Handle(wire.Prefix+shop+"/"+topic, wire.QoS, func(_ context.Context, m link.Message) {
			mu.Lock()
			defer mu.Unlock()
			last[topic] = m.Payload
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { check(r.t, l.Run(ctx)) })
	r.t.Cleanup(func() { cancel(); running.Wait() })
	return func(topic string) []byte {
		mu.Lock()
		defer mu.Unlock()
		return last[topic]
	}
}

// call asks the API with the token.
func (r *rig) call(method, path, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, "http://"+r.http+path, strings.NewReader(body))
	must(r.t, err)
	req.Header.Set("Authorization", "Bearer a-token")
	res, err := http.DefaultClient.Do(req)
	must(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(r.t, err)
	return res.StatusCode, string(b)
}

// A person added at the office is told to the boards by hashes only, recorded
// without a name, and still there after a restart; opening hours that changed in
// the configuration are recorded once, and figures of before keep the old ones.
func TestStaffAndSetupAreTold(t *testing.T) {
	r := newRig(t)
	r.stop()
	r.options.Settings.Token = "a-token"
	r.start()
	on := r.retained("staff", "setup")
	r.await("setup", func() bool { return on("setup") != nil })
	if on("staff") != nil {
		t.Errorf("an office that names nobody says %s", on("staff"))
	}
	for _, body := range []string{`{"id":"m1","name":"经理","roles":["manager"],"pin":"2468"}`, `{"id":"t1","name":"李师傅","badge":"0A70000002","roles":["technician"],"by":"m1"}`} {
		if status, said := r.call(http.MethodPost, "/api/v1/staff", body); status != http.StatusOK {
			t.Fatalf("%s: %d %s", body, status, said)
		}
	}
	told := func() (w wire.Staff) {
		w, err := wire.DecodeStaff(on("staff"))
		if err != nil {
			return wire.Staff{}
		}
		return w
	}
	r.await("staff", func() bool { return len(told().People) == 2 })
	if w := told(); w.People[1].BadgeKey != staff.BadgeKey([]byte("0123456789abcdef0123456789abcdef"), "0A70000002") || w.People[0].PIN == "" || bytes.Contains(on("staff"), []byte("0A70000002")) {
		t.Errorf("told: %s", on("staff"))
	}
	status, said := r.call(http.MethodGet, "/api/v1/staff?store="+shop, "")
	if status != http.StatusOK || !strings.Contains(said, `"code":"B0A70000002`) {
		t.Errorf("%d %s", status, said)
	}

	sunday := func() bool { return bytes.Contains(on("setup"), []byte(`"week":[{"open":600,`)) }
	r.stop()
	week := &r.options.Settings.Stores[0].Calendar.Week
	week[time.Sunday] = kiosk.Hours{Open: 10 * time.Hour, Close: 12 * time.Hour}
	r.start()
	r.await("new hours", sunday)
	if w := told(); len(w.People) != 2 {
		t.Errorf("after a restart: %s", on("staff"))
	}
	r.stop()
	r.start() // nothing changed: nothing is recorded
	r.await("hours", sunday)

	status, said = r.call(http.MethodGet, "/api/v1/events?store="+shop, "")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, said)
	}
	var by []string
	for line := range strings.Lines(said) {
		if strings.Contains(line, "师傅") || strings.Contains(line, "argon2") || strings.Contains(line, "0A70000002") {
			t.Errorf("an event names a person, a badge or a PIN: %s", line)
		}
		var e struct {
			Event struct {
				Type string
				Data struct {
					By, Reason string
					Setup      wire.Setup
				}
			}
		}
		must(t, json.Unmarshal([]byte(line), &e))
		if d := e.Event.Data; e.Event.Type == "baylight.setup.changed.v1" {
			by = append(by, d.By+" "+d.Reason)
		}
	}
	want := " ,token staff m1: name, pin, roles,m1 staff t1: badge, name, roles, "
	if got := strings.Join(by, ","); got != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
}
