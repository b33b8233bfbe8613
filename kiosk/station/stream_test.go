package station_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"sync"
	"testing"
	"testing/synctest"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/station"
)

// queued has scans wait together, so that one batch takes them; answered are the
// results of those that somebody waits for.
func (r *rig) queued(scans []floor.Scan) (answered []error) {
	r.t.Helper()
	held, errs := make(chan struct{}), make(chan error, len(scans))
	go func() {
		if err := r.View(r.ctx, func(*floor.State, kiosk.Moment) { <-held }); err != nil {
			r.t.Error(err)
		}
	}()
	synctest.Wait()
	for i, in := range scans {
		if i%10 > 0 {
			r.Scan(r.ctx, in)
			continue
		}
		go func() { _, err := r.Do(r.ctx, in); errs <- err }()
		synctest.Wait()
	}
	close(held)
	for i := 0; i < len(scans); i += 10 {
		answered = append(answered, <-errs)
	}
	synctest.Wait()
	return answered
}

// bustle is n scans at three bays: cards, what undoes them, rubbish.
func (r *rig) bustle(n int, visits ...string) (scans []floor.Scan) {
	for i := range n {
		in := floor.Scan{ID: r.id(), Scanner: fmt.Sprintf("sb%d", i%3+1), Text: card(visits[i%len(visits)])}
		switch i % 7 {
		case 2:
			in.Text = action(kiosk.Finish)
		case 4:
			in.Text = action(kiosk.Undo)
		case 6:
			in.Text = fmt.Sprint("rubbish ", i)
		}
		scans = append(scans, in)
	}
	return scans
}

// TestLongBatchIsStoredWhileItIsDecided: hundreds of scans in one commit, some of
// which take others of them back.
func TestLongBatchIsStoredWhileItIsDecided(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t))
		var bursts []uint64 // appends before and after each, by the station's loop
		r.cfg.Burst = func() func() {
			bursts = append(bursts, uint64(r.disk.appends.Load()))
			return func() { bursts = append(bursts, uint64(r.disk.appends.Load())) }
		}
		r.start()
		defer r.stop()
		visits := []string{r.checkIn("沪A12345"), r.checkIn("沪A12346")}
		for i, who := range []string{"t1", "t2"} {
			r.scan(fmt.Sprintf("sb%d", i+1), badge(who))
		}
		before, head := r.disk.appends.Load(), r.disk.Head()
		for _, err := range r.queued(r.bustle(700, visits...)) {
			if err != nil {
				t.Error(err)
			}
		}
		equal(t, "commits", r.disk.appends.Load()-before, 1)
		equal(t, "appends around what was announced as a burst", bursts, []uint64{uint64(before), uint64(before) + 1})
		r.sameAsDisk()
		rows, err := r.disk.Read(0, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		within := 0
		for _, e := range r.events() {
			id := kiosk.Corrects(e.Data)
			if id == "" {
				continue
			}
			_, seq, err := kiosk.ParseEventID(id)
			if err != nil {
				t.Fatal(err)
			}
			if seq > head {
				within++
			}
			equal(t, "hash of what "+e.ID()+" takes back", kiosk.Pinned(e.Data), rows[seq-1].Hash.String())
		}
		if within < 20 {
			t.Errorf("%d events take back what the same batch made", within)
		}
	})
}

// TestBurstOfSeveralBatches: what comes during a large batch and is many again
// belongs to the same burst; what is few ends it first.
func TestBurstOfSeveralBatches(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t))
		var heard []string
		r.cfg.Burst = func() func() {
			heard = append(heard, "burst")
			return func() { heard = append(heard, "over") }
		}
		r.start()
		defer r.stop()
		visit := r.checkIn("沪A12345")
		r.scan("sb1", badge("t1"))
		more := [][]floor.Scan{r.bustle(200, visit), r.bustle(300, visit), r.bustle(20, visit)}
		r.disk.onAppend(func(do func() error) error {
			heard = append(heard, "commit")
			if len(more) > 0 {
				for _, in := range more[0] {
					r.Scan(r.ctx, in)
				}
				more = more[1:]
			}
			return do()
		})
		r.queued(r.bustle(500, visit))
		equal(t, "heard", heard, []string{"burst", "commit", "commit", "commit", "over", "commit"})
		r.sameAsDisk()
	})
}

// torn is a journal that takes some groups of a sequence and then no more.
type torn struct {
	*disk
	after int // groups; negative: all
}

func (d *torn) AppendSeq(groups iter.Seq[[]kiosk.Event]) error {
	if d.after < 0 {
		return d.disk.AppendSeq(groups)
	}
	n := d.after
	for range groups {
		if n--; n < 0 {
			break
		}
	}
	return errBoom
}

// TestStoringFailsWhileDecidingGoesOn: the whole batch is taken back, everybody who
// waits is told, at the place where it was, and it can be done again.
func TestStoringFailsWhileDecidingGoesOn(t *testing.T) {
	for _, after := range []int{0, 1, 150} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, file(t))
				j := &torn{r.disk, -1}
				r.cfg.Journal = j
				r.start()
				defer r.stop()
				visit := r.checkIn("沪A12345")
				r.scan("sb1", badge("t1"))
				before := r.picture()
				scans := r.bustle(300, visit)
				j.after = after
				for _, err := range r.queued(scans) {
					if !errors.Is(err, station.ErrNotRecorded) || !errors.Is(err, errBoom) {
						t.Errorf("who waited was told %v", err)
					}
				}
				for _, bay := range []string{"b1", "b2", "b3"} {
					equal(t, "what is said at "+bay, r.Said()[bay].Reply.Message.Key, "station.not_recorded")
				}
				equal(t, "broken", r.Broken(), errBoom.Error())
				equal(t, "next", r.picture().Next, before.Next)
				r.sameAsDisk()
				j.after = -1
				for _, err := range r.queued(scans) {
					if err != nil {
						t.Error(err)
					}
				}
				equal(t, "broken", r.Broken(), "")
				r.sameAsDisk()
				made := map[string]int{}
				for _, e := range r.events() {
					if m := e.Data.Common(); m.Scan != nil {
						made[m.Cause]++
					}
				}
				for _, in := range scans {
					if made[in.ID] > 1 {
						t.Errorf("scan %s is recorded %d times", in.ID, made[in.ID])
					}
				}
			})
		})
	}
}

// begun is a journal that says when a sequence begins.
type begun struct {
	*torn
	say func()
}

func (d *begun) AppendSeq(groups iter.Seq[[]kiosk.Event]) error {
	d.say()
	return d.torn.AppendSeq(groups)
}

// TestWhoViewsSeesNoChange: a visit that somebody got from View stays as it was while
// batches go on, are taken back, and the state is made anew; it can be read all the while.
func TestWhoViewsSeesNoChange(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t))
		j := &begun{&torn{r.disk, -1}, func() {}}
		r.cfg.Journal = j
		r.start()
		defer r.stop()
		visits := []string{r.checkIn("沪A12345"), r.checkIn("沪A12346")}
		text := func(v *kiosk.Visit) string {
			b, err := json.Marshal(v)
			if err != nil {
				t.Error(err)
			}
			return string(b)
		}
		var readers sync.WaitGroup
		held := map[*kiosk.Visit]string{}
		for round := range 6 {
			r.scan("sb1", badge("t1"))
			if err := r.View(t.Context(), func(st *floor.State, now kiosk.Moment) {
				for _, v := range st.Open(now) {
					if was, ok := held[v]; ok && was != text(v) {
						t.Errorf("round %d: visit %s is another in the same memory", round, v.ID)
					}
					held[v] = text(v)
				}
			}); err != nil {
				t.Fatal(err)
			}
			now, decides := maps.Clone(held), make(chan struct{})
			j.say = sync.OnceFunc(func() { close(decides) })
			readers.Go(func() {
				<-decides
				for range 20 {
					for v, was := range now {
						if got := text(v); got != was {
							t.Errorf("round %d: a visit was changed under its reader:\n%s\n%s", round, was, got)
							return
						}
					}
				}
			})
			if j.after = -1; round%3 == 1 {
				j.after = 40
			}
			for _, err := range r.queued(r.bustle(120, visits...)) {
				if failed := round%3 == 1; failed != (err != nil) {
					t.Fatalf("round %d: %v", round, err)
				}
			}
			readers.Wait()
			j.after, j.say = -1, func() {}
		}
		for v, was := range held {
			if got := text(v); got != was {
				t.Errorf("a visit was changed:\n%s\n%s", was, got)
			}
		}
		if len(held) < 8 {
			t.Errorf("%d visits were held", len(held))
		}
		r.sameAsDisk()
	})
}
