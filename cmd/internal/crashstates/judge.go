package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"baylight/cmd/internal/crashstates/replay"
	"baylight/cmd/internal/rig"
	"baylight/kiosk"
	"baylight/kiosk/journal"
)

// verdicts count states.
type verdicts struct {
	Kept, Lost, Corrupt, Undecided int
	AtSync                         int // of them, with the power cut during a sync
	Unsynced                       int // of them, with something that was not synced
	First                          string
}

func (v *verdicts) bad() int { return v.Lost + v.Corrupt }

func (v *verdicts) String() string {
	s := fmt.Sprintf("crash states: kept %d, lost %d, corrupt %d; no verdict %d; %d of them during a sync, %d with unsynced writes", v.Kept, v.Lost, v.Corrupt, v.Undecided, v.AtSync, v.Unsynced)
	if v.First != "" {
		s += "\nfirst: " + v.First
	}
	return s
}

// place is where the power is cut: before the change of that number.
type place struct {
	at     int
	sync   bool
	decide bool // something was acknowledged before
}

// places chooses n places to be decided, each sync first, and some before
// anything was acknowledged.
func (r *recording) places(n int, rnd *rand.Rand) (all []place) {
	first := r.told[0].at
	for _, t := range r.told {
		first = min(first, t.at)
	}
	for _, p := range r.published {
		first = min(first, p.at)
	}
	var syncs []int
	for _, at := range r.syncs {
		if at >= first {
			syncs = append(syncs, at)
		}
	}
	for i := range n {
		switch {
		case i < len(syncs) && n >= len(syncs):
			all = append(all, place{syncs[i], true, true})
		case len(syncs) > 0 && n < len(syncs) && i%2 == 0:
			all = append(all, place{syncs[i*len(syncs)/n], true, true})
		default:
			all = append(all, place{first + rnd.IntN(len(r.ops)+1-first), false, true})
		}
	}
	for range n / 20 {
		all = append(all, place{rnd.IntN(first + 1), false, false})
	}
	slices.SortFunc(all, func(a, b place) int { return a.at - b.at })
	return all
}

// workers is how many states are judged at once.
const workers = 2

// state is one to be judged.
type state struct {
	place
	files   map[string][]byte
	pending int
}

// judge makes n states and judges them; with enough above 0 it ends after that
// many bad ones.
func (r *recording) judge(ctx context.Context, n int, seed uint64, enough int) (v *verdicts, err error) {
	v = &verdicts{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	states := make(chan state, workers)
	var wg sync.WaitGroup
	var mu sync.Mutex
	errs := make([]error, workers)
	for i := range workers {
		wg.Go(func() {
			for s := range states {
				verdict, failed := r.look(s)
				mu.Lock()
				v.count(s, verdict)
				if enough > 0 && v.bad() >= enough || failed != nil {
					errs[i] = failed
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	m, rnd, done := replay.New(), rand.New(rand.NewPCG(seed, 1)), 0
	for _, p := range r.places(n, rnd) {
		for ; done < p.at; done++ {
			m.Do(r.ops[done])
		}
		select {
		case states <- state{p, m.Cut(rnd), m.Pending()}:
		case <-ctx.Done():
		}
	}
	close(states)
	wg.Wait()
	return v, errors.Join(errs...)
}

// count takes a verdict: nil is good.
func (v *verdicts) count(s state, verdict error) {
	missing := (*missing)(nil)
	switch {
	case errors.As(verdict, &missing):
		v.Lost++
	case verdict != nil:
		v.Corrupt++
	case !s.decide:
		v.Undecided++
		return
	default:
		v.Kept++
	}
	if s.sync {
		v.AtSync++
	}
	if s.pending > 0 {
		v.Unsynced++
	}
	if verdict != nil && v.First == "" {
		v.First = fmt.Sprintf("cut before change %d: %v", s.at, verdict)
	}
}

// missing is what was acknowledged and is not there.
type missing struct{ what string }

func (m *missing) Error() string { return "lost: " + m.what }

// look lays a state out and judges it; err says that it could not.
func (r *recording) look(s state) (verdict, err error) {
	dir, err := os.MkdirTemp("", "state")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for name, b := range s.files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return nil, err
		}
	}
	have, verdict := read(filepath.Join(dir, "journal.db"))
	if verdict != nil {
		return verdict, nil
	}
	for _, t := range r.told {
		if t.at <= s.at && !have.scans[t.code] {
			return &missing{"scan " + t.code + ", acknowledged by a beep"}, nil
		}
	}
	for _, p := range r.published {
		if h, there := have.events[p.id]; p.at <= s.at && (!there || h != p.hash) {
			return &missing{fmt.Sprintf("event %s, published; another in its place: %v", p.id, there)}, nil
		}
	}
	for visit, n := range have.jobs {
		if n > 1 {
			return fmt.Errorf("%d jobs started for visit %s, whose card was scanned once", n, visit), nil
		}
	}
	return nil, nil
}

// page is how many events are read at once.
const page = 500

// contents are what a journal holds.
type contents struct {
	scans  map[string]bool
	events map[string]kiosk.Hash // by id
	jobs   map[string]int        // started, by visit
}

// read opens a journal with the real code, without leave to salvage, folds it,
// and gives what it holds.
func read(path string) (have contents, err error) {
	have = contents{map[string]bool{}, map[string]kiosk.Hash{}, map[string]int{}}
	j, err := journal.Open(path, journal.Options{Source: rig.Source()})
	if err != nil {
		return have, err
	}
	defer func() {
		if err = errors.Join(err, j.Close()); err == nil {
			err = sound(path)
		}
	}()
	if err := j.Replay(0, func(kiosk.Event) error { return nil }); err != nil {
		return have, err
	}
	for after := uint64(0); ; {
		rows, err := j.Read(after, page)
		if err != nil || len(rows) == 0 {
			return have, err
		}
		for _, row := range rows {
			var e struct {
				ID   string
				Data struct {
					Visit string
					Scan  struct{ Text string }
				}
			}
			if err := json.Unmarshal(row.Bytes, &e); err != nil {
				return have, err
			}
			have.events[e.ID], have.scans[e.Data.Scan.Text] = kiosk.HashOf(row.Bytes), true
			if row.Type == "job.started" {
				have.jobs[e.Data.Visit]++
			}
			after = row.Seq
		}
	}
}

// sound asks SQLite about every page of a closed journal.
func sound(path string) error {
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro"}).String())
	if err != nil {
		return err
	}
	defer db.Close()
	var says string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&says); err != nil || says != "ok" {
		return fmt.Errorf("integrity_check: %q, %w", says, err)
	}
	return nil
}
