package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"baylight/cmd/internal/demo/judge"
	"baylight/cmd/internal/demo/script"
)

// Headless is what a headless run is asked for.
type Headless struct {
	Days   int
	Seed   uint64
	Visits int // a day; 0: 64
	Log    *slog.Logger
	Keep   string // folder to keep everything in; "": a temporary one, removed
	// Last is called at the end, while everything still runs; dir is where configuration,
	// logs and sockets are. nil: nothing.
	Last func(ctx context.Context, dir string) error
}

// firstDay is the first day of every run: a Monday.
func firstDay() time.Time {
	zone := time.FixedZone("CST", 8*3600) // China has had no summer time since 1991
	return time.Date(2026, 3, 2, 0, 0, 0, 0, zone)
}

// Run plays the days in lock-step and compares.
func (h Headless) Run(ctx context.Context) (r Result, err error) {
	dir, done, err := folder(h.Keep)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, done()) }()
	if h.Visits == 0 {
		h.Visits = 64
	}
	s := script.Write(script.Options{Seed: h.Seed, Start: firstDay(), Days: h.Days, Visits: h.Visits})
	shop, err := open(dir, h.Seed, false, firstDay().Add(7*time.Hour), h.Log)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, shop.Close()) }()
	if err := errors.Join(shop.StartOffice(ctx), shop.StartKiosk(ctx)); err != nil {
		return r, err
	}
	r = Result{Days: h.Days, Seed: h.Seed, Visits: len(s.Visits), Differences: []string{}}
	err = h.play(ctx, shop, s, &r)
	if err == nil && h.Last != nil {
		err = h.Last(ctx, shop.Dir)
	}
	return r, err
}

func (h Headless) play(ctx context.Context, shop *Shop, s script.Script, r *Result) error {
	hands, jury := newHands(shop), judge.New()
	day := 0
	for _, step := range online(s.Steps) {
		if step.Act == script.Rework { // the back office has to know the visit first
			if err := shop.drained(ctx); err != nil {
				return err
			}
		}
		if err := hands.do(ctx, step); err != nil {
			return err
		}
		jury.Saw(step.Facts)
		if step.Act != script.EndOfDay {
			continue
		}
		day++
		if err := shop.drained(ctx); err != nil {
			return err
		}
		if err := r.figures(ctx, shop, jury, s.Days[:day], step.At); err != nil {
			return err
		}
		h.Log.Info("day played", "day", day, "differences", len(r.Differences))
	}
	if err := r.verify(ctx, shop); err != nil {
		return err
	}
	events, err := shop.ledger(ctx)
	if err != nil {
		return err
	}
	st, err := shop.Health(ctx)
	if err != nil {
		return err
	}
	r.Events, r.Kills, r.Restarts = st.Head, hands.kills, hands.restarts
	for _, d := range hands.done {
		if d.Scanner != "" {
			r.Scans++
		} else {
			r.Touches++
		}
	}
	r.KPIEqual = len(r.Differences) == 0 && r.Figures > 0
	r.owed(hands.done, events)
	r.Digest = digest(events)
	return nil
}

// online puts off what people do at the back office while the broker is away:
// the visit they speak of has not arrived there yet.
func online(steps []script.Step) (out []script.Step) {
	var later []script.Step
	down := false
	for _, s := range steps {
		switch {
		case s.Act == script.BrokerDown:
			down = true
		case s.Act == script.Rework && down:
			later = append(later, s)
			continue
		}
		out = append(out, s)
		if s.Act == script.BrokerUp {
			for _, l := range later {
				l.At = s.At
				out = append(out, l)
			}
			down, later = false, nil
		}
	}
	return out
}

// drained waits until everything recorded is receipted.
func (s *Shop) drained(ctx context.Context) error {
	return s.await(ctx, s.child(KioskChild), func(ctx context.Context) bool {
		st, err := s.Health(ctx)
		return err == nil && st.drained()
	})
}

var (
	salted  = regexp.MustCompile(`"(?:persondigest|event_hash)":"[0-9a-f]*",?`)
	eventID = regexp.MustCompile(`"event":"([^"]+)"`)
)

// digest is a hash of all events without what may differ between two runs of a
// seed: id, epoch, boot, time since boot, hash of the predecessor and of what a correction means, salts, and
// with the id the place in the sequence, since a kill between wire and disk
// leaves it open whether the scan or the restart came first.
func digest(events []wireEvent) string {
	names := map[string]string{}
	for _, e := range events {
		names[e.ID] = e.Type + "@" + e.Time.UTC().Format(time.RFC3339)
	}
	var lines []string
	for _, e := range events {
		data := salted.ReplaceAllString(string(e.Data), "")
		data = eventID.ReplaceAllStringFunc(data, func(m string) string {
			return `"event":"` + names[eventID.FindStringSubmatch(m)[1]] + `"`
		})
		lines = append(lines, strings.Join([]string{e.Time.UTC().Format(time.RFC3339Nano), e.Source, e.Type, data}, " "))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}
