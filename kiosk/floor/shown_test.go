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

// TestEveryWayOutIsKnown: what shows a visit, or a job, is among the ways of the test above.
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
