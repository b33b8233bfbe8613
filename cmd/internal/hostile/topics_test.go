package hostile_test

import (
	"encoding/json"
	"strings"
	"testing"

	"baylight/cmd/internal/hostile"
	"baylight/kiosk"
	"baylight/sync/wire"
)

// topics are all that can be built of s in every place where a name stands, by
// how many levels each has; what cannot be built is not there.
func topics(s string) map[string]int {
	out := map[string]int{}
	add := func(topic string, err error, levels int) {
		if err == nil {
			out[topic] = levels
		}
	}
	good, err := wire.NewKiosk("sh-pudong", "k1")
	if err != nil {
		panic(err) // a name of ours
	}
	if store, err := wire.NewStore(s); err == nil {
		for _, topic := range []string{store.Office(), store.Visits(), store.Setup(), store.Staff(), store.Erasures()} {
			add(topic, nil, 4)
		}
	}
	if k, err := good.Store().Kiosk(s); err == nil {
		for _, topic := range []string{k.Person(), k.Conn(), k.Health(), k.Receipt(), k.Time()} {
			add(topic, nil, 5)
		}
	}
	topic, err := good.Store().Visit(s)
	add(topic, err, 5)
	topic, err = good.Store().Bookings(s)
	add(topic, err, 5)
	topic, err = good.Store().Event(s)
	add(topic, err, 6)
	for _, build := range []func(string) (string, error){good.Event, good.Bay, good.Cmd} {
		topic, err = build(s)
		add(topic, err, 6)
	}
	return out
}

// checkTopics: what is built has the levels it shall have and nothing that a
// broker takes for more than a name, and is read back as what it is.
func checkTopics(t *testing.T, s string) {
	t.Helper()
	for topic, levels := range topics(s) {
		if strings.ContainsAny(topic, "+#\x00 *>$") || strings.Count(topic, "/")+1 != levels || strings.Contains(topic, "//") || len(topic) > 200 {
			t.Errorf("%.60q became the topic %.200q", s, topic)
		}
		if _, err := wire.ParseTopic(topic); err != nil {
			t.Errorf("%.60q: %v", s, err)
		}
	}
	for _, topic := range []string{s, wire.Prefix + s, wire.Prefix + s + "/office", wire.Prefix + "sh-pudong/" + s, wire.Prefix + "sh-pudong/" + s + "/conn", wire.Prefix + "sh-pudong/k1/" + s, wire.Prefix + "sh-pudong/k1/event/" + s} {
		got, err := wire.ParseTopic(topic)
		if err != nil {
			if len(err.Error()) > 700 || steers(err.Error(), "") {
				t.Errorf("%.60q is refused by %d bytes: %.200q", s, len(err.Error()), err)
			}
			continue
		}
		if strings.ContainsAny(got.Store+got.Kiosk+got.Name, "+#\x00/ *>$") {
			t.Errorf("%.60q is read as %+v", topic, got)
		}
	}
}

func TestTopics(t *testing.T) {
	for _, v := range values() {
		checkTopics(t, v)
	}
	for _, x := range hostile.Texts(hostile.Topic) {
		if _, err := wire.NewStore(x.Value); err == nil && x.Value != "backoffice" && x.Value != "office" {
			t.Errorf("%s: %q names a store", x.Name, x.Value)
		}
		if _, err := wire.NewKiosk("sh-pudong", x.Value); err == nil {
			t.Errorf("%s: %q names a kiosk", x.Name, x.Value)
		}
	}
}

func FuzzTopics(f *testing.F) {
	seed(f)
	f.Fuzz(checkTopics)
}

// decoders are all readers of messages.
func decoders() map[string]func([]byte) error {
	return map[string]func([]byte) error{
		"bookings": reader(wire.DecodeBookings), "command": reader(wire.DecodeCommand), "erasures": reader(wire.DecodeErasures), "receipt": reader(wire.DecodeReceipt), "setup": reader(wire.DecodeSetup),
		"staff": reader(wire.DecodeStaff), "conn": reader(wire.DecodeConn), "office": reader(wire.DecodeOffice), "person": reader(wire.DecodePersonPart), "health": reader(wire.DecodeHealth),
		"question": reader(wire.DecodeTimeQuestion), "answer": reader(wire.DecodeTimeAnswer), "visits": reader(wire.DecodeVisits), "visit": reader(wire.DecodeVisit), "event": reader(kiosk.Decode),
	}
}

func reader[T any](decode func([]byte) (T, error)) func([]byte) error {
	return func(b []byte) error {
		_, err := decode(b)
		return err
	}
}

// TestMessages: no reader of messages takes what is none, and what it says of it
// is short and can be shown.
func TestMessages(t *testing.T) {
	bad := [][]byte{hostile.Huge(), hostile.Deep(200_000)}
	for _, v := range values() {
		bad = append(bad, []byte(v))
	}
	for name, decode := range decoders() {
		for _, b := range bad {
			err := decode(b)
			if err == nil && strings.TrimSpace(string(b)) != `{"__proto__":{"x":1}}` && !json.Valid(b) {
				t.Errorf("%s takes %.60q", name, b)
			}
			if err != nil && (len(err.Error()) > 1000 || steers(err.Error(), "")) {
				t.Errorf("%s refuses %.60q in %d bytes: %.200q", name, b, len(err.Error()), err)
			}
		}
	}
}
