package clock

import (
	"bufio"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"baylight/kiosk"
)

// answerWithin is how long a child may take to answer before it is dropped.
// Real time: long enough for a child on a loaded board, short enough to notice
// a stopped one.
const answerWithin = 20 * time.Second

// Lead is the shop's clock in the parent, and drives those of its children. It
// is a [Clock] itself. Safe for use by several goroutines.
type Lead struct {
	shop
	log *slog.Logger

	turn     sync.Mutex // one setting at a time
	n        uint64
	children []*child
}

type child struct {
	conn  Conn
	lines *bufio.Reader
}

var _ Clock = (*Lead)(nil)

// NewLead is a clock that stands at start. Children are added by [Lead.Add].
// Dropped children are logged; a nil log discards.
func NewLead(start kiosk.Moment, log *slog.Logger) (*Lead, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &Lead{log: log}
	start = wholeMS(start)
	if err := l.setting(start, 0).check(); err != nil {
		return nil, fmt.Errorf("start clock: %w", err)
	}
	l.set(start, 0)
	return l, nil
}

// Add lets a child follow. It returns when the child has the present time, so
// call it once the child process is started; if the child does not answer, conn
// is closed and the error says why.
func (l *Lead) Add(conn Conn) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	c := &child{conn: conn, lines: bufio.NewReaderSize(conn, maxLine)}
	l.n++
	m, rate := l.present()
	err := c.send(l.setting(m, rate))
	if err == nil {
		_, err = c.wait(l.n)
	}
	if err != nil {
		conn.Close()
		return fmt.Errorf("add a child to the clock: %w", err)
	}
	l.children = append(l.children, c)
	return nil
}

// Set puts the shop to m, running at rate times real time (0 stands, at most
// 3600). It returns when every living child is there. The time since boot must
// not run back within a boot.
func (l *Lead) Set(m kiosk.Moment, rate int) error {
	return l.change(func(kiosk.Moment, int) (kiosk.Moment, int) { return m, rate })
}

// Advance moves the shop d further and keeps its rate.
func (l *Lead) Advance(d time.Duration) error {
	return l.change(func(now kiosk.Moment, rate int) (kiosk.Moment, int) { return now.Add(d), rate })
}

// Rate lets the shop run on from where it is at another rate: a slower one from
// where the fastest child was when it heard of it, so that none runs ahead.
func (l *Lead) Rate(rate int) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	now, old := l.present()
	if rate >= 0 && rate < old {
		far, err := l.put(now, now, 0)
		if err != nil {
			return err
		}
		now, _ = l.present()
		now = now.Add(max(0, far-now.Up))
	}
	_, err := l.put(now, now, rate)
	return err
}

// Close closes the children's sockets, which ends them, and stops the alarms.
func (l *Lead) Close() error {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.end()
	for _, c := range l.children {
		c.conn.Close()
	}
	l.children = nil
	return nil
}

// change puts the clock to what next makes of the present.
func (l *Lead) change(next func(now kiosk.Moment, rate int) (kiosk.Moment, int)) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	now, rate := l.present()
	m, rate := next(now, rate)
	_, err := l.put(now, m, rate)
	return err
}

// put puts the clock from now to m running at rate, here and in every child, and
// gives how far the children came.
func (l *Lead) put(now, m kiosk.Moment, rate int) (far time.Duration, err error) {
	m = wholeMS(m)
	l.n++
	s := l.setting(m, rate)
	if err := s.check(); err != nil {
		return 0, fmt.Errorf("set clock: %w", err)
	}
	if m.Boot == now.Boot && m.Up < now.Up {
		return 0, fmt.Errorf("set clock: time since boot would run back from %s to %s", now.Up, m.Up)
	}
	s.Sent = l.set(m, rate)
	return l.tell(s), nil
}

// tell sends s to every child, waits for their answers and drops who fails. It
// gives the latest time since boot that a child has.
func (l *Lead) tell(s setting) (far time.Duration) {
	told := make([]error, len(l.children))
	for i, c := range l.children {
		told[i] = c.send(s)
	}
	living := l.children[:0]
	for i, c := range l.children {
		up, err := time.Duration(0), told[i]
		if err == nil {
			up, err = c.wait(s.N)
		}
		if err != nil {
			c.conn.Close()
			l.log.Info("clock lost a child", "err", err)
			continue
		}
		living, far = append(living, c), max(far, up)
	}
	clear(l.children[len(living):])
	l.children = living
	return far
}

func (c *child) send(s setting) error {
	if err := c.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	return writeLine(c.conn, s)
}

func (c *child) wait(n uint64) (up time.Duration, err error) {
	var a answer
	if err := readLine(c.lines, &a); err != nil {
		return 0, err
	}
	if a.Ack != n {
		return 0, fmt.Errorf("child answered %d instead of %d", a.Ack, n)
	}
	return min(a.Up, maxUp) * time.Millisecond, nil
}

// present is the moment, in whole milliseconds, and the rate.
func (l *Lead) present() (kiosk.Moment, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return wholeMS(l.now()), l.rate
}

func (l *Lead) setting(m kiosk.Moment, rate int) setting {
	return setting{N: l.n, Wall: m.Wall, Boot: m.Boot, UpMS: m.Up.Milliseconds(), Clock: m.Clock, Rate: rate, Sent: time.Now()}
}

// wholeMS is the first moment from m on with a whole millisecond since boot, as
// the line says it.
func wholeMS(m kiosk.Moment) kiosk.Moment {
	m.Wall = m.Wall.Round(0)
	if r := m.Up % time.Millisecond; r > 0 {
		m = m.Add(time.Millisecond - r)
	}
	return m
}
