package uplink

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// Row is one event as the journal holds it.
type Row struct {
	Seq    uint64
	Type   string // e.g. "job.started"
	Bytes  []byte // the event; never changed, never kept longer than until the broker acknowledged
	Person []byte // the bytes of its person part; nil: it has none; empty: it was erased
}

// Source is the journal. One that is a History too serves offices that lost
// what an earlier epoch brought them.
type Source interface {
	// Epoch is the present epoch.
	Epoch() string
	// Knows reports whether an epoch is or ever was one of this journal's, or was
	// among the Others of a Rift; Owns reports the former alone.
	Knows(epoch string) bool
	Owns(epoch string) bool
	// Head is the last durable sequence of the present epoch, 0 if there is none.
	Head() uint64
	// Read returns durable rows of the present epoch with Seq > after in order,
	// limit of them if there are as many.
	Read(after uint64, limit int) ([]Row, error)
	// Hash is the hash of the bytes of an event of the present epoch; false if it is not here.
	Hash(seq uint64) (kiosk.Hash, bool, error)
	// Receipted returns what SetReceipted kept last, the zero Mark at first.
	Receipted() (Mark, error)
	// SetReceipted keeps a mark. When it returns nil, the mark is durable.
	SetReceipted(Mark) error
	// Supersede deals with a rift: r.Others count as known from now on and, if
	// anything may yet go wrong in the present epoch, another one begins, in
	// which r.Again and everything after r.After is recorded again. Of a rift of kind Unknown
	// nothing more need begin when the present epoch was begun here itself: two
	// boards that run at once would otherwise begin one after the other without
	// end. When it returns nil all of it is durable; on an error it is tried again.
	Supersede(ctx context.Context, r Rift) error
	// Appended gives a signal after events became durable; one signal may stand for many.
	Appended() <-chan struct{}
}

// Publisher is the connection to the broker: a link.Link.
type Publisher interface {
	Handle(filter string, qos byte, fn link.Handler)
	Next(ctx context.Context, after uint64) (*link.Session, error)
	Announce(session uint64)
}

// Config says which board this is and how to report.
type Config struct {
	Kiosk wire.Kiosk
	// Alarm is told what a person must look at, once for each text; nil: only the log is.
	Alarm func(Alarm)
	// Health makes the retained health message; nil, or a nil message: none is published.
	Health func() []byte

	// Broker settles for the broker's acknowledgement instead of the office's
	// receipt (sync/DESIGN.md, delivery = "broker"): what a broker forgets after
	// that is lost, and neither gaps nor a cloned card are noticed.
	Broker bool

	// Lost records, in an event of the present epoch, that a range was pruned and
	// is lacked by the office, and gives that event's sequence; for a range
	// recorded before that of the earlier event. An error is tried again. nil:
	// such ranges are not named.
	Lost func(ctx context.Context, l Loss) (seq uint64, err error)

	HealthEvery time.Duration // a minute if 0
	Window      int           // messages without PUBACK; 1,000 if 0
	Unreceipted int           // events without receipt while the office is ready; 8,192 if 0
	Progress    time.Duration // without progress for so long: resend; 30 s if 0
}

// batch is how many rows are read at once.
const batch = 256

// Status is how the uplink is.
type Status struct {
	Connected bool          // to the broker
	Office    bool          // the office is ready
	Stopped   bool          // receipts do not fit this journal and another epoch has not begun yet; see Alarm
	Epoch     string        //
	Head      uint64        // last sequence appended
	Through   uint64        // last sequence receipted
	Depth     uint64        // events without receipt
	Oldest    time.Duration // how long the oldest of them has waited, as far as this run knows
	Unacked   int           // messages without PUBACK
	Sent      uint64        // events handed to the broker in this run, resends included
}

// Uplink brings a board's events to the back office.
type Uplink struct {
	cfg    Config
	src    Source
	pub    Publisher
	log    *slog.Logger
	ready  chan struct{}
	events chan func(now time.Time) // run by Run's goroutine

	core    *core
	session *link.Session
	flight  *flight
	ages    ages
	told    map[Kind]string
	first   uint64 // number of this run's first connection, 0: none yet
	heard   bool   // this board heard itself on its own conn topic
	sent    uint64
	retry   bool // the journal failed; wait for the next tick

	mu     sync.Mutex
	status Status
	air    *flight
}

// New makes an Uplink and subscribes it at the publisher, which must not run
// yet. log may be nil.
func New(cfg Config, src Source, pub Publisher, log *slog.Logger) (*Uplink, error) {
	if cfg.Kiosk.Name() == "" {
		return nil, fmt.Errorf("make uplink: the kiosk has no name")
	}
	def(&cfg.HealthEvery, time.Minute)
	def(&cfg.Window, 1000)
	def(&cfg.Unreceipted, 8192)
	def(&cfg.Progress, 30*time.Second)
	if cfg.Window < 2 || cfg.Unreceipted < 1 || cfg.Progress < 0 || cfg.HealthEvery < 0 {
		return nil, fmt.Errorf("make uplink: window %d is below 2, or unreceipted %d, progress %v or health interval %v below 1",
			cfg.Window, cfg.Unreceipted, cfg.Progress, cfg.HealthEvery)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	u := &Uplink{cfg: cfg, src: src, pub: pub, log: log, ready: make(chan struct{}), events: make(chan func(time.Time), 16), told: make(map[Kind]string)}
	pub.Handle(cfg.Kiosk.Conn(), wire.QoS, u.onConn)
	if !cfg.Broker {
		pub.Handle(cfg.Kiosk.Receipt(), wire.QoS, u.onReceipt)
		pub.Handle(cfg.Kiosk.Store().Office(), wire.QoS, u.onOffice)
	}
	return u, nil
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// String names the task.
func (u *Uplink) String() string { return "uplink of " + u.cfg.Kiosk.Name() }

// Ready is closed when Run knows where the receipts stand.
func (u *Uplink) Ready() <-chan struct{} { return u.ready }

// Status tells how the uplink is.
func (u *Uplink) Status() Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.status
	if u.air != nil {
		s.Unacked = int(u.air.count.Load())
	}
	if s.Depth > 0 {
		s.Oldest = u.ages.oldest(s.Through, time.Now())
	}
	return s
}

// Resend sends the events from..to once more, both included, as far as they
// have been sent before.
func (u *Uplink) Resend(ctx context.Context, from, to uint64) error {
	if from == 0 || to < from {
		return fmt.Errorf("resend events: %d to %d is no range of sequences from 1", from, to)
	}
	if !u.post(ctx, func(time.Time) { u.core.again(from, to) }) {
		return fmt.Errorf("resend events: %w", ctx.Err())
	}
	return nil
}

// post hands a function to Run's goroutine.
func (u *Uplink) post(ctx context.Context, f func(now time.Time)) bool {
	select {
	case u.events <- f:
		return true
	case <-ctx.Done():
		return false
	}
}

func (u *Uplink) onReceipt(ctx context.Context, m link.Message) {
	if len(m.Payload) == 0 {
		return // somebody cleared the retained receipt
	}
	r, err := wire.DecodeReceipt(m.Payload)
	u.post(ctx, func(now time.Time) {
		if err != nil {
			u.alarm(Alarm{Malformed, err.Error()})
			return
		}
		for _, a := range u.core.receipt(r, u.src, now) {
			u.alarm(a)
		}
	})
}

func (u *Uplink) onOffice(ctx context.Context, m link.Message) {
	if len(m.Payload) == 0 {
		return
	}
	o, err := wire.DecodeOffice(m.Payload)
	u.post(ctx, func(now time.Time) {
		if err != nil {
			u.alarm(Alarm{Malformed, err.Error()})
			return
		}
		u.core.officeSaid(o, m.Session, m.Retained, now)
	})
}

// onConn hears what is said of this board's connection: nobody else speaks there
// unless another board has its name.
func (u *Uplink) onConn(ctx context.Context, m link.Message) {
	if len(m.Payload) == 0 {
		return
	}
	c, err := wire.DecodeConn(m.Payload)
	if err == nil && !m.Retained && c.Belies(m.Session) {
		u.pub.Announce(m.Session)
	}
	u.post(ctx, func(time.Time) {
		if err != nil {
			u.alarm(Alarm{Malformed, err.Error()})
			return
		}
		if u.first == 0 || c.Session >= u.first && c.Session <= m.Session {
			u.heard = u.heard || u.first > 0
			return
		}
		// What an earlier run of this board left behind is no other board: a birth
		// or will that stands at the broker, or came back with the broker.
		alive := c.State == wire.Ready && !m.Retained
		if alive || u.heard && (c.Session > m.Session || !u.src.Owns(c.Epoch)) {
			u.alarm(Alarm{Twin, fmt.Sprintf("another board speaks as %s, in epoch %s: two boards have one name", u.cfg.Kiosk.Name(), c.Epoch)})
		}
	})
}

// alarm tells each text once, until another of its kind comes.
func (u *Uplink) alarm(a Alarm) {
	if u.told[a.Kind] == a.Text {
		return
	}
	u.told[a.Kind] = a.Text
	u.log.Error("uplink alarm", "kind", string(a.Kind), "text", a.Text)
	if u.cfg.Alarm != nil {
		u.cfg.Alarm(a)
	}
}
