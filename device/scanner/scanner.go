package scanner

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"baylight/device/line"
)

// Beep is the vendor's way to sound a business result on the scanner.
type Beep uint8

// The known ways.
const (
	BeepNone Beep = iota
	BeepHoneywell
	BeepDatalogic
)

var beepNames = []string{BeepNone: "none", BeepHoneywell: "honeywell", BeepDatalogic: "datalogic"}

// Command gives the bytes to send for a good or a bad result; none for BeepNone.
func (b Beep) Command(good bool) []byte {
	switch {
	case b == BeepHoneywell && good:
		return []byte("\x1b7,")
	case b == BeepHoneywell:
		return []byte("\x1b8,")
	case b == BeepDatalogic && good:
		return []byte("B")
	case b == BeepDatalogic:
		return []byte("FE")
	}
	return nil
}

// String gives the name used in configuration files.
func (b Beep) String() string {
	if int(b) < len(beepNames) {
		return beepNames[b]
	}
	return fmt.Sprintf("beep(%d)", uint8(b))
}

// MarshalText gives the name used in configuration files.
func (b Beep) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads none, honeywell or datalogic; the empty text is none.
func (b *Beep) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*b = BeepNone
		return nil
	}
	i := slices.Index(beepNames, string(text))
	if i < 0 {
		return fmt.Errorf("beep %q: want none, honeywell or datalogic", text)
	}
	*b = Beep(i)
	return nil
}

// Config describes one scanner.
type Config struct {
	Name string      // given back in each Scan
	Line line.Config // ReadTimeout and OnIdle are set here
	// Terminator is how the scanner ends a frame; the zero value is CR.
	Terminator Terminator
	Beep       Beep
	// Limit is how many scans a second are handed on one by one; 0 means 20.
	Limit int
}

// Validate says which value is wrong and what would be right.
func (c Config) Validate() error {
	switch {
	case c.Name == "":
		return fmt.Errorf("scanner name is empty: want one such as bay3")
	case int(c.Terminator) >= len(terminatorNames):
		return fmt.Errorf("terminator %d: want cr, crlf, lf, tab, stx-etx or none", c.Terminator)
	case int(c.Beep) >= len(beepNames):
		return fmt.Errorf("beep %d: want none, honeywell or datalogic", c.Beep)
	case c.Limit < 0:
		return fmt.Errorf("limit %d: want scans a second, or 0 for %d", c.Limit, defaultLimit)
	}
	return c.Line.Validate()
}

const (
	defaultLimit = 20
	idle         = 100 * time.Millisecond // the shortest silence tarm/serial can measure
	beepBacklog  = 32
)

// Scanner is a scanner on a supervised line; it is a Task. Make it with New.
type Scanner struct {
	cfg   Config
	log   *slog.Logger
	line  *line.Line
	beeps chan bool
}

// New makes a scanner that Run will start. log and onState may be nil. onScan and
// onState are called on the line's goroutine and must not block for long.
func New(cfg Config, log *slog.Logger, onScan func(Scan), onState func(line.State)) *Scanner {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if onState == nil {
		onState = func(line.State) {}
	}
	if cfg.Limit == 0 {
		cfg.Limit = defaultLimit
	}
	log = log.With("scanner", cfg.Name)
	decoder, limit := NewDecoder(cfg.Terminator), newLimiter(cfg.Limit, time.Now())
	give := func(s Scan) {
		s.Scanner = cfg.Name
		onScan(s)
	}
	take := func(s Scan) { limit.take(s, time.Now(), give) }
	cfg.Line.ReadTimeout = idle
	cfg.Line.OnIdle = func() {
		decoder.Silent(idle, take)
		limit.calm(give)
	}
	l := line.New(cfg.Line, log, func(p []byte) { decoder.Feed(p, take) }, func(st line.State) {
		decoder.Reset()
		limit.calm(give)
		onState(st)
	})
	return &Scanner{cfg: cfg, log: log, line: l, beeps: make(chan bool, beepBacklog)}
}

// String names the scanner for logs.
func (s *Scanner) String() string { return "scanner " + s.cfg.Name }

// Ready is closed after the first attempt to open the line.
func (s *Scanner) Ready() <-chan struct{} { return s.line.Ready() }

// State gives the state of the line.
func (s *Scanner) State() line.State { return s.line.State() }

// Run reads the scanner until ctx ends; a lost one is awaited for ever. It
// returns nil, or the configuration error that makes trying pointless.
func (s *Scanner) Run(ctx context.Context) error {
	if err := s.cfg.Validate(); err != nil {
		return fmt.Errorf("run scanner %q: %w", s.cfg.Name, err)
	}
	ctx, stop := context.WithCancel(ctx)
	var beeper sync.WaitGroup
	beeper.Go(func() { s.beep(ctx) })
	err := s.line.Run(ctx)
	stop()
	beeper.Wait()
	return err
}

// Beep sounds a good or bad result, best effort and without waiting: never for a
// scanner that is away, and not if 32 are already waiting for a slow one.
func (s *Scanner) Beep(good bool) {
	if s.cfg.Beep == BeepNone {
		return
	}
	select {
	case s.beeps <- good:
	default:
		s.log.Warn("beep dropped", "good", good, "why", "scanner takes no commands")
	}
}

func (s *Scanner) beep(ctx context.Context) {
	for {
		select {
		case good := <-s.beeps:
			if err := s.line.Write(ctx, s.cfg.Beep.Command(good)); err != nil {
				s.log.Debug("beep not sent", "good", good, "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
