package clock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"baylight/kiosk"
)

var nine = time.Date(2026, 11, 21, 9, 0, 0, 0, time.FixedZone("", 8*3600))

func at(wall time.Time, up time.Duration, q kiosk.Quality) kiosk.Moment {
	return kiosk.Moment{Wall: wall, Boot: "boot-1", Up: up, Clock: q}
}

func TestSteps(t *testing.T) {
	epoch := time.Unix(0, 0)
	type look struct {
		m    kiosk.Moment
		off  time.Duration // how far the clock was off, if a step is wanted
		want bool
	}
	for _, c := range []struct {
		name  string
		looks []look
	}{
		{"runs on", []look{{m: at(nine, time.Minute, kiosk.Synced)}, {m: at(nine.Add(time.Hour), time.Hour+time.Minute, kiosk.Synced)}}},
		{"from 1970 to today, once", []look{
			{m: at(epoch.Add(30*time.Second), 30*time.Second, kiosk.Unset)},
			{m: at(nine, 40*time.Second, kiosk.Synced), off: nine.Sub(epoch) - 40*time.Second, want: true},
			{m: at(nine.Add(time.Second), 41*time.Second, kiosk.Synced)}}},
		{"back a year", []look{
			{m: at(nine, time.Hour, kiosk.Holdover)},
			{m: at(nine.AddDate(-1, 0, 1), 25*time.Hour, kiosk.Holdover), off: -365 * 24 * time.Hour, want: true}}},
		{"synced without a step", []look{
			{m: at(nine, time.Hour, kiosk.Holdover)},
			{m: at(nine.Add(time.Second), time.Hour+time.Second, kiosk.Synced), want: true}}},
		{"sync lost is no step", []look{
			{m: at(nine, time.Hour, kiosk.Synced)},
			{m: at(nine.Add(time.Second), time.Hour+time.Second, kiosk.Holdover)}}},
		{"499 ms are none", []look{
			{m: at(nine, time.Hour, kiosk.Synced)},
			{m: at(nine.Add(499*time.Millisecond), time.Hour, kiosk.Synced)}}},
		{"two small steps add up", []look{
			{m: at(nine, time.Hour, kiosk.Synced)},
			{m: at(nine.Add(300*time.Millisecond), time.Hour, kiosk.Synced)},
			{m: at(nine.Add(600*time.Millisecond), time.Hour, kiosk.Synced), off: 600 * time.Millisecond, want: true}}},
		{"another boot is none", []look{
			{m: at(nine, time.Hour, kiosk.Synced)},
			{m: kiosk.Moment{Wall: nine, Boot: "boot-2", Up: time.Second, Clock: kiosk.Synced}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s Steps
			for i, l := range c.looks {
				before, stepped := s.See(l.m)
				if stepped != l.want {
					t.Fatalf("look %d: step reported %v, want %v", i, stepped, l.want)
				}
				if !stepped {
					continue
				}
				if off := l.m.Wall.Sub(before.Wall); off != l.off || before.Up != l.m.Up || before.Boot != l.m.Boot {
					t.Errorf("look %d: off by %s, want %s (before: %v)", i, off, l.off, before)
				}
				if before.Clock != c.looks[i-1].m.Clock {
					t.Errorf("look %d: before is %s, want %s", i, before.Clock, c.looks[i-1].m.Clock)
				}
			}
		})
	}
}

func TestWatchReportsAStepWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lead, err := NewLead(at(time.Unix(5, 0), 5*time.Second, kiosk.Unset), nil)
		if err != nil {
			t.Fatal(err)
		}
		type step struct{ from, to kiosk.Moment }
		var got []step
		w := NewWatch(lead, func(from, to kiosk.Moment) { got = append(got, step{from, to}) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		<-w.Ready()
		for _, m := range []kiosk.Moment{
			at(time.Unix(65, 0), 65*time.Second, kiosk.Unset), // a minute passes
			at(nine, 66*time.Second, kiosk.Synced),            // the network's time arrives
			at(nine.Add(time.Hour), time.Hour+66*time.Second, kiosk.Synced),
		} {
			synctest.Wait() // the alarm is set
			if err := lead.Set(m, 0); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := step{at(time.Unix(66, 0), 66*time.Second, kiosk.Unset), at(nine, 66*time.Second, kiosk.Synced)}
		if len(got) != 1 || !got[0].from.Wall.Equal(want.from.Wall) || got[0].from.Clock != kiosk.Unset || got[0].to != want.to {
			t.Errorf("reported %v, want %v once", got, want)
		}
		if len(lead.alarms) != 0 {
			t.Errorf("%d alarms left behind", len(lead.alarms))
		}
	})
}
