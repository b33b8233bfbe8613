package kiosk

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCorrections(t *testing.T) {
	for _, c := range []struct {
		name        string
		tape        func() *tape
		want        string
		corrections int
	}{
		{"a void takes the start back", func() *tape {
			r := newTape().add(checkedIn(), started("t1"))
			return r.add(void(r.id(1)))
		}, "", 1},
		{"a voided finish leaves the job running", func() *tape {
			r := newTape().add(started("t1"), finished("t1"))
			return r.add(void(r.id(1)))
		}, "t1/0 running", 1},
		{"a void of a void does nothing", func() *tape {
			r := newTape().add(started("t1"), finished("t1"))
			r.add(void(r.id(1)))
			return r.add(void(r.id(1)))
		}, "t1/0 running", 1},
		{"an amendment puts the technician right", func() *tape {
			r := newTape().add(started(""))
			r.add(amend(r.id(1), `{"technician":"t2"}`))
			return r.add(finished("t2"))
		}, "t2/0 finished", 1},
		{"of two amendments the later recorded counts", func() *tape {
			r := newTape().add(started("t1"))
			return r.add(amend(r.id(1), `{"technician":"t2"}`), amend(r.id(1), `{"technician":"t3"}`))
		}, "t3/0 running", 1},
		{"a void beats an amendment, whichever came first", func() *tape {
			r := newTape().add(started("t1"))
			id := r.id(1)
			return r.add(void(id), amend(id, `{"technician":"t2"}`))
		}, "", 1},
		{"a voided amendment lets the one before count", func() *tape {
			r := newTape().add(started("t1"))
			r.add(amend(r.id(1), `{"technician":"t2"}`), amend(r.id(1), `{"technician":"t3"}`))
			return r.add(void(r.id(1)))
		}, "t2/0 running", 1},
		{"the visit cannot be amended", func() *tape {
			r := newTape().add(started("t1"))
			return r.add(amend(r.id(1), `{"visit":"w","technician":"t2"}`))
		}, "t1/0 running", 0},
		{"fields that do not fit change nothing", func() *tape {
			r := newTape().add(started("t1"))
			return r.add(amend(r.id(1), `{"item":"two"}`))
		}, "t1/0 running", 0},
		{"an amended time moves the event", func() *tape {
			r := newTape().add(started("t1"), finished("t1"))
			return r.add(amend(r.id(1), `{"at":"2026-11-21T08:00:00+08:00"}`))
		}, "t1/0 running", 1}, // a finish before the start finishes nothing
	} {
		r := c.tape()
		v := r.visit()
		if got := jobs(v, r.now); got != c.want || v.Corrections != c.corrections {
			t.Errorf("%s: %q with %d corrections, want %q with %d", c.name, got, v.Corrections, c.want, c.corrections)
		}
	}
}

func TestAmendedFlagsAreReplaced(t *testing.T) {
	r := newTape().add(&Started{Job: job("", 0), Meta: Meta{Flags: []Flag{NoBadge, NoOrder}}})
	if v := r.visit(); !v.HasFlag(NoBadge) || !v.HasFlag(NoOrder) {
		t.Fatalf("flags %v", v.Flags)
	}
	r.add(amend(r.id(1), `{"technician":"t1","flags":["no_order"]}`))
	if v := r.visit(); !slices.Equal(v.Flags, []Flag{NoOrder}) {
		t.Errorf("flags after the amendment: %v", v.Flags)
	}
}

func TestJobs(t *testing.T) {
	for _, c := range []struct {
		name string
		tape *tape
		want string
	}{
		{"start, pause, resume, finish", newTape().add(started("t1"), paused("t1", Parts), &Resumed{Job: job("t1", 0)}, finished("t1")), "t1/0 finished"},
		{"a pause changes its reason", newTape().add(started("t1"), paused("t1", Parts), paused("t1", Authority)), "t1/0 paused authority"},
		{"a pause without a reason", newTape().add(started("t1"), paused("t1", "")), "t1/0 paused other"},
		{"a paused job can be finished", newTape().add(started("t1"), paused("t1", Parts), finished("t1")), "t1/0 finished"},
		{"items are jobs apart", newTape().add(&Started{Job: job("t1", 1)}, &Started{Job: job("t1", 2)}, &Finished{Job: job("t1", 1)}), "t1/1 finished, t1/2 running"},
		{"a finish of nothing", newTape().add(finished("t1")), ""},
		{"started again after the finish", newTape().add(started("t1"), finished("t1"), started("t1")), "t1/0 finished, t1/0 running"},
		{"unknown technicians are told apart by their bay", newTape().add(
			&Started{Job: Job{Visit: "v", Bay: "b1"}}, &Started{Job: Job{Visit: "v", Bay: "b2"}}, &Finished{Job: Job{Visit: "v", Bay: "b1"}}), "/0 finished, /0 running"},
		{"not finished by closing + 2 h", newTape().add(started("t1")).wait(12 * time.Hour), "t1/0 unclosed"},
		{"FINISH never closes an unclosed job", newTape().add(started("t1")).wait(12 * time.Hour).add(finished("t1")), "t1/0 unclosed"},
		{"a later card starts a new job", newTape().add(started("t1")).wait(24*time.Hour).add(started("t1"), finished("t1")), "t1/0 unclosed, t1/0 finished"},
		{"a paused job stays open over night", newTape().add(started("t1"), paused("t1", Parts)).wait(24 * time.Hour).add(finished("t1")), "t1/0 finished"},
		{"a stated finish closes the day", newTape().add(started("t1")).wait(24*time.Hour).add(started("t1"),
			&Finished{Job: job("t1", 0), Meta: Meta{At: at(17 * time.Hour)}}), "t1/0 finished, t1/0 running"},
		{"a stated finish after hours", newTape().add(started("t1")).wait(24 * time.Hour).add(
			&Finished{Job: job("t1", 0), Meta: Meta{At: at(22 * time.Hour)}}), "t1/0 finished"},
	} {
		if got := jobs(c.tape.visit(), c.tape.now); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFindWork(t *testing.T) {
	r := newTape().add(&Started{Job: job("t1", 1)}, &Started{Job: job("t1", 2)}, &Started{Job: job("t2", 2)}, &Finished{Job: job("t2", 2)})
	v := r.visit()
	for _, c := range []struct {
		who  string
		item int
		want *Work
	}{{"t1", 1, v.Works[0]}, {"t1", 2, v.Works[1]}, {"t1", 0, v.Works[1]}, {"t1", 3, nil}, {"t2", 2, nil}, {"t3", 0, nil}} {
		if got := v.Work(c.who, c.item, r.now); got != c.want {
			t.Errorf("job of %s on item %d: %+v, want %+v", c.who, c.item, got, c.want)
		}
	}
}

// at is a time of the first day.
func at(d time.Duration) *time.Time {
	t := nine.Add(d - 9*time.Hour)
	return &t
}

func TestSpansKeepTheBayTheyWereIn(t *testing.T) {
	r := newTape().add(&Started{Job: job("t1", 0)}).wait(time.Hour)
	r.add(&Resumed{Job: Job{Visit: "v", Bay: "b2", Technician: "t1"}}).wait(time.Hour).add(finished("t1"))
	w := r.visit().Works[0]
	if len(w.Spans) != 2 || w.Spans[0].Bay != "b1" || w.Spans[1].Bay != "b2" || !w.Spans[0].To.Equal(w.Spans[1].From) || w.Bay != "b2" {
		t.Errorf("spans %+v, job in %s", w.Spans, w.Bay)
	}
}

func TestReady(t *testing.T) {
	fail := &Failed{Visit: "v", Inspector: "q1"}
	for _, c := range []struct {
		name string
		tape *tape
		want bool
	}{
		{"nothing done", newTape().add(checkedIn()), false},
		{"running", newTape().add(started("t1")), false},
		{"finished", newTape().add(started("t1"), finished("t1")), true},
		{"one of two finished", newTape().add(started("t1"), started("t2"), finished("t1")), false},
		{"one paused", newTape().add(started("t1"), started("t2"), finished("t1"), paused("t2", Parts)), false},
		{"passed", newTape().add(started("t1"), finished("t1"), passed()), false},
		{"failed", newTape().add(started("t1"), finished("t1"), fail), false},
		{"failed and worked again", newTape().add(started("t1"), finished("t1"), fail, started("t1"), finished("t1")), true},
		{"items added after the pass", newTape().add(signed(), started("t1"), finished("t1"), passed(), &ItemsAdded{Visit: "v"}), true},
		{"delivered", newTape().add(started("t1"), finished("t1"), &Delivered{Visit: "v"}), false},
	} {
		if got := c.tape.visit().Ready(c.tape.now); got != c.want {
			t.Errorf("%s: ready %v, want %v", c.name, got, c.want)
		}
	}
}

// The pass is the first after the last failed inspection, start, resume or added
// item before delivery.
func TestPass(t *testing.T) {
	for _, c := range []struct {
		name  string
		after []Payload
		want  int // index in after of the pass in force, -1 none
	}{
		{"none", nil, -1},
		{"the first of two", []Payload{passed(), passed()}, 0},
		{"after a start", []Payload{passed(), started("t1"), finished("t1"), passed()}, 3},
		{"taken back by a start", []Payload{passed(), started("t1")}, -1},
		{"after a failed one", []Payload{passed(), &Failed{Visit: "v"}, passed()}, 2},
		{"after added items", []Payload{signed(), passed(), &ItemsAdded{Visit: "v"}, passed()}, 3},
		{"after a resume", []Payload{started("t1"), paused("t1", Parts), passed(), &Resumed{Job: job("t1", 0)}, passed()}, 4},
		{"work after delivery does not count", []Payload{passed(), &Delivered{Visit: "v"}, started("t1")}, 0},
	} {
		r := newTape().add(checkedIn()).add(c.after...)
		want := time.Time{}
		if c.want >= 0 {
			want = r.events[c.want+1].Time()
		}
		if v := r.visit(); !v.Passed.Equal(want) {
			t.Errorf("%s: passed %v, want %v", c.name, v.Passed, want)
		}
	}
}

func TestPromises(t *testing.T) {
	due := func(h int) *time.Time { return at(time.Duration(h) * time.Hour) }
	first := &Signed{Visit: "v", Promise: due(12)}
	revised := func(h int, consent bool) Payload {
		return &PromiseRevised{Visit: "v", Promise: *due(h), Consent: consent}
	}
	for _, c := range []struct {
		name string
		tape *tape
		want *time.Time
	}{
		{"none", newTape().add(&Signed{Visit: "v"}), nil},
		{"the first", newTape().add(first), due(12)},
		{"revised with consent in time", newTape().add(first, revised(14, true)), due(14)},
		{"without consent", newTape().add(first, revised(14, false)), due(12)},
		{"too late", newTape().add(first).wait(4 * time.Hour).add(revised(15, true)), due(12)},
		{"a chain", newTape().add(first, revised(14, true)).wait(4 * time.Hour).add(revised(16, true)), due(16)},
		{"to an earlier time", newTape().add(first, revised(11, true)), due(11)},
		{"first stated later", newTape().add(&Signed{Visit: "v"}, revised(14, true)), due(14)},
	} {
		p, ok := c.tape.visit().EffectivePromise()
		if ok != (c.want != nil) || ok && !p.Due.Equal(*c.want) {
			t.Errorf("%s: %v (%v), want %v", c.name, p.Due, ok, c.want)
		}
	}
	r := newTape().add(first, &Signed{Visit: "v", Promise: due(18)})
	if v := r.visit(); !v.HasFlag(SecondOrder) || len(v.Promises) != 1 {
		t.Errorf("a second order: flags %v, promises %v", v.Flags, v.Promises)
	}
}

func TestReceptionFold(t *testing.T) {
	r := newTape().add(&CheckedIn{Visit: "v", Ticket: "A007", Booking: "b", Purpose: "fault", Waiting: true, Language: "en", Means: "scan"},
		&Identified{Visit: "v", Vehicle: "k1", Means: "desk"}, &Accepted{Visit: "v", Adviser: "a1"}, &Accepted{Visit: "v", Adviser: "a2"},
		signed(Item{No: 1, Category: Maintenance, StandardMinutes: 30}, Item{No: 2, Category: Warranty, StandardMinutes: 45}),
		&ItemsAdded{Visit: "v", Items: []Item{{No: 3, Category: Maintenance, StandardMinutes: 5}}},
		&Called{Visit: "v", Place: "cashier"}, &PickupRequested{Visit: "v"},
		&ReworkConfirmed{Visit: "v", Earlier: "u", Items: []string{"oil"}, Meta: Meta{By: "m1"}},
		&ProposalDeclined{Visit: "v", Proposal: ProposedCategory, Items: []string{"oil"}, Meta: Meta{By: "m1", Reason: "one"}})
	v := r.visit()
	if len(v.Declined) != 1 || v.Declined[0].Proposal != ProposedCategory || v.Declined[0].By != "m1" || !v.Declined[0].At.Equal(r.events[len(r.events)-1].Time()) {
		t.Errorf("declined %+v", v.Declined)
	}
	if v.Ticket != "A007" || v.Vehicle != "k1" || v.Adviser != "a2" || !v.Accepted.Equal(r.events[2].Time()) || v.Place != "cashier" ||
		v.Pickup.IsZero() || v.Rework.Earlier != "u" || v.Language != "en" || !v.Waiting || v.Booking != "b" {
		t.Errorf("visit %+v", v)
	}
	if got := v.Order.StandardMinutes(); got != 80 {
		t.Errorf("standard minutes %d", got)
	}
	if got := v.Order.Categories(); !slices.Equal(got, []Category{Maintenance, Warranty}) {
		t.Errorf("categories %v", got)
	}
	r.add(&OrderCancelled{Visit: "v"})
	if v := r.visit(); v.Order.InForce() || !v.Open() {
		t.Errorf("a cancelled order: in force %v, open %v", v.Order.InForce(), v.Open())
	}
	r.add(&Closed{Visit: "v", Outcome: "left"}, &Delivered{Visit: "v"})
	if v := r.visit(); v.Open() || v.Outcome != "left" || !v.Ended.Equal(r.events[len(r.events)-2].Time()) || !v.HasFlag(NotInspected) {
		t.Errorf("an ended visit: %+v", v)
	}
}

func TestUncertainTimes(t *testing.T) {
	r := newTape().add(checkedIn(), &Finished{Job: job("t1", 0), Meta: Meta{At: at(10 * time.Hour)}})
	r.events[1].Uncertain = true
	if v := r.visit(); v.Uncertain || v.HasFlag(ClockUncertain) {
		t.Error("a stated time is never uncertain")
	}
	r.events[0].Uncertain = true
	if v := r.visit(); !v.Uncertain || !v.HasFlag(ClockUncertain) {
		t.Error("an uncertain time went unnoticed")
	}
}

// anything draws events of one visit from two boards and the back office.
func anything(t *rapid.T) []Event {
	var events []Event
	seq := map[string]uint64{}
	now := nine
	for range rapid.IntRange(1, 25).Draw(t, "events") {
		now = now.Add(rapid.SampledFrom([]time.Duration{0, 0, time.Second, 20 * time.Minute, 7 * time.Hour}).Draw(t, "wait"))
		j := Job{Visit: "v", Bay: rapid.SampledFrom([]string{"b1", "b2"}).Draw(t, "bay"),
			Technician: rapid.SampledFrom([]string{"t1", "t2", ""}).Draw(t, "technician"), Item: rapid.IntRange(0, 1).Draw(t, "item")}
		id := "none"
		if len(events) > 0 {
			id = rapid.SampledFrom(events).Draw(t, "corrected").ID()
		}
		due := now.Add(time.Hour)
		p := rapid.SampledFrom([]Payload{checkedIn(), &Accepted{Visit: "v", Adviser: "a1"}, &Signed{Visit: "v", Items: []Item{{No: 1}}, Promise: &due},
			&ItemsAdded{Visit: "v", Items: []Item{{No: 2}}}, &PromiseRevised{Visit: "v", Promise: due, Consent: true}, &ProposalDeclined{Visit: "v"}, &Started{Job: j, Meta: Meta{Flags: []Flag{WrongBay}}}, &Started{Job: j},
			&Resumed{Job: j}, &Paused{Job: j, Meta: Meta{Reason: Parts}}, &Paused{Job: j, Meta: Meta{Reason: Switched}}, &Finished{Job: j}, &Finished{Job: j},
			&Finished{Job: j, Meta: Meta{At: &due}}, passed(), &Failed{Visit: "v"}, &VehicleWashed{Visit: "v"}, &Delivered{Visit: "v"}, &Closed{Visit: "v"},
			void(id), void(id), amend(id, `{"technician":"t1"}`), amend(id, `{"technician":"t2"}`), amend(id, `{"flags":["overlap"]}`)}).Draw(t, "event")
		source := rapid.SampledFrom([]string{"/stores/s/kiosks/k", "/stores/s/kiosks/l", "/stores/s/backoffice"}).Draw(t, "source")
		epoch := source + rapid.SampledFrom([]string{"e", "f"}).Draw(t, "epoch")
		seq[epoch]++
		events = append(events, Event{Source: source, Epoch: epoch, Seq: seq[epoch], Data: p, Moment: Moment{Wall: now, Clock: Synced}})
	}
	return events
}

// TestApplyDoesNotCareAboutOrder: however the events arrive, the visit is the same.
func TestApplyDoesNotCareAboutOrder(t *testing.T) {
	private := cmp.Exporter(func(reflect.Type) bool { return true })
	rapid.Check(t, func(t *rapid.T) {
		events := anything(t)
		want := Apply(events, closes)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		if diff := cmp.Diff(want, Apply(events, closes), private); diff != "" {
			t.Fatalf("shuffled events make another visit:\n%s", diff)
		}
	})
}

// TestStagesAddUp: each instant between check-in and the end has exactly one
// stage, and every job's spans are one unbroken stretch.
func TestStagesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anything(t)
		v := Apply(events, closes)
		until := events[len(events)-1].Moment.Wall.Add(rapid.SampledFrom([]time.Duration{0, time.Minute, 3 * time.Hour}).Draw(t, "until"))
		end := until
		if !v.Open() && v.Ended.Before(until) {
			end = v.Ended
		}
		if split, ok := v.Split(until); ok {
			var sum time.Duration
			for s, d := range split {
				if d <= 0 || !slices.Contains(Stages(), s) {
					t.Fatalf("stage %s lasts %s", s, d)
				}
				sum += d
			}
			if want := max(0, end.Sub(v.Arrived)); sum != want {
				t.Fatalf("stages add up to %s of %s: %v", sum, want, split)
			}
		}
		if gross, net, ok := v.Repair(); ok && (net < 0 || net > gross) {
			t.Fatalf("repair net %s, gross %s", net, gross)
		}
		for _, w := range v.Works {
			for i, s := range w.Spans[1:] {
				if !s.From.Equal(w.Spans[i].To) || s.From.Before(w.Spans[i].From) {
					t.Fatalf("spans of %+v are broken: %+v", w.Job, w.Spans)
				}
			}
			if !w.Finished.IsZero() && !w.Last().To.Equal(w.Finished) {
				t.Fatalf("finished %s, last span ends %s", w.Finished, w.Last().To)
			}
		}
	})
}

func TestSplitOfADay(t *testing.T) {
	r := newTape()
	r.now = nine.Add(-time.Second)
	step := func(p Payload, d time.Duration) { r.add(p).wait(d - time.Second) }
	step(checkedIn(), 5*time.Minute)
	step(&Accepted{Visit: "v"}, 10*time.Minute)
	step(signed(), 15*time.Minute)
	step(started("t1"), 30*time.Minute)
	step(started("t2"), 10*time.Minute)
	step(paused("t1", Parts), 5*time.Minute) // t2 still works
	step(paused("t2", Authority), 20*time.Minute)
	step(finished("t2"), 25*time.Minute) // t1 waits for parts
	step(&Resumed{Job: job("t1", 0)}, 60*time.Minute)
	step(finished("t1"), 7*time.Minute)
	step(passed(), 3*time.Minute)
	step(&VehicleWashed{Visit: "v"}, 40*time.Minute)
	step(&Delivered{Visit: "v"}, time.Minute)
	v := r.visit()
	split, ok := v.Split(r.now)
	want := map[Stage]time.Duration{StageWaitingAdviser: 5 * time.Minute, StageReception: 10 * time.Minute, StageWaitingBay: 15 * time.Minute,
		StageWorking: 105 * time.Minute, StagePausedAuthority: 20 * time.Minute, StagePausedParts: 25 * time.Minute,
		StageWaitingInspection: 7 * time.Minute, StagePassed: 3 * time.Minute, StageWashed: 40 * time.Minute}
	if diff := cmp.Diff(want, split); diff != "" || !ok {
		t.Errorf("split (%v):\n%s", ok, diff)
	}
	if gross, net, ok := v.Repair(); gross != 150*time.Minute || net != 105*time.Minute || !ok {
		t.Errorf("repair %s gross, %s net, %v", gross, net, ok)
	}
	lost := newTape().add(checkedIn(), started("t1")).wait(24 * time.Hour)
	if _, ok := lost.visit().Split(lost.now); ok {
		t.Error("a visit with an unclosed job has a split")
	}
}
