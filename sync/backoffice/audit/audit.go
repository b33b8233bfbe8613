// Package audit keeps who came in and what they took out: sign-ins, sign-outs,
// exports, imports. What people record is an event and stands in the ledger; this
// is the rest.
//
// A Log is a folder with one file for each month (UTC), 2026-11.jsonl, one entry
// a line, written and synced before [Log.Add] returns. A line that a power cut
// left half is skipped when read and ended by the next one. Months older than
// [Keep] are deleted when a new month begins. No goroutines; safe for several.
package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of a log.
const (
	Keep      = 24       // months
	maxEntry  = 4 << 10  // bytes of a line
	maxFile   = 32 << 20 // bytes of a month; what comes after is refused
	maxDetail = 400      // bytes of Entry.Detail
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
)

// Kinds lists them.
func Kinds() []string {
	return []string{SignedIn, Refused, Locked, SignedOut, Exported, Imported, Recorded, Erased}
}

// Entry is one line.
type Entry struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"` // one of Kinds
	Who    string    `json:"who"`  // staff id; "" if unknown
	From   string    `json:"from"` // network address
	Store  string    `json:"store,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// Log is the folder.
type Log struct {
	dir string
	now func() time.Time

	mu   sync.Mutex
	name string
	file *os.File
	size int64
}

// Open makes the folder if it is not there. now is real time; time.Now if nil.
func Open(dir string, now func() time.Time) (*Log, error) {
	if now == nil {
		now = time.Now
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	l := &Log{dir: dir, now: now}
	return l, l.turn(now())
}

// Close ends it.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("close audit log: %w", err)
	}
	return nil
}

// Add writes an entry, stamped with the present time, and returns once it is durable.
func (l *Log) Add(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.At = l.now().UTC()
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
	if err := l.turn(e.At); err != nil {
		return err
	}
	if l.size+int64(len(line)) > maxFile {
		return fmt.Errorf("write audit log: %s is full (%d bytes)", l.name, maxFile)
	}
	n, err := l.file.Write(append(line, '\n'))
	l.size += int64(n)
	if err := errors.Join(err, l.file.Sync()); err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}

// turn opens the month's file; the caller holds the lock.
func (l *Log) turn(at time.Time) error {
	name := at.UTC().Format("2006-01") + ".jsonl"
	if name == l.name {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(l.dir, name), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	size, err := ended(f)
	if err == nil {
		err = syncDir(l.dir)
	}
	if err != nil {
		return fmt.Errorf("open audit log: %w", errors.Join(err, f.Close()))
	}
	old := l.file
	l.name, l.file, l.size = name, f, size
	if old != nil {
		err = old.Close()
	}
	return errors.Join(err, l.forget(at))
}

// ended makes sure that the file ends with a whole line.
func ended(f *os.File) (int64, error) {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return 0, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, st.Size()-1); err != nil || last[0] == '\n' {
		return st.Size(), err
	}
	_, err = f.Write([]byte{'\n'})
	return st.Size() + 1, err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// months lists the files, oldest first.
func (l *Log) months() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(l.dir, "????-??.jsonl"))
	slices.Sort(files)
	return files, err
}

// forget deletes what is older than Keep months.
func (l *Log) forget(at time.Time) error {
	y, m, _ := at.UTC().Date()
	oldest := time.Date(y, m-Keep, 1, 0, 0, 0, 0, time.UTC).Format("2006-01") + ".jsonl"
	files, err := l.months()
	for _, f := range files {
		if filepath.Base(f) < oldest {
			err = errors.Join(err, os.Remove(f))
		}
	}
	if err != nil {
		return fmt.Errorf("clear audit log: %w", err)
	}
	return nil
}

// Latest lists at most limit entries that f wants, newest first.
func (l *Log) Latest(limit int, f func(Entry) bool) (out []Entry, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	files, err := l.months()
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	for _, name := range slices.Backward(files) {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read audit log: %w", err)
		}
		lines := bytes.Split(b, []byte{'\n'})
		for _, line := range slices.Backward(lines) {
			var e Entry
			if len(line) == 0 || json.Unmarshal(line, &e) != nil || !f(e) {
				continue // empty, or what a power cut left
			}
			if out = append(out, e); len(out) == limit {
				return out, nil
			}
		}
	}
	return out, nil
}
