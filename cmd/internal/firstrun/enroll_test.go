package firstrun_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/settings"
	"baylight/sync/identity"
)

// The page gets the board its certificate, and the broker's address with it.
func TestEnroll(t *testing.T) {
	at := cmdtest.Address(t)
	office, err := identity.Open(identity.Config{Dir: filepath.Join(t.TempDir(), "ca"), Address: at, Broker: "mqtts://192.0.2.10:8883", Stores: []string{"sh-pudong"}, Now: time.Now})
	must(t, err)
	l, err := office.Listen(at)
	must(t, err)
	web := office.Server(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = web.Serve(l) })
	defer func() { _ = web.Close(); done.Wait() }()
	code, _, err := office.Invite("sh-pudong", "k1")
	must(t, err)

	b := newBoard(t)
	b.start()
	b.signIn()
	b.next("store", "board", storeForm())
	form := boardForm("mqtt://192.0.2.10")
	for _, wrong := range []url.Values{{"do": {"enroll"}}, {"do": {"enroll"}, "office": {cmdtest.Address(t)}, "code": {code.String()}}} {
		for k, v := range form {
			if wrong[k] == nil {
				wrong[k] = v
			}
		}
		wrong.Set("plain", "1")
		if a := b.post("/setup/board", wrong); a.status != http.StatusOK || strings.Contains(a.body, "证书已领取") {
			t.Errorf("%q is answered with %d: %s", wrong, a.status, a.body)
		}
	}
	form.Set("do", "enroll")
	form.Set("office", at)
	form.Set("code", strings.ToLower(code.String()))
	if a := b.post("/setup/board", form); !strings.Contains(a.body, "证书已领取") || !strings.Contains(a.body, `value="mqtts://192.0.2.10:8883"`) || strings.Contains(a.body, code.String()) {
		t.Fatalf("not enrolled: %d %s", a.status, a.body)
	}
	id, err := identity.Load(filepath.Join(b.root, "data", settings.IdentityFile))
	if err != nil || id.Name.String() != "sh-pudong/k1" {
		t.Errorf("the certificate is of %v: %v", id, err)
	}
}
