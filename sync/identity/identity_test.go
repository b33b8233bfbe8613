package identity

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// day is when the tests' office believes to be.
var day = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// office is an authority that serves on loopback, by a clock of its own.
type office struct {
	*Authority
	addr string
	now  atomic.Pointer[time.Time]
}

func (o *office) set(t time.Time) { o.now.Store(&t) }

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{}
	o.set(day)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.addr = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	o.Authority, err = Open(Config{Dir: filepath.Join(dir, "ca"), BrokerDir: dir, Address: o.addr, Broker: "mqtts://192.0.2.10:8883",
		Stores: []string{"s1", "s2"}, Now: func() time.Time { return *o.now.Load() }, Built: day.AddDate(0, -1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, o)
	return o
}

func serve(t *testing.T, o *office) {
	t.Helper()
	l, err := o.Listen(o.addr)
	if err != nil {
		t.Fatal(err)
	}
	s := o.Server(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		_ = s.Close()
		done.Wait()
	})
}

func (o *office) invite(t *testing.T, store, kiosk string) Code {
	t.Helper()
	c, until, err := o.Invite(store, kiosk)
	if err != nil {
		t.Fatal(err)
	}
	if got := until.Sub(*o.now.Load()); got != CodeLife {
		t.Fatalf("the code lives for %v", got)
	}
	return c
}

func (o *office) enrolled(t *testing.T, kiosk string) (id *Identity, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "identity.pem")
	id, err := Enrol(t.Context(), Enrolment{Office: o.addr, Code: o.invite(t, "s1", kiosk)}, path)
	if err != nil {
		t.Fatal(err)
	}
	return id, path
}

func TestEnrol(t *testing.T) {
	o := newOffice(t)
	_, path := o.enrolled(t, "k1")
	id, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if id.Name != (Name{"s1", "k1"}) || id.Broker != "mqtts://192.0.2.10:8883" || id.Office != o.addr {
		t.Errorf("the board is %+v", id)
	}
	if !id.Until().Equal(day.Add(boardLife)) || id.Due().Before(day.AddDate(0, 7, 0)) || id.Due().After(day.AddDate(0, 9, 0)) {
		t.Errorf("its certificate holds until %v and is due %v", id.Until(), id.Due())
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", st.Mode(), err)
	}
	for name, mode := range map[string]os.FileMode{keyName: 0o600, registerName: 0o600} {
		if st, err := os.Stat(o.path(name)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, %v", name, st.Mode(), err)
		}
	}
	boards, err := o.Boards()
	if err != nil || len(boards) != 1 || boards[0].Name != id.Name || !boards[0].Revoked.IsZero() {
		t.Errorf("the office knows %+v, %v", boards, err)
	}
	acl, err := os.ReadFile(o.brokerPath(BrokerACL))
	if err != nil || !strings.Contains(string(acl), "user s1/k1\ntopic read baylight/v1/s1/office") {
		t.Errorf("the broker's list is %s, %v", acl, err)
	}
}

func TestCodeIsRefused(t *testing.T) {
	rows := []struct {
		name string
		want string // in the error; "": it is taken
		do   func(t *testing.T, o *office, e *Enrolment)
	}{
		{"right", "", func(*testing.T, *office, *Enrolment) {}},
		{"of this board", "", func(_ *testing.T, _ *office, e *Enrolment) { e.Name = Name{"s1", "k1"} }},
		{"of another board", "is s1/k2 by its configuration", func(_ *testing.T, _ *office, e *Enrolment) { e.Name = Name{"s1", "k2"} }},
		{"never given out", "not valid", func(_ *testing.T, _ *office, e *Enrolment) { e.Code = newCode() }},
		{"right id, wrong secret", "not valid", func(_ *testing.T, _ *office, e *Enrolment) {
			other := []byte(newCode().text)
			copy(other, e.Code.id())
			e.Code = Code{string(other)}
		}},
		{"a moment too late", "not valid", func(_ *testing.T, o *office, _ *Enrolment) { o.set(day.Add(CodeLife)) }},
		{"just in time", "", func(_ *testing.T, o *office, _ *Enrolment) { o.set(day.Add(CodeLife - time.Second)) }},
		{"replaced by another", "not valid", func(t *testing.T, o *office, _ *Enrolment) { o.invite(t, "s1", "k1") }},
		{"used", "not valid", func(t *testing.T, o *office, e *Enrolment) {
			if _, err := Enrol(t.Context(), *e, filepath.Join(t.TempDir(), "other.pem")); err != nil {
				t.Fatal(err)
			}
		}},
		{"of a board that was revoked meanwhile", "not valid", func(t *testing.T, o *office, _ *Enrolment) {
			if _, err := o.Revoke("s1", "k1", "lost"); err != nil {
				t.Fatal(err)
			}
		}},
		{"office in 1970", "cannot do this now", func(_ *testing.T, o *office, _ *Enrolment) { o.set(time.Unix(0, 0)) }},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			o := newOffice(t)
			path := filepath.Join(t.TempDir(), "identity.pem")
			e := Enrolment{Office: o.addr, Code: o.invite(t, "s1", "k1")}
			r.do(t, o, &e)
			_, err := Enrol(t.Context(), e, path)
			_, missing := os.Stat(path)
			if r.want == "" && (err != nil || missing != nil) {
				t.Errorf("the code is not taken: %v, %v", err, missing)
			}
			if r.want != "" && (err == nil || !strings.Contains(err.Error(), r.want) || missing == nil) {
				t.Errorf("got %v (file: %v), want %q and no file", err, missing, r.want)
			}
		})
	}
}

// TestGuessing: wrong secrets kill the code, and lock who tries.
func TestGuessing(t *testing.T) {
	o := newOffice(t)
	good := o.invite(t, "s1", "k1")
	wrong := Code{good.id() + newCode().text[idSymbols:]}
	refused := 0
	for range maxTries + 3 {
		_, err := Enrol(t.Context(), Enrolment{Office: o.addr, Code: wrong}, filepath.Join(t.TempDir(), "x"))
		if err == nil {
			t.Fatal("a wrong secret was taken")
		}
		if strings.Contains(err.Error(), "too many wrong codes") {
			refused++
		}
	}
	if refused != 3 {
		t.Errorf("locked out %d times of 3", refused)
	}
	if _, err := Enrol(t.Context(), Enrolment{Office: o.addr, Code: good}, filepath.Join(t.TempDir(), "x")); err == nil {
		t.Error("the right code was taken after so many wrong ones")
	}
}

// TestSomebodyInBetween: who ends the board's TLS connection and makes another to
// the office learns nothing that the office takes, and the board takes nothing of it.
func TestSomebodyInBetween(t *testing.T) {
	o, other := newOffice(t), newOffice(t)
	code := o.invite(t, "s1", "k1")
	var answered atomic.Int32
	middle := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		defer client.CloseIdleConnections()
		res, err := client.Post("https://"+o.addr+r.URL.Path, "application/json", bytes.NewReader(b))
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		answered.Add(int32(res.StatusCode))
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	})
	between := listen(t, other.ServerTLS(), middle)
	if _, err := Enrol(t.Context(), Enrolment{Office: between, Code: code}, filepath.Join(t.TempDir(), "x")); err == nil || answered.Load() != http.StatusForbidden {
		t.Errorf("somebody in between got %d from the office, and the board %v", answered.Load(), err)
	}
	// An office that does not know the code and says yes all the same.
	liar := listen(t, other.ServerTLS(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"identity":"e30=","proof":"AAAA"}`))
	}))
	if _, err := Enrol(t.Context(), Enrolment{Office: liar, Code: code}, filepath.Join(t.TempDir(), "x")); !errors.Is(err, errPeer) {
		t.Errorf("an office that does not know the code: %v", err)
	}
	if _, err := Enrol(t.Context(), Enrolment{Office: o.addr, Code: code}, filepath.Join(t.TempDir(), "x")); err != nil {
		t.Errorf("the code is still good at the office itself: %v", err)
	}
}

func listen(t *testing.T, cfg *tls.Config, h http.Handler) (address string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	var done sync.WaitGroup
	done.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		_ = s.Close()
		done.Wait()
	})
	return l.Addr().String()
}

// TestAnswerIsLost: who asks again with the same key gets the same certificate.
func TestAnswerIsLost(t *testing.T) {
	o := newOffice(t)
	e := Enrolment{Office: o.addr, Code: o.invite(t, "s1", "k1")}
	k, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	req, err := request(k, Name{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := enrolOnce(t.Context(), e, k, req)
	if err != nil {
		t.Fatal(err)
	}
	second, err := enrolOnce(t.Context(), e, k, req)
	if err != nil || !second.leaf.Equal(first.leaf) {
		t.Errorf("asked again: %v", err)
	}
}

func TestRenew(t *testing.T) {
	o := newOffice(t)
	id, path := o.enrolled(t, "k1")
	at := Trust{Now: id.Due().Add(time.Second), Trusted: true}
	o.set(at.Now)
	var anew atomic.Int32
	b := NewBoard(BoardConfig{Path: path, Trust: func() Trust { return at }, Anew: func() { anew.Add(1) }})
	var next time.Time
	b.look(t.Context(), &next)
	fresh, err := Load(path)
	if err != nil || anew.Load() != 1 || fresh.leaf.Equal(id.leaf) || fresh.key.Equal(id.key) || fresh.Name != id.Name {
		t.Fatalf("not renewed: %v, connection made anew %d times", err, anew.Load())
	}
	if s := b.Status(); s.Problem != "" || s.Name != "s1/k1" || !s.Until.Equal(fresh.Until()) {
		t.Errorf("status %+v", s)
	}
	next = time.Time{}
	b.look(t.Context(), &next) // not due
	if again, err := Load(path); err != nil || !again.leaf.Equal(fresh.leaf) {
		t.Error("renewed before its time")
	}
	if _, err := o.Revoke("s1", "k1", "stolen"); err != nil {
		t.Fatal(err)
	}
	at.Now = fresh.Until().Add(-soon / 2)
	o.set(at.Now)
	next = time.Time{}
	b.look(t.Context(), &next)
	if s := b.Status(); !strings.Contains(s.Problem, "was revoked") {
		t.Errorf("status of a revoked board: %+v", s)
	}
	at.Now = fresh.Until().Add(time.Second)
	if s := b.Status(); !strings.Contains(s.Problem, "expired") {
		t.Errorf("status of an expired board: %+v", s)
	}
}

// TestRenewNeedsACertificate: without one, or with another authority's, there is no other.
func TestRenewNeedsACertificate(t *testing.T) {
	o, other := newOffice(t), newOffice(t)
	id, _ := o.enrolled(t, "k1")
	stranger, _ := other.enrolled(t, "k1")
	stranger.Office, stranger.authorities = o.addr, id.authorities
	if _, err := renewed(t.Context(), stranger, Trust{Now: day, Trusted: true}); err == nil {
		t.Error("another authority's certificate is renewed")
	}
	cfg := &tls.Config{InsecureSkipVerify: true}
	_, err := ask(t.Context(), o.addr, renewPath, cfg, func(tls.ConnectionState) (question, error) { return question{}, nil })
	if !errors.Is(err, ErrRefused) {
		t.Errorf("without a certificate: %v", err)
	}
	if _, err := renewed(t.Context(), id, Trust{Now: day, Trusted: true}); err != nil {
		t.Errorf("its own is not renewed: %v", err)
	}
	stranger, _ = other.enrolled(t, "k1") // an office that only says it is ours
	stranger.authorities = id.authorities
	if _, err := renewed(t.Context(), stranger, Trust{Now: day, Trusted: true}); !errors.Is(err, errPeer) {
		t.Errorf("another authority's office: %v", err)
	}
}

// TestEnrolledAnew: a new card for a board takes the certificates of the old one away.
func TestEnrolledAnew(t *testing.T) {
	o := newOffice(t)
	old, _ := o.enrolled(t, "k1")
	fresh, _ := o.enrolled(t, "k1")
	if _, err := renewed(t.Context(), old, Trust{Now: day, Trusted: true}); !errors.Is(err, ErrRefused) {
		t.Errorf("the old card renews: %v", err)
	}
	if _, err := renewed(t.Context(), fresh, Trust{Now: day, Trusted: true}); err != nil {
		t.Errorf("the new card: %v", err)
	}
	b, err := os.ReadFile(o.brokerPath(BrokerCRL))
	if err != nil || !o.lists(b, []string{old.leaf.SerialNumber.Text(16)}) {
		t.Errorf("the broker's list of the revoked is not the old card's: %v", err)
	}
}

// TestClock: a wrong clock bounds the check and never turns it off.
func TestClock(t *testing.T) {
	o, other := newOffice(t), newOffice(t)
	id, _ := o.enrolled(t, "k1")
	serverOf := func(o *office, host string, from, until time.Time) tls.Certificate {
		k, err := newKey()
		if err != nil {
			t.Fatal(err)
		}
		tmpl := forServer([]string{host}, from.Add(backdate), until.Sub(from.Add(backdate)))
		c, err := sign(tmpl, o.cert, &k.PublicKey, o.key)
		if err != nil {
			t.Fatal(err)
		}
		return pair(c, k)
	}
	year := 365 * 24 * time.Hour
	in1970, later := time.Unix(1000, 0), day.Add(2*year)
	untrusted := func(earliest time.Time) Trust { return Trust{Now: in1970, Earliest: earliest} }
	rows := []struct {
		name        string
		of          *office
		host        string
		from, until time.Time
		trust       Trust
		good        bool
	}{
		{"trusted", o, BrokerHost, day.Add(-year), day.Add(year), Trust{Now: day, Trusted: true}, true},
		{"trusted, expired", o, BrokerHost, day.Add(-year), day.Add(-time.Second), Trust{Now: day, Trusted: true}, false},
		{"trusted, not begun", o, BrokerHost, day.Add(time.Second), day.Add(year), Trust{Now: day, Trusted: true}, false},
		{"trusted says 1970", o, BrokerHost, day.Add(-year), day.Add(year), Trust{Now: in1970, Trusted: true}, false},
		{"1970", o, BrokerHost, day.Add(-time.Hour), day.Add(year), untrusted(time.Time{}), true},
		{"1970, a later certificate", o, BrokerHost, later, later.Add(year), untrusted(day), true},
		{"1970, expired before the board enrolled", o, BrokerHost, day.Add(-year), day.Add(-time.Hour), untrusted(time.Time{}), false},
		{"1970, expired before what is known", o, BrokerHost, day, day.Add(year), untrusted(later), false},
		{"1970, another name", o, OfficeHost, day, day.Add(year), untrusted(day), false},
		{"1970, another authority", other, BrokerHost, day, day.Add(year), untrusted(day), false},
		{"clock far ahead, not trusted", o, BrokerHost, day, day.Add(year), Trust{Now: day.Add(100 * year), Earliest: day}, true},
		{"1970, authority expired before what is known", o, BrokerHost, day, day.Add(40 * year), untrusted(day.Add(30 * year)), false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			addr := listen(t, &tls.Config{Certificates: []tls.Certificate{serverOf(r.of, r.host, r.from, r.until)}}, http.NotFoundHandler())
			c, err := (&tls.Dialer{Config: id.client(BrokerHost, r.trust)}).DialContext(t.Context(), "tcp", addr)
			if err == nil {
				_ = c.Close()
			}
			if (err == nil) != r.good {
				t.Errorf("connected: %v, want %v: %v", err == nil, r.good, err)
			}
		})
	}
}

// TestTrustComes: once the clock is trusted, the connection is made anew, once.
func TestTrustComes(t *testing.T) {
	o := newOffice(t)
	_, path := o.enrolled(t, "k1")
	at := Trust{Now: time.Unix(0, 0), Earliest: day}
	anew := 0
	b := NewBoard(BoardConfig{Path: path, Trust: func() Trust { return at }, Anew: func() { anew++ }})
	if _, err := b.TLS(); err != nil {
		t.Fatal(err)
	}
	var next time.Time
	b.look(t.Context(), &next)
	if s := b.Status(); !s.Bounded || anew != 0 {
		t.Errorf("untrusted: %+v, made anew %d times", s, anew)
	}
	at = Trust{Now: day, Trusted: true}
	for range 3 {
		b.look(t.Context(), &next)
	}
	if s := b.Status(); s.Bounded || anew != 1 {
		t.Errorf("trusted: %+v, made anew %d times", s, anew)
	}
}

func TestNotEnrolled(t *testing.T) {
	b := NewBoard(BoardConfig{Path: filepath.Join(t.TempDir(), "none.pem"), Trust: func() Trust { return Trust{Now: day, Trusted: true} }})
	if _, err := b.TLS(); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	if s := b.Status(); !strings.Contains(s.Problem, "backofficed enroll") {
		t.Errorf("%+v", s)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := b.Run(ctx); err != nil {
		t.Error(err)
	}
}

// TestAuthorityFiles: half an authority is never completed with a new half.
func TestAuthorityFiles(t *testing.T) {
	for _, name := range []string{keyName, certName} {
		o := newOffice(t)
		if err := os.Remove(o.path(name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(o.cfg); err == nil || !strings.Contains(err.Error(), "backup") {
			t.Errorf("without %s: %v", name, err)
		}
	}
	o, other := newOffice(t), newOffice(t)
	b, err := os.ReadFile(other.path(keyName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.path(keyName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o.cfg); err == nil {
		t.Error("another authority's key is taken")
	}
	again, err := Open(other.cfg)
	if err != nil || !again.cert.Equal(other.cert) {
		t.Errorf("opened again: %v", err)
	}
	if _, err := os.Stat(other.path(registerName)); err == nil {
		t.Error("a register without an entry was written")
	}
	if err := os.WriteFile(other.path(registerName), []byte(`{"schema":2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Boards(); err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("a register of another version: %v", err)
	}
}

// TestPublish: files change when they say something else, and only then.
func TestPublish(t *testing.T) {
	o := newOffice(t)
	if err := o.Publish(); err != nil {
		t.Fatal(err)
	}
	read := func() (all [4]string) {
		for i, n := range []string{BrokerCA, BrokerPair, BrokerCRL, BrokerACL} {
			b, err := os.ReadFile(o.brokerPath(n))
			if err != nil {
				t.Fatal(err)
			}
			all[i] = string(b)
		}
		return all
	}
	first := read()
	if err := o.Publish(); err != nil || read() != first {
		t.Errorf("written again without need: %v", err)
	}
	o.set(day.Add(brokerLife * 3 / 4))
	if err := o.Publish(); err != nil {
		t.Fatal(err)
	}
	later := read()
	if later[0] != first[0] || later[1] == first[1] || later[2] != first[2] || later[3] != first[3] {
		t.Error("after three quarters of its life the broker's certificate, and nothing else, is new")
	}
	o.cfg.Names = []string{"office.lan", "192.0.2.10"}
	if err := o.Publish(); err != nil {
		t.Fatal(err)
	}
	of, err := decode([]byte(read()[1]))
	if err != nil || of.certs[0].VerifyHostname("192.0.2.10") != nil || of.certs[0].VerifyHostname(BrokerHost) != nil {
		t.Errorf("the names are not in the broker's certificate: %v", err)
	}
	o.cfg.BrokerDir = filepath.Join(t.TempDir(), "none")
	if err := o.Publish(); err == nil || !strings.Contains(err.Error(), "install -d") {
		t.Errorf("without the folder: %v", err)
	}
}

// TestOfficeTLS: the office's own certificates are made in memory and hold.
func TestOfficeTLS(t *testing.T) {
	o := newOffice(t)
	first, err := o.OfficeTLS("s1")
	if err != nil {
		t.Fatal(err)
	}
	again, err := o.OfficeTLS("s1")
	if err != nil || !bytes.Equal(again.Certificates[0].Certificate[0], first.Certificates[0].Certificate[0]) {
		t.Errorf("made anew without need: %v", err)
	}
	o.set(day.Add(passingLife))
	later, err := o.OfficeTLS("s1")
	if err != nil || later.Certificates[0].Leaf.NotAfter.Before(*o.now.Load()) || later.Certificates[0].Leaf.Subject.CommonName != "s1/backoffice" {
		t.Errorf("a month later: %v", err)
	}
	if _, err := nameOf(&x509.Certificate{Subject: later.Certificates[0].Leaf.Subject}); err == nil {
		t.Error("an office's certificate is taken for a board's")
	}
}
