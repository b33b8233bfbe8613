package printer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"baylight/device/line"
)

// A Wire carries bytes to the printer. Write sends p whole or fails; an error
// that wraps [ErrNotSent] promises that no byte of p has left.
type Wire interface {
	Write(ctx context.Context, p []byte) error
}

// A drainer is a Wire that knows what its driver has yet to send. Drain waits for
// that at most for limit, throws the rest away and fails then with line.ErrTimeout.
type drainer interface {
	Drain(ctx context.Context, limit time.Duration) error
}

// ErrNotSent: the wire took no byte.
var ErrNotSent = errors.New("nothing was sent")

var (
	errMute  = errors.New("printer does not answer: is it switched on?")
	errStuck = errors.New("printer takes no data: look for paper, cover and its error light")
)

// MaxJob is the largest job in bytes; a ticket has about one thousand.
const MaxJob = 64 << 10

// A Job is one document. ID names it in the printer's answer by its low 24
// bits; jobs that follow one another have different ones.
type Job struct {
	ID    uint32
	Bytes []byte
}

// Outcome says what is known of a job.
type Outcome uint8

// The outcomes. Only NotSent comes with an error, and only it may be tried
// again without the risk of a second ticket.
const (
	NotSent   Outcome = iota // nothing has left for the printer
	Sent                     // all has left; the printer gives no answer
	Confirmed                // the printer says the paper has left its head
	Unknown                  // it may be on paper, in part or in whole
)

// String gives the outcome in a word.
func (o Outcome) String() string {
	names := [...]string{"not sent", "sent", "confirmed", "unknown"}
	if int(o) < len(names) {
		return names[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// State is whether the printer can print. Reason says why not and what to do,
// or, while it can, that the paper is near its end.
type State struct {
	Up     bool
	Reason string
}

// Cause sorts a State for programs.
type Cause string

// The causes.
const (
	Working  Cause = "ok"
	PaperLow Cause = "paper_low" // it prints, for now
	PaperOut Cause = "paper_out"
	CoverUp  Cause = "cover_open"
	Failing  Cause = "down" // anything else, the wire included
)

// Causes are all of them.
func Causes() []Cause { return []Cause{Working, PaperLow, PaperOut, CoverUp, Failing} }

// Cause says which of the causes a state is.
func (s State) Cause() Cause {
	switch {
	case s.Up && s.Reason == paperLow:
		return PaperLow
	case s.Up:
		return Working
	case s.Reason == paperOut:
		return PaperOut
	case s.Reason == coverOpen:
		return CoverUp
	}
	return Failing
}

// Config describes a printer. All of it may be left empty.
type Config struct {
	Name string       // for String and the log
	Log  *slog.Logger // nil: no log

	// OnState is called with the first state and with every change, from the
	// goroutine of Run.
	OnState func(State)

	// Plain is for a model that prints commands it does not know: it is sent
	// the documents and nothing else, and the best outcome is Sent.
	Plain bool

	Reply time.Duration // how long a status answer may take; 0: 500 ms
	Done  time.Duration // how long paper may take after the last byte; 0: 20 s
	Stall time.Duration // how long XOFF is borne; 0: 15 s
	Poll  time.Duration // how often an idle printer is asked; 0: 5 s
}

const (
	chunk = 256 // bytes written between two looks at XOFF

	// firstDone is how long the first completions are waited for, while it is
	// not known whether the model answers GS ( H at all.
	firstDone = 8 * time.Second

	// refill are the bytes that complete any command a broken job left open;
	// a printer passes over 00.
	refill = 512
)

// Printer drives one printer; it is a Task. Make it with [New], [NewSerial],
// [NewUSB] or [NewTCP].
type Printer struct {
	cfg   Config
	wire  Wire
	task  transport     // nil: the wire is run by somebody else
	pace  time.Duration // what a byte takes on the wire; 0: no time
	busy  chan struct{} // holds one token: one job or one poll at a time
	ready chan struct{}
	ask   chan struct{} // holds one token: poll now

	mu        sync.Mutex
	wake      chan struct{} // closed and replaced at every change below
	rx        receiver
	cond      condition
	asking    *condition // answers of the questions being asked, not yet all there
	link      State
	session   int // counts losses of the link
	paused    bool
	asked     byte // n of the DLE EOT that waits for its answer
	talks     bool // has answered DLE EOT
	mute      bool // talked once, answers no more
	completes bool // has answered GS ( H
	unheard   bool // has let a GS ( H go unanswered
	finished  [4]byte
	torn      bool // the last job broke off
}

// New makes a printer on a wire that is up and run elsewhere: bytes that come
// back go to Input, its losses and returns to Link.
func New(cfg Config, wire Wire) *Printer {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.OnState == nil {
		cfg.OnState = func(State) {}
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&cfg.Reply, 500 * time.Millisecond},
		{&cfg.Done, 20 * time.Second},
		{&cfg.Stall, 15 * time.Second},
		{&cfg.Poll, 5 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	cfg.Log = cfg.Log.With("printer", cfg.Name)
	return &Printer{
		cfg: cfg, wire: wire,
		busy:  make(chan struct{}, 1),
		ready: make(chan struct{}),
		ask:   make(chan struct{}, 1),
		wake:  make(chan struct{}),
		link:  State{Up: true},
	}
}

// String names the printer for logs.
func (p *Printer) String() string { return "printer " + p.cfg.Name }

// Print sends a job and waits until its outcome is known. An error means that
// nothing has left: the job may be tried again, once what the error names is
// put right. After the first byte there is no error any more, only Unknown.
// It may be called from several goroutines; jobs are printed one by one.
func (p *Printer) Print(ctx context.Context, job Job) (Outcome, error) {
	if len(job.Bytes) == 0 || len(job.Bytes) > MaxJob {
		return NotSent, fmt.Errorf("print job %d: %d bytes, want 1 to %d", job.ID, len(job.Bytes), MaxJob)
	}
	select {
	case p.busy <- struct{}{}:
		defer func() { <-p.busy }()
	case <-ctx.Done():
		return NotSent, fmt.Errorf("print job %d: %w", job.ID, ctx.Err())
	}
	session, err := p.prepare(ctx)
	if err != nil {
		return NotSent, fmt.Errorf("print job %d: %w", job.ID, err)
	}
	tag := jobTag(job.ID)
	begun, err := p.send(ctx, session, p.frame(job, tag))
	if err != nil && !begun {
		return NotSent, fmt.Errorf("print job %d: %w", job.ID, err)
	}
	p.mu.Lock()
	p.torn = err != nil
	p.mu.Unlock()
	outcome := Unknown
	if err == nil {
		outcome, err = p.confirm(ctx, session, tag)
	}
	if err != nil {
		p.cfg.Log.Warn("ticket is uncertain", "job", job.ID, "reason", err)
	}
	return outcome, nil
}

// jobTag is a job's name in GS ( H: four characters of six bits, because a
// printer takes 32 to 126 only and must not find a command in them.
func jobTag(id uint32) [4]byte {
	var tag [4]byte
	for i := range tag {
		tag[i] = '0' + byte(id>>(6*i)&0x3f)
	}
	return tag
}

// frame is what goes over the wire for a job.
func (p *Printer) frame(job Job, tag [4]byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []byte
	if p.torn {
		out = make([]byte, refill)
	}
	out = append(out, job.Bytes...)
	if !p.cfg.Plain {
		out = append(out, gs, '(', 'H', 6, 0, '0', '0')
		out = append(out, tag[:]...)
	}
	p.finished = [4]byte{}
	return out
}

// prepare finds out whether the printer can print.
func (p *Printer) prepare(ctx context.Context) (session int, err error) {
	p.mu.Lock()
	link := p.link
	session = p.session
	p.mu.Unlock()
	if !link.Up {
		return 0, fmt.Errorf("printer is not connected (%s): check its cable and power", link.Reason)
	}
	if err := p.check(ctx); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.cond.trouble(); s != "" {
		return 0, errors.New(s)
	}
	return session, nil
}

// send writes the frame in chunks, no faster than the wire is: what a driver
// holds back can be neither stopped nor asked about. It breaks off where the
// link was lost, even if it is back: the rest of a ticket is no ticket.
func (p *Printer) send(ctx context.Context, session int, frame []byte) (begun bool, err error) {
	lost := func() bool { return p.session != session }
	free := time.Now() // when the wire has carried everything
	for len(frame) > 0 {
		p.wait(ctx, time.Until(free)-chunk*p.pace, lost)
		p.wait(ctx, p.cfg.Stall, func() bool { return !p.paused || lost() })
		p.mu.Lock()
		paused, gone := p.paused, lost()
		p.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return begun, ctx.Err()
		case gone:
			return begun, errors.New("connection was lost")
		case paused:
			return begun, fmt.Errorf("%w (XOFF for %v)", errStuck, p.cfg.Stall)
		}
		n := min(chunk, len(frame))
		if err := p.wire.Write(ctx, frame[:n]); err != nil {
			return begun || !errors.Is(err, ErrNotSent), err
		}
		begun, frame = true, frame[n:]
		if now := time.Now(); free.Before(now) {
			free = now
		}
		free = free.Add(time.Duration(n) * p.pace)
	}
	p.wait(ctx, time.Until(free), lost)
	return begun, p.drain(ctx, p.cfg.Stall)
}

// drain is nil when the driver has sent what it took: behind CTS, a printer that
// is switched off takes nothing, and the driver's buffer takes a whole ticket.
func (p *Printer) drain(ctx context.Context, limit time.Duration) error {
	d, ok := p.wire.(drainer)
	if !ok {
		return nil
	}
	err := d.Drain(ctx, limit)
	if errors.Is(err, line.ErrTimeout) {
		return fmt.Errorf("%w: %w", errStuck, err)
	}
	return err
}

// confirm waits for the paper. The error says why the outcome is Unknown.
func (p *Printer) confirm(ctx context.Context, session int, tag [4]byte) (Outcome, error) {
	if p.cfg.Plain {
		return Sent, nil
	}
	p.mu.Lock()
	completes, limit := p.completes, p.cfg.Done
	if !completes {
		limit = min(limit, firstDone)
	}
	if !completes && (!p.talks || p.unheard) {
		limit = p.cfg.Reply
	}
	p.mu.Unlock()
	for end := time.Now().Add(limit); ; {
		p.wait(ctx, min(time.Second, time.Until(end)), func() bool {
			return p.finished == tag || p.session != session
		})
		p.mu.Lock()
		finished, gone := p.finished == tag, p.session != session
		p.mu.Unlock()
		switch {
		case finished:
			return Confirmed, nil
		case gone:
			return Unknown, errors.New("connection was lost before the printer confirmed")
		case ctx.Err() != nil:
			return Unknown, ctx.Err()
		case !time.Now().Before(end):
			return p.unconfirmed(completes, limit, p.lookAgain(ctx))
		}
		if err := p.lookAgain(ctx); errors.Is(err, errStuck) {
			return Unknown, err // the driver has thrown bytes away
		}
	}
}

// lookAgain asks a printer at work how it is: DLE EOT is obeyed while busy. A
// late answer is no news then, but no answer at the end is.
func (p *Printer) lookAgain(ctx context.Context) error {
	if p.hasTalked() {
		answered, err := p.inquire(ctx)
		if err != nil {
			return err
		}
		if !answered {
			return errMute
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.cond.trouble(); s != "" {
		return errors.New(s)
	}
	return nil
}

func (p *Printer) unconfirmed(completes bool, limit time.Duration, trouble error) (Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case trouble != nil:
		return Unknown, trouble
	case completes:
		return Unknown, fmt.Errorf("no confirmation within %v", limit)
	}
	p.unheard = true
	return Sent, nil
}
