package printer

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"baylight/device/line"
)

// A bench is a running driver, its wire and the printer at the other end.
type bench struct {
	*Printer
	model  *model
	wire   *scriptedWire
	states []State // read it after synctest.Wait
}

// on runs a test in a bubble, so that waits take no time.
func on(t *testing.T, cfg Config, test func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{model: &model{}}
		b.wire = &scriptedWire{model: b.model}
		cfg.OnState = func(s State) { b.states = append(b.states, s) }
		b.Printer = New(cfg, b.wire)
		b.model.answer = b.Input
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		<-b.Ready()
		test(t, b)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func (b *bench) want(t *testing.T, job Job, want Outcome) {
	t.Helper()
	got, err := b.Print(t.Context(), job)
	if got != want || (err != nil) != (want == NotSent) {
		t.Fatalf("job %d: %v, %v; want %v", job.ID, got, err, want)
	}
}

// ticketJob is longer than one chunk.
func ticketJob(id uint32) Job {
	b := NewPaper(Width58)
	for range 20 {
		b.Text("保养 maintenance 12345678901234")
	}
	b.Cut()
	return Job{ID: id, Bytes: b.Bytes()}
}

func TestConfirmed(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.model.delay = 3 * time.Second
		began := time.Now()
		job := ticketJob(7)
		b.want(t, job, Confirmed)
		if took := time.Since(began); took < 3*time.Second {
			t.Errorf("confirmed after %v, before the paper had left", took)
		}
		if !bytes.Equal(b.model.printed(), job.Bytes) {
			t.Errorf("printed % x, want the job's bytes", b.model.printed())
		}
	})
}

func TestConfirmationOfAnotherJobDoesNotCount(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.want(t, ticketJob(1), Confirmed)
		b.model.set(func(m *model) { m.noReport = true })
		late := jobTag(1)
		b.wire.before = func(int) error {
			b.Input(append(append([]byte{blockHead, blockIsDone}, late[:]...), 0))
			return nil
		}
		b.want(t, ticketJob(2), Unknown)
	})
}

func TestSilentPrinterStillPrints(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.model.silent = true
		b.Input([]byte{0x12}) // line noise is no proof that it can answer
		for id := range uint32(3) {
			began := time.Now()
			b.want(t, ticketJob(id), Sent)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("job %d took %v on a printer that gives no answer", id, took)
			}
		}
		if len(b.model.printed()) != 3*len(ticketJob(0).Bytes) {
			t.Errorf("printed %d bytes", len(b.model.printed()))
		}
		if s := b.State(); !s.Up {
			t.Errorf("state %+v, a silent printer is up", s)
		}
	})
}

func TestPrinterWithoutCompletion(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.model.noReport = true
		for i, limit := range []time.Duration{firstDone + time.Second, time.Second} {
			began := time.Now()
			b.want(t, ticketJob(uint32(i)), Sent)
			if took := time.Since(began); took > limit {
				t.Errorf("job %d took %v, want at most %v", i, took, limit)
			}
		}
		b.model.set(func(m *model) { m.cond.paperOut = true })
		if _, err := b.Print(t.Context(), ticketJob(3)); err == nil {
			t.Error("printed without paper")
		}
	})
}

func TestPlainPrinterGetsDocumentsOnly(t *testing.T) {
	on(t, Config{Plain: true}, func(t *testing.T, b *bench) {
		var wire bytes.Buffer
		b.wire.model = &model{silent: true}
		b.Printer.wire = writerWire{&wire}
		job := ticketJob(1)
		b.want(t, job, Sent)
		synctest.Wait()
		<-time.After(time.Minute) // the bubble's minute: time for polls
		if !bytes.Equal(wire.Bytes(), job.Bytes) {
			t.Errorf("wire carried % x, want the document alone", wire.Bytes())
		}
	})
}

type writerWire struct{ *bytes.Buffer }

func (w writerWire) Write(_ context.Context, p []byte) error {
	_, err := w.Buffer.Write(p)
	return err
}

func TestTroubleBeforeAJob(t *testing.T) {
	for _, c := range []struct {
		name   string
		cond   condition
		advice string
	}{
		{"paper out", condition{paperOut: true}, "new roll"},
		{"cover open", condition{coverOpen: true}, "close it"},
		{"cutter", condition{cutter: true}, "cutter"},
		{"failed", condition{failed: true}, "switch it off"},
		{"offline", condition{offline: true}, "ONLINE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			on(t, Config{}, func(t *testing.T, b *bench) {
				if c.cond.offline {
					// The model derives its offline bit from other troubles.
					b.Input([]byte{0x18, 0, 0, 0x0f})
					b.model.silent = true
				}
				b.model.cond = c.cond
				outcome, err := b.Print(t.Context(), ticketJob(1))
				if outcome != NotSent || err == nil || !strings.Contains(err.Error(), c.advice) {
					t.Fatalf("%v, %v; want an error with %q", outcome, err, c.advice)
				}
				if len(b.model.printed()) != 0 {
					t.Errorf("%d bytes left for the printer", len(b.model.printed()))
				}
				synctest.Wait()
				if s := b.states[len(b.states)-1]; s.Up || !strings.Contains(s.Reason, c.advice) {
					t.Errorf("state %+v", s)
				}
				b.model.set(func(m *model) { m.cond, m.silent = condition{}, false })
				b.want(t, ticketJob(1), Confirmed)
			})
		})
	}
}

func TestStateFollowsIdlePrinter(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		steps := []func(m *model){
			func(m *model) { m.cond.nearEnd = true },
			func(m *model) { m.cond.paperOut = true },
			func(m *model) { m.cond = condition{} },
			func(m *model) { m.silent = true },
			func(m *model) { m.silent = false },
		}
		for _, step := range steps {
			b.model.set(step)
			<-time.After(10 * time.Second) // the bubble's: two polls
			synctest.Wait()
		}
		b.Link(false, "unplugged")
		synctest.Wait()
		want := []State{
			{Up: true},
			{Up: true, Reason: "paper is near its end"},
			{Reason: "paper is out: put in a new roll"},
			{Up: true},
			{Reason: errMute.Error()},
			{Up: true},
			{Reason: "unplugged"},
		}
		if !slices.Equal(b.states, want) {
			t.Errorf("states\n got %+v\nwant %+v", b.states, want)
		}
	})
}

func TestSwitchedOffPrinterGetsNoTicket(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.want(t, ticketJob(1), Confirmed)
		had := len(b.model.printed())
		b.model.set(func(m *model) { m.silent = true })
		if _, err := b.Print(t.Context(), ticketJob(2)); !errors.Is(err, errMute) {
			t.Errorf("error %v, want %v", err, errMute)
		}
		if len(b.model.printed()) != had {
			t.Error("bytes sent into the void")
		}
	})
}

// A cabledWire is a driver whose printer holds CTS: it takes everything, and
// sends what the printer lets it.
type cabledWire struct {
	*scriptedWire
	stuck, held bool // held: something is in the driver
}

func (w *cabledWire) Write(ctx context.Context, p []byte) error {
	w.held = w.held || w.stuck
	if w.stuck {
		return nil
	}
	return w.scriptedWire.Write(ctx, p)
}

func (w *cabledWire) Drain(_ context.Context, limit time.Duration) error {
	if !w.held {
		return nil
	}
	<-time.After(limit)
	w.held = false
	return line.ErrTimeout
}

// A printer that never answers and is switched off behind CTS is found out, before
// a ticket and in it: its bytes are in the driver, not on paper.
func TestSilentPrinterSwitchedOffBehindCTS(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.model.silent = true
		w := &cabledWire{scriptedWire: b.wire}
		b.Printer.wire = w
		b.want(t, ticketJob(1), Sent)
		w.stuck = true
		if got, err := b.Print(t.Context(), ticketJob(2)); got != NotSent || !errors.Is(err, errStuck) || w.held {
			t.Errorf("switched off: %v, %v; left in the driver: %v", got, err, w.held)
		}
		w.stuck = false
		w.before = func(taken int) error {
			w.stuck = taken > len(ticketJob(1).Bytes)+100
			return nil
		}
		b.want(t, ticketJob(3), Unknown)
		w.stuck, w.before = false, nil
		b.want(t, ticketJob(4), Sent)
	})
}

func TestPaperRunsOutInATicket(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration // until a new roll is in
		want  Outcome
	}{
		{"new roll in time", 5 * time.Second, Confirmed},
		{"nobody comes", time.Hour, Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			on(t, Config{}, func(t *testing.T, b *bench) {
				b.want(t, ticketJob(1), Confirmed)
				b.wire.before = func(taken int) error {
					if taken == len(ticketJob(1).Bytes)+11+2*chunk {
						b.model.set(func(m *model) { m.cond.paperOut = true })
						time.AfterFunc(c.after, func() { b.model.set(func(m *model) { m.cond.paperOut = false }) })
					}
					return nil
				}
				b.want(t, ticketJob(2), c.want)
				synctest.Wait()
				if !slices.Contains(b.states, State{Reason: "paper is out: put in a new roll"}) {
					t.Errorf("nobody was told: %+v", b.states)
				}
			})
		})
	}
}

func TestWireDiesInATicket(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		gone := errors.New("input/output error")
		b.wire.before = func(taken int) error {
			if taken > 0 {
				return gone
			}
			return nil
		}
		b.want(t, ticketJob(1), Unknown)
		b.wire.before = nil
		had := len(b.model.printed())
		job := ticketJob(2)
		b.want(t, job, Confirmed)
		want := append(make([]byte, refill), job.Bytes...)
		if got := b.model.printed()[had:]; !bytes.Equal(got, want) {
			t.Errorf("after a broken job came % x…, want %d times 00 and the next job", got[:8], refill)
		}
		had = len(b.model.printed())
		b.want(t, job, Confirmed)
		if got := b.model.printed()[had:]; !bytes.Equal(got, job.Bytes) {
			t.Error("a whole job is no reason to fill up")
		}
	})
}

func TestWireThatTakesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want Outcome
	}{
		{"surely nothing", ErrNotSent, NotSent},
		{"perhaps something", errors.New("no idea"), Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			on(t, Config{}, func(t *testing.T, b *bench) {
				b.wire.before = func(int) error { return c.err }
				b.want(t, ticketJob(1), c.want)
			})
		})
	}
}

func TestLinkLostAndBackInATicket(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.wire.before = func(taken int) error {
			if taken == chunk {
				b.Link(false, "unplugged")
				b.Link(true, "")
			}
			return nil
		}
		b.want(t, ticketJob(1), Unknown)
		if got := len(b.model.printed()); got != 2*chunk {
			t.Errorf("%d bytes printed: the rest of a ticket came after the loss", got)
		}
	})
}

func TestLinkDown(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.Link(false, "no such device")
		_, err := b.Print(t.Context(), ticketJob(1))
		if err == nil || !strings.Contains(err.Error(), "no such device") {
			t.Errorf("error %v", err)
		}
		b.Link(true, "")
		b.want(t, ticketJob(1), Confirmed)
	})
}

// TestStatusInTheMiddleOfOurWrite: all a printer may say, in odd pieces, while
// we send; none of it is taken for something else.
func TestStatusInTheMiddleOfOurWrite(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.wire.before = func(taken int) error {
			switch taken {
			case chunk:
				b.Input([]byte{0x12, 0x1a})             // answers nobody waits for
				b.Input([]byte{0x10, 0x00, xoff, 0x03}) // ASB, near end, XOFF inside
			case 2 * chunk:
				t.Error("sent on in spite of XOFF")
			}
			return nil
		}
		time.AfterFunc(4*time.Second, func() {
			b.wire.before = nil
			b.Input([]byte{0x0f, xon})
		})
		b.want(t, ticketJob(1), Confirmed)
		synctest.Wait()
		if !slices.Contains(b.states, State{Up: true, Reason: "paper is near its end"}) {
			t.Errorf("states %+v lack the automatic status", b.states)
		}
	})
}

func TestXOFF(t *testing.T) {
	t.Run("for ever, before the first byte", func(t *testing.T) {
		on(t, Config{}, func(t *testing.T, b *bench) {
			b.Input([]byte{xoff})
			_, err := b.Print(t.Context(), ticketJob(1))
			if !errors.Is(err, errStuck) || len(b.model.printed()) != 0 {
				t.Errorf("error %v, %d bytes", err, len(b.model.printed()))
			}
		})
	})
	t.Run("for ever, in a ticket", func(t *testing.T) {
		on(t, Config{}, func(t *testing.T, b *bench) {
			b.wire.before = func(int) error { b.Input([]byte{xoff}); return nil }
			began := time.Now()
			b.want(t, ticketJob(1), Unknown)
			if took := time.Since(began); took > 16*time.Second {
				t.Errorf("took %v", took)
			}
			if got := len(b.model.printed()); got != chunk {
				t.Errorf("%d bytes sent, want the %d before XOFF", got, chunk)
			}
		})
	})
	t.Run("for a while", func(t *testing.T) {
		on(t, Config{}, func(t *testing.T, b *bench) {
			b.wire.before = func(int) error {
				b.Input([]byte{xoff})
				time.AfterFunc(2*time.Second, func() { b.Input([]byte{xon}) })
				return nil
			}
			b.want(t, ticketJob(1), Confirmed)
		})
	})
}

func TestCancelledJob(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithCancel(t.Context())
		b.wire.before = func(taken int) error {
			if taken > 0 {
				cancel()
			}
			return nil
		}
		if got, err := b.Print(ctx, ticketJob(1)); got != Unknown || err != nil {
			t.Errorf("cancelled in the middle: %v, %v", got, err)
		}
		if got, err := b.Print(ctx, ticketJob(1)); got != NotSent || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v, %v", got, err)
		}
	})
}

func TestJobsDoNotMix(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.model.delay = time.Second
		var want []byte
		ended := make(chan Outcome)
		for id := range uint32(4) {
			want = append(want, ticketJob(id).Bytes...)
			go func() {
				outcome, _ := b.Print(t.Context(), ticketJob(id))
				ended <- outcome
			}()
		}
		for range 4 {
			if got := <-ended; got != Confirmed {
				t.Errorf("outcome %v", got)
			}
		}
		if !bytes.Equal(b.model.printed(), want) {
			t.Error("tickets mixed")
		}
	})
}

func TestBytesGoNoFasterThanTheWire(t *testing.T) {
	on(t, Config{}, func(t *testing.T, b *bench) {
		b.pace = 10 * time.Second / 9600
		var last time.Duration
		began := time.Now()
		b.wire.before = func(taken int) error {
			last = time.Since(began)
			if ahead := time.Duration(taken)*b.pace - last; ahead > (chunk+1)*b.pace {
				t.Errorf("%d bytes handed over after %v", taken, last)
			}
			return nil
		}
		job := ticketJob(1)
		b.want(t, job, Confirmed)
		if whole := time.Duration(len(job.Bytes)) * b.pace; time.Since(began) < whole {
			t.Errorf("done after %v, the wire needs %v", time.Since(began), whole)
		}
	})
}

func TestJobSize(t *testing.T) {
	p := New(Config{}, writerWire{new(bytes.Buffer)})
	for _, n := range []int{0, MaxJob + 1} {
		if _, err := p.Print(t.Context(), Job{Bytes: make([]byte, n)}); err == nil {
			t.Errorf("%d bytes accepted", n)
		}
	}
}

func TestJobTag(t *testing.T) {
	seen := map[[4]byte]uint32{}
	for _, id := range []uint32{0, 1, 63, 64, 0x10_04_01, 0xffffff, 0x1b401b} {
		tag := jobTag(id)
		for _, b := range tag {
			if b < 32 || b > 126 {
				t.Errorf("tag of %#x holds %#x", id, b)
			}
		}
		if other, twice := seen[tag]; twice {
			t.Errorf("jobs %#x and %#x have one tag", id, other)
		}
		seen[tag] = id
	}
}

func TestCause(t *testing.T) {
	for want, states := range map[Cause][]State{
		Working:  {{Up: true}, {Up: true, Reason: paperOut}},
		PaperLow: {{Up: true, Reason: paperLow}},
		PaperOut: {{Reason: condition{paperOut: true}.trouble()}, {Reason: condition{stopped: true}.trouble()}},
		CoverUp:  {{Reason: condition{coverOpen: true, paperOut: true}.trouble()}},
		Failing:  {{}, {Reason: errMute.Error()}, {Reason: condition{cutter: true}.trouble()}},
	} {
		for _, s := range states {
			if got := s.Cause(); got != want {
				t.Errorf("%+v is %s, want %s", s, got, want)
			}
		}
	}
}
