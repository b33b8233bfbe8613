package uplink

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// archive is a journal with a past.
type archive struct {
	*journal
	before []era2
	pruned uint64 // of the present epoch
	losses map[Loss]uint64
}

type era2 struct {
	Era
	rows []Row
}

func newArchive() *archive { return &archive{journal: newJournal(), losses: make(map[Loss]uint64)} }

func (a *archive) Eras() (out []Era, err error) {
	for _, e := range a.before {
		out = append(out, e.Era)
	}
	return append(out, Era{Epoch: a.Epoch(), Pruned: a.pruned, Last: a.Head()}), a.broken
}

func (a *archive) Read(after uint64, limit int) ([]Row, error) {
	return a.journal.Read(max(after, a.pruned), limit)
}

func (a *archive) Hash(seq uint64) (kiosk.Hash, bool, error) {
	if seq < a.pruned {
		return kiosk.Hash{}, false, nil
	}
	return a.journal.Hash(seq)
}

func (a *archive) ReadOf(epoch string, after uint64, limit int) ([]Row, error) {
	for _, e := range a.before {
		if e.Epoch == epoch {
			rows := e.rows[min(max(after, e.Pruned), uint64(len(e.rows))):]
			return rows[:min(limit, len(rows))], nil
		}
	}
	return a.Read(after, limit)
}

// lost appends an event that names a range, once.
func (a *archive) lost(_ context.Context, l Loss) (uint64, error) {
	if a.losses[l] == 0 {
		a.add(1)
		a.losses[l] = a.Head()
	}
	return a.losses[l], nil
}

// begin ends the epoch; what is not receipted is recorded again.
func (a *archive) begin(after uint64) {
	rows := a.rows
	a.before = append(a.before, era2{Era{Epoch: a.epoch, Pruned: a.pruned, Last: after}, rows})
	a.old = append(a.old, a.epoch)
	a.epoch, a.rows, a.pruned = fmt.Sprint("epoch-", len(a.old)), nil, 0
	clear(a.losses)
	a.add(len(rows) - int(after))
}

// told is what one Ask is answered with.
func told(c *core, src *archive) (out []string) {
	for {
		a := c.ask()
		if a.N == 0 {
			return out
		}
		rows, _ := src.ReadOf(a.Epoch, a.After, a.N)
		if rows = a.Within(rows); len(rows) == 0 {
			c.none(a)
		}
		for _, r := range rows {
			out = append(out, fmt.Sprintf("%.5s-%d", a.Epoch, r.Seq))
			c.gave(a, r.Seq)
		}
	}
}

func ids(epoch string, from, to uint64) (out []string) {
	for ; from <= to; from++ {
		out = append(out, fmt.Sprintf("%.5s-%d", epoch, from))
	}
	return out
}

func TestRestoredOfficeGetsEarlierEpochs(t *testing.T) {
	const unknown = "0b7e2"
	src := newArchive()
	src.add(30)
	src.begin(26) // 27 to 30 are 1 to 4 of the next
	src.add(2)
	now := start
	c := newCore(testLimits, src.Epoch(), src.Head(), Mark{Epoch: src.Epoch(), Ledger: "A", Term: 1, Through: 6})
	c.connected(1, now)
	c.officeSaid(readyOffice(), 1, true, now)
	take := func(ledger string, old, through uint64) {
		t.Helper()
		r := wire.Receipt{Ledger: ledger, Term: 1}
		if old > 0 {
			r.Epochs = append(r.Epochs, wire.Epoch{Epoch: epoch, Through: old, Hash: kiosk.HashOf(src.before[0].rows[old-1].Bytes)})
		}
		if through > 0 {
			h, _, _ := src.Hash(through)
			r.Epochs = append(r.Epochs, wire.Epoch{Epoch: src.Epoch(), Through: through, Hash: h})
		}
		if as := c.receipt(r, src, now); len(as) > 0 {
			t.Errorf("alarms %+v", as)
		}
	}
	step := func(what string, want ...[]string) {
		t.Helper()
		if got := told(c, src); !slices.Equal(got, slices.Concat(want...)) {
			t.Errorf("%s: sent %v, want %v", what, got, slices.Concat(want...))
		}
	}
	take("A", 26, 6)
	step("nothing is lacking")
	take("B", 0, 0)
	step("an empty office: 20 of the earlier epoch, and the present one", ids(unknown, 1, 20), ids("epoch", 1, 6))
	take("B", 20, 6)
	step("the rest of what counts under the earlier epoch", ids(unknown, 21, 26))
	now = now.Add(31 * time.Second)
	c.tick(now)
	step("no receipt: again", ids(unknown, 21, 26))
	take("B", 26, 6)
	now = now.Add(31 * time.Second)
	c.tick(now)
	step("all is receipted")
	if rows := (Ask{"e", 4, 3, true}).Within([]Row{{Seq: 5}, {Seq: 7}, {Seq: 8}}); len(rows) != 2 {
		t.Errorf("behind a hole %v are sent", rows)
	}
	take("C", 24, 5)
	step("an office from an old backup", ids(unknown, 25, 26), ids("epoch", 6, 6))
	for range 10 {
		now = now.Add(31 * time.Second)
		c.tick(now)
		told(c, src)
	}
	take("C", 24, 6)
	step("an office that never takes it is not sent it for ever")
	c.disconnected()
	c.connected(2, now)
	c.officeSaid(readyOffice(), 2, true, now)
	step("but on another connection", ids(unknown, 25, 26))
}

// TestPrunedIsNamed: an office that was restored empty, and a board that pruned
// more than it may have open: the event that names the range goes first.
func TestPrunedIsNamed(t *testing.T) {
	src := newArchive()
	src.add(130)
	src.pruned = 50
	c := newCore(testLimits, epoch, src.Head(), Mark{Epoch: epoch, Ledger: "A", Term: 1, Through: 130})
	c.connected(1, start)
	c.officeSaid(readyOffice(), 1, true, start)
	c.receipt(wire.Receipt{Ledger: "B", Term: 1}, src, start)
	if want := (Loss{epoch, 1, 50}); !slices.Equal(c.losses, []Loss{want}) {
		t.Fatalf("to be named: %+v", c.losses)
	}
	seq, _ := src.lost(t.Context(), c.losses[0])
	c.heard(c.losses[0], seq)
	c.head = src.Head()
	want := slices.Concat(ids(epoch, 131, 131), ids(epoch, 51, 70))
	if got := told(c, src); !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	c.disconnected()
	c.connected(2, start)
	if c.acked > 130 {
		t.Errorf("%d counts as acknowledged", c.acked)
	}
	c.officeSaid(readyOffice(), 2, false, start)
	if got := told(c, src); !slices.Equal(got, want) {
		t.Errorf("on another connection %v, want %v", got, want)
	}
	// An older backup, in the middle of what was pruned: nobody can prove it.
	as := c.receipt(wire.Receipt{Ledger: "C", Term: 1, Epochs: []wire.Epoch{{Epoch: epoch, Through: 30, Hash: kiosk.HashOf([]byte("x"))}}}, src, start)
	if len(as) != 1 || as[0].Kind != Unproven || c.mark.Through != 30 || !slices.Equal(c.losses, []Loss{{epoch, 31, 50}}) {
		t.Errorf("alarms %+v, mark %+v, to be named %+v", as, c.mark, c.losses)
	}
	// The same ledger is not taken at its word.
	c = newCore(testLimits, epoch, src.Head(), Mark{Epoch: epoch, Ledger: "A", Term: 1, Through: 10})
	as = c.receipt(wire.Receipt{Ledger: "A", Term: 1, Epochs: []wire.Epoch{{Epoch: epoch, Through: 30, Hash: kiosk.HashOf([]byte("x"))}}}, src, start)
	if len(as) != 1 || as[0].Kind != Unproven || c.mark.Through != 10 {
		t.Errorf("alarms %+v, mark %+v", as, c.mark)
	}
}

// past is a board with a past, a lossy way and an office that is restored.
type past struct {
	t       *rapid.T
	src     *archive
	c       *core
	now     time.Time
	session uint64
	ledger  int
	office  wire.Office
	way     []Ask // N is a sequence
	has     map[string]map[uint64]bool
	named   []Loss // by events that the office has
}

func (p *past) through(epoch string) (n uint64) {
	for {
		n++
		if !p.has[epoch][n] && !slices.ContainsFunc(p.named, func(l Loss) bool { return l.Epoch == epoch && l.From <= n && n <= l.To }) {
			return n - 1
		}
	}
}

func (p *past) receipt() {
	r := wire.Receipt{Ledger: p.office.Ledger, Term: 1}
	eras, _ := p.src.Eras()
	for _, e := range eras {
		if n := p.through(e.Epoch); n > 0 {
			w := wire.Epoch{Epoch: e.Epoch, Through: n, Hash: kiosk.HashOf([]byte("x"))}
			if h, ok, _ := p.src.Hash(n); ok && e.Epoch == p.src.epoch {
				w.Hash = h
			}
			for _, b := range p.src.before {
				if b.Epoch == e.Epoch {
					w.Hash = kiosk.HashOf(b.rows[n-1].Bytes)
				}
			}
			r.Epochs = append(r.Epochs, w)
		}
	}
	for _, a := range p.c.receipt(r, p.src, p.now) {
		if a.Kind != Unproven {
			p.t.Fatalf("an honest receipt gives %+v", a)
		}
	}
}

func (p *past) connect() {
	p.session++
	p.way = nil
	p.c.connected(p.session, p.now)
	p.c.officeSaid(p.office, p.session, true, p.now)
}

func (p *past) flow(n int, lost bool) {
	for len(p.c.losses) > 0 {
		l := p.c.losses[0]
		seq, _ := p.src.lost(context.Background(), l)
		p.c.head = p.src.Head()
		p.c.heard(l, seq)
	}
	for range n {
		a := p.c.ask()
		if a.N == 0 {
			break
		}
		rows, _ := p.src.ReadOf(a.Epoch, a.After, 1)
		if len(rows) == 0 {
			p.c.none(a)
			continue
		}
		p.c.gave(a, rows[0].Seq)
		if !a.Apart {
			p.c.ackedTo(rows[0].Seq)
		}
		if lost {
			continue
		}
		if p.has[a.Epoch] == nil {
			p.has[a.Epoch] = make(map[uint64]bool)
		}
		p.has[a.Epoch][rows[0].Seq] = true
		for l, seq := range p.src.losses {
			if a.Epoch == p.src.epoch && seq == rows[0].Seq {
				p.named = append(p.named, l)
			}
		}
	}
}

func (p *past) restore(keep uint64) {
	p.ledger++
	p.office = wire.Office{State: wire.Ready, Session: p.office.Session + 1, Ledger: fmt.Sprint("ledger-", p.ledger)}
	for _, of := range p.has {
		for seq := range of {
			if seq > keep {
				delete(of, seq)
			}
		}
	}
	p.named = nil
	p.connect()
	p.receipt()
}

// prune drops what the present ledger has, from the oldest on.
func (p *past) prune(n uint64) {
	for i := range p.src.before {
		e := &p.src.before[i]
		if p.through(e.Epoch) < e.Last {
			return
		}
		if e.Pruned < e.Last {
			e.Pruned = min(e.Pruned+n, e.Last)
			return
		}
	}
	if p.c.mark.Ledger == p.office.Ledger {
		p.src.pruned = max(p.src.pruned, min(p.src.pruned+n, p.c.mark.Through, p.src.Head()-min(p.src.Head(), 1)))
	}
}

func (p *past) settled() bool {
	eras, _ := p.src.Eras()
	for _, e := range eras {
		if e.Pruned < e.Last && p.through(e.Epoch) < e.Last {
			return false
		}
	}
	return p.c.mark.Through == p.src.Head() && p.c.mark.Ledger == p.office.Ledger
}

func TestNothingThatIsStillHereStaysLacking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &past{t: t, src: newArchive(), now: start, has: make(map[string]map[uint64]bool), office: wire.Office{State: wire.Ready, Session: 1, Ledger: "ledger-0"}}
		p.c = newCore(testLimits, epoch, 0, Mark{})
		p.connect()
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) { p.src.add(rapid.IntRange(1, 40).Draw(t, "n")); p.c.head = p.src.Head() },
			"flow": func(t *rapid.T) {
				p.flow(rapid.IntRange(1, 60).Draw(t, "n"), rapid.IntRange(0, 3).Draw(t, "lost") == 0)
			},
			"receipt": func(*rapid.T) { p.receipt() },
			"connect": func(*rapid.T) { p.connect() },
			"restore": func(t *rapid.T) { p.restore(rapid.Uint64Range(0, 60).Draw(t, "keep")) },
			"prune":   func(t *rapid.T) { p.prune(rapid.Uint64Range(1, 50).Draw(t, "n")) },
			"wait":    func(t *rapid.T) { p.now = p.now.Add(20 * time.Second); p.c.tick(p.now) },
			"epoch": func(*rapid.T) {
				p.src.begin(p.c.mark.Through)
				p.c.begin(p.src.Epoch(), p.src.Head(), p.c.mark)
				p.connect()
			},
			"restart": func(*rapid.T) { p.c = newCore(testLimits, p.src.Epoch(), p.src.Head(), p.src.mark); p.connect() },
		})
		p.connect()
		for range 3 * (int(p.src.Head()) + 50) {
			p.receipt()
			p.flow(7, false)
			if p.receipt(); p.settled() {
				return
			}
			p.now = p.now.Add(31 * time.Second)
			p.c.tick(p.now)
		}
		eras, _ := p.src.Eras()
		t.Fatalf("stuck: mark %+v, eras %+v, olders %+v, losses %+v", p.c.mark, eras, p.c.olders, p.c.losses)
	})
}

// TestEarlierEpochsAreCompared: what a restored office can never have under an
// earlier epoch, since others are in the places or it took them for destroyed, is
// to be recorded again; what it may yet get, or had when the epoch ended, is not.
func TestEarlierEpochsAreCompared(t *testing.T) {
	src := newArchive()
	src.add(30)
	src.begin(26)
	src.add(2)
	first := src.before[0].Epoch
	other := kiosk.HashOf([]byte("other"))
	ours := func(seq uint64) wire.Taken {
		return wire.Taken{Seq: seq, Hash: kiosk.HashOf(src.before[0].rows[seq-1].Bytes)}
	}
	for _, row := range []struct {
		what    string
		through wire.Taken
		taken   []wire.Taken
		after   uint64
		had     uint64
		pruned  uint64
		want    uint64 // 26: nothing
	}{
		{what: "nothing there", want: 26},
		{what: "one chain as far as it goes", through: ours(9), want: 26},
		{what: "and more above a gap", through: ours(9), taken: []wire.Taken{ours(12)}, want: 26},
		{what: "all of it, and what was recorded again", through: ours(30), want: 26},
		{what: "another chain", through: wire.Taken{Seq: 9, Hash: other}, want: 0},
		{what: "another chain, of which the beginning was had when the epoch ended", through: wire.Taken{Seq: 29, Hash: other}, had: 20, want: 20},
		{what: "all was had", through: wire.Taken{Seq: 29, Hash: other}, had: 26, want: 26},
		{what: "more than ever was here", through: wire.Taken{Seq: 40, Hash: other}, want: 0},
		{what: "another one above the gap", through: ours(9), taken: []wire.Taken{{Seq: 12, Hash: other}}, want: 9},
		{what: "a place taken, the rest ours", through: ours(20), taken: []wire.Taken{ours(4), {Seq: 5, Hash: other}}, want: 4},
		{what: "taken for destroyed", through: ours(20), taken: []wire.Taken{ours(7)}, want: 7},
		{what: "the beginning taken for destroyed", through: ours(20), taken: []wire.Taken{{}}, want: 0},
		{what: "pruned here", through: ours(20), taken: []wire.Taken{{Seq: 5, Hash: other}}, pruned: 6, want: 26},
		{what: "more places than are named", through: ours(20), taken: []wire.Taken{ours(19)}, after: 12, want: 0},
	} {
		src.before[0].Had, src.before[0].Pruned = map[string]uint64{"B": row.had}, row.pruned
		c := newCore(testLimits, src.Epoch(), src.Head(), Mark{Epoch: src.Epoch(), Ledger: "A", Term: 1, Through: 2})
		c.connected(1, start)
		c.officeSaid(readyOffice(), 1, false, start)
		r := wire.Receipt{Ledger: "B", Term: 1, Epochs: []wire.Epoch{{Epoch: first, Through: row.through.Seq, Hash: row.through.Hash, Taken: row.taken, TakenAfter: row.after}}}
		alarms := c.receipt(r, src, start)
		if row.want == 26 {
			if len(alarms) > 0 || c.rift != nil {
				t.Errorf("%s: alarms %+v, rift %+v", row.what, alarms, c.rift)
			}
			continue
		}
		if len(alarms) != 1 || alarms[0].Kind != Overtaken || c.rift == nil || !slices.Equal(c.rift.Again, []Part{{first, row.want}}) || c.rift.After != 0 {
			t.Errorf("%s: alarms %+v, rift %+v, want all after %d again", row.what, alarms, c.rift, row.want)
		}
	}
}

// What was pruned after the epochs were read is no sign of another history.
func TestPrunedMeanwhile(t *testing.T) {
	src := newArchive()
	src.add(30)
	src.begin(26)
	src.add(2)
	first := src.before[0].Epoch
	c := newCore(testLimits, src.Epoch(), src.Head(), Mark{Epoch: src.Epoch(), Ledger: "A", Term: 1, Through: 2})
	c.connected(1, start)
	c.officeSaid(readyOffice(), 1, false, start)
	if alarms := c.receipt(wire.Receipt{Ledger: "B", Term: 1}, src, start); len(alarms) > 0 || c.owed(first) < 0 {
		t.Fatalf("an office that has nothing: %+v, owed %d", alarms, c.owed(first))
	}
	told := wire.Receipt{Ledger: "B", Term: 1, Epochs: []wire.Epoch{{Epoch: first, Through: 9, Hash: kiosk.HashOf(src.before[0].rows[8].Bytes)}}}
	src.before[0].Pruned = 12
	if alarms := c.receipt(told, src, start); len(alarms) > 0 || c.rift != nil {
		t.Errorf("a receipt of what was pruned gives %+v, %+v", alarms, c.rift)
	}
	told.Epochs[0].Through, told.Epochs[0].Hash = 20, kiosk.HashOf([]byte("other"))
	if alarms := c.receipt(told, src, start); len(alarms) != 1 || c.rift == nil || !slices.Equal(c.rift.Again, []Part{{first, 12}}) {
		t.Errorf("another history above what was pruned gives %+v, %+v", alarms, c.rift)
	}
}
