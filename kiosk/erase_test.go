package kiosk

import (
	"slices"
	"testing"
	"time"
)

// What an erasure covers, case by case.
func TestEraser(t *testing.T) {
	key := []byte("0123456789abcdef")
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	car, other := Keyed(key, "LSVAA4182E2184931"), Keyed(key, "LFV3A23C383012345")
	plate := BookedPlate(key, "粤B12345")
	type seen struct {
		data   Payload
		after  time.Duration // the request
		clock  Quality
		visit  string
		person Person
	}
	in := func(visit, vehicle string) *CheckedIn { return &CheckedIn{Visit: visit, Vehicle: vehicle} }
	for name, c := range map[string]struct {
		list   []Erasure
		events []seen
		want   []string
		loose  []bool // of events of no visit, in order
	}{
		"by vehicle":         {events: []seen{{data: in("v1", car), visit: "v1"}, {data: in("v2", other), visit: "v2"}, {data: in("v3", ""), visit: "v3"}}, want: []string{"v1"}},
		"identified later":   {events: []seen{{data: in("v1", ""), visit: "v1"}, {data: &Identified{Visit: "v1", Vehicle: car}, visit: "v1"}}, want: []string{"v1"}},
		"once taken for it":  {events: []seen{{data: in("v1", car), visit: "v1"}, {data: &Identified{Visit: "v1", Vehicle: other}, visit: "v1"}}, want: []string{"v1"}},
		"amended":            {events: []seen{{data: in("v1", ""), visit: "v1"}, {data: &Amended{Event: "e-1", Fields: []byte(`{"vehicle":"` + car + `"}`)}, visit: "v1"}}, want: []string{"v1"}},
		"came again":         {events: []seen{{data: in("v1", car), visit: "v1", after: time.Minute}}},
		"clock never set":    {events: []seen{{data: in("v1", car), visit: "v1", after: time.Hour, clock: Unset}}, want: []string{"v1"}},
		"named, whenever":    {list: []Erasure{{Vehicle: car, Visits: []string{"v9"}, At: at}}, events: []seen{{data: &Closed{Visit: "v9"}, visit: "v9", after: time.Hour}}, want: []string{"v9"}},
		"by plate":           {events: []seen{{data: in("v1", ""), visit: "v1", person: Person{Plate: "粤B12345"}}}, want: []string{"v1"}},
		"plate of another":   {events: []seen{{data: in("v1", other), visit: "v1", person: Person{VIN: "LFV3A23C383012345", Plate: "粤B12345"}}}},
		"plate, then a VIN":  {events: []seen{{data: in("v1", ""), visit: "v1", person: Person{Plate: "粤B12345"}}, {data: &Identified{Visit: "v1", Vehicle: other}, visit: "v1"}}},
		"masked plate":       {list: []Erasure{{Vehicle: car, Plates: []string{BookedPlate(key, "粤B••345")}, At: at}}, events: []seen{{data: in("v1", ""), visit: "v1", person: Person{Plate: "粤B••345"}}}},
		"two, the later one": {list: []Erasure{{Vehicle: car, At: at}, {Vehicle: car, At: at.Add(-time.Hour)}}, events: []seen{{data: in("v1", car), visit: "v1", after: -time.Minute}}, want: []string{"v1"}},
		"of no visit": {events: []seen{{data: &Presented{Vehicle: car}}, {data: &Presented{Vehicle: other}}, {data: &Presented{}, person: Person{Plate: "粤B12345"}},
			{data: &ScanRejected{Meta: Meta{Scan: &ScanRecord{Keyed: car}}}}, {data: &ScanRejected{Meta: Meta{Scan: &ScanRecord{Keyed: other}}}}}, loose: []bool{true, false, true, true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			list := c.list
			if list == nil {
				list = []Erasure{{Vehicle: car, Plates: []string{plate}, At: at}}
			}
			x := NewEraser(key, list)
			var ids []string
			for i, s := range c.events {
				e := &Event{Source: "/stores/s/kiosks/k", Epoch: "e", Seq: uint64(i + 1), Moment: Moment{Wall: at.Add(s.after), Clock: s.clock}, Data: s.data}
				var part []byte
				if !s.person.Empty() {
					part, _, _ = s.person.Encode()
				}
				x.See(e, s.visit, part)
				if s.visit == "" {
					ids = append(ids, e.ID())
				}
			}
			if got := x.Visits(); !slices.Equal(got, c.want) {
				t.Errorf("covered are %v, want %v", got, c.want)
			}
			for i, id := range ids {
				if x.Covers("", id) != c.loose[i] {
					t.Errorf("event %s covered: %t, want %t", id, !c.loose[i], c.loose[i])
				}
			}
		})
	}
}
