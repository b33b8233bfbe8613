package officeapp_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"baylight/sync/wire"
)

// condition is what /healthz says.
func (r *rig) condition() (status int, level string, codes []string) {
	r.t.Helper()
	res, err := http.Get("http://" + r.http + "/healthz")
	must(r.t, err)
	defer res.Body.Close()
	var c struct {
		OK      bool
		Level   string
		Reasons []struct{ Level, Code, ZH, EN string }
	}
	must(r.t, json.NewDecoder(res.Body).Decode(&c))
	for _, x := range c.Reasons {
		if x.ZH == "" || x.EN == "" || x.Level == "" {
			r.t.Errorf("a reason without words: %+v", x)
		}
		codes = append(codes, x.Code)
	}
	if c.OK != (res.StatusCode == http.StatusOK) {
		r.t.Errorf("ok %t with %d", c.OK, res.StatusCode)
	}
	return res.StatusCode, c.Level, codes
}

// An office tells how it is: well; cut off from its broker; with boards that are
// not heard or lose data.
func TestHealth(t *testing.T) {
	r := newRig(t)
	is := func(level string, has ...string) func() bool {
		return func() bool {
			status, l, codes := r.condition()
			return status == http.StatusOK && l == level && !slices.ContainsFunc(has, func(c string) bool { return !slices.Contains(codes, c) })
		}
	}
	r.await("that all is well", is("ok"))
	say := func(h wire.Health) {
		t.Helper()
		h.At, h.Clock, h.Versions = "2026-03-02T18:00:00+08:00", "synced", map[string]string{"kioskd": "1.0"}
		b, err := h.Encode()
		must(t, err)
		r.publish(topics+"health", b)
	}
	say(wire.Health{Level: "losing"})
	r.await("a board that loses data", is("losing", "boards.losing"))
	say(wire.Health{Level: "ok"})
	r.await("that it is well again", is("ok"))
	lost, err := wire.Conn{State: wire.Lost, Session: 1, Epoch: epoch}.Encode()
	must(t, err)
	r.publish(topics+"conn", lost)
	r.await("a board that is cut off", is("degraded", "boards.silent"))
	must(t, r.broker.Close())
	r.await("an office that is cut off", is("degraded", "broker.gone", "boards.silent"))
}
