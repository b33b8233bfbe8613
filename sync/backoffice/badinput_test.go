package backoffice_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
	"baylight/sync/wire"
)

// tape is a board whose clock a test sets by the hour of its day, and what it
// recorded.
type tape struct {
	*ledgertest.Board
	day     time.Time
	entries []backoffice.Entry
}

// hour is an instant of the board's day, "09:30".
func (b *tape) hour(s string) time.Time {
	at, err := time.Parse("15:04", s)
	if err != nil {
		panic(err)
	}
	return b.day.Add(at.Sub(at.Truncate(24 * time.Hour)))
}

// add records something at an hour.
func (b *tape) add(hour string, p kiosk.Payload) string {
	at := b.hour(hour).Add(-time.Second) // Event adds it
	if len(b.entries) == 0 {
		b.Now.Wall = at
	}
	b.Now = b.Now.Add(at.Sub(b.Now.Wall))
	e := b.Event(p)
	b.entries = append(b.entries, e)
	return e.Event.ID()
}

func (b *tape) job(who string) kiosk.Job { return kiosk.Job{Visit: "V1", Bay: "b1", Technician: who} }

// at is what a supervisor states later.
func (b *tape) at(hour string) kiosk.Meta {
	return kiosk.Meta{At: new(b.hour(hour)), By: "s1", Reason: "forgotten"}
}

// order checks a visit in and signs its order.
func (b *tape) order() (checkedIn string) {
	checkedIn = b.add("09:00", &kiosk.CheckedIn{Visit: "V1", Ticket: "A001", Purpose: "fault", Language: "zh-CN", Means: "keyed"})
	b.add("09:10", &kiosk.Signed{Visit: "V1", Order: "o1", Adviser: "a1", Items: []kiosk.Item{{No: 1, Code: "OIL", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30}}})
	return checkedIn
}

func amended(id, fields string) kiosk.Payload {
	return &kiosk.Amended{Event: id, Fields: []byte(fields), Meta: kiosk.Meta{By: "m1", Reason: "wrong card"}}
}

func voided(id string) kiosk.Payload {
	return &kiosk.Voided{Event: id, Meta: kiosk.Meta{By: "m1", Reason: "mistake"}}
}

// badInput is what reality sends, and what the office makes of it: a line for
// each visit, see inWords.
var badInput = []struct {
	name   string
	record func(b *tape)
	want   string
}{
	{"an ordinary job", func(b *tape) {
		b.order()
		b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		b.add("10:30", &kiosk.Finished{Job: b.job("t1")})
		b.add("11:00", &kiosk.Passed{Visit: "V1", Inspector: "q1"})
		b.add("12:00", &kiosk.Delivered{Visit: "V1", Adviser: "a1"})
	}, "V1 2026-11-03 09:00, t1 09:30-10:30, delivered 12:00"},
	{"years old", func(b *tape) {
		b.day = b.day.AddDate(-7, 0, 0)
		b.order()
		b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		b.add("10:30", &kiosk.Finished{Job: b.job("t1")})
	}, "V1 2019-11-03 09:00, t1 09:30-10:30"},
	{"on a 29 February", func(b *tape) {
		b.day = time.Date(2024, 2, 29, 0, 0, 0, 0, zone)
		b.order()
		b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		b.add("10:30", &kiosk.Finished{Job: b.job("t1")})
	}, "V1 2024-02-29 09:00, t1 09:30-10:30"},
	{"from the future", func(b *tape) {
		b.day = b.day.AddDate(12, 0, 0)
		b.order()
		b.add("09:30", &kiosk.Started{Job: b.job("t1")})
	}, "V1 2038-11-03 09:00, t1 09:30-"},
	{"staff that nobody knows", func(b *tape) {
		b.order()
		b.add("09:30", &kiosk.Started{Job: b.job("谁 \"?\"")})
		b.add("10:30", &kiosk.Finished{Job: b.job("谁 \"?\"")})
		b.add("11:00", &kiosk.Delivered{Visit: "V1", Adviser: "stranger"})
	}, `V1 2026-11-03 09:00, 谁 "?" 09:30-10:30, delivered 11:00 [not_inspected]`},
	{"a vehicle that changes in the middle", func(b *tape) {
		b.order()
		b.add("09:20", &kiosk.Identified{Visit: "V1", Vehicle: "one", Means: "keyed"})
		b.add("10:20", &kiosk.Identified{Visit: "V1", Vehicle: "two", Means: "keyed"})
	}, "V1 2026-11-03 09:00 two"},
	{"finished before it was started", func(b *tape) {
		b.order()
		b.add("09:30", &kiosk.Finished{Job: b.job("t1")})
		b.add("10:30", &kiosk.Started{Job: b.job("t1")})
	}, "V1 2026-11-03 09:00, t1 10:30-"},
	{"a finish stated before the start", func(b *tape) {
		b.order()
		b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		b.add("10:30", &kiosk.Finished{Job: b.job("t1"), Meta: b.at("08:00")})
	}, "V1 2026-11-03 09:00, t1 09:30-"},
	{"a finish stated the day after", func(b *tape) {
		b.order()
		b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		b.add("23:30", &kiosk.Finished{Job: b.job("t1"), Meta: b.at("17:00")})
	}, "V1 2026-11-03 09:00, t1 09:30-17:00"},
	{"work on a visit that nobody opened", func(b *tape) {
		b.add("09:30", &kiosk.Started{Job: b.job("t1"), Meta: kiosk.Meta{Flags: []kiosk.Flag{kiosk.UnknownVisit}}})
		b.add("10:30", &kiosk.Finished{Job: b.job("t1")})
	}, "V1 unknown, t1 09:30-10:30 [unknown_visit]"},
	{"delivered twice", func(b *tape) {
		b.order()
		b.add("11:00", &kiosk.Delivered{Visit: "V1", Adviser: "a1"})
		b.add("12:00", &kiosk.Delivered{Visit: "V1", Adviser: "a2"})
	}, "V1 2026-11-03 09:00, delivered 11:00 [not_inspected]"},
	{"work after delivery", func(b *tape) {
		b.order()
		b.add("11:00", &kiosk.Delivered{Visit: "V1", Adviser: "a1"})
		b.add("11:30", &kiosk.Started{Job: b.job("t1"), Meta: kiosk.Meta{Flags: []kiosk.Flag{kiosk.AfterDelivery}}})
		b.add("12:00", &kiosk.Finished{Job: b.job("t1")})
	}, "V1 2026-11-03 09:00, t1 11:30-12:00, delivered 11:00 [after_delivery not_inspected]"},
	{"corrected twice", func(b *tape) {
		b.order()
		id := b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		b.add("10:30", amended(id, `{"technician":"t2"}`))
		b.add("10:40", amended(id, `{"technician":"t3"}`))
	}, "V1 2026-11-03 09:00, t3 09:30-, corrected 1"},
	{"a correction taken back", func(b *tape) {
		b.order()
		id := b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		first := b.add("10:30", amended(id, `{"technician":"t2"}`))
		b.add("10:40", voided(first))
	}, "V1 2026-11-03 09:00, t1 09:30-"},
	{"voided after a correction", func(b *tape) {
		b.order()
		id := b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		b.add("10:30", amended(id, `{"technician":"t2"}`))
		b.add("10:40", voided(id))
	}, "V1 2026-11-03 09:00, corrected 1"},
	{"corrected after it was voided", func(b *tape) {
		b.order()
		id := b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		b.add("10:30", voided(id))
		b.add("10:40", amended(id, `{"technician":"t2"}`))
	}, "V1 2026-11-03 09:00, corrected 1"},
	{"voided twice, and the void voided", func(b *tape) {
		b.order()
		id := b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		void := b.add("10:30", voided(id))
		b.add("10:40", voided(id))
		b.add("10:50", voided(void)) // a void stands
	}, "V1 2026-11-03 09:00, corrected 1"},
	{"a correction that does not fit, and one into another visit", func(b *tape) {
		b.order()
		id := b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		b.add("10:30", amended(id, `{"technician":["t2"]}`))
		b.add("10:40", amended(id, `{"visit":"V2"}`))
		b.add("10:50", amended("nothing-1", `{}`))
	}, "V1 2026-11-03 09:00, t1 09:30-"},
	{"a check-in voided while work goes on", func(b *tape) {
		id := b.order()
		b.add("09:30", &kiosk.Started{Job: b.job("t1")})
		b.add("09:40", voided(id))
	}, "V1 unknown, t1 09:30-, corrected 1"},
}

// inWords is a visit in a line: when it arrived, its jobs, its end.
func inWords(v *kiosk.Visit) string {
	hour := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format("15:04")
	}
	s := v.ID + " unknown"
	if v.Known() {
		s = v.ID + " " + v.Arrived.In(zone).Format("2006-01-02 15:04")
	}
	if v.Vehicle != "" {
		s += " " + v.Vehicle
	}
	for _, w := range v.Works {
		s += fmt.Sprintf(", %s %s-%s", w.Technician, hour(w.Start()), hour(w.Finished))
	}
	if !v.Delivered.IsZero() {
		s += ", delivered " + hour(v.Delivered)
	}
	if v.Corrections > 0 {
		s += fmt.Sprintf(", corrected %d", v.Corrections)
	}
	if len(v.Flags) > 0 {
		s += fmt.Sprintf(" %v", v.Flags)
	}
	return s
}

// TestBadInput: whatever comes, in whatever order and however often, is stored
// once, makes one and the same of its visit, and the figures kept beside the
// events are those that the events make.
func TestBadInput(t *testing.T) {
	const worst = "corrections first, all of it twice"
	orders := map[string]func(es []backoffice.Entry) []backoffice.Entry{
		"in order": func(es []backoffice.Entry) []backoffice.Entry { return es },
		"backwards": func(es []backoffice.Entry) []backoffice.Entry {
			es = slices.Clone(es)
			slices.Reverse(es)
			return es
		},
		worst: func(es []backoffice.Entry) []backoffice.Entry {
			es = slices.Clone(es)
			slices.SortStableFunc(es, func(a, b backoffice.Entry) int { return cmp.Compare(rank(a), rank(b)) })
			return append(es, es...)
		},
	}
	for _, c := range badInput {
		for name, order := range orders {
			t.Run(c.name+" "+name, func(t *testing.T) { takesIn(t, nil, c.record, order, c.want) })
		}
	}
	server := pgtest.Start(t)
	for i, c := range badInput {
		t.Run(c.name+" into PostgreSQL", func(t *testing.T) { takesIn(t, inPostgres(t, server, i), c.record, orders[worst], c.want) })
	}
}

// inPostgres puts a ledger in PostgreSQL in the place of an office's own.
func inPostgres(t *testing.T, server *pgtest.Server, number int) func(backoffice.Ledger) backoffice.Ledger {
	return func(backoffice.Ledger) backoffice.Ledger {
		l, err := pgledger.Open(t.Context(), pgledger.Config{URL: server.URL(), Schema: fmt.Sprintf("case%d", number)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		return l
	}
}

func takesIn(t *testing.T, wrap func(backoffice.Ledger) backoffice.Ledger, record func(*tape), order func([]backoffice.Entry) []backoffice.Entry, want string) {
	s := newShop(t, wrap)
	b := &tape{Board: ledgertest.NewBoard(t, store, "k1", "e1"), day: time.Date(2026, 11, 3, 0, 0, 0, 0, zone)}
	record(b)
	sent := order(b.entries)
	for _, e := range sent {
		s.event(e)
	}
	s.receipt("e1", fmt.Sprintf("%d []", len(b.entries)))
	if n := s.Counts(); n.Events != uint64(len(b.entries)) || n.Duplicates != uint64(len(sent)-len(b.entries)) || n.Rejected+n.Conflicts > 0 {
		t.Errorf("%d events sent as %d: counted %+v", len(b.entries), len(sent), n)
	}
	s.makes(want)
}

// TestPeriodAcrossACorrection: an order of 29 February is put right to the day after.
// Each period counts it on the day that holds, as of before the correction on the
// day that held; and the sum over both days stays one.
func TestPeriodAcrossACorrection(t *testing.T) {
	server := pgtest.Start(t)
	for name, wrap := range map[string]func(backoffice.Ledger) backoffice.Ledger{"SQLite": nil, "PostgreSQL": inPostgres(t, server, 0)} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, wrap)
			b := &tape{Board: ledgertest.NewBoard(t, store, "k1", "e1"), day: time.Date(2024, 2, 29, 0, 0, 0, 0, zone)}
			b.order()
			b.add("18:00", amended(b.entries[1].Event.ID(), `{"at":"2024-03-01T09:00:00+08:00"}`))
			f, err := figures.New(figures.Config{Ledger: s.ledger, Now: s.Now, Stores: s.Stores()})
			if err != nil {
				t.Fatal(err)
			}
			ask := func(from, to string, asOf *uint64) (orders int, at uint64) {
				t.Helper()
				q := figures.Query{AsOf: asOf}
				q.From, _ = time.ParseInLocation(time.DateOnly, from, zone)
				q.To, _ = time.ParseInLocation(time.DateOnly, to, zone)
				a, err := f.Figures(t.Context(), store, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range a.Rows {
					orders += r.Orders
				}
				return orders, a.AsOf
			}
			for _, e := range b.entries[:2] {
				s.event(e)
			}
			s.receipt("e1", "2 []")
			_, before := ask("2024-02-01", "2024-04-01", nil)
			s.event(b.entries[2])
			s.receipt("e1", "3 []")
			for _, c := range []struct {
				from, to  string
				now, then int
			}{
				{"2024-02-28", "2024-02-29", 0, 0}, {"2024-02-29", "2024-03-01", 0, 1}, {"2024-03-01", "2024-03-02", 1, 0},
				{"2024-02-29", "2024-03-02", 1, 1}, {"2024-02-01", "2024-03-01", 0, 1}, {"2024-03-01", "2024-04-01", 1, 0},
			} {
				now, _ := ask(c.from, c.to, nil)
				then, _ := ask(c.from, c.to, &before)
				if now != c.now || then != c.then {
					t.Errorf("%s to %s: %d orders, as of before the correction %d; want %d and %d", c.from, c.to, now, then, c.now, c.then)
				}
			}
		})
	}
}

// rank puts corrections before what they correct.
func rank(e backoffice.Entry) int {
	if kiosk.Corrects(e.Event.Data) != "" {
		return 0
	}
	return 1
}

// makes holds the visits of the store, its figures, and what must be true of any.
func (s *shop) makes(want ...string) {
	s.Helper()
	makes(s, s.Office, store, want...)
}

// makes holds that of a store of an office.
func makes(s testing.TB, o *backoffice.Office, store string, want ...string) {
	s.Helper()
	vs, err := backoffice.Recompute(s.Context(), o.Ledger(), store, math.MaxInt64, kiosk.ShanghaiWeek(zone))
	if err != nil {
		s.Fatal(err)
	}
	var got []string
	for _, v := range vs {
		got = append(got, inWords(v))
		for _, w := range v.Works {
			for i, span := range w.Spans {
				if !span.To.IsZero() && span.To.Before(span.From) || i > 0 && !span.From.Equal(w.Spans[i-1].To) {
					s.Errorf("%s: job of %s has a stretch from %s to %s", v.ID, w.Technician, span.From, span.To)
				}
			}
		}
		until := o.Now()
		if !v.Ended.IsZero() {
			until = v.Ended
		}
		if split, ok := v.Split(until); ok && until.After(v.Arrived) {
			var sum time.Duration
			for _, d := range split {
				sum += d
			}
			if sum != until.Sub(v.Arrived) {
				s.Errorf("%s: its stages add up to %s of %s", v.ID, sum, until.Sub(v.Arrived))
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		s.Errorf("visits\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	f, err := figures.New(figures.Config{Ledger: o.Ledger(), Now: o.Now, Stores: o.Stores()})
	if err != nil {
		s.Fatal(err)
	}
	report, err := f.Verify(s.Context(), store)
	if err != nil || len(report.Differences) > 0 || report.Visits != len(want) {
		s.Errorf("figures of %d visits, %v: %v", report.Visits, err, report.Differences)
	}
}

// TestUnknownStore: what is said on the topics of a store that is not ours, or of
// another one than its own, counts for no store.
func TestUnknownStore(t *testing.T) {
	s := newShop(t, nil)
	stranger := ledgertest.NewBoard(t, "elsewhere", "k1", "e9")
	e := stranger.CheckIn("V1")
	s.send(wire.Prefix+"elsewhere/k1/event/visit.checked_in", e.Bytes)
	if n := s.Counts(); n.Messages != 1 || n.Events+n.Rejected != 0 {
		t.Errorf("on a foreign topic: %+v", n)
	}
	s.event(e) // on ours
	if n := s.Counts(); n.Events != 0 || n.Rejected != 1 {
		t.Errorf("of a foreign source: %+v", n)
	}
	if len(s.Alarms()) != 2 {
		t.Errorf("alarms %v, want two", s.Alarms())
	}
	s.makes()
}
