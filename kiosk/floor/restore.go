package floor

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"baylight/kiosk"
)

// Restore makes the state of a snapshot, from which Replay goes on. epoch is the
// journal's present one, the snapshot may be of an earlier one. A snapshot of
// another format, or made with settings that would fold the same events
// otherwise, is an error: fold the events instead.
func Restore(cfg Config, epoch string, b []byte) (*State, error) {
	var in saved
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("restore state: %w", err)
	}
	s := New(cfg, epoch)
	switch digest := s.cfg.digest(); {
	case in.Format != format:
		return nil, fmt.Errorf("restore state: the snapshot has format %d, this program's is %d", in.Format, format)
	case in.Config != digest:
		return nil, fmt.Errorf("restore state: the snapshot was made with other settings (%.12s, now %.12s)", in.Config, digest)
	}
	if err := s.restore(in); err != nil {
		return nil, fmt.Errorf("restore state: %w", err)
	}
	return s, nil
}

func (s *State) restore(in saved) error {
	r, err := newRestoring(in.Events)
	if err != nil {
		return err
	}
	if in.Epoch == s.epoch {
		s.next = in.Next
	}
	s.tickets.day, s.tickets.n = in.Tickets.Day, in.Tickets.N
	s.newest, s.hour = in.Newest, in.Hour
	s.shop, s.base = restoreShop(in.Shop), restoreShop(in.Base)
	s.log = r.all(in.Log)
	for _, v := range in.Visits {
		n := &record{id: v.ID, entries: r.all(v.Events), plate: v.Plate, vin: v.VIN, orders: v.Orders}
		if len(n.entries) == 0 || s.records[v.ID] != nil {
			return fmt.Errorf("visit %q stands there twice or without events", v.ID)
		}
		n.apply(s.cfg.Calendar)
		s.records[v.ID], s.order = n, append(s.order, n)
	}
	for _, m := range in.Segment {
		s.segment = append(s.segment, r.timed(m))
	}
	if in.Before != nil {
		before := r.timed(*in.Before)
		s.before = before.event()
	}
	for name, h := range in.Heard {
		s.heard[name] = heard{r.entry(h.Event), h.At}
	}
	for name, d := range in.Devices {
		s.devices[name] = device{d.Up, d.Event}
	}
	s.restoreNames(in, r)
	return r.err
}

// restoreNames fills what finds events by name: by their ids those of the
// records and the log, by causes as they were found.
func (s *State) restoreNames(in saved, r *restoring) {
	for _, v := range s.order {
		for _, n := range v.entries {
			s.byID[n.id], n.inRecord = n, true
		}
	}
	for _, n := range s.log {
		s.byID[n.id], n.inLog = n, true
	}
	for _, id := range in.Voided {
		if n := s.byID[id]; n != nil {
			n.voided = true
		}
	}
	for cause, i := range in.Causes {
		s.causes[cause] = r.entry(i)
	}
}

// restoring finds events by their place in the list.
type restoring struct {
	entries []*entry
	err     error
}

func newRestoring(events []savedEvent) (*restoring, error) {
	r := &restoring{entries: make([]*entry, len(events))}
	for i, e := range events {
		data, err := kiosk.DecodeData(e.Type, e.Data)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", kiosk.EventID(e.Epoch, e.Seq), err)
		}
		r.entries[i] = &entry{id: kiosk.EventID(e.Epoch, e.Seq), place: e.Place, visit: e.Visit, again: e.Again, againSeq: e.AgainSeq, event: kiosk.Event{
			Source: e.Source, Epoch: e.Epoch, Seq: e.Seq, Moment: e.Moment, Data: data, Person: e.Person, When: e.When, Uncertain: e.Uncertain, Earliest: e.Earliest, Latest: e.Latest,
		}}
	}
	return r, nil
}

func (r *restoring) all(places []int) []*entry {
	if len(places) == 0 {
		return nil
	}
	out := make([]*entry, len(places))
	for i, p := range places {
		out[i] = r.entry(p)
	}
	return out
}

// entry notes an error, and gives something to go on with, if there is none.
func (r *restoring) entry(i int) *entry {
	if i < 0 || i >= len(r.entries) {
		r.err = fmt.Errorf("it speaks of event %d of %d", i, len(r.entries))
		return &entry{event: kiosk.Event{Data: &kiosk.Unknown{}}}
	}
	return r.entries[i]
}

func (r *restoring) timed(m savedTimed) timed {
	if m.Event == -1 {
		return timed{past: &past{m.At, m.Set, m.When, m.Earliest, m.Latest, m.Uncertain}}
	}
	return timed{entry: r.entry(m.Event)}
}

func restoreShop(in map[string]savedBay) shop {
	s := make(shop, len(in))
	for place, n := range in {
		b := &bay{
			worker: hold{n.Worker.Person, n.Worker.At, n.Worker.Until}, visitor: hold{n.Visitor.Person, n.Visitor.At, n.Visitor.Until},
			card: card{n.Card.Visit, n.Card.Item, n.Card.At}, current: n.Current,
			armed: n.Armed, help: n.Help, asked: n.Asked, last: last{n.Last.Cause, n.Last.At, n.Last.Events},
		}
		for _, l := range n.Loose {
			b.loose = append(b.loose, loose{l.Event, l.At})
		}
		s[place] = b
	}
	return s
}

// digest is that of everything in the settings that the fold depends on: where
// scanners are, the calendar, and who is a technician or a supervisor.
func (c *Config) digest() string {
	type person struct {
		ID    string
		Roles any
	}
	of := struct {
		Store, Board, Zone string
		Week, Days         any
		Scanners           map[string]string
		People             []person
	}{Store: c.Store, Board: c.Board, Zone: c.Calendar.Zone.String(), Week: c.Calendar.Week, Days: c.Calendar.Days, Scanners: c.Scanners}
	for _, p := range c.Staff.All() {
		of.People = append(of.People, person{p.ID, slices.Sorted(slices.Values(p.Roles))})
	}
	b, err := json.Marshal(of)
	if err != nil { // strings and numbers only: it cannot fail
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// At is the event after which this is the state, in the epoch it was made for;
// seq is 0 before the first.
func (s *State) At() (epoch string, seq uint64) { return s.epoch, s.next - 1 }

// Needed are the ids of the oldest events that the present rests on: the first
// of every visit, of the calls for help and of the lost devices, and of what a
// correction may still name. A journal that begins with the first of them is
// folded into a state that shows the same.
func (s *State) Needed() []string {
	var ids []string
	for _, r := range s.order {
		ids = append(ids, r.entries[0].id)
	}
	if len(s.log) > 0 {
		ids = append(ids, s.log[0].id)
	}
	for _, b := range s.shop {
		if b.help {
			ids = append(ids, b.asked)
		}
	}
	for _, d := range s.devices {
		if !d.up {
			ids = append(ids, d.event)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
