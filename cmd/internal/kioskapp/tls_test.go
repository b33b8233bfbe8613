package kioskapp_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/sync/identity"
	"baylight/sync/link/linktest"
)

// certified is a store whose office and board meet at a real broker, each with a
// certificate of its own.
type certified struct {
	*rig
	authority *identity.Authority
	set       *settings.Office
	broker    *linktest.Mosquitto
}

func newCertified(t *testing.T) *certified {
	t.Helper()
	c := &certified{rig: newRig(t)}
	dir := t.TempDir()
	brokerDir := filepath.Join(dir, "broker")
	must(t, os.Mkdir(brokerDir, 0o755))
	config := fmt.Sprintf("schema = 1\n[office]\ndata = \"office\"\n[http]\nlisten = %q\n[mqtt]\nurl = \"mqtts://127.0.0.1\"\n[identity]\nbroker_dir = %q\nlisten = %q\naddress = %q\n[[store]]\nname = %q\ntag = %q\nkey_file = \"store.key\"\n",
		cmdtest.Address(t), brokerDir, "127.0.0.1:0", "127.0.0.1:8892", store, tag)
	must(t, os.WriteFile(filepath.Join(dir, "backoffice.toml"), []byte(config), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "store.key"), []byte(storeKey), 0o600))
	var err error
	c.set, err = settings.LoadOffice(filepath.Join(dir, "backoffice.toml"))
	must(t, err)
	at := cmdtest.Address(t)
	c.set.Identity.Listen, c.set.Identity.Address = at, at
	must(t, os.MkdirAll(c.set.Data, 0o700))
	first, err := officeapp.OpenAuthority(c.set, time.Now, nil)
	must(t, err)
	must(t, first.Publish())
	c.broker = linktest.StartShipped(t, filepath.Join("..", "..", "..", "firmware-config", "mosquitto", "baylight.conf"), brokerDir)
	c.set.MQTT.URL = "mqtts://" + c.broker.Addr
	c.set.Identity.Broker = c.set.MQTT.URL
	c.authority, err = officeapp.OpenAuthority(c.set, time.Now, nil)
	must(t, err)
	c.edit = func(s string) string { return strings.Replace(s, "mqtt://"+c.gate.addr(), c.set.MQTT.URL, 1) }
	return c
}

// office runs the back office until the test ends.
func (c *certified) office() {
	t := c.t
	t.Helper()
	now, err := clock.NewLead(kiosk.Moment{Wall: time.Now(), Boot: "office", Up: time.Hour, Clock: kiosk.Synced}, nil)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan struct{})
	var failed error
	go func() {
		defer close(done)
		failed = officeapp.Run(ctx, officeapp.Options{Settings: c.set, Version: "test", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Clock: now,
			Ready: func() { close(ready) }, ReconnectMin: 2 * time.Millisecond, ReconnectMax: 20 * time.Millisecond})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		check(t, failed)
		check(t, now.Close())
	})
	select {
	case <-ready:
	case <-done:
		t.Fatalf("the office ended at its start: %v", failed)
	}
}

// waiting is how many events have no receipt.
func (c *certified) waiting() uint64 { return c.health().Outbox.Depth }

// TestCertificates: a board that believes it is 1970 works without a certificate,
// gets one while it runs, connects with what can be checked, learns the time from
// the office, and connects anew with the full check. Nothing is lost meanwhile.
func TestCertificates(t *testing.T) {
	c := newCertified(t)
	must(t, c.clock.Set(kiosk.Moment{Wall: time.Unix(0, 0), Boot: "boot-1", Up: time.Minute, Clock: kiosk.Unset}, 1))
	c.office()
	c.up()
	c.scan("front", car(1), bench.AckGood)
	set, err := settings.LoadKiosk(filepath.Join(c.dir, "kiosk.toml"))
	must(t, err)
	c.shows("/devices", "baylight enroll")
	if c.waiting() == 0 {
		t.Fatal("nothing waits for the office")
	}

	code, _, err := c.authority.Invite(store, "k1")
	must(t, err)
	_, err = identity.Enrol(t.Context(), identity.Enrolment{Office: c.set.Identity.Address, Code: code, Name: identity.Name{Store: store, Kiosk: "k1"}}, set.MQTT.Identity)
	must(t, err)
	c.broker.Reload()
	c.await("everything receipted", func() bool { return c.waiting() == 0 })
	c.await("the certificate checked in full", func() bool { return strings.Contains(c.logged.String(), "checked in full") })
	c.scan("front", car(2), bench.AckGood)
	c.await("everything receipted again", func() bool { return c.waiting() == 0 })
	if strings.Contains(c.page("/devices"), "baylight enroll") {
		t.Error("the devices page still asks for a certificate")
	}
	c.sound()
}
