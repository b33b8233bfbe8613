package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
)

const (
	store = "sh-pudong"
	epoch = "0b9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e11"
)

var zone = time.FixedZone("CST", 8*3600)

// site is an office with its two handlers behind a real server.
type site struct {
	testing.TB
	office *backoffice.Office
	dir    string
	url    string
}

func newSite(t testing.TB, book backoffice.Ledger, change func(*Config)) *site {
	t.Helper()
	o, err := backoffice.New(backoffice.Config{Ledger: book, Now: func() time.Time { return time.Date(2026, 11, 4, 12, 0, 0, 0, zone) },
		Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}}})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{TB: t, office: o, dir: t.TempDir()}
	c := Config{Office: o, Dir: s.dir, May: func(r *http.Request, what string) (string, error) {
		switch who := r.Header.Get("Authorization"); {
		case who == "":
			return "", &Refused{http.StatusUnauthorized, "sign in"}
		case who == "viewer" && what != Export:
			return "", &Refused{http.StatusForbidden, "viewers may not " + what}
		default:
			return who, nil
		}
	}}
	if change != nil {
		change(&c)
	}
	imports, exports, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /api/v1/import", imports)
	mux.Handle("GET /api/v1/export", exports)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func sqlite(t testing.TB) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// do asks as who, and returns what came.
func (s *site) do(who, method, path string, body io.Reader) (*http.Response, []byte) {
	s.Helper()
	req, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", who)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return res, b
}

// load imports a file and returns the last line of the answer.
func (s *site) load(file []byte) Progress {
	s.Helper()
	res, b := s.do("manager", http.MethodPost, "/api/v1/import?store="+store, bytes.NewReader(file))
	if res.StatusCode != http.StatusOK {
		s.Fatalf("import: %s: %s", res.Status, b)
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n")
	var p Progress
	if err := json.Unmarshal([]byte(all[len(all)-1]), &p); err != nil {
		s.Fatal(err)
	}
	return p
}

func (s *site) save(query string) (file []byte, position string) {
	s.Helper()
	res, b := s.do("manager", http.MethodGet, "/api/v1/export?store="+store+query, nil)
	if res.StatusCode != http.StatusOK {
		s.Fatalf("export: %s: %s", res.Status, b)
	}
	return b, res.Trailer.Get(Position)
}

func (s *site) rows() []kpi.Row {
	s.Helper()
	vs, err := backoffice.Recompute(context.Background(), s.office.Ledger(), store, math.MaxInt64, kiosk.ShanghaiWeek(zone))
	if err != nil {
		s.Fatal(err)
	}
	day := time.Date(2026, 11, 3, 0, 0, 0, 0, zone)
	return kpi.Compute(kpi.Input{Visits: vs, Calendar: kiosk.ShanghaiWeek(zone), From: day, To: day.AddDate(0, 0, 1), Now: s.office.Now()}, kpi.ByDay)
}

// history plays two boards and the office itself: visits, person parts (one of
// them erased, one that never came), a correction, a gap, an event recorded
// again after a rollback, and bytes that a line cannot hold.
func (s *site) history() {
	s.Helper()
	k1, k2 := ledgertest.NewBoard(s, store, "k1", epoch), ledgertest.NewBoard(s, store, "k2", "1c9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e22")
	var b backoffice.Batch
	keep := func(e backoffice.Entry) backoffice.Entry { b.Entries = append(b.Entries, e); return e }
	for i := range 30 {
		visit := fmt.Sprintf("A1B2C3D4%02d", i)
		e, part := k1.WithPerson(visit)
		keep(e)
		switch i {
		case 3:
			part.Bytes = nil
			fallthrough
		default:
			b.Persons = append(b.Persons, part)
		case 4: // its part is missing
		}
		keep(k2.Event(&kiosk.Accepted{Visit: visit, Adviser: "a1"}))
	}
	void := keep(k1.CheckIn("A1B2C3D4ZZ"))
	keep(k2.Event(&kiosk.Voided{Event: void.Event.ID(), Meta: kiosk.Meta{By: "m1", Reason: "a mistake"}}))
	k2.Skip(2)
	keep(k2.CheckIn("A1B2C3D4YY"))
	again := ledgertest.NewBoard(s, store, "k1", "2d9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e33")
	keep(again.Envelope(kiosk.Event{Data: void.Event.Data, Was: void.Event.ID(), WasHash: kiosk.HashOf(void.Bytes).String()}))
	odd := again.CheckIn("A1B2C3D4XX")
	odd.Bytes = bytes.Replace(odd.Bytes, []byte(`,"source"`), []byte(",\n \"source\""), 1)
	keep(odd)
	if _, err := s.office.TakeIn(context.Background(), store, b); err != nil {
		s.Fatal(err)
	}
	if _, err := s.office.Record(context.Background(), store, &kiosk.Closed{Visit: "A1B2C3D4YY", Outcome: "left", Meta: kiosk.Meta{By: "m1"}}); err != nil {
		s.Fatal(err)
	}
}

// TestRoundTrip exports a store and imports it into empty offices of both kinds:
// the figures and a second export are the same, and a second import adds nothing.
func TestRoundTrip(t *testing.T) {
	from := newSite(t, sqlite(t), nil)
	from.history()
	file, _ := from.save("&persons=1")
	if n := bytes.Count(file, []byte("\n")); n != 66+29 {
		t.Errorf("the export has %d lines:\n%s", n, file)
	}
	for name, book := range map[string]backoffice.Ledger{"sqlite": sqlite(t), "memory": memledger.New("9f9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e99")} {
		to := newSite(t, book, nil)
		if p := to.load(file); p.Added != 66 || p.Duplicates != 0 || p.Conflicts != 0 || p.Persons != 29 || !p.Done {
			t.Errorf("%s: imported %+v", name, p)
		}
		if diff := cmp.Diff(from.rows(), to.rows()); diff != "" {
			t.Errorf("%s: the figures differ: %s", name, diff)
		}
		again, _ := to.save("&persons=1")
		if diff := cmp.Diff(string(file), string(again)); diff != "" {
			t.Errorf("%s: the exports differ: %s", name, diff)
		}
		if p := to.load(file); p.Added != 0 || p.Duplicates != 66 || !p.Done {
			t.Errorf("%s: imported again: %+v", name, p)
		}
		if diff := cmp.Diff(from.rows(), to.rows()); diff != "" {
			t.Errorf("%s: the figures changed by a second import: %s", name, diff)
		}
	}
}

// TestExportResumes goes on after the last event of a file, without person parts
// unless they are asked for.
func TestExportResumes(t *testing.T) {
	s := newSite(t, sqlite(t), nil)
	s.history()
	whole, position := s.save("")
	if strings.Contains(string(whole), "粤B") || position != "66" {
		t.Errorf("person parts left, or the export ended at %q", position)
	}
	lines := strings.SplitAfter(strings.TrimSpace(string(whole)), "\n")
	for _, n := range []int{1, 17, 60} {
		it, err := ParseLine(store, []byte(strings.TrimSpace(lines[n-1])))
		if err != nil {
			t.Fatal(err)
		}
		query := "&after_event=" + it.Entry.Event.ID() + "&after_hash=" + kiosk.HashOf(it.Entry.Bytes).String()
		rest, _ := s.save(query)
		if diff := cmp.Diff(string(whole), strings.Join(lines[:n], "")+string(rest)); diff != "" {
			t.Errorf("after %d lines: %s", n, diff)
		}
		res, _ := s.do("manager", http.MethodGet, "/api/v1/export?store="+store+"&after_event="+it.Entry.Event.ID()+"&after_hash="+strings.Repeat("0", 64), nil)
		if res.StatusCode != http.StatusConflict {
			t.Errorf("a file from elsewhere is continued: %s", res.Status)
		}
	}
	if rest, _ := s.save("&after=66"); len(rest) != 0 {
		t.Errorf("after the end: %s", rest)
	}
	day, _ := s.save("&from=2026-11-03&to=2026-11-04")
	other, _ := s.save("&from=2026-11-04&to=2026-11-05")
	if bytes.Count(day, []byte("\n")) != 65 || bytes.Count(other, []byte("\n")) != 1 {
		t.Errorf("the days have %d and %d events", bytes.Count(day, []byte("\n")), bytes.Count(other, []byte("\n")))
	}
}

// TestBadLines: one bad line and nothing is imported; each is named.
func TestBadLines(t *testing.T) {
	b := ledgertest.NewBoard(t, store, "k1", epoch)
	good := string(b.CheckIn("A1B2C3D400").Bytes)
	other := string(ledgertest.NewBoard(t, "elsewhere", "k1", epoch).CheckIn("A1B2C3D401").Bytes)
	for name, c := range map[string]struct{ line, says string }{
		"no JSON":        {`{"specversion":`, "no JSON object"},
		"an array":       {`[]`, "no JSON object"},
		"nothing known":  {`{"a":1}`, "neither an event"},
		"other store":    {other, `is of no board and no office of store sh-pudong`},
		"no source":      {`{"specversion":"1.0"}`, "decode event"},
		"reserved board": {strings.Replace(good, "kiosks/k1", "kiosks/staff", 1), "reserved"},
		"malformed data": {strings.Replace(good, `"ticket":"A001"`, `"ticket":7`, 1), "ticket"},
		"person":         {`{"id":"x","source":"/stores/sh-pudong/kiosks/k1","person":{}}`, "<epoch>-<sequence>"},
		"person's board": {`{"id":"` + epoch + `-1","source":"/stores/other/kiosks/k1","person":{}}`, "no board of store"},
		"person's form":  {`{"id":"` + epoch + `-1","source":"/stores/sh-pudong/kiosks/k1","person":"secret"}`, "no object of salt"},
		"base64":         {`{"base64":"%%"}`, "base64"},
		"needless":       {`{"base64":"e30="}`, "needs none"},
		"long":           {good + strings.Repeat(" ", 1) + strings.Repeat("x", MaxLine), "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, sqlite(t), nil)
			res, body := s.do("manager", http.MethodPost, "/api/v1/import", strings.NewReader(good+"\r\n\n"+c.line+"\n"+good+"\n"+c.line))
			var p problem
			if err := json.Unmarshal(body, &p); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if res.StatusCode != http.StatusUnprocessableEntity || p.Bad != 2 || len(p.Errors) != 2 || p.Errors[0].Line != 3 || p.Errors[1].Line != 5 ||
				!strings.Contains(p.Errors[0].Detail, c.says) || strings.Contains(string(body), "secret") {
				t.Errorf("%s: %s", res.Status, body)
			}
			if file, _ := s.save(""); len(file) != 0 {
				t.Errorf("something was imported: %s", file)
			}
			if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
				t.Errorf("files are left: %v, %v", left, err)
			}
		})
	}
}

// TestOwnEvents: nobody brings an office events that it should have recorded itself.
func TestOwnEvents(t *testing.T) {
	s := newSite(t, sqlite(t), nil)
	s.history()
	file, _ := s.save("")
	if p := s.load(file); p.Added != 0 || p.Duplicates != 66 {
		t.Errorf("its own export: %+v", p)
	}
	last := file[bytes.LastIndexByte(bytes.TrimSpace(file), '\n')+1:]
	res, body := s.do("manager", http.MethodPost, "/api/v1/import", bytes.NewReader(bytes.Replace(last, []byte(`"outcome":"left"`), []byte(`"outcome":"other"`), 1)))
	if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(body), "did not record it") {
		t.Errorf("%s: %s", res.Status, body)
	}
}

func TestWhoMay(t *testing.T) {
	s := newSite(t, sqlite(t), func(c *Config) { c.MaxBytes = 10 })
	for _, c := range []struct {
		who, method, path, body string
		want                    int
	}{
		{"", http.MethodPost, "/api/v1/import", "", http.StatusUnauthorized},
		{"", http.MethodGet, "/api/v1/export", "", http.StatusUnauthorized},
		{"viewer", http.MethodPost, "/api/v1/import", "", http.StatusForbidden},
		{"viewer", http.MethodGet, "/api/v1/export", "", http.StatusOK},
		{"viewer", http.MethodGet, "/api/v1/export?persons=1", "", http.StatusForbidden},
		{"manager", http.MethodGet, "/api/v1/export?persons=1", "", http.StatusOK},
		{"manager", http.MethodGet, "/api/v1/export?persons=yes", "", http.StatusBadRequest},
		{"manager", http.MethodGet, "/api/v1/export?store=nowhere", "", http.StatusNotFound},
		{"manager", http.MethodGet, "/api/v1/export?from=2026-02-29", "", http.StatusBadRequest},
		{"manager", http.MethodGet, "/api/v1/export?from=2024-02-29&to=2024-03-01", "", http.StatusOK},
		{"manager", http.MethodGet, "/api/v1/export?from=2026-11-04&to=2026-11-03", "", http.StatusBadRequest},
		{"manager", http.MethodGet, "/api/v1/export?after=-1", "", http.StatusBadRequest},
		{"manager", http.MethodGet, "/api/v1/export?after_event=x", "", http.StatusConflict},
		{"manager", http.MethodPost, "/api/v1/import", "", http.StatusOK},
		{"manager", http.MethodPost, "/api/v1/import", "\n\n\n\n\n\n\n\n\n\n\n\n", http.StatusRequestEntityTooLarge},
	} {
		res, body := s.do(c.who, c.method, c.path, strings.NewReader(c.body))
		if res.StatusCode != c.want || c.want >= 400 && res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %s: %s, want %d: %s", c.who, c.method, c.path, res.Status, c.want, body)
		}
	}
}

func TestFullDisk(t *testing.T) {
	s := newSite(t, sqlite(t), func(c *Config) { c.Room = func() int { return 1 << 20 } })
	b := ledgertest.NewBoard(t, store, "k1", epoch)
	res, body := s.do("manager", http.MethodPost, "/api/v1/import", bytes.NewReader(b.CheckIn("A1B2C3D400").Bytes))
	if res.StatusCode != http.StatusInsufficientStorage {
		t.Errorf("%s: %s", res.Status, body)
	}
}

// broken is a ledger that stops taking events, or stops giving them.
type broken struct {
	backoffice.Ledger
	left int
}

func (b *broken) Commit(ctx context.Context, x backoffice.Batch) (backoffice.Outcome, error) {
	if b.left--; b.left < 0 {
		return backoffice.Outcome{}, errors.New("disk is broken")
	}
	return b.Ledger.Commit(ctx, x)
}

func (b *broken) Events(ctx context.Context, store string, after uint64, limit int) ([]backoffice.Row, error) {
	if after > 0 {
		return nil, errors.New("disk is broken")
	}
	return b.Ledger.Events(ctx, store, after, limit)
}

// TestBrokenHalfWay: an import that fails says how far it came, and doing it
// again completes it; an export that fails is seen to be torn.
func TestBrokenHalfWay(t *testing.T) {
	b := ledgertest.NewBoard(t, store, "k1", epoch)
	var file bytes.Buffer
	for i := range 2500 {
		file.Write(b.CheckIn(fmt.Sprintf("A1B2C3%04d", i)).Bytes)
		file.WriteByte('\n')
	}
	book := sqlite(t)
	s := newSite(t, &broken{book, 1}, nil)
	if p := s.load(file.Bytes()); p.Done || p.Error == "" || p.Lines != 1000 || p.Added != 1000 {
		t.Errorf("the ledger broke after one batch: %+v", p)
	}
	res, err := http.DefaultClient.Do(must(http.NewRequest(http.MethodGet, s.url+"/api/v1/export", nil)))
	if err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("without a name: %s", res.Status)
		}
	}
	req := must(http.NewRequest(http.MethodGet, s.url+"/api/v1/export", nil))
	req.Header.Set("Authorization", "manager")
	if res, err = http.DefaultClient.Do(req); err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("an export that ended in the middle looks whole")
	}
	whole := newSite(t, book, nil)
	if p := whole.load(file.Bytes()); !p.Done || p.Added != 1500 || p.Duplicates != 1000 {
		t.Errorf("imported again: %+v", p)
	}
	if again, _ := whole.save(""); !bytes.Equal(again, file.Bytes()) {
		t.Error("the export is not the file that was imported")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func FuzzParseLine(f *testing.F) {
	b := ledgertest.NewBoard(f, store, "k1", epoch)
	f.Add(b.CheckIn("A1B2C3D400").Bytes)
	f.Add([]byte(`{"id":"` + epoch + `-1","source":"/stores/sh-pudong/kiosks/k1","person":{"salt":"00","vin":"V"}}`))
	f.Add([]byte(`{"base64":"IHt9"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		it, err := ParseLine(store, line)
		switch {
		case err != nil:
		case (it.Entry == nil) == (it.Person == nil):
			t.Errorf("the line is neither or both: %+v", it)
		case it.Entry != nil && it.Entry.Store != store, it.Person != nil && it.Person.Store != store:
			t.Error("the line is of another store")
		}
	})
}

// TestTail cuts an export at every byte: what is kept, with what follows it,
// is the whole export.
func TestTail(t *testing.T) {
	s := newSite(t, sqlite(t), nil)
	s.history()
	whole, _ := s.save("&persons=1")
	rest := map[string]string{}
	for n := 0; n <= len(whole); n += 101 {
		keep, id, hash, err := Tail(bytes.NewReader(whole[:n]))
		if err != nil {
			t.Fatal(err)
		}
		query := "&persons=1"
		if id != "" {
			query += "&after_event=" + id + "&after_hash=" + hash
		} else if keep != 0 {
			t.Fatalf("cut at %d: %d bytes are kept after no event", n, keep)
		}
		if _, asked := rest[query]; !asked {
			b, _ := s.save(query)
			rest[query] = string(b)
		}
		if got := string(whole[:keep]) + rest[query]; got != string(whole) {
			t.Fatalf("cut at %d, kept %d: %s", n, keep, cmp.Diff(string(whole), got))
		}
	}
	if len(rest) < 50 {
		t.Errorf("only %d places to go on from", len(rest))
	}
	for _, no := range []string{"text\n", "[]\n", strings.Repeat("x", MaxLine+10) + "\n", `{"base64":"%"}` + "\n"} {
		if _, _, _, err := Tail(strings.NewReader(no)); err == nil {
			t.Errorf("%.20q is taken for an export", no)
		}
	}
}
