package floor

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"baylight/kiosk"
)

// shownTo is a visit, or a job of one, that somebody got, and what it was then.
type shownTo struct {
	from     string
	it, then any
}

// copied is v with nothing in it that is also in v.
func copied(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*time.Location]() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(copied(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(copied(v.Index(i)))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(copied(v.Field(i)))
			}
		}
	}
	return out
}

func (h *holding) add(from string, it any) {
	h.all = append(h.all, shownTo{from, it, copied(reflect.ValueOf(it)).Interface()})
}

// holding is somebody who keeps all that a state ever showed.
type holding struct{ all []shownTo }

// ways are all methods that show visits or jobs.
var ways = map[string]func(*holding, *State, string, kiosk.Moment){
	"Open": func(h *holding, s *State, _ string, now kiosk.Moment) {
		for _, v := range s.Open(now) {
			h.add("Open", v)
		}
	},
	"Unclosed": func(h *holding, s *State, _ string, now kiosk.Moment) {
		for _, w := range s.Unclosed(now.Add(24 * time.Hour)) {
			h.add("Unclosed", w)
		}
	},
	"Visit": func(h *holding, s *State, id string, _ kiosk.Moment) {
		if v, ok := s.Visit(id); ok {
			h.add("Visit", v)
		}
	},
	"FindPlate": func(h *holding, s *State, id string, _ kiosk.Moment) {
		if v, ok := s.FindPlate(s.Plate(id)); ok {
			h.add("FindPlate", v)
		}
	},
	"FindTicket": func(h *holding, s *State, id string, _ kiosk.Moment) {
		if v, ok := s.FindTicket(s.look(id).Ticket); ok {
			h.add("FindTicket", v)
		}
	},
}

func (h *holding) check(t interface{ Fatalf(string, ...any) }) {
	for _, x := range h.all {
		if !reflect.DeepEqual(x.it, x.then) {
			t.Fatalf("what %s showed was changed afterwards:\n%s", x.from, cmp.Diff(x.then, x.it, everything))
		}
	}
}

// TestShownVisitsStay: whoever got a visit from the state sees it as it was for ever,
// whatever happens next, also to a state made anew that took over from this one.
func TestShownVisitsStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &story{T: t, now: morning}
		s := New(testConfig(), "epoch")
		var h holding
		var all []kiosk.Event
		for range rapid.IntRange(1, 60).Draw(t, "inputs") {
			d.pass()
			ev, _ := s.Step(d.input(), d.now)
			d.note(ev)
			for _, e := range ev {
				all = append(all, stored(t, e))
			}
			switch pick(d, "then", "", "", "", "", "look", "look", "look", "hear", "anew") {
			case "look":
				way := pick(d, "way", "Open", "Unclosed", "Visit", "FindPlate", "FindTicket")
				ways[way](&h, s, d.visit(), d.now)
			case "hear":
				off := backOffice{}
				off.take(all)
				_ = s.Take(off.news(), d.now)
			case "anew":
				n := replayed(testConfig(), all)
				n.Inherit(s)
				s = n
			}
			h.check(t)
		}
		checkVisits(t, s)
	})
}

// TestEveryWayOutIsKnown: what shows a visit, or a job, says so ([State.show]), and
// is among the ways of the test above.
func TestEveryWayOutIsKnown(t *testing.T) {
	of := reflect.TypeFor[*State]()
	for i := range of.NumMethod() {
		m := of.Method(i)
		shows := false
		for j := range m.Type.NumOut() {
			shows = shows || reaches(m.Type.Out(j), map[reflect.Type]bool{})
		}
		if shows != (ways[m.Name] != nil) {
			t.Errorf("%s shows visits: %t; a way of the test: %t", m.Name, shows, !shows)
		}
	}
	for name, way := range ways {
		h := opened(t, 1)
		h.works(0)
		at := h.s.turns.now
		way(&holding{}, h.s, h.s.order[0].id, h.now)
		if h.s.turns.shown != at {
			t.Errorf("%s shows visits and does not say so", name)
		}
	}
}

func reaches(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == reflect.TypeFor[kiosk.Visit]() || t == reflect.TypeFor[kiosk.Work]() || t.Kind() == reflect.Func || t.Kind() == reflect.Chan {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return reaches(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if t.PkgPath() != "time" && reaches(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

// works lays the first visit's card at a bay for an even i, and finishes it for an odd.
func (h *shopTest) works(i int) {
	h.now = h.now.Add(5 * time.Second)
	in := Scan{ID: h.id(), Scanner: "sb1", Text: kiosk.MakeCode(kiosk.KindVisit, h.s.order[0].id)}
	if i%2 == 1 {
		in.Text = kiosk.ActionCode("0A7", kiosk.Finish)
	}
	h.step(in)
}

// TestRoomIsUsedAgain: the memory of a visit goes to a later one where nobody can
// have it, and only there.
func TestRoomIsUsedAgain(t *testing.T) {
	used := func(look func(h *shopTest), scans int) (again int) {
		h := opened(t, 1)
		r := h.s.order[0]
		had := map[*kiosk.Visit]bool{}
		var kept []*kiosk.Visit // so that nobody else gets their memory
		for i := range scans {
			h.works(i)
			if had[r.visit] {
				again++
			}
			had[r.visit], kept = true, append(kept, r.visit)
			look(h)
		}
		if len(kept) != scans {
			t.Fatalf("%d visits", len(kept))
		}
		return again
	}
	if n := used(func(*shopTest) {}, 8); n != 6 {
		t.Errorf("of 8 visits that nobody saw, the memory of %d was used again, want 6", n)
	}
	if n := used(func(h *shopTest) { h.s.Open(h.now) }, 8); n != 0 {
		t.Errorf("the memory of %d visits that were shown was used again", n)
	}
	// Several events of one turn leave each visit that the turn had in sight.
	var r room
	v := []*kiosk.Visit{{}, {}, {}, {}}
	at := turns{now: 1}
	r.replaced(nil, at)
	at.now = 2
	for _, old := range v[:2] {
		if r.take(at) == old {
			t.Error("memory was used again within a turn")
		}
		r.replaced(old, at)
		if got := r.take(at); got == v[0] || got == v[1] {
			t.Error("memory was used again within a turn")
		}
	}
	if at.now = 3; r.take(at) != v[1] {
		t.Error("memory was not used again in the next turn")
	}
	r.replaced(v[2], at)
	at.shown, at.now = 3, 4
	if r.take(at) != v[2] { // replaced before others looked
		t.Error("memory that nobody ever saw was not used again")
	}
	if r.replaced(v[3], at); r.take(turns{now: 5, shown: 3}) == v[3] {
		t.Error("memory of a visit that was shown was used again")
	}
}
