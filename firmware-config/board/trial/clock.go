package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"baylight/firmware-config/board/agent"
	"baylight/firmware-config/board/emulator"
	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
)

// clockless is a Raspberry Pi that has no clock battery and hears no time server
// until later: it boots in 1970.
type clockless struct {
	*bench
	scanner *emulator.Scanner
	ledger  *ledger.Ledger
	scans   []timed
	slack   time.Duration // how long it took to set the clock
}

// timed is a scan, and between which true times it was made.
type timed struct {
	code     string
	from, to time.Time
}

// Clock judges the times of a board that boots in 1970 and learns the time while
// people work.
func (t *Trial) Clock(ctx context.Context) {
	b := t.raspberry("Raspberry Pi 3 that boots in 1970")
	b.pins = false
	t.on(ctx, b, func(b *bench) (err error) {
		dir, err := os.MkdirTemp("", "office")
		if err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		defer os.RemoveAll(dir)
		c := &clockless{bench: b, scanner: emulator.NewScanner(b.machine.Wire)}
		defer c.scanner.Close()
		if c.ledger, err = ledger.Open(filepath.Join(dir, "ledger.db")); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.ledger.Close()) }()
		if err := c.configure(files(piScanner + "[[bay]]\nid = \"b1\"\n")); err != nil {
			return err
		}
		for _, part := range []func() error{c.before, c.learns, c.after} {
			if err := part(); err != nil {
				return err
			}
		}
		return nil
	})
}

// scan reads a code and notes when that was.
func (c *clockless) scan(codes ...string) error {
	for _, code := range codes {
		ctx, cancel := context.WithTimeout(c.ctx, patience)
		from := time.Now()
		good, err := c.scanner.Scan(ctx, code)
		cancel()
		if err != nil {
			return fmt.Errorf("scan %s: %w", code, err)
		}
		if !good {
			return fmt.Errorf("%s is answered with a bad beep", code)
		}
		c.scans = append(c.scans, timed{code, from, time.Now()})
	}
	return nil
}

// before: people work though nobody knows the time. The back office has the
// events, and no figure from them.
func (c *clockless) before() error {
	took, err := c.start()
	if err != nil {
		return err
	}
	shows, err := c.do(agent.Request{Do: agent.Clock})
	if err == nil && !strings.HasPrefix(shows.Out, "1970-01-01T") {
		err = fmt.Errorf("the clock shows %s", shows.Out)
	}
	c.check("kioskd is ready in 1970", err, fmt.Sprintf("%.1f s", took.Seconds()))
	if err := c.scan(technician, card(1)); err != nil {
		return err
	}
	rows, err := c.arrive()
	if err != nil {
		return err
	}
	for _, r := range rows {
		if m := r.event.Moment; m.Clock != kiosk.Unset || time.Since(m.Wall) < 24*time.Hour {
			err = errors.Join(err, fmt.Errorf("%s was recorded at %s", r.event.Type(), m))
		}
		if !r.row.Uncertain {
			err = errors.Join(err, fmt.Errorf("%s counts at %s, and nobody vouches for that", r.event.Type(), r.row.When))
		}
	}
	c.check("what is scanned then has an unset clock, and the back office takes no time of it for sure", err, fmt.Sprintf("%d events, at %s by the board", len(rows), rows[len(rows)-1].event.Moment.Wall.Format(time.DateTime)))
	v, err := c.visit()
	if err == nil && !v.Uncertain {
		err = errors.New("the visit does not say that its times are unsure")
	}
	c.check("no figure silently has a time of then", err, "")
	return nil
}

// learns: the clock is set, as by a time daemon that has reached its server.
func (c *clockless) learns() error {
	began := time.Now()
	if _, err := c.do(agent.Request{Do: agent.Clock, Text: began.Format(time.RFC3339Nano)}); err != nil {
		return err
	}
	c.slack = time.Since(began)
	err := c.await("kiosk.clock_set", func() (bool, error) {
		rows, err := c.rows()
		if err != nil {
			return false, err
		}
		last, err := kiosk.Decode([]byte(rows[len(rows)-1]))
		if err != nil {
			return false, err
		}
		set, ok := last.Data.(*kiosk.ClockSet)
		if ok && set.Source != kiosk.ClockSystem {
			return true, fmt.Errorf("the clock was set by %q, want %q", set.Source, kiosk.ClockSystem)
		}
		return ok, nil
	})
	c.check("the daemon notices and records that its clock is right", err, fmt.Sprintf("%.1f s", time.Since(began).Seconds()))
	return err
}

// after: work goes on, and what was before has its true time.
func (c *clockless) after() error {
	if err := c.scan(action(kiosk.Finish)); err != nil {
		return err
	}
	if _, err := c.end(syscall.SIGTERM, 0); err != nil {
		return err
	}
	rows, err := c.arrive()
	if err != nil {
		return err
	}
	var farthest time.Duration
	left := rows
	for _, s := range c.scans {
		i := slices.IndexFunc(left, func(r arrived) bool {
			scan := r.event.Data.Common().Scan
			return scan != nil && scan.Text == s.code
		})
		if i < 0 {
			return fmt.Errorf("%s is not at the back office", s.code)
		}
		off, wrong := c.off(s, left[i])
		left = left[i+1:]
		farthest, err = max(farthest, off), errors.Join(err, wrong)
	}
	for _, r := range rows {
		if r.row.Uncertain {
			err = errors.Join(err, fmt.Errorf("%s is still unsure", r.event.Type()))
		}
	}
	c.check("every scan has its true time at the back office, those of 1970 too", err,
		fmt.Sprintf("%d scans, at most %d ms outside the moments they were made in, the clock was set within %d ms", len(c.scans), farthest.Milliseconds(), c.slack.Milliseconds()))
	v, err := c.visit()
	if err == nil && (v.Uncertain || len(v.Works) != 1 || v.Works[0].Finished.IsZero()) {
		err = fmt.Errorf("the visit is unsure: %v, with %d jobs", v.Uncertain, len(v.Works))
	}
	note := ""
	if err == nil {
		took, least, most := v.Works[0].Finished.Sub(v.Works[0].Spans[0].From), c.scans[2].from.Sub(c.scans[1].to), c.scans[2].to.Sub(c.scans[1].from)
		if note = took.Round(time.Millisecond).String(); took < least-time.Second || took > most+time.Second {
			err = fmt.Errorf("the job took %s, in truth between %s and %s", took, least, most)
		}
	}
	c.check("the job from 1970 to today took as long as it did", err, note)
	c.check("the kernel has nothing to complain about", c.sound(), "")
	return nil
}

// off says how far the time of a scan is outside the moments it was made in.
func (c *clockless) off(s timed, r arrived) (off time.Duration, err error) {
	if off = max(s.from.Sub(r.row.When), r.row.When.Sub(s.to), 0); off > c.slack+time.Second {
		err = fmt.Errorf("%s of %s is at %s, it was between %s and %s", r.event.Type(), s.code, r.row.When.Format(time.RFC3339Nano),
			s.from.Format(time.RFC3339Nano), s.to.Format(time.RFC3339Nano))
	}
	return off, err
}

// arrived is an event as the back office has it.
type arrived struct {
	event kiosk.Event
	row   backoffice.Row
}

// arrive gives the office all that is in the journal, and says what it makes of it.
func (c *clockless) arrive() (out []arrived, err error) {
	lines, err := c.rows()
	if err != nil {
		return nil, err
	}
	batch := backoffice.Batch{At: time.Now()}
	for _, line := range lines {
		e, err := kiosk.Decode([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("read event %.100q: %w", line, err)
		}
		batch.Entries = append(batch.Entries, backoffice.Entry{Store: store, Event: e, Bytes: []byte(line)})
	}
	if _, err := c.ledger.Commit(c.ctx, batch); err != nil {
		return nil, err
	}
	rows, err := c.ledger.Events(c.ctx, store, 0, len(lines))
	if err == nil && len(rows) != len(lines) {
		err = fmt.Errorf("the back office has %d of %d events", len(rows), len(lines))
	}
	for i, r := range rows {
		out = append(out, arrived{batch.Entries[i].Event, r})
	}
	return out, err
}

// rows are the bytes of all events.
func (c *clockless) rows() ([]string, error) {
	a, err := c.do(agent.Request{Do: agent.Rows, Path: dataPath + "/journal.db"})
	if err == nil && a.Out == "" {
		err = errors.New("the journal is empty")
	}
	return strings.Split(strings.TrimSpace(a.Out), "\n"), err
}

// visit is the only one, as the back office folds it.
func (c *clockless) visit() (*kiosk.Visit, error) {
	events := map[string][]kiosk.Event{}
	if _, err := c.ledger.Changed(c.ctx, store, 0, func(v string, es []kiosk.Event) { events[v] = es }); err != nil {
		return nil, err
	}
	vs := backoffice.FoldStore(events, kiosk.ShanghaiWeek(time.UTC))
	if len(vs) != 1 {
		return nil, fmt.Errorf("the back office folds %d visits, want 1", len(vs))
	}
	return vs[0], nil
}
