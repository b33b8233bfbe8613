package officeapp_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"baylight/cmd/internal/officeapp"
	"baylight/kiosk/staff"
)

// files are those of a bundle, by name without their folder.
func files(t *testing.T, bundle []byte) map[string]string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(bundle))
	must(t, err)
	out := map[string]string{}
	for tape := tar.NewReader(zip); ; {
		h, err := tape.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		must(t, err)
		b, err := io.ReadAll(tape)
		must(t, err)
		_, name, _ := strings.Cut(h.Name, "/")
		out[name] = string(b)
	}
}

// The support bundle of a running office, and of one that does not run: who may
// have it, what is in it, and that no secret and nobody's name is.
func TestSupport(t *testing.T) {
	r := newRig(t)
	r.stop()
	set := r.options.Settings
	set.Token, set.MQTT.User, set.MQTT.Password = "a-token", "office", "broker-password-1"
	set.Staff = []staff.Person{{ID: "t01", Name: "李师傅", Badge: "0A70000002", Roles: []staff.Role{staff.Technician}}}
	r.start()
	_, b := r.checkIn("")
	r.publish(topics+"event/visit.checked_in", b)
	r.publish(topics+"event/visit.checked_in", []byte(`LSVAA4182E2184931 粤B12345 13812345678 李师傅`))
	r.await("a reject", func() bool {
		_, said := r.call("GET", "/api/v1/kiosks", "")
		return strings.Contains(said, `"rejected":1`)
	})

	res, err := http.Get("http://" + r.http + "/support-bundle")
	must(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %s", res.Status)
	}
	running, err := officeapp.Support(t.Context(), set, "test", r.options.Clock)
	must(t, err)
	r.stop()
	stopped, err := officeapp.Support(t.Context(), set, "test", r.options.Clock)
	must(t, err)
	for name, c := range map[string]struct {
		bundle []byte
		want   map[string]string
	}{
		"running": {running, map[string]string{"about.json": `"version": "test"`, "configuration.json": `"broker_password_set": true`, "ledger.json": `"integrity": "ok"`,
			"stores.json": `"connected": true`, "disk.json": "ledger.db", "clock.json": "synced", "metrics.txt": "baylight_ledger_position", "log.txt": "level=INFO"}},
		"stopped": {stopped, map[string]string{"about.json": `"go"`, "configuration.json": shop, "disk.json": "ledger.db", "findings.txt": "does not run"}},
	} {
		got := files(t, c.bundle)
		for file, text := range c.want {
			if !strings.Contains(got[file], text) {
				t.Errorf("%s: %s does not say %s: %.2000s", name, file, text, got[file])
			}
		}
		for file, text := range got {
			for _, secret := range []string{"a-token", "broker-password-1", "0123456789abcdef0123456789abcdef", "李师傅", "0A70000002", "LSVAA4182E2184931", "B12345", "13812345678"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s: %s holds %q: %s", name, file, secret, text)
				}
			}
		}
	}
}
