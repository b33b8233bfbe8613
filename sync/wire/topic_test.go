package wire

import (
	"strings"
	"testing"
)

func TestTopics(t *testing.T) {
	k, err := NewKiosk("sh-pudong", "k1")
	if err != nil {
		t.Fatal(err)
	}
	s := k.Store()
	made := func(topic string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return topic
	}
	rows := []struct {
		topic, want string
		parsed      Topic
	}{
		{made(k.Event("job.started")), "sh-pudong/k1/event/job.started", Topic{"sh-pudong", "k1", KindEvent, "job.started"}},
		{made(k.Event("kiosk.clock_set")), "sh-pudong/k1/event/kiosk.clock_set", Topic{"sh-pudong", "k1", KindEvent, "kiosk.clock_set"}},
		{k.Person(), "sh-pudong/k1/person", Topic{"sh-pudong", "k1", KindPerson, ""}},
		{k.Conn(), "sh-pudong/k1/conn", Topic{"sh-pudong", "k1", KindConn, ""}},
		{made(k.Bay("b3")), "sh-pudong/k1/bay/b3", Topic{"sh-pudong", "k1", KindBay, "b3"}},
		{k.Health(), "sh-pudong/k1/health", Topic{"sh-pudong", "k1", KindHealth, ""}},
		{k.Receipt(), "sh-pudong/k1/receipt", Topic{"sh-pudong", "k1", KindReceipt, ""}},
		{made(k.Cmd("announce")), "sh-pudong/k1/cmd/announce", Topic{"sh-pudong", "k1", KindCmd, "announce"}},
		{k.Time(), "sh-pudong/k1/time", Topic{"sh-pudong", "k1", KindTime, ""}},
		{made(s.Event("person.erased")), "sh-pudong/backoffice/event/person.erased", Topic{"sh-pudong", "backoffice", KindEvent, "person.erased"}},
		{s.Office(), "sh-pudong/office", Topic{"sh-pudong", "", KindOffice, ""}},
		{s.Visits(), "sh-pudong/visits", Topic{"sh-pudong", "", KindVisits, ""}},
		{made(s.Visit("7A1Z9K0QXM")), "sh-pudong/visits/7A1Z9K0QXM", Topic{"sh-pudong", "", KindVisits, "7A1Z9K0QXM"}},
		{s.Setup(), "sh-pudong/setup", Topic{"sh-pudong", "", KindSetup, ""}},
		{s.Staff(), "sh-pudong/staff", Topic{"sh-pudong", "", KindStaff, ""}},
		{made(s.Bookings("2026-11-21")), "sh-pudong/bookings/2026-11-21", Topic{"sh-pudong", "", KindBookings, "2026-11-21"}},
		{s.Erasures(), "sh-pudong/erasures", Topic{"sh-pudong", "", KindErasures, ""}},
	}
	for _, r := range rows {
		if r.topic != "baylight/v1/"+r.want {
			t.Errorf("built %s, want baylight/v1/%s", r.topic, r.want)
		}
		if got, err := ParseTopic(r.topic); err != nil || got != r.parsed {
			t.Errorf("ParseTopic(%s) = %+v, %v", r.topic, got, err)
		}
	}
}

func TestTopicsRefused(t *testing.T) {
	for _, topic := range []string{
		"", "baylight/v1/", "baylight/v1/s", "baylight/v2/s/k1/conn", "baylight/v1/S/k1/conn", "baylight/v1/s/k1",
		"baylight/v1/s/k1/event", "baylight/v1/s/k1/event/", "baylight/v1/s/k1/event/a/b", "baylight/v1/s/k1/conn/x",
		"baylight/v1/s/k1/event/Job.started", "baylight/v1/s/k1/event/job..started", "baylight/v1/s/k1/event/.job",
		"baylight/v1/s/k1/cmd/reboot", "baylight/v1/s/k1/visits", "baylight/v1/s/office/x", "baylight/v1/s/setup/event/x",
		"baylight/v1/s/backoffice", "baylight/v1/s/backoffice/person", "baylight/v1/s/visits/7A1Z9K0QXI",
		"baylight/v1/s/bookings", "baylight/v1/s/bookings/2026-1-21", "baylight/v1/s/bookings/2026_11_21", "baylight/v1/s/bookings/2026-11-2x", "baylight/v1/s/+/event/#",
		"baylight/v1/" + strings.Repeat("s", 33) + "/k1/conn", "baylight/v1/s/" + strings.Repeat("k/", 200),
	} {
		if got, err := ParseTopic(topic); err == nil {
			t.Errorf("ParseTopic(%q) = %+v instead of an error", topic, got)
		}
	}
	for _, name := range append(Reserved(), "", "K1", "k_1", "k/1", "+", "#", "千", strings.Repeat("k", 33)) {
		if _, err := NewKiosk("s", name); err == nil {
			t.Errorf("NewKiosk accepts %q", name)
		}
	}
	if _, err := NewKiosk("S", "k1"); err == nil || !strings.Contains(err.Error(), `"S"`) {
		t.Errorf("the error %v does not name the store", err)
	}
}

func FuzzParseTopic(f *testing.F) {
	for _, s := range []string{"baylight/v1/s/k1/event/job.started", "baylight/v1/s/visits/7A1Z9K0QXM", "baylight/v1/s/office", "baylight/v1/s/k1/bay/b3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		got, err := ParseTopic(topic)
		if err != nil {
			return
		}
		want := Prefix + got.Store
		if got.Kiosk != "" {
			want += "/" + got.Kiosk
		}
		want += "/" + string(got.Kind)
		if got.Name != "" {
			want += "/" + got.Name
		}
		if topic != want {
			t.Errorf("%q read as %+v, which is %q", topic, got, want)
		}
		if strings.ContainsAny(topic, "+#\x00 ") {
			t.Errorf("%q was accepted", topic)
		}
	})
}

// A client's name is of what every broker takes, and nobody else's: also where a
// store is called like a part of a topic.
func TestClientIDs(t *testing.T) {
	seen := map[string]bool{}
	for _, store := range []string{"sh", "sh-k1", "backoffice", "office"} {
		s, err := NewStore(store)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{s.ClientID()}
		for _, name := range []string{"k1", "sh", "1-k1"} {
			k, err := NewKiosk(store, name)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, k.ClientID())
		}
		for _, id := range ids {
			if seen[id] {
				t.Errorf("two clients are called %q", id)
			}
			seen[id] = true
			if strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
				t.Errorf("client id %q: brokers refuse some of its characters", id)
			}
		}
	}
	if len(seen) != 16 {
		t.Errorf("%d clients, want 16", len(seen))
	}
}
