package pgledger_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

// TestKeptAsItIs: days, keys and bytes of facts and rows are kept as they are,
// whatever is in them and however the server writes its answers.
func TestKeptAsItIs(t *testing.T) {
	s := pgtest.Start(t)
	odd := []string{"", `"`, `\`, `a"b\\c`, "{x,y}", "NULL", " ", "世界", "a,b", "z\x00\xff"}
	long := bytes.Repeat([]byte("long"), 9000)
	facts := []backoffice.Fact{{Visit: "V1", At: 1, Bytes: []byte("x"), Days: odd, Keys: odd, Due: time.UnixMilli(5)}, {Visit: "V2", At: 1 << 40, Bytes: long}, {Visit: "V3", At: 1, Bytes: []byte{}, Keys: odd[:1]}}
	day := backoffice.DayRows{Day: "2026-11-02"}
	for _, k := range odd {
		day.Rows = append(day.Rows, backoffice.DayRow{Day: day.Day, Kind: "k", Key: k, Bytes: []byte(k)})
	}
	slices.SortFunc(day.Rows, func(a, b backoffice.DayRow) int { return strings.Compare(a.Key, b.Key) })
	for schema, mode := range map[string]string{"plain": "", "words": " default_query_exec_mode=exec"} {
		l := open(t, pgledger.Config{URL: s.URL() + mode, Schema: schema})
		must(t, l.Keep(t.Context(), store, backoffice.Kept{Is: backoffice.Progress{Round: 1}, Facts: facts, Days: []backoffice.DayRows{day}}))
		got, err := l.Facts(t.Context(), store, []string{"V1", "V2", "V3"})
		must(t, err)
		if len(got) != 3 {
			t.Fatalf("%s: %d facts, want 3", schema, len(got))
		}
		for i, f := range got {
			want := facts[i]
			if f.Visit != want.Visit || f.At != want.At || !f.Due.Equal(want.Due) || !bytes.Equal(f.Bytes, want.Bytes) || !slices.Equal(f.Days, want.Days) || !slices.Equal(f.Keys, want.Keys) {
				t.Errorf("%s: %+v, want %+v", schema, f, want)
			}
		}
		for _, key := range odd {
			if under, err := l.FactsOf(t.Context(), store, key); err != nil || len(under) == 0 || under[0].Visit != "V1" {
				t.Errorf("%s: under %q: %d facts (%v)", schema, key, len(under), err)
			}
		}
		rows, err := l.DayRows(t.Context(), store, "k", day.Day, day.Day)
		must(t, err)
		slices.SortFunc(rows, func(a, b backoffice.DayRow) int { return strings.Compare(a.Key, b.Key) })
		if !slices.EqualFunc(rows, day.Rows, func(a, b backoffice.DayRow) bool {
			return a.Day == b.Day && a.Kind == b.Kind && a.Key == b.Key && bytes.Equal(a.Bytes, b.Bytes)
		}) {
			t.Errorf("%s: rows %+v, want %+v", schema, rows, day.Rows)
		}
	}
}
