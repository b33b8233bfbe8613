package uplink

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/wire"
)

var testLimits = limits{batch: 7, unreceipt: 20, progress: 30 * time.Second, gapEvery: 2 * time.Second}

var start = time.Unix(0, 0)

// coreOn is a core over a journal of n events, connected, the office ready.
func coreOn(n int) (*core, *journal) {
	j := newJournal()
	j.add(n)
	c := newCore(testLimits, epoch, uint64(n), Mark{})
	c.connected(1, start)
	c.officeSaid(readyOffice(), 1, false, start)
	return c, j
}

func (j *journal) receipt(ledger string, term, through uint64, gaps ...wire.Gap) wire.Receipt {
	e := wire.Epoch{Epoch: epoch, Through: through, Gaps: gaps}
	if through > 0 {
		e.Hash, _, _ = j.Hash(through)
	}
	return wire.Receipt{Ledger: ledger, Term: term, Epochs: []wire.Epoch{e}}
}

func TestReceiptRules(t *testing.T) {
	c, j := coreOn(15)
	take := func(r wire.Receipt) []Alarm { return c.receipt(r, j, start) }
	foreign := j.receipt("A", 3, 9)
	foreign.Epochs[0].Hash = kiosk.HashOf([]byte("other"))
	rows := []struct {
		what    string
		receipt wire.Receipt
		want    Mark
		alarm   Kind
	}{
		{"first", j.receipt("A", 2, 5), Mark{epoch, "A", 2, 5, nil}, ""},
		{"the same again", j.receipt("A", 2, 5), Mark{epoch, "A", 2, 5, nil}, ""},
		{"lower through", j.receipt("A", 2, 4), Mark{epoch, "A", 2, 5, nil}, ""},
		{"lower term", j.receipt("A", 1, 9), Mark{epoch, "A", 2, 5, nil}, ""},
		{"higher term", j.receipt("A", 3, 5), Mark{epoch, "A", 3, 5, nil}, ""},
		{"other boards' epochs only", wire.Receipt{Ledger: "A", Term: 3}, Mark{epoch, "A", 3, 5, nil}, ""},
		{"restored office", j.receipt("B", 1, 2), Mark{epoch, "B", 1, 2, []string{"A"}}, ""},
		{"ledger once left", j.receipt("A", 9, 15), Mark{epoch, "B", 1, 2, []string{"A"}}, ""},
		{"empty office", wire.Receipt{Ledger: "C", Term: 1}, Mark{epoch, "C", 1, 0, []string{"A", "B"}}, ""},
		{"everything", j.receipt("C", 1, 15), Mark{epoch, "C", 1, 15, []string{"A", "B"}}, ""},
		{"unknown epoch", wire.Receipt{Ledger: "C", Term: 1, Epochs: []wire.Epoch{{Epoch: "lost", Through: 4}}},
			Mark{epoch, "C", 1, 15, []string{"A", "B"}}, Unknown},
		{"unknown epoch again", wire.Receipt{Ledger: "C", Term: 1, Epochs: []wire.Epoch{{Epoch: "lost", Through: 5}}},
			Mark{epoch, "C", 1, 15, []string{"A", "B"}}, ""},
	}
	for _, r := range rows {
		alarms := take(r.receipt)
		if fmt.Sprint(c.mark) != fmt.Sprint(r.want) || fmt.Sprint(j.mark) != fmt.Sprint(r.want) {
			t.Errorf("%s: mark %+v, kept %+v, want %+v", r.what, c.mark, j.mark, r.want)
		}
		if got := append(alarms, Alarm{})[0].Kind; got != r.alarm {
			t.Errorf("%s: alarms %+v, want %q", r.what, alarms, r.alarm)
		}
	}
	for _, bad := range []struct {
		receipt wire.Receipt
		kind    Kind
	}{{j.receipt("D", 1, 16), Ahead}, {foreign, Foreign}} {
		c, j := coreOn(15)
		if alarms := c.receipt(bad.receipt, j, start); len(alarms) != 1 || alarms[0].Kind != bad.kind || !c.stopped || j.mark.Ledger != "" {
			t.Errorf("alarms %+v, stopped %v, kept %+v; want %s", alarms, c.stopped, j.mark, bad.kind)
		}
		if c.receipt(j.receipt("A", 9, 5), j, start); c.mark.Through != 0 {
			t.Errorf("a stopped cursor moved to %d", c.mark.Through)
		}
	}
}

// TestTakenPlaces: the hash at through proves only what is one chain; a place
// that is taken by another event shows another history.
func TestTakenPlaces(t *testing.T) {
	other := kiosk.HashOf([]byte("other"))
	for _, row := range []struct {
		what    string
		through uint64
		taken   []wire.Taken // a zero hash is ours
		after   uint64
		gone    uint64 // of 1..gone no hash is known,
		known   uint64 // but of this one
		fresh   bool   // nothing was receipted before
		want    Kind
	}{
		{what: "ours", through: 12, taken: []wire.Taken{{Seq: 14}}},
		{what: "ours, and at the office something else follows", through: 12, taken: []wire.Taken{{Seq: 8}}, want: Foreign},
		{what: "what follows the mark", through: 12, taken: []wire.Taken{{Seq: 5}}, want: Foreign},
		{what: "ours, and what follows is no longer here", through: 12, taken: []wire.Taken{{Seq: 8}}, gone: 9, known: 8},
		{what: "the beginning is not there, nor here", through: 12, taken: []wire.Taken{{}}, gone: 4, fresh: true},
		{what: "the beginning is not there", through: 12, taken: []wire.Taken{{}}, fresh: true, want: Foreign},
		{what: "below through another", through: 12, taken: []wire.Taken{{Seq: 8, Hash: other}}, want: Foreign},
		{what: "below what was receipted: it was compared then", through: 12, taken: []wire.Taken{{Seq: 4, Hash: other}}},
		{what: "above through another", through: 5, taken: []wire.Taken{{Seq: 7, Hash: other}}, want: Foreign},
		{what: "above the head", through: 5, taken: []wire.Taken{{Seq: 16, Hash: other}}, want: Ahead},
		{what: "no longer here", through: 12, taken: []wire.Taken{{Seq: 8, Hash: other}}, gone: 8},
		{what: "left out below the mark", through: 12, taken: []wire.Taken{{Seq: 14}}, after: 5},
		{what: "left out above it", through: 12, taken: []wire.Taken{{Seq: 14}}, after: 6, want: Foreign},
	} {
		c, j := coreOn(15)
		from := uint64(0)
		if !row.fresh {
			from = 5
		}
		c.receipt(j.receipt("A", 1, from), j, start)
		r := j.receipt("A", 1, row.through)
		for _, p := range row.taken {
			if p.Seq > 0 && p.Hash == (kiosk.Hash{}) {
				p.Hash, _, _ = j.Hash(p.Seq)
			}
			r.Epochs[0].Taken = append(r.Epochs[0].Taken, p)
		}
		r.Epochs[0].TakenAfter = row.after
		j.gone, j.known = row.gone, row.known
		alarms := c.receipt(r, j, start)
		switch {
		case row.want == "" && (len(alarms) > 0 || c.mark.Through != row.through):
			t.Errorf("%s: alarms %+v, mark %+v", row.what, alarms, c.mark)
		case row.want != "" && (len(alarms) != 1 || alarms[0].Kind != row.want || c.rift == nil || c.rift.After != from || c.mark.Through != from):
			t.Errorf("%s: alarms %+v, rift %+v, mark %+v; want %s after %d", row.what, alarms, c.rift, c.mark, row.want, from)
		}
	}
	c, j := coreOn(15)
	r := j.receipt("A", 1, 0)
	r.Epochs[0].Taken = []wire.Taken{{Seq: 3, Hash: other}}
	j.broken = errors.New("cannot read")
	if alarms := c.receipt(r, j, start); len(alarms) != 1 || alarms[0].Kind != Journal || c.rift != nil {
		t.Errorf("an unreadable journal: %+v, rift %+v", alarms, c.rift)
	}
}

func TestReceiptNotKeptIsNotBelieved(t *testing.T) {
	c, j := coreOn(15)
	j.broken = fmt.Errorf("disk full")
	if alarms := c.receipt(j.receipt("A", 1, 0), j, start); len(alarms) != 1 || alarms[0].Kind != Journal || c.mark.Ledger != "" {
		t.Errorf("alarms %+v, mark %+v", alarms, c.mark)
	}
	j.broken = nil
	if c.receipt(j.receipt("A", 1, 5), j, start); c.mark.Through != 5 {
		t.Errorf("mark %+v", c.mark)
	}
}

// drain takes what core wants to send now.
func drain(c *core) (sent []uint64) {
	for {
		after, n := c.want()
		if n == 0 {
			return sent
		}
		for range n {
			after++
			sent = append(sent, after)
			c.sent(after)
		}
	}
}

func run(from, to uint64) (s []uint64) {
	for ; from <= to; from++ {
		s = append(s, from)
	}
	return s
}

// TestReceiptNotKeptIsTakenAgain: a restored office has no reason to send its
// receipt twice, so a disk that failed for a moment must not forget it.
func TestReceiptNotKeptIsTakenAgain(t *testing.T) {
	c, j := coreOn(5)
	c.receipt(j.receipt("A", 1, 5), j, start)
	restored := j.receipt("B", 1, 2)
	j.breaks(errors.New("disk is gone"))
	if as := c.receipt(restored, j, start); len(as) != 1 || as[0].Kind != Journal || c.mark.Ledger != "A" {
		t.Fatalf("alarms %v, mark %+v", as, c.mark)
	}
	if as := c.keepNow(j, start); len(as) != 1 || c.mark.Ledger != "A" {
		t.Errorf("the disk fails still: alarms %v, mark %+v", as, c.mark)
	}
	j.breaks(nil)
	if as := c.keepNow(j, start); len(as) != 0 || c.mark.Ledger != "B" || c.mark.Through != 2 || c.next != 3 {
		t.Errorf("alarms %v, mark %+v, next %d", as, c.mark, c.next)
	}
	if as := c.keepNow(j, start); as != nil || c.unkept != nil {
		t.Errorf("it is taken once more: %v", as)
	}
}

func TestWhatIsSentWhen(t *testing.T) {
	j := newJournal()
	j.add(100)
	c := newCore(testLimits, epoch, 50, Mark{Epoch: epoch, Ledger: "A", Term: 1, Through: 10})
	now := start
	step := func(what string, want []uint64) {
		t.Helper()
		if got := drain(c); !slices.Equal(got, want) {
			t.Errorf("%s: sent %v, want %v", what, got, want)
		}
	}
	step("no connection", nil)
	c.connected(1, now)
	step("the office is unknown", run(11, 50))
	c.ackedTo(40)
	c.officeSaid(wire.Office{State: wire.Lost, Session: 7, Ledger: "A"}, 1, true, now)
	c.head = 52
	step("the office is away", run(51, 52))
	c.officeSaid(wire.Office{State: wire.Ready, Session: 8, Ledger: "A"}, 1, false, now)
	step("the office comes", run(11, 30))
	c.officeSaid(wire.Office{State: wire.Lost, Session: 7, Ledger: "A"}, 1, false, now)
	step("an old will", nil)
	c.receipt(j.receipt("A", 1, 15), j, now)
	step("a receipt", run(31, 35))
	now = now.Add(29 * time.Second)
	if c.tick(now) {
		t.Error("resent before 30 s were over")
	}
	now = now.Add(time.Second)
	if !c.tick(now) {
		t.Error("not resent though 30 s brought no receipt")
	}
	step("no progress", run(16, 35))
	c.receipt(j.receipt("A", 1, 15, wire.Gap{First: 17, Last: 18}, wire.Gap{First: 40, Last: 60}), j, now)
	step("a gap just seen", nil)
	now = now.Add(2 * time.Second)
	c.tick(now)
	step("a gap that stays", run(17, 18))
	c.tick(now)
	step("and was just sent", nil)
	c.receipt(j.receipt("A", 1, 35), j, now)
	step("all that was sent is receipted", run(36, 52))
	c.disconnected()
	step("no connection", nil)
	c.connected(2, now)
	step("connected, broker acknowledged 40", run(41, 52))
	c.officeSaid(wire.Office{State: wire.Ready, Session: 8, Ledger: "A"}, 2, true, now)
	step("the office was there, but may lack what went before", run(36, 52))
	c.receipt(j.receipt("A", 1, 52), j, now)
	c.disconnected()
	c.connected(3, now)
	c.head = 55
	step("connected with nothing open", run(53, 55))
	c.officeSaid(wire.Office{State: wire.Ready, Session: 8, Ledger: "A"}, 3, true, now)
	step("the office was there all the time", nil)
	c.receipt(j.receipt("B", 1, 50), j, now)
	step("a restored office", run(51, 55))
}

// TestCoreDelivers plays a board, a lossy way and an office against each
// other: whatever is lost, everything is receipted in the end, no limit is
// exceeded and the mark never passes what the office has.
func TestCoreDelivers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, j: newJournal(), now: start, has: make(map[uint64]bool)}
		w.c = newCore(testLimits, epoch, 0, Mark{})
		t.Repeat(map[string]func(*rapid.T){
			"append":     func(t *rapid.T) { w.append(rapid.IntRange(1, 30).Draw(t, "n")) },
			"flow":       func(*rapid.T) { w.append(3); w.send(20); w.deliver(20, false) },
			"connect":    func(*rapid.T) { w.connect() },
			"disconnect": func(*rapid.T) { w.c.disconnected(); w.way = nil },
			"send":       func(t *rapid.T) { w.send(rapid.IntRange(1, 40).Draw(t, "n")) },
			"deliver":    func(t *rapid.T) { w.deliver(rapid.IntRange(1, 40).Draw(t, "n"), rapid.Bool().Draw(t, "lost")) },
			"receipt":    func(*rapid.T) { w.receipt() },
			"office":     func(t *rapid.T) { w.toggle(rapid.Bool().Draw(t, "ready")) },
			"restore":    func(t *rapid.T) { w.restore(rapid.Uint64Range(0, w.through()).Draw(t, "to")) },
			"restart":    func(*rapid.T) { w.c = newCore(testLimits, epoch, w.j.Head(), w.j.mark); w.way = nil },
			"wait":       func(t *rapid.T) { w.wait(time.Duration(rapid.IntRange(1, 40).Draw(t, "s")) * time.Second) },
			"":           func(*rapid.T) { w.check() },
		})
		w.connect()
		w.toggle(true)
		for range 10 * (int(w.j.Head()) + 1) {
			w.send(7)
			w.deliver(len(w.way), false)
			w.receipt()
			if w.c.mark.Through == w.j.Head() && w.through() == w.j.Head() {
				return
			}
			w.wait(31 * time.Second)
		}
		t.Fatalf("stuck: mark %+v, office has %d of %d", w.c.mark, w.through(), w.j.Head())
	})
}

type world struct {
	t       *rapid.T
	j       *journal
	c       *core
	now     time.Time
	session uint64
	acked   uint64   // the broker acknowledged up to here
	way     []uint64 // sent, neither acknowledged nor delivered
	office  wire.Office
	ledger  int
	has     map[uint64]bool
}

func (w *world) append(n int) { w.j.add(n); w.c.head = w.j.Head() }

func (w *world) connect() {
	w.session++
	w.way = nil
	w.c.connected(w.session, w.now)
	if w.office.Ledger != "" {
		w.c.officeSaid(w.office, w.session, true, w.now)
	}
}

func (w *world) send(n int) {
	for n > 0 {
		after, most := w.c.want()
		if most == 0 {
			return
		}
		for range min(n, most) {
			after++
			n--
			if len(w.way) == 0 && after > w.acked+1 || len(w.way) > 0 && after > max(w.acked, slices.Max(w.way))+1 {
				w.t.Fatalf("%d is sent, the broker has %d, on the way %v", after, w.acked, w.way)
			}
			w.way = append(w.way, after)
			w.c.sent(after)
		}
	}
}

// deliver moves messages to the broker, which acknowledges them, and on to the
// office if it is there and they are not lost.
func (w *world) deliver(n int, lost bool) {
	for range min(n, len(w.way)) {
		seq := w.way[0]
		w.way = w.way[1:]
		w.c.ackedTo(seq)
		w.acked = max(w.acked, seq)
		if w.office.State == wire.Ready && !lost {
			w.has[seq] = true
		}
	}
}

// TestUnheard: a connection on which nothing of the office is heard, though events
// wait, is left for another, less and less often; one with a word of it is not.
func TestUnheard(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	c := newCore(limits{batch: 10, unreceipt: 20, progress: 30 * time.Second}, "e", 10, Mark{Epoch: "e", Ledger: "A", Through: 10})
	after := func(d time.Duration, want bool) {
		t.Helper()
		if now = now.Add(d - time.Millisecond); c.unheard(now) {
			t.Errorf("left before %v were over", d)
		}
		if now = now.Add(time.Millisecond); c.unheard(now) != want {
			t.Errorf("after %v: left %v, want %v", d, !want, want)
		}
	}
	after(time.Hour, false) // no connection
	c.connected(1, now)
	after(time.Hour, false) // nothing waits
	c.head = 11
	c.connected(2, now)
	for session, d := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, 32 * time.Minute} {
		after(d, true)
		c.disconnected()
		c.connected(uint64(session+3), now)
	}
	c.officeSaid(wire.Office{State: wire.Lost, Session: 7, Ledger: "A"}, c.session, true, now)
	after(24*time.Hour, false) // it is known to be away
	c.disconnected()
	c.connected(20, now)
	after(30*time.Second, true)
	c.lim.broker = true
	after(24*time.Hour, false) // nobody is waited for
}

func (w *world) through() (n uint64) {
	for w.has[n+1] {
		n++
	}
	return n
}

func (w *world) receipt() {
	if w.office.State != wire.Ready {
		return
	}
	n := w.through()
	var gaps []wire.Gap
	for seq := n + 1; seq <= w.j.Head(); seq++ {
		if w.has[seq] {
			gaps = append(gaps, wire.Gap{First: n + 1, Last: seq - 1})
			break
		}
	}
	if alarms := w.c.receipt(w.j.receipt(w.office.Ledger, 1, n, gaps...), w.j, w.now); len(alarms) > 0 {
		w.t.Fatalf("an honest receipt gives %+v", alarms)
	}
}

func (w *world) toggle(ready bool) {
	w.office.Ledger = fmt.Sprint("ledger-", w.ledger)
	if w.office.State = wire.Lost; ready {
		w.office.State = wire.Ready
		w.office.Session++
	}
	if w.c.session != 0 {
		w.c.officeSaid(w.office, w.session, false, w.now)
	}
}

// restore puts a backup of the office in its place, under a new ledger.
func (w *world) restore(to uint64) {
	w.ledger++
	for seq := range w.has {
		if seq > to {
			delete(w.has, seq)
		}
	}
	w.toggle(true)
	w.receipt()
}

func (w *world) wait(d time.Duration) { w.now = w.now.Add(d); w.c.tick(w.now) }

func (w *world) check() {
	if m := w.c.mark; w.office.Ledger == m.Ledger && m.Through > w.through() {
		w.t.Fatalf("the mark stands at %d, the office has %d", m.Through, w.through())
	}
	if after, n := w.c.want(); n > 0 && (w.c.session == 0 || after+uint64(n) > w.c.head || n > testLimits.batch) {
		w.t.Fatalf("wants %d after %d, head %d, session %d", n, after, w.c.head, w.c.session)
	} else if n > 0 && w.c.ready() && after+uint64(n) > w.c.mark.Through+testLimits.unreceipt && len(w.c.extra) == 0 {
		w.t.Fatalf("wants %d after %d with a receipt through %d", n, after, w.c.mark.Through)
	}
}

func TestAges(t *testing.T) {
	var a ages
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	for i := 1; i <= 10_000; i++ {
		a.note(uint64(i), 0, at(i))
	}
	if len(a.marks) > maxMarks {
		t.Errorf("%d marks are kept", len(a.marks))
	}
	if got := a.oldest(0, at(10_000)); got != 9_999*time.Second {
		t.Errorf("the first event waits %v", got)
	}
	a.note(10_000, 9_000, at(10_000))
	if got := a.oldest(9_000, at(10_000)); got < 999*time.Second || got > 1500*time.Second {
		t.Errorf("event 9,001 waits %v", got)
	}
	a.note(10_000, 10_000, at(10_001))
	if got := a.oldest(10_000, at(10_002)); got != 0 {
		t.Errorf("nothing waits %v", got)
	}
}

func TestGapsDoNotOvertakeANewRun(t *testing.T) {
	c, j := coreOn(15)
	drain(c)
	gaps := []wire.Gap{{First: 6, Last: 6}, {First: 9, Last: 9}}
	c.receipt(j.receipt("A", 1, 5, gaps...), j, start)
	c.receipt(j.receipt("A", 1, 5, gaps...), j, start.Add(3*time.Second))
	if len(c.extra) != 2 {
		t.Fatalf("%d ranges are to be sent again", len(c.extra))
	}
	c.disconnected()
	c.connected(2, start.Add(4*time.Second))
	if got := drain(c); !slices.Equal(got, run(6, 15)) {
		t.Errorf("the broker acknowledged nothing of 6 to 15, sent %v", got)
	}
}
