package kpi_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// month is a store's month: 25 orders on each of its days.
func month(t testing.TB) (visits []*kiosk.Visit) {
	for d := 1; d <= 30; d++ {
		for i := range 25 {
			when := func(hour, minute int) string { return fmt.Sprintf("%02d %02d:%02d", d, hour, (minute+7*i)%60) }
			s := visit(t, fmt.Sprintf("V%02d%02d", d, i)).in(when(8, 1)).accept(when(9, 5)).
				sign(when(9, 20), when(16, 0), kiosk.Categories()[i%6], kiosk.Maintenance)
			for _, tech := range []string{"t1", "t2"} {
				tech = fmt.Sprint(tech, i%6)
				s.start(when(10, 0), tech).pause(when(11, 0), tech, kiosk.Parts).resume(when(12, 0), tech).finish(when(14, 0), tech)
			}
			v := s.pass(when(15, 50)).deliver(when(17, 3)).fold()
			v.Vehicle = kiosk.Keyed([]byte("key"), v.ID)
			visits = append(visits, v)
		}
	}
	return visits
}

func FuzzDecodeFact(f *testing.F) {
	for _, v := range worked(f) {
		fact := kpi.FactOf(v, cal)
		f.Add(fact.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fact, err := kpi.DecodeFact(b)
		if err != nil {
			return
		}
		again, err := kpi.DecodeFact(fact.Append(nil))
		if err != nil || !bytes.Equal(again.Append(nil), fact.Append(nil)) {
			t.Errorf("%+v\ncomes back as %+v (%v)", fact, again, err)
		}
		days := fact.Days(cal)
		if len(days) > 0 {
			if _, err := kpi.Tallies([]kpi.Fact{fact}, days[0], cal, time.Unix(0, 0)); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzDecodeTally(f *testing.F) {
	for _, d := range kept(f, worked(f), at(f, "20 12:00")) {
		f.Add(d.Tally.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tally, err := kpi.DecodeTally(b)
		if err != nil {
			return
		}
		tally.Add(tally)
		p := kpi.Period{Calendar: cal, From: at(t, "03 00:00"), To: at(t, "04 00:00"), Now: at(t, "04 00:00")}
		row := tally.Row(kpi.ByNone, "", p)
		if row.OnTime.Variants == nil {
			t.Error("a tally makes no row")
		}
		sheet := kpi.NewSheet(kpi.ByNone, p)
		for range 2 {
			if err := sheet.Add("", b); err != nil {
				t.Fatal(err)
			}
		}
		if got := sheet.Rows(); !reflect.DeepEqual(got, []kpi.Row{row}) {
			t.Errorf("added up as bytes: %+v\nas tallies: %+v", got, row)
		}
	})
}

func BenchmarkDecodeFact(b *testing.B) {
	fact := kpi.FactOf(month(b)[0], cal)
	data := fact.Append(nil)
	b.ReportMetric(float64(len(data)), "bytes")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kpi.DecodeFact(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFactOf(b *testing.B) {
	v := month(b)[0]
	for b.Loop() {
		f := kpi.FactOf(v, cal)
		if f.Visit == "" {
			b.Fatal("no visit")
		}
	}
}

// BenchmarkMonth reads the day tallies of a month, adds them up and makes the row.
func BenchmarkMonth(b *testing.B) {
	var data [][]byte
	size := 0
	for _, d := range kept(b, month(b), at(b, "30 23:00")) {
		if d.Group.By == kpi.ByNone {
			data = append(data, d.Tally.Append(nil))
			size += len(data[len(data)-1])
		}
	}
	p := kpi.Period{Calendar: cal, From: at(b, "01 00:00"), To: at(b, "30 00:00"), Now: at(b, "30 23:00")}
	b.ReportMetric(float64(size/len(data)), "bytes/day")
	for b.Loop() {
		sheet := kpi.NewSheet(kpi.ByNone, p)
		for _, bytes := range data {
			if err := sheet.Add("", bytes); err != nil {
				b.Fatal(err)
			}
		}
		if row := sheet.Rows()[0]; row.Orders != 750 {
			b.Fatalf("the month has %d orders", row.Orders)
		}
	}
}

// BenchmarkTallies makes all tallies of one day of 25 orders.
func BenchmarkTallies(b *testing.B) {
	var facts []kpi.Fact
	for _, v := range month(b)[:25] {
		facts = append(facts, kpi.FactOf(v, cal))
	}
	for b.Loop() {
		if _, err := kpi.Tallies(facts, "2026-11-01", cal, at(b, "30 23:00")); err != nil {
			b.Fatal(err)
		}
	}
}
