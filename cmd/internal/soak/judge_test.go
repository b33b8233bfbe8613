package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/rig"
	"baylight/kiosk"
)

// chain makes a board's events, one job started for each code; the visit is the code.
func chain(t *testing.T, codes ...string) (all [][]byte) {
	t.Helper()
	var prev kiosk.Hash
	for i, code := range codes {
		e := kiosk.Event{Source: rig.Source(), Epoch: "2a6a1d0e-6f0f-4a43-9c55-0d5d3c1f7b11", Seq: uint64(i + 1), Prev: prev,
			Moment: kiosk.Moment{Wall: time.Date(2026, 3, 2, 9, 0, i, 0, time.UTC), Boot: "boot", Up: time.Minute, Clock: kiosk.Synced},
			Data:   &kiosk.Started{Job: kiosk.Job{Visit: code, Bay: "b1"}, Meta: kiosk.Meta{Scan: &kiosk.ScanRecord{Text: code, Scanner: "s1"}}}}
		b, err := kiosk.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		prev = kiosk.HashOf(b)
		all = append(all, b)
	}
	return all
}

func TestBook(t *testing.T) {
	for _, c := range []struct {
		name  string
		codes string
		rows  []int // events in the order of the ledger
		told  string
		want  string
	}{
		{"all there", "A B C", []int{1, 2, 3}, "A C", ""},
		{"a gap filled late", "A B C", []int{1, 3, 2}, "A B C", ""},
		{"a scan is lost", "A B", []int{1, 2}, "A D", "1 of 2 acknowledged scans are lost: [D]"},
		{"a gap stays", "A B C", []int{1, 3}, "A", "number 2 is missing"},
		{"an event twice", "A B", []int{1, 2, 1}, "A", "counted twice"},
		{"a job twice", "A A", []int{1, 2}, "A", "two jobs started"},
	} {
		b, events := newBook(), chain(t, strings.Fields(c.codes)...)
		var err error
		for i, n := range c.rows {
			row, _ := json.Marshal(map[string]any{"position": i + 1, "event": json.RawMessage(events[n-1])}) // of valid JSON
			if err = b.take(row); err != nil {
				break
			}
		}
		if err == nil {
			err = b.lost(strings.Fields(c.told))
		}
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, errWrong) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestRowsThatAreNone(t *testing.T) {
	b := newBook()
	if err := b.take([]byte(`{"position":1,"ev`)); err == nil || errors.Is(err, errWrong) {
		t.Errorf("a row that a kill cut off: %v", err)
	}
	if err := b.take([]byte(`{"position":1,"event":{}}`)); !errors.Is(err, errWrong) {
		t.Errorf("a row without an event: %v", err)
	}
}

func TestWire(t *testing.T) {
	events := chain(t, "A", "B", "C", "D")
	for _, c := range []struct {
		name string
		sent string // connection and event of each message
		want string // of String, or of the error
	}{
		{"in order", "1/1 1/2 1/3", "3 events in 3 messages over 1 connections, at most 0 again in one"},
		{"again on another connection", "1/1 1/2 2/1 2/2 2/3", "3 events in 5 messages over 2 connections, at most 2 again in one"},
		{"out of order", "1/1 1/3", "event 3 was sent when the newest so far was 1"},
	} {
		w := newWire()
		for m := range strings.FieldsSeq(c.sent) {
			var connection, n int
			if _, err := fmt.Sscanf(m, "%d/%d", &connection, &n); err != nil {
				t.Fatal(err)
			}
			w.see(connection, "", events[n-1])
		}
		w.see(9, "", []byte(`{"state":"ready"}`)) // no event
		got := w.String()
		if err := w.bounded(); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWireBoundsWhatIsSentAgain(t *testing.T) {
	w, e := newWire(), chain(t, "A")[0]
	w.away(true)
	w.see(1, "", e) // one that the office did not hear
	w.away(false)
	for range window + 1 {
		w.see(1, "", e)
	}
	if err := w.bounded(); err != nil {
		t.Errorf("a window and what the office missed: %v", err)
	}
	w.see(1, "", e)
	if err := w.bounded(); !errors.Is(err, errWrong) {
		t.Errorf("one more than that: %v", err)
	}
}
