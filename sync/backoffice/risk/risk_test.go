package risk

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

var (
	zone = time.FixedZone("CST", 8*3600)
	cal  = kiosk.ShanghaiWeek(zone)
	day1 = time.Date(2026, 3, 2, 0, 0, 0, 0, zone)
)

// openDay is the opening minutes of every day of cal.
const openDay = 570.0

// wall is a moment on the axis of opening minutes since day1.
func wall(m float64) time.Time {
	d := math.Floor(m / openDay)
	return day1.AddDate(0, 0, int(d)).Add(8*time.Hour + 30*time.Minute + time.Duration((m-d*openDay)*float64(time.Minute))).Truncate(time.Millisecond)
}

func instant(m float64) kpi.Instant { return kpi.InstantOf(wall(m)) }

// store is a workshop that is simulated on the axis of opening minutes.
type store struct {
	r      *rand.Rand
	bays   []float64 // when each is free
	spread float64   // of work around the standard time
	parts  float64   // share of jobs that wait for parts
	margin float64   // of promises over standard time
}

func newStore(seed uint64) *store {
	return &store{r: rand.New(rand.NewPCG(seed, 1)), bays: make([]float64, 8), spread: 0.4, parts: 0.15, margin: 1.6}
}

// orders simulates days of a store's orders.
func (s *store) orders(days int) (facts []kpi.Fact) {
	for t := 0.0; t < float64(days)*openDay; t += s.r.ExpFloat64() * 19 {
		facts = append(facts, s.order(len(facts), t))
	}
	return facts
}

func (s *store) order(n int, signed float64) kpi.Fact {
	kind := s.r.IntN(3)
	standard := []float64{45, 80, 200}[kind]
	category := []kiosk.Category{kiosk.Maintenance, kiosk.Minor, kiosk.Major}[kind]
	bay := 0
	for i, free := range s.bays {
		if free < s.bays[bay] {
			bay = i
		}
	}
	start := max(signed+5, s.bays[bay])
	work := standard * math.Exp(s.r.NormFloat64()*s.spread)
	spans := []kpi.FactSpan{{From: instant(start), To: instant(start + work)}}
	finish := start + work
	if s.r.Float64() < s.parts {
		wait := 40 + s.r.ExpFloat64()*150
		finish += wait
		spans = []kpi.FactSpan{{From: instant(start), To: instant(start + work/2)}, {From: instant(start + work/2), To: instant(start + work/2 + wait), Reason: kiosk.Parts},
			{From: instant(start + work/2 + wait), To: instant(finish)}}
	}
	s.bays[bay] = start + work
	pass := finish + s.r.ExpFloat64()*15
	promise := signed + standard*s.margin + max(0, start-signed)*s.r.Float64() + 20
	id := fmt.Sprint("V", n)
	return kpi.Fact{
		Visit: id, Order: id, Ordered: true, Arrived: instant(signed - 1), Accepted: instant(signed - 1), Signed: instant(signed),
		Passed: instant(pass), Delivered: instant(pass + 20), Ended: instant(pass + 20),
		Promises: []kpi.FactPromise{{Due: instant(promise), Recorded: instant(signed), Consent: true}},
		Items:    []kpi.FactItem{{No: 1, Code: "C", Category: category, Standard: int(standard)}},
		Jobs:     []kpi.FactJob{{Technician: "t", Finished: instant(finish), Limit: math.MaxInt64, Spans: spans}},
	}
}

// TestBeatsTheBaseRate: on the hold-out period of simulated stores the estimates
// are better than always guessing the share that was late, and what is said to be
// likely is as often late as said.
func TestBeatsTheBaseRate(t *testing.T) {
	for seed := range uint64(6) {
		s := newStore(seed)
		s.spread, s.parts, s.margin = 0.25+0.1*float64(seed%3), 0.05*float64(seed%4), 1.3+0.15*float64(seed%3)
		facts := s.orders(120)
		c, err := Calibrate(facts, cal, len(s.bays), wall(120*openDay))
		if err != nil {
			t.Fatal(err)
		}
		if skill := 1 - c.Brier/c.Base; !c.Better() || skill < 0.15 {
			t.Errorf("store %d: Brier score %.3f, base %.3f: skill %.2f, want 0.15 or more", seed, c.Brier, c.Base, skill)
		}
		off := 0.0
		for _, d := range c.Deciles {
			off += float64(d.N) / float64(c.Samples) * math.Abs(d.Guessed-d.Observed)
		}
		if off > 0.06 {
			t.Errorf("store %d: estimates are off by %.3f on average, want 0.06 at most: %+v", seed, off, c.Deciles)
		}
		t.Logf("store %d: %d orders, %d samples, %.0f %% late, Brier %.4f, base %.4f, off by %.3f", seed, c.Orders, c.Samples, 100*c.Late, c.Brier, c.Base, off)
	}
}

// TestKnownTruth: work that runs has a log-normal rest whose chance to end in time
// can be computed; the estimate comes near it.
func TestKnownTruth(t *testing.T) {
	s := newStore(7)
	s.parts = 0
	m, err := Train(s.orders(150), cal, len(s.bays), wall(150*openDay))
	if err != nil {
		t.Fatal(err)
	}
	now := wall(300*openDay + 100)
	for _, slack := range []float64{40, 60, 80, 100, 130, 180} {
		// A job of 80 standard minutes that has just begun: late if work and
		// inspection take longer.
		late, r := 0, rand.New(rand.NewPCG(3, uint64(slack)))
		for range 20_000 {
			if 80*math.Exp(r.NormFloat64()*s.spread)+r.ExpFloat64()*15 >= slack {
				late++
			}
		}
		truth := float64(late) / 20_000
		v := openVisit(now, now.Add(time.Duration(slack)*time.Minute), 80)
		got, ok := m.Assess(v, Shop{Calendar: cal, Bays: 4}, now)
		if !ok || math.Abs(got.P-truth) > 0.15 || got.Reason != Behind {
			t.Errorf("slack %v: %+v (%v), the truth is %.2f", slack, got, ok, truth)
		}
	}
}

// openVisit is an order of an item with a job that runs since now.
func openVisit(now, due time.Time, standard int) *kiosk.Visit {
	at := func(seq uint64, p kiosk.Payload) kiosk.Event {
		return kiosk.Event{Source: kiosk.KioskSource("s", "k"), Epoch: "e", Seq: seq, Moment: kiosk.Moment{Wall: now, Boot: "b", Clock: kiosk.Synced}, Data: p}
	}
	return kiosk.Apply([]kiosk.Event{at(1, &kiosk.CheckedIn{Visit: "1"}), at(2, &kiosk.Signed{Visit: "1", Order: "1", Promise: &due,
		Items: []kiosk.Item{{No: 1, Code: "C", Category: kiosk.Minor, StandardMinutes: standard}}}),
		at(3, &kiosk.Started{Job: kiosk.Job{Visit: "1", Bay: "b", Technician: "t"}})}, cal)
}

func TestAssess(t *testing.T) {
	s := newStore(1)
	m, err := Train(s.orders(100), cal, len(s.bays), wall(100*openDay))
	if err != nil {
		t.Fatal(err)
	}
	now := wall(200*openDay + 60)
	shop := Shop{Calendar: cal, Bays: 4}
	ask := func(change func(*kiosk.Visit)) (Risk, bool) {
		v := openVisit(now.Add(-20*time.Minute), now.Add(90*time.Minute), 80)
		change(v)
		return m.Assess(v, shop, now)
	}
	plain, ok := ask(func(*kiosk.Visit) {})
	if !ok || plain.P <= 0 || plain.P >= 1 || plain.Slack != 90 || !plain.At.Equal(now) {
		t.Fatalf("a job at work: %+v (%v)", plain, ok)
	}
	more, _ := ask(func(v *kiosk.Visit) { v.Promises[0].Due = now.Add(10 * time.Minute) })
	less, _ := ask(func(v *kiosk.Visit) { v.Promises[0].Due = now.Add(400 * time.Minute) })
	if more.P <= plain.P || less.P >= plain.P {
		t.Errorf("with 10, 90 and 400 minutes left the risk is %.2f, %.2f, %.2f: it has to fall", more.P, plain.P, less.P)
	}
	for name, tt := range map[string]struct {
		change func(*kiosk.Visit)
		want   Reason
		p      float64
	}{
		"waiting for parts":   {func(v *kiosk.Visit) { v.Works[0].Last().Reason = kiosk.Parts }, Parts, -1},
		"waiting for consent": {func(v *kiosk.Visit) { v.Works[0].Last().Reason = kiosk.Authority }, Authority, -1},
		"waiting for a bay":   {func(v *kiosk.Visit) { v.Works = nil }, Queue, -1},
		"at work":             {func(v *kiosk.Visit) {}, Behind, -1},
		"missed":              {func(v *kiosk.Visit) { v.Promises[0].Due = now }, Behind, 1},
	} {
		if r, ok := ask(tt.change); !ok || r.Reason != tt.want || tt.p >= 0 && r.P != tt.p {
			t.Errorf("%s: %+v (%v), want %s", name, r, ok, tt.want)
		}
	}
	for name, change := range map[string]func(*kiosk.Visit){
		"passed": func(v *kiosk.Visit) { v.Passed = now }, "ended": func(v *kiosk.Visit) { v.Ended = now },
		"cancelled": func(v *kiosk.Visit) { v.Order.Cancelled = now }, "no promise": func(v *kiosk.Visit) { v.Promises = nil },
		"no order": func(v *kiosk.Visit) { v.Order = nil }, "unsure": func(v *kiosk.Visit) { v.Uncertain = true },
	} {
		if r, ok := ask(change); ok {
			t.Errorf("%s: %+v, want nothing", name, r)
		}
	}
}

func TestQueueRaisesTheRisk(t *testing.T) {
	s := newStore(2)
	m, err := Train(s.orders(100), cal, len(s.bays), wall(100*openDay))
	if err != nil {
		t.Fatal(err)
	}
	now := wall(200*openDay + 60)
	v := openVisit(now, now.Add(150*time.Minute), 80)
	v.Works = nil
	first := openVisit(now.Add(-time.Minute), now.Add(time.Hour), 400)
	first.ID, first.Works = "0", nil
	after := openVisit(now.Add(time.Minute), now.Add(time.Hour), 400)
	after.ID, after.Works = "2", nil
	shop := ShopOf(v, []*kiosk.Visit{first, v, after}, cal, 4, now)
	if shop.Ahead != 400 {
		t.Errorf("%d standard minutes ahead, want 400", shop.Ahead)
	}
	alone, _ := m.Assess(v, Shop{Calendar: cal, Bays: 4}, now)
	behind, _ := m.Assess(v, shop, now)
	if behind.Needs != alone.Needs+100 || behind.P <= alone.P {
		t.Errorf("alone %+v, behind 400 minutes on 4 bays %+v", alone, behind)
	}
}

func TestNotEnoughHistory(t *testing.T) {
	facts := newStore(1).orders(100)
	for name, of := range map[string][]kpi.Fact{"none": nil, "few": facts[:MinOrders-1], "recent": facts[len(facts)-50:]} {
		if _, err := Train(of, cal, 4, wall(100*openDay)); !errors.Is(err, ErrHistory) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Calibrate(of, cal, 4, wall(100*openDay)); !errors.Is(err, ErrHistory) {
			t.Errorf("calibrate %s: %v", name, err)
		}
	}
	if _, err := Train(facts, cal, 4, wall(100*openDay).AddDate(2, 0, 0)); !errors.Is(err, ErrHistory) {
		t.Errorf("history of two years ago: %v", err)
	}
}

func TestOpening(t *testing.T) {
	at := func(s string) time.Time {
		out, err := time.ParseInLocation("02 15:04", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return out.AddDate(2026, 2, 0)
	}
	for _, tt := range []struct {
		from, to string
		want     float64
	}{
		{"02 09:00", "02 10:30", 90}, {"02 17:00", "03 09:00", 90}, {"02 19:00", "03 08:00", 0}, {"02 07:00", "04 23:00", 3 * 570}, {"03 09:00", "02 09:00", 0},
	} {
		if got := opening(cal, at(tt.from), at(tt.to)); got != tt.want {
			t.Errorf("%s to %s: %v opening minutes, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}

func TestModelBytes(t *testing.T) {
	m, err := Train(newStore(1).orders(60), cal, 4, wall(60*openDay))
	if err != nil {
		t.Fatal(err)
	}
	b := m.Append(nil)
	back, err := DecodeModel(b)
	if err != nil || !bytes.Equal(back.Append(nil), b) {
		t.Fatalf("the model comes back otherwise: %v", err)
	}
	now := wall(100 * openDay)
	v := openVisit(now, now.Add(100*time.Minute), 80)
	r1, _ := m.Assess(v, Shop{Calendar: cal, Bays: 4}, now)
	r2, _ := back.Assess(v, Shop{Calendar: cal, Bays: 4}, now)
	if r1 != r2 {
		t.Errorf("%+v becomes %+v", r1, r2)
	}
	if len(b) > 8<<10 {
		t.Errorf("a model has %d bytes", len(b))
	}
	for i := range b {
		if _, err := DecodeModel(b[:i]); err == nil {
			t.Errorf("%d of %d bytes are a model", i, len(b))
		}
	}
}

func FuzzDecodeModel(f *testing.F) {
	m, err := Train(newStore(1).orders(60), cal, 4, wall(60*openDay))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.Append(nil))
	now := wall(100 * openDay)
	v := openVisit(now, now.Add(100*time.Minute), 80)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeModel(b)
		if err != nil {
			return
		}
		if r, ok := m.Assess(v, Shop{Calendar: cal, Bays: 4}, now); !ok || !(r.P >= 0 && r.P <= 1) {
			t.Errorf("risk %+v (%v)", r, ok)
		}
	})
}

func BenchmarkTrain(b *testing.B) {
	facts := newStore(1).orders(120)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Train(facts, cal, 4, wall(120*openDay)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(facts)), "orders")
}

func BenchmarkAssess(b *testing.B) {
	m, err := Train(newStore(1).orders(60), cal, 4, wall(60*openDay))
	if err != nil {
		b.Fatal(err)
	}
	now := wall(100 * openDay)
	v := openVisit(now, now.Add(100*time.Minute), 80)
	for b.Loop() {
		if _, ok := m.Assess(v, Shop{Calendar: cal, Bays: 4}, now); !ok {
			b.Fatal("no risk")
		}
	}
}
