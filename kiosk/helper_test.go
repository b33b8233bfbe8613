package kiosk

import (
	"fmt"
	"time"
)

var (
	zone   = time.FixedZone("CST", 8*3600)
	closes = ShanghaiWeek(zone) // every day 08:30 to 18:00, shifts end at 20:00
	nine   = time.Date(2026, 11, 21, 9, 0, 0, 0, zone)
)

// tape records the events of one board.
type tape struct {
	events []Event
	now    time.Time
}

func newTape() *tape { return &tape{now: nine} }

// wait lets time go by.
func (r *tape) wait(d time.Duration) *tape {
	r.now = r.now.Add(d)
	return r
}

// add records payloads a second apart.
func (r *tape) add(ps ...Payload) *tape {
	for _, p := range ps {
		r.now = r.now.Add(time.Second)
		r.events = append(r.events, Event{
			Source: "/stores/s/kiosks/k", Epoch: "e", Seq: uint64(len(r.events) + 1), Data: p,
			Moment: Moment{Wall: r.now, Boot: "b", Up: r.now.Sub(nine) + time.Hour, Clock: Synced},
		})
	}
	return r
}

// id is the id of the n-th event from the end, 1 being the last.
func (r *tape) id(n int) string { return r.events[len(r.events)-n].ID() }

func (r *tape) visit() *Visit { return Apply(r.events, closes) }

func checkedIn() Payload { return &CheckedIn{Visit: "v", Ticket: "A001"} }
func signed(items ...Item) Payload {
	return &Signed{Visit: "v", Order: "o-v", Adviser: "a1", Items: items}
}
func job(who string, item int) Job { return Job{Visit: "v", Bay: "b1", Technician: who, Item: item} }
func started(who string) Payload   { return &Started{Job: job(who, 0)} }
func finished(who string) Payload  { return &Finished{Job: job(who, 0)} }
func paused(who, why string) Payload {
	return &Paused{Job: job(who, 0), Meta: Meta{Reason: why}}
}
func passed() Payload        { return &Passed{Visit: "v", Inspector: "q1"} }
func void(id string) Payload { return &Voided{Event: id, Meta: Meta{By: "s1"}} }
func amend(id, fields string) Payload {
	return &Amended{Event: id, Fields: []byte(fields), Meta: Meta{By: "s1"}}
}

// jobs is a visit's work in a line: "t1/0 finished, t2/1 paused parts".
func jobs(v *Visit, now time.Time) string {
	s := ""
	for i, w := range v.Works {
		if i > 0 {
			s += ", "
		}
		state := "running"
		switch {
		case !w.Finished.IsZero():
			state = "finished"
		case w.UnclosedAt(now):
			state = "unclosed"
		case w.Paused(now) != "":
			state = "paused " + w.Paused(now)
		}
		s += fmt.Sprintf("%s/%d %s", w.Technician, w.Item, state)
	}
	return s
}
