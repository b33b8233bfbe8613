package script_test

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"baylight/cmd/internal/demo/script"
	"baylight/kiosk"
	"baylight/kiosk/vin"
)

var (
	zone   = time.FixedZone("CST", 8*3600)
	monday = time.Date(2026, 3, 2, 0, 0, 0, 0, zone)
)

const days = 3

// scripts are those of several seeds; nobody changes them.
var scripts = sync.OnceValue(func() (all []script.Script) {
	for seed := range uint64(20) {
		all = append(all, script.Write(script.Options{Seed: seed, Start: monday, Days: days, Visits: 64}))
	}
	return all
})

// each runs a property over scripts of several seeds.
func each(t *testing.T, check func(t *testing.T, s script.Script)) {
	t.Helper()
	for seed, s := range scripts() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { check(t, s) })
	}
}

func TestSameSeedSameScript(t *testing.T) {
	o := script.Options{Seed: 7, Start: monday, Days: days, Visits: 64}
	a, b := script.Write(o), script.Write(o)
	if !reflect.DeepEqual(a, b) {
		t.Error("one seed wrote two scripts")
	}
	o.Seed = 8
	if c := script.Write(o); reflect.DeepEqual(a.Steps, c.Steps) || reflect.DeepEqual(a.Visits, c.Visits) {
		t.Error("two seeds wrote the same script")
	}
}

func TestStepsHaveASecondEach(t *testing.T) {
	each(t, func(t *testing.T, s script.Script) {
		if len(s.Days) != days || !s.Days[0].Equal(monday) || len(s.Visits) != days*64 {
			t.Errorf("days %v with %d visits", s.Days, len(s.Visits))
		}
		last := monday
		for i, x := range s.Steps {
			if !x.At.After(last) || !x.At.Equal(x.At.Truncate(time.Second)) {
				t.Errorf("step %d, %s at %s, comes after %s", i, x.Act, x.At, last)
			}
			last = x.At
			for _, f := range x.Facts {
				stated := x.Act == script.StateEnd && f.At.Before(x.At)
				if f.Visit != x.Visit && f.Reason != "switched" || !f.At.Equal(x.At) && !stated {
					t.Errorf("%s of visit %d at %s has the fact %+v", x.Act, x.Visit, x.At, f)
				}
			}
		}
		if end := monday.AddDate(0, 0, days); !last.Before(end) {
			t.Errorf("the last step is at %s", last)
		}
	})
}

// What the hands type and scan is what a shop sees: right VINs and plates, junk
// that is really junk, people and bays that exist.
func TestHands(t *testing.T) {
	people := slices.Concat(script.Advisers(), script.Technicians(), script.Inspectors(), []string{script.Supervisor, script.Manager, script.Washer})
	places := []string{"reception", "desk"}
	for n := range script.WorkBays + 1 {
		places = append(places, script.BayID(n+1))
	}
	each(t, func(t *testing.T, s script.Script) {
		for i, v := range s.Visits {
			if _, f, err := vin.Parse(v.VIN); err != nil || f.Kind != vin.OK {
				t.Errorf("visit %d: VIN %q: %v, %+v", i, v.VIN, err, f)
			}
			if _, form, err := vin.ParsePlate(v.Plate); err != nil || form == vin.Unusual {
				t.Errorf("visit %d: plate %q: %v, form %v", i, v.Plate, err, form)
			}
		}
		for _, x := range s.Steps {
			if x.Place != "" && !slices.Contains(places, x.Place) || x.Person != "" && !slices.Contains(people, x.Person) || x.Tech != "" && !slices.Contains(people, x.Tech) {
				t.Errorf("%s at %q by %q, %q", x.Act, x.Place, x.Person, x.Tech)
			}
			if x.Action != "" && !slices.Contains(kiosk.Actions(), kiosk.Action(x.Action)) {
				t.Errorf("no action card says %q", x.Action)
			}
			if x.Act == script.ScanJunk {
				_, code := kiosk.ParseCode(x.Text)
				_, f, isVIN := vin.Parse(x.Text)
				if code == nil || isVIN == nil && f.Kind == vin.OK || len(vin.Candidates(x.Text)) > 0 || x.Good {
					t.Errorf("junk %q is a code or a VIN, or expected to be good", x.Text)
				}
			}
		}
	})
}

// work is one technician's job as the facts tell it.
type work struct {
	visit, item int
	tech        string
	running     bool
	since       time.Time
}

// told goes through the facts in the order in which they happened and reports
// what cannot be.
type told struct {
	t         *testing.T
	works     []*work
	is        map[int]map[script.What]int
	delivered map[int]bool
}

func (w *told) open(f script.Fact) *work {
	for _, x := range w.works {
		if x.visit == f.Visit && x.tech == f.Tech && x.item == f.Item {
			return x
		}
	}
	return nil
}

func (w *told) wants(f script.Fact, ok bool, what string) {
	w.t.Helper()
	if !ok {
		w.t.Errorf("%s: visit %d is %s by %q, but %s; before: %v", f.At.Format("01-02 15:04:05"), f.Visit, f.What, f.Tech, what, w.is[f.Visit])
	}
}

// busy are the jobs a technician runs at a time. What still ran two hours after
// closing was forgotten, and no longer counts.
func (w *told) busy(tech string, at time.Time) (n int) {
	for _, x := range w.works {
		if x.tech == tech && x.running && x.since.YearDay() == at.YearDay() {
			n++
		}
	}
	return n
}

func (w *told) happen(f script.Fact) {
	is := w.is[f.Visit]
	if is == nil {
		is = map[script.What]int{}
		w.is[f.Visit] = is
	}
	w.wants(f, f.What == script.Arrived || is[script.Arrived] == 1, "it has not arrived")
	w.wants(f, !w.delivered[f.Visit], "it has left")
	x := w.open(f)
	switch f.What {
	case script.Arrived, script.Delivered, script.Signed, script.Accepted, script.Cancelled, script.Closed, script.Reworked, script.Washed:
		w.wants(f, is[f.What] == 0, "that happened before")
	}
	switch f.What {
	case script.Signed:
		w.wants(f, is[script.Accepted] == 1, "nobody accepted it")
		w.wants(f, len(f.Categories) > 0 && (f.Due.IsZero() || f.Due.After(f.At)), "it has no items or is promised in the past")
	case script.Added, script.Revised, script.Cancelled, script.Reworked:
		w.wants(f, is[script.Signed] == 1, "there is no order")
	case script.Started:
		w.wants(f, is[script.Signed] == 1 && is[script.Cancelled] == 0, "there is no order")
		w.wants(f, x == nil, "the job is open")
		w.works = append(w.works, &work{f.Visit, f.Item, f.Tech, true, f.At})
	case script.Paused:
		w.wants(f, x != nil && x.running, "no such job runs")
		w.wants(f, slices.Contains([]string{"parts", "authority", "break", "switched"}, f.Reason), "the reason is "+f.Reason)
		if x != nil {
			x.running = false
		}
	case script.Resumed:
		w.wants(f, x != nil && !x.running, "no such job is paused")
		if x != nil {
			x.running, x.since = true, f.At
		}
	case script.Finished:
		w.wants(f, x != nil && x.running, "no such job runs")
		w.works = slices.DeleteFunc(w.works, func(o *work) bool { return o == x })
	case script.Passed, script.Failed:
		w.wants(f, is[script.Started] > 0, "nobody worked on it")
	case script.Washed:
		w.wants(f, is[script.Passed] > 0, "it did not pass")
	case script.Delivered:
		w.wants(f, is[script.Washed] == 1, "it was not washed")
	}
	is[f.What]++
	w.delivered[f.Visit] = w.delivered[f.Visit] || f.What == script.Delivered || f.What == script.Closed
}

// The facts of each visit are in an order in which things can happen, and no
// technician works on two cars at once.
func TestFactsInOrder(t *testing.T) {
	each(t, func(t *testing.T, s script.Script) {
		var facts []script.Fact
		for _, x := range s.Steps {
			facts = append(facts, x.Facts...)
		}
		// At the same second a job that is left is left before the next is begun.
		slices.SortStableFunc(facts, func(a, b script.Fact) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(b.Reason, a.Reason))
		})
		w := &told{t: t, is: map[int]map[script.What]int{}, delivered: map[int]bool{}}
		for _, f := range facts {
			w.happen(f)
			for _, tech := range script.Technicians() {
				if n := w.busy(tech, f.At); n > 1 {
					t.Fatalf("%s works on %d cars at %s", tech, n, f.At)
				}
			}
		}
		if len(w.is) != len(s.Visits) {
			t.Errorf("%d of %d visits ever arrive", len(w.is), len(s.Visits))
		}
	})
}

// special is what a day has to contain, each told by the steps of that day alone.
var special = map[string]func(day []script.Step, first bool) bool{
	"a pause for parts, authority or a break": func(day []script.Step, _ bool) bool {
		return any(day, func(f script.Fact) bool { return f.What == script.Paused && f.Reason != "switched" })
	},
	"two technicians on a car": func(day []script.Step, _ bool) bool {
		techs := map[int]string{}
		return any(day, func(f script.Fact) bool {
			other := techs[f.Visit] != "" && techs[f.Visit] != f.Tech
			if f.What == script.Started {
				techs[f.Visit] = f.Tech
			}
			return f.What == script.Started && other
		})
	},
	"added items":                func(day []script.Step, _ bool) bool { return any(day, is(script.Added)) },
	"a revision with consent":    func(day []script.Step, _ bool) bool { return any(day, revised(true)) },
	"a revision without consent": func(day []script.Step, _ bool) bool { return any(day, revised(false)) },
	"a late car":                 func(day []script.Step, _ bool) bool { return passes(day, time.Time.After) },
	"a car in time":              func(day []script.Step, _ bool) bool { return passes(day, time.Time.Before) },
	"a car in the very minute":   func(day []script.Step, _ bool) bool { return passes(day, time.Time.Equal) },
	"a failed inspection":        func(day []script.Step, _ bool) bool { return any(day, is(script.Failed)) },
	"a visit without an order":   func(day []script.Step, _ bool) bool { return any(day, is(script.Closed)) },
	"a cancelled order":          func(day []script.Step, _ bool) bool { return any(day, is(script.Cancelled)) },
	"a VIN known later":          func(day []script.Step, _ bool) bool { return any(day, is(script.Known)) },
	"an order without a promise": func(day []script.Step, _ bool) bool {
		return any(day, func(f script.Fact) bool { return f.What == script.Signed && f.Due.IsZero() })
	},
	"rework, from the second day on": func(day []script.Step, first bool) bool {
		return first || any(day, is(script.Reworked)) && act(day, func(s script.Step) bool { return s.Act == script.Rework && s.Other < s.Visit })
	},
	"a forgotten finish, stated the next day": func(day []script.Step, first bool) bool {
		return first || act(day, func(s script.Step) bool { return s.Act == script.StateEnd && s.Due.YearDay() < s.At.YearDay() })
	},
	"a finish nobody ever scans": func(day []script.Step, _ bool) bool {
		open := map[int]bool{}
		any(day, func(f script.Fact) bool {
			switch f.What {
			case script.Started, script.Resumed:
				open[f.Visit] = true
			case script.Finished, script.Paused:
				delete(open, f.Visit)
			}
			return false
		})
		return len(open) >= 2 // the one that is stated the next day, too
	},
	"undo":            func(day []script.Step, _ bool) bool { return card(day, kiosk.Undo) },
	"a call for help": func(day []script.Step, _ bool) bool { return card(day, kiosk.Help) && does(day, script.ClearHelp) },
	"a double read":   func(day []script.Step, _ bool) bool { return act(day, func(s script.Step) bool { return s.Twice }) },
	"junk":            func(day []script.Step, _ bool) bool { return does(day, script.ScanJunk) },
	"a typed plate":   func(day []script.Step, _ bool) bool { return does(day, script.TypePlate) },
	"an outage": func(day []script.Step, _ bool) bool {
		return does(day, script.BrokerDown) && does(day, script.BrokerUp)
	},
	"a restart":        func(day []script.Step, _ bool) bool { return does(day, script.Restart) },
	"a kill":           func(day []script.Step, _ bool) bool { return does(day, script.Kill) },
	"a kill in a scan": func(day []script.Step, _ bool) bool { return act(day, func(s script.Step) bool { return s.MidKill }) },
	"an end":           func(day []script.Step, _ bool) bool { return day[len(day)-1].Act == script.EndOfDay },
	"60 arrivals": func(day []script.Step, _ bool) bool {
		n := 0
		return any(day, func(f script.Fact) bool {
			if f.What == script.Arrived {
				n++
			}
			return n == 60
		})
	},
}

// any asks the facts of a day, in order, until one is what is looked for.
func any(day []script.Step, ok func(script.Fact) bool) bool {
	return act(day, func(s script.Step) bool { return slices.ContainsFunc(s.Facts, ok) })
}

func act(day []script.Step, ok func(script.Step) bool) bool { return slices.ContainsFunc(day, ok) }

func does(day []script.Step, a script.Act) bool {
	return act(day, func(s script.Step) bool { return s.Act == a })
}

func card(day []script.Step, a kiosk.Action) bool {
	return act(day, func(s script.Step) bool { return s.Act == script.ScanAction && s.Action == string(a) })
}

func is(w script.What) func(script.Fact) bool {
	return func(f script.Fact) bool { return f.What == w }
}

func revised(consent bool) func(script.Fact) bool {
	return func(f script.Fact) bool { return f.What == script.Revised && f.Consent == consent }
}

// passes says whether a car of the day passed as told in relation to its first
// promise, on a clock without seconds.
func passes(day []script.Step, related func(pass, due time.Time) bool) bool {
	due := map[int]time.Time{}
	return any(day, func(f script.Fact) bool {
		if f.What == script.Signed {
			due[f.Visit] = f.Due
		}
		return f.What == script.Passed && !due[f.Visit].IsZero() && related(f.At.Truncate(time.Minute), due[f.Visit].Truncate(time.Minute))
	})
}

// Every day contains at least one of each special case.
func TestEachDayHasItAll(t *testing.T) {
	each(t, func(t *testing.T, s script.Script) {
		for n, midnight := range s.Days {
			var day []script.Step
			for _, x := range s.Steps {
				if !x.At.Before(midnight) && x.At.Before(midnight.AddDate(0, 0, 1)) {
					day = append(day, x)
				}
			}
			for name, has := range special {
				if !has(day, n == 0) {
					t.Errorf("day %d has not %s", n+1, name)
				}
			}
		}
	})
}

// A technician leaves a car for another where a bay happens to be free: not each
// day, but on many.
func TestSwitches(t *testing.T) {
	n, all := 0, 0
	for _, s := range scripts() {
		for _, x := range s.Steps {
			if any([]script.Step{x}, func(f script.Fact) bool { return f.Reason == "switched" }) {
				n++
			}
		}
		all += days
	}
	if n < all/3 {
		t.Errorf("%d switches in %d days", n, all)
	}
}

// The demo on a screen has no outage and no kill, and otherwise the same days.
func TestCalm(t *testing.T) {
	s := script.Write(script.Options{Seed: 7, Start: monday, Days: 1, Visits: 64, Calm: true})
	for _, x := range s.Steps {
		if x.MidKill || slices.Contains([]script.Act{script.BrokerDown, script.BrokerUp, script.Restart, script.Kill}, x.Act) {
			t.Errorf("a calm day has %s at %s (mid-kill %v)", x.Act, x.At, x.MidKill)
		}
	}
	if len(s.Visits) != 64 || !does(s.Steps, script.ScanJunk) {
		t.Errorf("a calm day has %d visits", len(s.Visits))
	}
}
