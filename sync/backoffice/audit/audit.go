// Package audit keeps who came in and what they took out: sign-ins, sign-outs,
// exports, imports. What people record is an event and stands in the ledger; this
// is the rest, and stands beside the events there (backoffice.Trail), one line of
// JSON an entry, durable before [Log.Add] returns and never changed. Entries of
// more than [Keep] months are dropped when a new month begins. Where several
// offices share a ledger, the log is that of all of them.
//
// No goroutines; safe for several.
package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"baylight/sync/backoffice"
)

// Bounds of a log.
const (
	Keep      = 24      // months
	maxEntry  = 4 << 10 // bytes of a line
	maxDetail = 400     // bytes of Entry.Detail
	page      = 500     // lines read at a time
	patient   = 30 * time.Second
	pause     = 100 * time.Millisecond // before an entry is tried again, twice as long each time
)

// What an entry may be about.
const (
	SignedIn  = "signed_in"
	Refused   = "refused" // badge or PIN was wrong
	Locked    = "locked"  // too many attempts
	SignedOut = "signed_out"
	Exported  = "exported"
	Imported  = "imported"
	Recorded  = "recorded" // an event, by the API's token
	Erased    = "erased"   // somebody asked to forget who came with a vehicle
	Aged      = "aged"     // person parts went by their age; who is "retention", or whoever vouched for the clock
)

// Kinds lists them.
func Kinds() []string {
	return []string{SignedIn, Refused, Locked, SignedOut, Exported, Imported, Recorded, Erased, Aged}
}

// Entry is one line.
type Entry struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"` // one of Kinds
	Who    string    `json:"who"`  // staff id; "" if unknown
	From   string    `json:"from"` // network address
	Store  string    `json:"store,omitempty"`
	Office string    `json:"office,omitempty"` // where, among those that share the ledger
	Detail string    `json:"detail,omitempty"`
}

// Trail is where entries are kept; a backoffice.Ledger is one.
type Trail interface {
	Append(ctx context.Context, lines []backoffice.TrailLine) error
	Lines(ctx context.Context, below uint64, limit int) ([]backoffice.TrailLine, error)
	Forget(ctx context.Context, before time.Time) error
}

// Log is the audit log as one office sees and writes it.
type Log struct {
	trail  Trail
	office string
	now    func() time.Time

	mu    sync.Mutex
	month string // that old entries were last dropped in
}

// New makes a log on a trail. office names this one among those that share the
// ledger, "" if it is alone. now is real time; time.Now if nil.
func New(trail Trail, office string, now func() time.Time) *Log {
	if now == nil {
		now = time.Now
	}
	return &Log{trail: trail, office: office, now: now}
}

// Add keeps an entry, stamped with the present time, and returns once it is durable.
// A ledger that is away for a moment (its server restarts, its connections were
// ended) is waited for, so long as anybody waits.
func (l *Log) Add(e Entry) error {
	e.At, e.Office = l.now().UTC(), l.office
	if len(e.Detail) > maxDetail {
		e.Detail = strings.ToValidUTF8(e.Detail[:maxDetail], "") + "…"
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	if len(line) > maxEntry {
		return fmt.Errorf("write audit log: an entry of %d bytes, at most %d are allowed", len(line), maxEntry)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if err := l.append(ctx, backoffice.TrailLine{Key: uuid.NewString(), At: e.At, Bytes: line}); err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return l.forget(ctx, e.At)
}

// append keeps a line, which its key holds to once, and tries until ctx ends.
func (l *Log) append(ctx context.Context, line backoffice.TrailLine) error {
	for wait := pause; ; wait *= 2 {
		err := l.trail.Append(ctx, []backoffice.TrailLine{line})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// forget drops what is older than Keep months, once a month.
func (l *Log) forget(ctx context.Context, at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	month := at.Format("2006-01")
	if month == l.month {
		return nil
	}
	y, m, _ := at.Date()
	if err := l.trail.Forget(ctx, time.Date(y, m-Keep, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		return fmt.Errorf("clear audit log: %w", err)
	}
	l.month = month
	return nil
}

// Latest lists at most limit entries that f wants, newest first.
func (l *Log) Latest(limit int, f func(Entry) bool) (out []Entry, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	for below := uint64(0); ; {
		lines, err := l.trail.Lines(ctx, below, page)
		if err != nil {
			return nil, fmt.Errorf("read audit log: %w", err)
		}
		for _, line := range lines {
			var e Entry
			if json.Unmarshal(line.Bytes, &e) != nil || !f(e) {
				continue // of a later program, or not wanted
			}
			if out = append(out, e); len(out) == limit {
				return out, nil
			}
		}
		if len(lines) < page {
			return out, nil
		}
		below = lines[len(lines)-1].N
	}
}

// FromFile are the lines of a month's file as programs kept them that had no place
// for them in the ledger; name is the file's own. What a power cut left half is
// left out. The same file gives the same keys.
func FromFile(name string, b []byte) (out []backoffice.TrailLine) {
	for i, line := range bytes.Split(b, []byte{'\n'}) {
		var e Entry
		if len(line) == 0 || len(line) > maxEntry || json.Unmarshal(line, &e) != nil {
			continue
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", name, i, line))
		out = append(out, backoffice.TrailLine{Key: fmt.Sprintf("file-%x", sum[:16]), At: e.At, Bytes: line})
	}
	return out
}
