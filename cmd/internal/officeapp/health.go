package officeapp

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/health"
	"baylight/kiosk/words"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// Bounds of how an office is.
const (
	probeWithin = 5 * time.Second  // for the ledger to take a batch
	silentFor   = 5 * time.Minute  // without a word a board is silent; shop time
	gapsEvery   = 15 * time.Second // gaps are counted so often at most; real time
	backupOld   = 3 * 24 * time.Hour
	// backups is where the nightly backup of the package goes. Where the folder is
	// not, somebody else sees to backups.
	backups = "/var/backups/baylight"
)

// doctor tells how a back office is, as a board does (package health). Losing
// means that nothing can be recorded here, or that a board says so of itself.
type doctor struct {
	*witness
	backups string
	commit  func(ctx context.Context) error // an empty batch, the way of every event

	mu      sync.Mutex
	counted time.Time
	gaps    uint64
}

// reasons are what is not as it should be, the worst first.
func (d *doctor) reasons(ctx context.Context) (out []health.Reason) {
	add := func(when bool, level health.Level, code string, args ...string) {
		if when {
			out = append(out, health.Reason{Level: level, Code: code, Text: words.Say(words.Key("office.health."+code), args...)})
		}
	}
	soon, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	// On a full disk there may be room for nothing, which is what the probe writes.
	add(d.office.Refused() || d.commit(soon) != nil, health.Losing, "ledger.refused")
	add(room(d.set.Data)+spare < health.Little, health.Degraded, "disk.low")
	var away, silent, losing, waits int
	now := d.office.Now()
	for _, s := range d.set.Stores {
		line := d.lines.lines[s.Name]
		if line == nil || !d.office.Answers(s.Name) {
			continue // another office has it
		}
		if !line.Status().Up {
			away++
		}
		boards, _ := d.office.Kiosks(s.Name) // the store is ours
		for _, k := range boards {
			switch {
			case k.Conn.State == wire.Lost || !k.Heard.IsZero() && now.Sub(k.Heard) > silentFor:
				silent++
			case health.Level(k.Health.Level) == health.Losing:
				losing++
			}
		}
		if a, err := d.office.Ageing(s.Name); err == nil && a.Wait != "" {
			waits++
		}
	}
	add(losing > 0, health.Losing, "boards.losing", strconv.Itoa(losing))
	add(away > 0, health.Degraded, "broker.gone", strconv.Itoa(away))
	add(silent > 0, health.Degraded, "boards.silent", strconv.Itoa(silent))
	gaps := d.missing(ctx)
	add(gaps > 0, health.Degraded, "events.missing", strconv.FormatUint(gaps, 10))
	add(d.clock.Now().Clock != kiosk.Synced, health.Degraded, "clock.unsure")
	add(waits > 0, health.Degraded, "retention.waits")
	add(d.set.Ledger.Postgres == "" && old(d.backups), health.Degraded, "backup.old")
	slices.SortStableFunc(out, func(a, b health.Reason) int { return cmp.Compare(b.Level.Number(), a.Level.Number()) })
	return out
}

// missing is how many events boards have numbered and the office lacks, while
// nothing waits to be taken in.
func (d *doctor) missing(ctx context.Context) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.counted) < gapsEvery {
		return d.gaps
	}
	var n uint64
	for _, s := range d.set.Stores {
		if !d.office.Answers(s.Name) || d.office.Queued() > 0 {
			continue
		}
		sources, err := d.shelf.Sources(ctx, s.Name)
		if err != nil {
			return d.gaps // the ledger is asked above
		}
		for _, src := range sources {
			for _, e := range src.Epochs {
				for _, g := range e.Gaps {
					n += g.Last - g.First + 1
				}
			}
		}
	}
	d.gaps, d.counted = n, time.Now()
	return n
}

// old says that backups are made in a folder, and the newest is too old.
func old(dir string) bool {
	if _, err := os.Stat(dir); err != nil {
		return false
	}
	files, _ := filepath.Glob(filepath.Join(dir, "office-*.db")) // the pattern is good
	for _, f := range files {
		if st, err := os.Stat(f); err == nil && time.Since(st.ModTime()) < backupOld {
			return false
		}
	}
	return true
}

// ServeHTTP answers /healthz: 200, or 503 if nothing can be recorded.
func (d *doctor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	type reason struct {
		Level health.Level `json:"level"`
		Code  string       `json:"code"`
		ZH    string       `json:"zh"`
		EN    string       `json:"en"`
	}
	reasons := d.reasons(r.Context())
	out := struct {
		OK      bool         `json:"ok"`
		Level   health.Level `json:"level"`
		Reasons []reason     `json:"reasons"`
		Version string       `json:"version"`
	}{true, health.Worst(reasons), []reason{}, d.version}
	for _, x := range reasons {
		out.OK = out.OK && x.Code != "ledger.refused"
		out.Reasons = append(out.Reasons, reason{x.Level, x.Code, x.Text.In(words.ZH), x.Text.In(words.EN)})
	}
	w.Header().Set("Content-Type", "application/json")
	if !out.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(out) // whoever asked may have gone
}

// probe commits an empty batch.
func probe(book backoffice.Ledger, now func() time.Time) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := book.Commit(ctx, backoffice.Batch{At: now()})
		return err
	}
}
