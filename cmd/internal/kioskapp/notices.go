package kioskapp

import (
	"slices"
	"sync"

	"baylight/kiosk/screen"
	"baylight/kiosk/words"
	"baylight/sync/uplink"
)

// notices are the alarms of the uplink that people have to read: the last of
// each kind, until the daemon ends. The log has all of them.
type notices struct {
	mu   sync.Mutex
	list []uplink.Alarm
}

// people is what somebody in the shop reads of a kind, "" if nobody there can act upon it.
func people(k uplink.Kind) words.Key {
	switch k {
	case uplink.Ahead, uplink.Foreign:
		return "alarm.rolled_back"
	case uplink.Unknown:
		return "alarm.other_history"
	case uplink.Twin:
		return "alarm.twin"
	case staffRefused, setupRefused:
		return "alarm.office_says"
	case staffLocal:
		return "alarm.staff_local"
	}
	return ""
}

func (n *notices) add(a uplink.Alarm) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.list {
		if n.list[i].Kind == a.Kind {
			n.list[i] = a
			return
		}
	}
	n.list = append(n.list, a)
}

// clear takes a kind of notice off: what it was about is over.
func (n *notices) clear(k uplink.Kind) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = slices.DeleteFunc(n.list, func(a uplink.Alarm) bool { return a.Kind == k })
}

// texts are for the health message.
func (n *notices) texts() (out []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range n.list {
		out = append(out, string(a.Kind)+": "+a.Text)
	}
	return out
}

// alarms are for the desk and the devices page.
func (n *notices) alarms() (out []screen.Alarm) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range n.list {
		if key := people(a.Kind); key != "" {
			out = append(out, screen.Alarm{Text: words.Say(key), Detail: a.Text})
		}
	}
	return out
}
