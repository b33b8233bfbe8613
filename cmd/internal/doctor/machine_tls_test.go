package doctor

import (
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/sync/identity"
	"baylight/sync/link/linktest"
)

// At a real Mosquitto with the configuration that we ship: a board that enrolled
// gets in, also when it believes it is 1970; one without a certificate, whose
// certificate has ended or was revoked, or whose clock is trusted and wrong, is
// told which of these it is.
func TestBrokerByCertificate(t *testing.T) {
	at := time.Now().Add(-400 * 24 * time.Hour)
	var mu sync.Mutex
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return at }
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	a, err := identity.Open(identity.Config{Dir: filepath.Join(dir, "ca"), BrokerDir: dir, Address: l.Addr().String(), Broker: "mqtts://127.0.0.1", Stores: []string{"s1"}, Now: now})
	must(err)
	web := a.Server(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = web.Serve(tls.NewListener(l, a.ServerTLS())) })
	t.Cleanup(func() { _ = web.Close(); done.Wait() })
	enrol := func(name string) string {
		t.Helper()
		code, _, err := a.Invite("s1", name)
		must(err)
		path := filepath.Join(t.TempDir(), "identity.pem")
		_, err = identity.Enrol(t.Context(), identity.Enrolment{Office: l.Addr().String(), Code: code}, path)
		must(err)
		return path
	}
	ended := enrol("k1")
	mu.Lock()
	at = time.Now()
	mu.Unlock()
	good, stolen := enrol("k2"), enrol("k3")
	_, err = a.Revoke("s1", "k3", "stolen")
	must(err)
	must(a.Publish())
	broker := linktest.StartShipped(t, filepath.Join("..", "..", "..", "firmware-config", "mosquitto", "baylight.conf"), dir)
	in := func(now time.Time, trusted bool) identity.Trust { return identity.Trust{Now: now, Trusted: trusted} }
	for name, c := range map[string]struct {
		path  string
		trust identity.Trust
		want  error
	}{
		"enrolled":                  {good, in(time.Now(), true), nil},
		"believes it is 1970":       {good, in(time.Unix(0, 0), false), nil},
		"a trusted clock in 1970":   {good, in(time.Unix(0, 0), true), errTLS},
		"a trusted clock far ahead": {good, in(time.Now().AddDate(30, 0, 0), true), errTLS},
		"not enrolled":              {filepath.Join(dir, "none.pem"), in(time.Now(), true), errTLS},
		"revoked":                   {stolen, in(time.Now(), true), errBarred},
		"ended":                     {ended, in(time.Now(), false), errBarred},
	} {
		set := &settings.Kiosk{Store: settings.Store{Name: "s1"}, Name: "k2", MQTT: settings.MQTT{URL: "mqtts://" + broker.Addr, Identity: c.path}}
		err := knock(t.Context(), set, func() identity.Trust { return c.trust })
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		want := map[error]string{nil: "broker.ok", errTLS: "broker.tls", errBarred: "broker.barred"}[c.want]
		if f := reached(err, set.MQTT.URL, "127.0.0.1"); f.Code != want {
			t.Errorf("%s is told as %s, want %s", name, f.Code, want)
		}
	}
}
