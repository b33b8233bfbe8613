package sim

import (
	"container/heap"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// Options say what a run does besides its seed.
type Options struct {
	Defect Defect    // a fault of the product, to see that the judge finds it
	Force  []Fault   // faults that the run has in any case
	Trace  io.Writer // told everything that happens; nil: nobody is
}

// Result is what came of a run.
type Result struct {
	Seed       uint64
	Inputs     int // scans and touches
	Events     int // that reached a disk
	Messages   int // that reached the broker
	Faults     map[Fault]int
	Violations []string // at most maxViolations
	Digest     uint64   // of everything that was sent, committed and counted
}

const maxViolations = 20

// begin is when a run begins.
func begin() time.Time {
	return time.Date(2026, 11, 3, 9, 0, 0, 0, time.FixedZone("CST", 8*3600))
}

// world is one run.
type world struct {
	seed   uint64
	opt    Options
	res    Result
	rng    *rand.Rand // of the faults and the network
	people *rand.Rand // of the shop
	begun  time.Time
	now    time.Duration
	queue  queue
	n      uint64 // of the next entry

	plan   plan
	broker *broker
	office *office
	boards []*board // clones behind the originals
	judge  *judge
	read   map[*byte]wire.Receipt // of receipts sent, by where their bytes are
	healed bool
}

// Run plays one seed.
func Run(seed uint64, opt Options) Result {
	w := &world{
		seed: seed, opt: opt, begun: begin(), rng: rand.New(rand.NewPCG(seed, 1)), people: rand.New(rand.NewPCG(seed, 2)),
		res: Result{Seed: seed, Faults: map[Fault]int{}, Digest: 14695981039346656037},
	}
	w.read = map[*byte]wire.Receipt{}
	w.plan = drawPlan(seed, w.rng, opt)
	w.judge = newJudge(w)
	w.broker = newBroker(w)
	w.office = newOffice(w)
	for i := range w.plan.boards {
		w.boards = append(w.boards, newBoard(w, i))
	}
	for _, b := range w.boards {
		b.boot()
	}
	w.office.start()
	w.openShop()
	w.chaos()
	w.run(w.plan.length)
	w.heal()
	w.judge.verdict()
	w.res.Inputs, w.res.Events, w.res.Messages = w.judge.inputs, w.judge.persisted, w.broker.messages
	return w.res
}

// run lets everything happen that is due before t.
func (w *world) run(t time.Duration) {
	for len(w.queue) > 0 && w.queue[0].at <= t && len(w.res.Violations) < maxViolations {
		e := heap.Pop(&w.queue).(entry)
		w.now = e.at
		e.do()
	}
	w.now = max(w.now, t)
}

// after lets something happen d from now. What is due at the same time happens
// in the order in which it was asked for.
func (w *world) after(d time.Duration, do func()) {
	heap.Push(&w.queue, entry{w.now + d, w.n, do})
	w.n++
}

// wall is the true time.
func (w *world) wall() time.Time { return w.begun.Add(w.now) }

// between draws a duration in whole milliseconds, as events have them.
func (w *world) between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.rng.Int64N(int64(b-a)+1)).Truncate(time.Millisecond)
}

// chance draws once.
func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

// name draws an id of the form of a uuid.
func (w *world) name() string {
	a, b := w.rng.Uint64(), w.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0xfff, b&0xffffffffffff)
}

// happened folds something into the digest.
func (w *world) happened(what string, b []byte, n uint64) {
	d := w.res.Digest
	step := func(c byte) { d = (d ^ uint64(c)) * 1099511628211 }
	for i := range 8 {
		step(byte(uint64(w.now) >> (8 * i)))
		step(byte(n >> (8 * i)))
	}
	for i := range len(what) {
		step(what[i])
	}
	if b != nil {
		h := kiosk.HashOf(b)
		for _, c := range h[:8] {
			step(c)
		}
	}
	w.res.Digest = d
}

// say writes a line of the trace.
func (w *world) say(format string, args ...any) {
	if w.opt.Trace != nil {
		fmt.Fprintf(w.opt.Trace, "%9.3fs  %s\n", w.now.Seconds(), fmt.Sprintf(format, args...))
	}
}

// violated notes that an invariant does not hold.
func (w *world) violated(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	w.say("VIOLATED %s", s)
	if len(w.res.Violations) < maxViolations {
		w.res.Violations = append(w.res.Violations, fmt.Sprintf("at %.3fs: %s", w.now.Seconds(), s))
	}
}

// fault counts one.
func (w *world) fault(f Fault, format string, args ...any) {
	w.res.Faults[f]++
	w.say("fault %s: %s", f, fmt.Sprintf(format, args...))
}

type entry struct {
	at time.Duration
	n  uint64
	do func()
}

// queue is a heap of entries by time.
type queue []entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at < q[j].at || q[i].at == q[j].at && q[i].n < q[j].n }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(entry)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
