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
	BeepSSI // Zebra, for scanners that speak SSI
)

const wantBeep = "want none, honeywell, datalogic or ssi"

var beepNames = []string{BeepNone: "none", BeepHoneywell: "honeywell", BeepDatalogic: "datalogic", BeepSSI: "ssi"}

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
	case b == BeepSSI && good:
		return ssiPacket(ssiBeep, ssiGoodBeep)
	case b == BeepSSI:
		return ssiPacket(ssiBeep, ssiBadBeep)
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

// UnmarshalText reads none, honeywell, datalogic or ssi; the empty text is none.
func (b *Beep) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*b = BeepNone
		return nil
	}
	i := slices.Index(beepNames, string(text))
	if i < 0 {
		return fmt.Errorf("beep %q: %s", text, wantBeep)
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
		return fmt.Errorf("terminator %d: %s", c.Terminator, wantTerminator)
	case int(c.Beep) >= len(beepNames):
		return fmt.Errorf("beep %d: %s", c.Beep, wantBeep)
	case (c.Beep == BeepSSI) != (c.Terminator == SSI) && c.Beep != BeepNone:
		return fmt.Errorf("beep %s with terminator %s: a scanner that speaks SSI beeps by SSI, and no other does", c.Beep, c.Terminator)
	case c.Limit < 0:
		return fmt.Errorf("limit %d: want scans a second, or 0 for %d", c.Limit, defaultLimit)
	}
	return c.Line.Validate()
}

const (
	defaultLimit = 20
	idle         = 100 * time.Millisecond // the shortest silence tarm/serial can measure
	sendBacklog  = 32
)

// Scanner is a scanner on a supervised line; it is a Task. Make it with New.
type Scanner struct {
	cfg  Config
	log  *slog.Logger
	line *line.Line
	out  chan []byte // beeps and replies, to be sent
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
	sc := &Scanner{cfg: cfg, log: log, out: make(chan []byte, sendBacklog)}
	reply := func() {
		if r := decoder.Replies(); len(r) > 0 {
			sc.send(r, "answer")
		}
	}
	take := func(s Scan) {
		reply() // the bytes' ACK goes out before the beep that onScan may ask for
		limit.take(s, time.Now(), give)
	}
	cfg.Line.ReadTimeout = idle
	cfg.Line.OnIdle = func() {
		decoder.Silent(idle, take)
		limit.calm(give)
		reply()
	}
	sc.line = line.New(cfg.Line, log, func(p []byte) {
		decoder.Feed(p, take)
		reply()
	}, func(st line.State) {
		decoder.Reset()
		limit.calm(give)
		onState(st)
	})
	return sc
}

// String names the scanner for logs.
func (s *Scanner) String() string { return "scanner " + s.cfg.Name }

// Ready is closed after the first attempt to open the line.
func (s *Scanner) Ready() <-chan struct{} { return s.line.Ready() }

// State gives the state of the line.
func (s *Scanner) State() line.State { return s.line.State() }

// Turns counts up as long as the scanner's line is listened to, or tried.
func (s *Scanner) Turns() uint64 { return s.line.Turns() }

// Run reads the scanner until ctx ends; a lost one is awaited for ever. It
// returns nil, or the configuration error that makes trying pointless.
func (s *Scanner) Run(ctx context.Context) error {
	if err := s.cfg.Validate(); err != nil {
		return fmt.Errorf("run scanner %q: %w", s.cfg.Name, err)
	}
	ctx, stop := context.WithCancel(ctx)
	var sender sync.WaitGroup
	sender.Go(func() { s.write(ctx) })
	err := s.line.Run(ctx)
	stop()
	sender.Wait()
	return err
}

// Beep sounds a good or bad result, best effort and without waiting: never for a
// scanner that is away, and not if 32 messages are already waiting for a slow one.
func (s *Scanner) Beep(good bool) {
	if s.cfg.Beep != BeepNone {
		s.send(s.cfg.Beep.Command(good), "beep")
	}
}

func (s *Scanner) send(p []byte, what string) {
	select {
	case s.out <- p:
	default:
		s.log.Warn(what+" dropped", "why", "scanner takes no commands")
	}
}

// write sends what waits, so that neither the line's goroutine nor a caller does.
func (s *Scanner) write(ctx context.Context) {
	for {
		select {
		case p := <-s.out:
			if err := s.line.Write(ctx, p); err != nil {
				s.log.Debug("not sent to the scanner", "bytes", len(p), "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}
