package officeapp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/openapi"
	"baylight/sync/wire"
)

type object = map[string]any

// document is the OpenAPI document as it is served, with one change: an object
// may have no members but those it names. Others may ignore what they do not know;
// what is not documented is a defect here.
func (r *rig) document() (object, *jsonschema.Compiler) {
	r.t.Helper()
	res, err := http.Get("http://" + r.http + "/api/v1/openapi.json") // without signing in
	must(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(r.t, err)
	if !bytes.Equal(b, openapi.Document()) {
		r.t.Error("another document is served than the one checked in")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	must(r.t, err)
	strict(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	must(r.t, c.AddResource("openapi.json", doc))
	return doc.(object), c
}

func strict(v any) {
	switch v := v.(type) {
	case object:
		if _, shape := v["properties"]; shape && v["type"] != nil && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, x := range v {
			strict(x)
		}
	case []any:
		for _, x := range v {
			strict(x)
		}
	}
}

// answer asks and holds what comes to the document.
func (r *rig) answer(c *jsonschema.Compiler, doc object, method, path, body string, want int) (route string, b []byte) {
	r.t.Helper()
	req, err := http.NewRequest(method, "http://"+r.http+path, strings.NewReader(body))
	must(r.t, err)
	req.Header.Set("Authorization", "Bearer a-token")
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl -d says
	}
	res, err := http.DefaultClient.Do(req)
	must(r.t, err)
	defer res.Body.Close()
	b, err = io.ReadAll(res.Body)
	must(r.t, err)
	if res.StatusCode != want {
		r.t.Errorf("%s %s: %s, want %d: %.300s", method, path, res.Status, want, b)
		return "", b
	}
	route, _, _ = strings.Cut(path, "?")
	for pattern := range doc["paths"].(object) {
		if regexp.MustCompile("^" + strings.NewReplacer(`{id}`, `[^/]+`, `{name}`, `[^/]+`, `.`, `\.`).Replace(pattern) + "$").MatchString(route) {
			route = pattern
			break
		}
	}
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	escape := strings.NewReplacer("~", "~0", "/", "~1").Replace
	at := fmt.Sprintf("openapi.json#/paths/%s/%s/responses/%d/content/%s/schema", escape(route), strings.ToLower(method), want, escape(kind))
	if want >= 400 {
		at = "openapi.json#/components/responses/Problem/content/" + escape(kind) + "/schema"
	}
	schema, err := c.Compile(at)
	if err != nil {
		r.t.Errorf("%s %s: %v", method, path, err)
		return "", b
	}
	parts := [][]byte{b}
	if kind == "application/x-ndjson" {
		parts = bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	}
	for _, part := range parts {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(part))
		if err != nil {
			r.t.Errorf("%s %s: %v: %.300s", method, path, err, part)
		} else if err := schema.Validate(v); err != nil {
			r.t.Errorf("%s %s: %v", method, path, err)
		}
	}
	return route, b
}

// example is the worked example as this store's board k9 would have recorded it.
func example(t *testing.T) string {
	t.Helper()
	file, err := os.ReadFile("../../baylight/testdata/worked-example.jsonl")
	must(t, err)
	var out strings.Builder
	var prev kiosk.Hash
	for line := range bytes.Lines(file) {
		e, err := kiosk.Decode(bytes.TrimSpace(line))
		must(t, err)
		e.Source, e.Prev = kiosk.KioskSource(shop, "k9"), prev
		b, err := kiosk.Encode(e)
		must(t, err)
		prev = kiosk.HashOf(b)
		out.Write(append(b, '\n'))
	}
	return out.String()
}

// TestAPIAsDocumented holds every answer of a real office to the OpenAPI document.
func TestAPIAsDocumented(t *testing.T) {
	r := newRig(t)
	r.stop()
	r.options.Settings.Token = "a-token"
	r.options.Settings.Staff = []staff.Person{{ID: "m1", Name: "经理", Roles: []staff.Role{staff.Manager, staff.Supervisor, staff.Adviser}, PIN: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"},
		{ID: "t01", Name: "李师傅", Badge: "0A70000002", Roles: []staff.Role{staff.Technician}, Team: "一组"}}
	r.options.Settings.Stores[0].Targets = map[string]int64{"on_time_percent": 70, "turnaround_minutes": 1}
	r.options.Settings.Stores[0].Plans = []kpi.Plan{{By: kpi.ByAdviser, Measure: "on_time_percent", Kind: kpi.Growth, Plan: 95, Weight: 100, Cap: 110}}
	r.start()
	doc, c := r.document()
	asked := map[string]bool{}
	ask := func(method, path, body string, want int) []byte {
		t.Helper()
		route, b := r.answer(c, doc, method, path, body, want)
		if want < 300 {
			asked[method+" "+route] = true
		}
		return b
	}

	r.await("what the store wants to reach", func() bool {
		_, said := r.call("GET", "/api/v1/kpi", "")
		return strings.Contains(said, `"on_time_percent"`)
	})
	ask("POST", "/api/v1/import", example(t), 200)
	ask("POST", "/api/v1/import", "{\n[]", 422)
	ask("POST", "/api/v1/verify", "", 200)
	ask("POST", "/api/v1/verify?repair=perhaps", "", 400)
	ask("GET", "/api/v1/export", "", 200)
	ask("GET", "/api/v1/export?persons=1&from=2026-11-03&to=2026-11-04", "", 200)
	ask("GET", "/api/v1/export?after=x", "", 400)

	_, b := r.checkIn("")
	r.publish(topics+"event/visit.checked_in", b)
	conn, err := wire.Conn{State: wire.Ready, Session: 1, Epoch: epoch, Version: "1.0"}.Encode()
	must(t, err)
	r.publish(topics+"conn", conn)
	fine, err := wire.Health{At: "2026-03-02T18:00:00+08:00", Clock: kiosk.Synced, Devices: []wire.Device{{Name: "printer", State: "up"}}, Versions: map[string]string{"kioskd": "1.0"}}.Encode()
	must(t, err)
	r.publish(topics+"health", fine)
	r.await("that every board is fine", func() bool {
		_, page := r.call("GET", "/kiosks", "")
		return strings.Contains(page, "各终端一切正常")
	})
	health, err := wire.Health{At: "2026-03-02T18:00:00+08:00", Clock: kiosk.Synced, Devices: []wire.Device{{Name: "printer", State: "down", Text: "no paper"}}, Versions: map[string]string{"kioskd": "1.0"}, Alarms: []string{"printer: no paper"}}.Encode()
	must(t, err)
	r.publish(topics+"health", health)
	r.publish(topics+"event/visit.checked_in", []byte("no event"))
	r.await("what the board says", func() bool {
		_, said := r.call("GET", "/api/v1/kiosks", "")
		return strings.Contains(said, "no paper") && strings.Contains(said, `"rejected":1`)
	})
	for _, path := range []string{"/api/v1/kiosks", "/api/v1/kiosks?lang=en", "/api/v1/kiosks?store=*", "/api/v1/bays", "/api/v1/bays?store=*", "/api/v1/risk", "/api/v1/risk?store=*", "/api/v1/events?limit=3", "/api/v1/asyncapi.json", "/api/v1/openapi.json", "/api/v1/appraisal?month=2026-11", "/api/v1/appraisal?month=2026-11&by=technician",
		"/api/v1/orders?from=2026-11-03&to=2026-11-04&kpi=on_time&value=late", "/api/v1/orders?store=*&from=2026-11-03&to=2026-11-04", "/api/v1/orders/W0RKED0008", "/api/v1/orders/R-2026-11-03-08",
		"/api/v1/kpi?from=2026-11-03&to=2026-11-04", "/api/v1/kpi?store=*", "/api/v1/kpi?from=2024-02-29&to=2024-03-01", "/api/v1/staff", "/schemas/job.started.v1.json", "/schemas/setup.v1.json"} {
		ask("GET", path, "", 200)
	}
	for _, by := range []string{"none", "day", "adviser", "category", "bay", "technician", "team"} {
		ask("GET", "/api/v1/kpi?from=2026-11-01&to=2026-12-01&by="+by, "", 200)
	}

	// What is wrong is said by RFC 9457, and names the parameter.
	for path, parameter := range map[string]string{"/api/v1/kpi?from=2026-11-04&to=2026-11-03": "to", "/api/v1/kpi?from=2026-02-29": "from", "/api/v1/kpi?store=nowhere": "store",
		"/api/v1/kpi?by=week": "by", "/api/v1/appraisal?by=bay": "by", "/api/v1/appraisal?month=2026": "month", "/api/v1/appraisal?store=nowhere": "store", "/api/v1/kpi?as_of=1": "as_of", "/api/v1/orders?kpi=luck": "kpi", "/api/v1/orders/nobody": "id", "/api/v1/events?after=-1": "after",
		"/api/v1/bays?store=nowhere": "store", "/api/v1/kiosks?store=nowhere": "store", "/api/v1/staff?store=nowhere": "store", "/schemas/nothing.v1.json": "name", "/api/v1/export?store=nowhere": "store"} {
		want := 400
		if strings.Contains(path, "nowhere") || parameter == "id" || parameter == "name" {
			want = 404
		}
		var p struct{ Parameter string }
		must(t, json.Unmarshal(ask("GET", path, "", want), &p))
		if p.Parameter != parameter {
			t.Errorf("%s: the fault is said to be in %q, want %q", path, p.Parameter, parameter)
		}
	}

	ask("POST", "/api/v1/events", `{"type":"attendance.recorded","by":"m1","data":{"technician":"t01","from":"2026-03-02T08:30:00+08:00","to":"2026-03-02T17:30:00+08:00"}}`, 201)
	if listed := ask("GET", "/api/v1/events?after=70&limit=100", "", 200); !bytes.Contains(listed, []byte(`"type":"baylight.attendance.recorded.v1"`)) {
		t.Errorf("the attendance is not listed: %s", listed)
	}
	for _, body := range []string{`{"type":"attendance.recorded","by":"m1","data":{"technician":"t99","from":"2026-03-02T08:30:00+08:00","to":"2026-03-02T17:30:00+08:00"}}`,
		`{"type":"attendance.recorded","by":"m1","data":{"technician":"t01","from":"2026-03-02T17:30:00+08:00","to":"2026-03-02T08:30:00+08:00"}}`,
		`{"type":"attendance.recorded","by":"m1","data":{"technician":"t01","from":"2026-02-29T08:30:00+08:00","to":"2026-03-02T08:30:00+08:00"}}`,
		`{"type":"job.started","by":"m1","data":{}}`, `{"type":"visit.closed","by":"nobody","data":{}}`, `{`, `{"type":"visit.closed","by":"m1","data":{"visit":"A1B2C3D4E5","outcome":"left"}}`} {
		ask("POST", "/api/v1/events", body, 400)
	}
	ask("POST", "/api/v1/staff", `{"id":"t02","name":"赵师傅","badge":"new","roles":["technician"],"by":"m1"}`, 200)
	ask("POST", "/api/v1/staff", `{"id":"t02","remove":true,"by":"m1"}`, 200)
	ask("POST", "/api/v1/staff", `{"id":"m1","remove":true,"by":"m1"}`, 409)
	ask("GET", "/api/v1/staff", "", 200)
	ask("POST", "/api/v1/bookings", "预约号,预约时间,车牌号\nB-1,2026-03-03 09:30,沪A12345\n", 200)
	ask("POST", "/api/v1/bookings", "预约号,预约时间,车牌号\nB-1,2026-02-29 09:30,沪A12345\n", 422)
	ask("POST", "/api/v1/erasures", `{"vin":"LSVAA49J132047371"}`, 200)
	ask("POST", "/api/v1/erasures", `{"vin":"no vehicle"}`, 422)
	ask("GET", "/api/v1/erasures", "", 200)

	ask("POST", "/api/v1/erasures", `{"vin":"LSVAA4182E2184931"}`, 200)
	ask("POST", "/api/v1/erasures", `{"vin":"LSVAA"}`, 422)
	ask("GET", "/api/v1/erasures", "", 200)

	for path, methods := range doc["paths"].(object) {
		for method := range methods.(object) {
			if name := strings.ToUpper(method) + " " + path; !asked[name] {
				t.Errorf("%s is documented, and nobody asked it here", name)
			}
		}
	}
	var met struct {
		Rows []struct {
			Met map[string]*bool `json:"targets_met"`
		}
	}
	must(t, json.Unmarshal(ask("GET", "/api/v1/kpi?from=2026-11-03&to=2026-11-04", "", 200), &met))
	if m := met.Rows[0].Met; m["on_time_percent"] == nil || !*m["on_time_percent"] || m["turnaround_minutes"] == nil || *m["turnaround_minutes"] {
		t.Errorf("70%% in time and a turnaround of more than a minute: %v, want the one met and the other not", m)
	}
	var scored struct {
		People []struct {
			Key   string
			Score float64
		}
	}
	must(t, json.Unmarshal(ask("GET", "/api/v1/appraisal?month=2026-11", "", 200), &scored))
	if len(scored.People) == 0 || scored.People[0].Score <= 0 {
		t.Errorf("scores %+v", scored)
	}
}

// TestMetrics scrapes a real office with a board.
func TestMetrics(t *testing.T) {
	r := newRig(t)
	r.good()
	conn, err := wire.Conn{State: wire.Ready, Session: 1, Epoch: epoch, Version: "1.0"}.Encode()
	must(t, err)
	r.publish(topics+"conn", conn)
	r.seq += 2 // two that do not come
	_, b := r.checkIn("")
	r.publish(topics+"event/visit.checked_in", b)
	var said string
	r.await("a gap of two", func() bool {
		_, said = r.call(http.MethodGet, "/metrics", "")
		return strings.Contains(said, "\nbaylight_gap_events{store=\"sh-test\"} 2\n") && strings.Contains(said, "\nbaylight_receipt_wait_seconds{store=\"sh-test\"} 0\n") &&
			strings.Contains(said, "\nbaylight_rollup_stale_visits{store=\"sh-test\"} 0\n") && strings.Contains(said, "\nbaylight_kiosks{store=\"sh-test\",state=\"ready\"} 1\n")
	})
	for _, line := range []string{`baylight_build_info{version="test"} 1`, "baylight_events_total 3", "baylight_ledger_position 3", `baylight_commit_seconds_bucket{le="+Inf"} `} {
		if !strings.Contains(said, "\n"+line) {
			t.Errorf("%s is missing in %s", line, said)
		}
	}
}

// TestEveryRouteIsDocumented reads the routes off the sources, and the paths off
// the document.
func TestEveryRouteIsDocumented(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]any
	}
	must(t, json.Unmarshal(openapi.Document(), &doc))
	documented := map[string]bool{}
	for path, methods := range doc.Paths {
		for method := range methods {
			documented[strings.ToUpper(method)+" "+path] = true
		}
	}
	found := map[string]bool{}
	route := regexp.MustCompile(`"((?:GET|POST|PUT|PATCH|DELETE) (?:/api/|/schemas/)[^" ]*)"`)
	for _, root := range []string{".", "../../../sync/backoffice"} {
		must(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "openapi/gen") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range route.FindAllSubmatch(b, -1) {
				if name := string(m[1]); name != "GET /schemas/" { // all below it: the document names each
					found[name] = true
				}
			}
			return err
		}))
	}
	for name := range found {
		if !documented[name] {
			t.Errorf("%s is not in the OpenAPI document", name)
		}
	}
	for name := range documented {
		if !found[name] {
			t.Errorf("%s is documented, and no route", name)
		}
	}
	if len(found) < 15 {
		t.Errorf("only %d routes were found: the test looked at the wrong place", len(found))
	}
}
