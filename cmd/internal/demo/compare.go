package demo

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"baylight/cmd/internal/demo/judge"
	"baylight/kiosk"
)

// Result is what a headless run says, as one JSON object.
type Result struct {
	Days        int      `json:"days"`
	Seed        uint64   `json:"seed"`
	Visits      int      `json:"visits"`
	Scans       int      `json:"scans"`   // acknowledged by a beep
	Touches     int      `json:"touches"` // acknowledged on a screen
	Kills       int      `json:"kills"`
	Restarts    int      `json:"restarts"`
	Events      uint64   `json:"events"`   // in the kiosk's journal
	Received    uint64   `json:"received"` // of them in the back office's ledger
	Lost        int      `json:"lost"`
	Duplicated  int      `json:"duplicated"`
	Figures     int      `json:"figures"`  // compared with the judge's count
	Verified    int      `json:"verified"` // visits of which the office computed again what it keeps
	KPIEqual    bool     `json:"kpi_equal"`
	Differences []string `json:"differences"`
	Digest      string   `json:"digest"` // of all events, without what may differ between runs
}

// OK says whether nothing was lost, nothing counted twice, and every figure right.
func (r Result) OK() bool {
	return r.Lost == 0 && r.Duplicated == 0 && r.KPIEqual && r.Events == r.Received && r.Events > 0
}

// wireEvent is an event as the judge reads it: the envelope's public names, with
// its own eyes.
type wireEvent struct {
	ID     string          `json:"id"`
	Source string          `json:"source"`
	Type   string          `json:"type"`
	Time   time.Time       `json:"time"`
	Up     int64           `json:"uptimems,string"`
	Epoch  string          `json:"epoch"`
	Was    string          `json:"was"` // its first id, if it was recorded again
	First  string          `json:"washash"`
	Data   json.RawMessage `json:"data"`

	cause         string
	scanner, code string // of the scan it shows
	subject       string // the visit or place it is about
	up            time.Duration
	hash          string
	counted       bool
}

// kind is its type without the envelope's dress.
func (e wireEvent) kind() kiosk.Type {
	return kiosk.Type(strings.TrimSuffix(strings.TrimPrefix(e.Type, "baylight."), ".v1"))
}

// first names an event under whichever ids it comes.
func (e wireEvent) first() string {
	if e.Was != "" {
		return e.Source + " " + e.Was + " " + e.First
	}
	return e.Source + " " + e.ID + " " + e.hash
}

// ledger reads every event the back office has.
func (s *Shop) ledger(ctx context.Context) (events []wireEvent, err error) {
	for after := uint64(0); ; {
		page, last, err := s.ledgerPage(ctx, after)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return events, nil
		}
		events, after = append(events, page...), last
	}
}

func (s *Shop) ledgerPage(ctx context.Context, after uint64) (events []wireEvent, last uint64, err error) {
	url := fmt.Sprintf("http://%s/api/v1/events?store=%s&after=%d&limit=1000", s.Office, Store, after)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("read %s: %s", url, res.Status)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row struct {
			Position uint64          `json:"position"`
			Counted  *bool           `json:"counted"` // missing: it counts
			Event    json.RawMessage `json:"event"`
		}
		var e wireEvent
		err := json.Unmarshal(lines.Bytes(), &row)
		if err == nil {
			err = json.Unmarshal(row.Event, &e)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read %s: %w", url, err)
		}
		var meta struct {
			Cause string `json:"cause"`
			Visit string `json:"visit"`
			Bay   string `json:"bay"`
			Scan  struct {
				Scanner string `json:"scanner"`
				Text    string `json:"text"`
				Keyed   string `json:"keyed"`
			} `json:"scan"`
		}
		if err := json.Unmarshal(e.Data, &meta); err != nil {
			return nil, 0, fmt.Errorf("read data of %s: %w", e.ID, err)
		}
		e.cause, e.counted, e.up = meta.Cause, row.Counted == nil || *row.Counted, time.Duration(e.Up)*time.Millisecond
		e.scanner, e.code, e.subject = meta.Scan.Scanner, cmp.Or(meta.Scan.Text, meta.Scan.Keyed), cmp.Or(meta.Visit, meta.Bay)
		e.hash = fmt.Sprintf("%x", sha256.Sum256(row.Event))
		events, last = append(events, e), row.Position
	}
	return events, last, lines.Err()
}

// owed compares what was acknowledged with what the ledger has: nothing may be
// missing, nothing may be there twice, or without anybody having done it.
func (r *Result) owed(done []deed, events []wireEvent) {
	t := newTally()
	for _, e := range events {
		t.take(e)
		if e.Source == kiosk.KioskSource(Store, Board) {
			r.Received++
		}
	}
	a := t.hold(done)
	r.Duplicated += len(t.twice) + len(a.spare)
	for _, id := range t.twice {
		r.differ("event %s counts twice", id)
	}
	for _, s := range a.spare {
		r.differ("recorded once more than it was done: %q at %q, %s after the boot", s.marks, s.scanner, s.up)
	}
	r.Lost += len(a.missing)
	for _, i := range a.missing {
		r.differ("lost: %s %s at %s", done[i].What, done[i].Scanner, done[i].At.Format(time.DateTime))
	}
}

// figures compares every figure the judge has with the back office's answer.
func (r *Result) figures(ctx context.Context, s *Shop, j *judge.Judge, days []time.Time, now time.Time) error {
	from, to := days[0].Format(time.DateOnly), days[len(days)-1].AddDate(0, 0, 1).Format(time.DateOnly)
	var answer struct {
		Rows []map[string]any `json:"rows"`
	}
	url := fmt.Sprintf("http://%s/api/v1/kpi?store=%s&from=%s&to=%s&by=day&definition=kpi/1", s.Office, Store, from, to)
	if err := s.get(ctx, url, &answer); err != nil {
		return err
	}
	rows := map[string]map[string]int64{}
	for _, row := range answer.Rows {
		flat := map[string]int64{}
		flatten("", row, flat)
		key, _ := row["key"].(string)
		rows[key] = flat
	}
	for _, day := range days {
		key := day.Format(time.DateOnly)
		want := j.Day(day, now)
		for _, path := range slices.Sorted(maps.Keys(want)) {
			r.Figures++
			if got := rows[key][path]; got != want[path] {
				r.differ("%s %s: the back office says %d, the judge %d (asked at %s)", key, path, got, want[path], now.Format("01-02 15:04"))
			}
		}
		for path, got := range rows[key] {
			if _, judged := want[path]; !judged && got != 0 && counted(path) {
				r.differ("%s %s: the back office says %d, the judge nothing", key, path, got)
			}
		}
	}
	return nil
}

// counted says whether a path is one of those the judge counts, so that it has
// to be absent or zero where the judge has nothing.
func counted(path string) bool {
	for _, p := range []string{"categories.", "stages.ms.", "on_time.variants."} {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return slices.Contains([]string{"arrivals", "orders", "category_counts", "unclosed_jobs", "rework.numerator", "orders_without_vehicle"}, path)
}

// flatten turns nested JSON into paths; what is no whole number is left out.
func flatten(prefix string, v any, out map[string]int64) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			p := k
			if prefix != "" {
				p = prefix + "." + k
			}
			flatten(p, x, out)
		}
	case float64:
		if v == float64(int64(v)) && !strings.HasSuffix(prefix, "rate") {
			out[prefix] = int64(v)
		}
	}
}

// verify lets the back office compute again everything it keeps.
func (r *Result) verify(ctx context.Context, s *Shop) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Office+"/api/v1/verify?store="+Store, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("verify the figures: %w", err)
	}
	defer res.Body.Close()
	var found struct {
		Visits      int
		Differences []string
		Error       string
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<20)).Decode(&found); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("verify the figures: %s: %w", res.Status, err)
	}
	for _, d := range found.Differences {
		r.differ("kept by the back office: %s", d)
	}
	if found.Error != "" || found.Visits == 0 {
		r.differ("the verification compared %d visits: %s", found.Visits, found.Error)
	}
	r.Verified = found.Visits
	return nil
}

func (r *Result) differ(format string, args ...any) {
	if len(r.Differences) < 100 {
		r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
	}
}
