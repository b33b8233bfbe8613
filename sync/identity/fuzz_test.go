package identity

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzEnrol: whatever stands in a question, nothing is signed without the code.
func FuzzEnrol(f *testing.F) {
	k, err := newKey()
	if err != nil {
		f.Fatal(err)
	}
	req, err := request(k, Name{"s1", "k1"})
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	a, err := Open(Config{Dir: filepath.Join(dir, "ca"), Address: "127.0.0.1:1", Broker: "mqtts://127.0.0.1:2", Stores: []string{"s1"}, Now: func() time.Time { return day }})
	if err != nil {
		f.Fatal(err)
	}
	c, _, err := a.Invite("s1", "k1")
	if err != nil {
		f.Fatal(err)
	}
	for _, q := range []question{{}, {Code: c.id(), Request: req, Proof: proof(c.key(), boardProves, []byte("x"), req)}, {Request: req}} {
		b, err := json.Marshal(q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, true)
		f.Add(b, false)
	}
	f.Add([]byte(`{"request":"MIIB"}`), true)
	a.export = func(*tls.ConnectionState) ([]byte, error) { return []byte("y"), nil } // not the "x" that was proven
	h := a.Handler()
	calls := 0
	f.Fuzz(func(t *testing.T, b []byte, enrol bool) {
		path := renewPath
		if enrol {
			path = enrolPath
		}
		r := httptest.NewRequest(http.MethodPost, "https://"+OfficeHost+path, bytes.NewReader(b))
		r.TLS = &tls.ConnectionState{}
		calls++
		r.RemoteAddr = fmt.Sprintf("[2001:db8::%x]:1", calls&0xffff) // somebody else each time
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code < 400 || w.Code > 499 {
			t.Fatalf("answered with %d: %s", w.Code, w.Body)
		}
		var out answer
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out.Identity != nil || out.Problem == "" {
			t.Fatalf("answered %s: %v", w.Body, err)
		}
		if boards, err := a.Boards(); err != nil || len(boards) != 0 {
			t.Fatalf("boards %v, %v", boards, err)
		}
	})
}

func FuzzRequest(f *testing.F) {
	k, err := newKey()
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range []Name{{}, {"s1", "k1"}} {
		req, err := request(k, n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(req)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if pub, _, err := readRequest(der); err == nil && pub.Curve.Params().BitSize != 256 {
			t.Fatal("a key of another curve is taken")
		}
	})
}

// FuzzIdentity: a file that is taken says the same when it is written again.
func FuzzIdentity(f *testing.F) {
	dir := f.TempDir()
	c, k, err := newAuthority(day)
	if err != nil {
		f.Fatal(err)
	}
	mine, err := newKey()
	if err != nil {
		f.Fatal(err)
	}
	leaf, err := sign(forClient(Name{"s1", "k1"}, day, boardLife), c, &mine.PublicKey, k)
	if err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, "identity.pem")
	id := &Identity{Name: Name{"s1", "k1"}, Office: "192.0.2.10:8892", Broker: "mqtts://192.0.2.10", key: mine, leaf: leaf}
	id.authorities = append(id.authorities, c)
	if err := id.save(path); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := parse(b)
		if err != nil {
			return
		}
		to := filepath.Join(t.TempDir(), "again.pem")
		if err := id.save(to); err != nil {
			t.Fatal(err)
		}
		again, err := Load(to)
		if err != nil || again.Name != id.Name || again.Office != id.Office || again.Broker != id.Broker || !again.leaf.Equal(id.leaf) {
			t.Fatalf("written again it is %+v, %v", again, err)
		}
	})
}
