package demo

import (
	"bufio"
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
	Seq    string          `json:"sequence"`
	Epoch  string          `json:"epoch"`
	Was    string          `json:"was"` // its first id, if it was recorded again
	First  string          `json:"washash"`
	Data   json.RawMessage `json:"data"`

	cause, scanner, hash string
	counted              bool
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
			Scan  struct {
				Scanner string `json:"scanner"`
			} `json:"scan"`
		}
		if err := json.Unmarshal(e.Data, &meta); err != nil {
			return nil, 0, fmt.Errorf("read data of %s: %w", e.ID, err)
		}
		e.cause, e.scanner, e.counted = meta.Cause, meta.Scan.Scanner, row.Counted == nil || *row.Counted
		e.hash = fmt.Sprintf("%x", sha256.Sum256(row.Event))
		events, last = append(events, e), row.Position
	}
	return events, last, lines.Err()
}

// owed compares what was acknowledged with what the ledger has: nothing may be
// missing, nothing may be there twice.
func (r *Result) owed(done []deed, events []wireEvent) {
	source := "/stores/" + Store + "/kiosks/" + Board
	causes := map[deed]map[string]bool{} // time and scanner → what caused events then
	seen := map[string]bool{}
	for _, e := range events {
		if e.counted && seen[e.first()] {
			r.Duplicated++
			r.differ("event %s counts twice", e.ID)
		}
		seen[e.first()] = seen[e.first()] || e.counted
		if e.Source != source {
			continue
		}
		r.Received++
		if e.cause != "" {
			k := deed{At: e.Time.UTC(), Scanner: e.scanner}
			if causes[k] == nil {
				causes[k] = map[string]bool{}
			}
			causes[k][e.cause] = true
		}
	}
	for _, d := range done {
		switch n := len(causes[deed{At: d.At.UTC(), Scanner: d.Scanner}]); {
		case n == 0:
			r.Lost++
			r.differ("lost: %s %s at %s", d.What, d.Scanner, d.At.Format(time.DateTime))
		case n > 1:
			r.Duplicated++
			r.differ("%d times: %s %s at %s", n, d.What, d.Scanner, d.At.Format(time.DateTime))
		}
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
