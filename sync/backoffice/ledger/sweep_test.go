package ledger_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// TestSweepLines: events are swept as they are also where the names of visits or
// the events hold ends of lines, whatever stands around them.
func TestSweepLines(t *testing.T) {
	for name, visits := range map[string][]string{
		"none":  {"V1", "V2", "V3"},
		"first": {"\nV1", "V2"},
		"last":  {"V1", "V2\n"},
		"all":   {"\n", "V\n\n2", "V3"},
	} {
		for _, indent := range []bool{false, true} {
			t.Run(fmt.Sprint(name, indent), func(t *testing.T) { sweepLines(t, visits, indent) })
		}
	}
}

func sweepLines(t *testing.T, visits []string, indent bool) {
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := ledgertest.NewBoard(t, "s", "k1", "e1")
	var entries []backoffice.Entry
	for i := range 600 { // more than a row
		entries = append(entries, b.Event(&kiosk.Accepted{Visit: visits[i%len(visits)], Adviser: "a1"}))
	}
	if last := &entries[len(entries)-1]; indent {
		var lines bytes.Buffer
		if err := json.Indent(&lines, last.Bytes, "", " "); err != nil {
			t.Fatal(err)
		}
		last.Bytes = lines.Bytes()
	}
	if _, err := l.Commit(t.Context(), backoffice.Batch{At: office, Entries: entries}); err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, e := range entries {
		want = append(want, fmt.Sprintf("%q %s %d", kiosk.VisitOf(e.Event.Data), e.Bytes, e.Event.Moment.Wall.UnixMilli()))
	}
	at, err := l.Sweep(t.Context(), "s", 0, 1000, func(visit string, e backoffice.Swept) {
		got = append(got, fmt.Sprintf("%q %s %d", visit, e.Bytes, e.WhenMS))
	})
	if err != nil || at != 600 || !slices.Equal(got, want) {
		t.Errorf("at %d (%v):\n%q\nwant\n%q", at, err, got, want)
	}
}
