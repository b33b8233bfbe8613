package journal

import (
	"reflect"
	"testing"

	"baylight/kiosk"
)

func TestErasAndReadOf(t *testing.T) {
	j := fresh(t)
	first := j.Epoch()
	want := appendN(t, j, 20)
	must(t, j.SetReceipt(Receipt{"A", 1, 12}))
	second, err := j.BeginEpoch("a receipt", 12)
	must(t, err)
	appendN(t, j, 5)
	must(t, j.SetReceipt(Receipt{"A", 1, 10}))
	third, err := j.BeginEpoch("another", 10) // within what the second recorded of its own
	must(t, err)
	appendN(t, j, 1)
	is := func(pruned uint64) {
		t.Helper()
		for range 2 {
			got, err := j.Eras()
			if want := []Era{{first, pruned, 12, map[string]uint64{"A": 12}}, {second, 0, 10, map[string]uint64{"A": 10}}, {third, 0, 4, nil}}; err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("eras %v, %v, want %v", got, err, want)
			}
			j = openAgain(t, j)
		}
	}
	is(0)
	rows, err := j.ReadOf(first, 9, 5)
	if err != nil || len(rows) != 5 || rows[0].Seq != 10 || rows[4].Seq != 14 || rows[0].Hash.String() != want[10].Prev.String() {
		t.Errorf("rows %v, %v", rows, err)
	}
	if rows, err := j.ReadOf("never", 0, 5); len(rows) != 0 || err != nil {
		t.Errorf("rows of an epoch that is not here: %v, %v", rows, err)
	}
	must(t, j.SetReceipt(Receipt{"A", 1, 4}))
	if n, err := prune(t, j, at(8).Wall, ""); n != 7 || err != nil {
		t.Fatalf("dropped %d, %v", n, err)
	}
	is(7)
	if rows, err := j.ReadOf(first, 0, 1); err != nil || len(rows) != 1 || rows[0].Seq != 8 {
		t.Errorf("rows %v, %v", rows, err)
	}
	must(t, j.Close())
	if _, err := j.Eras(); err == nil {
		t.Error("a closed journal tells its epochs")
	}
	if _, err := j.ReadOf(first, 0, 1); err == nil {
		t.Error("a closed journal is read")
	}
}

// TestPartsOfEarlierEpochs: what is recorded again of an earlier epoch comes first,
// each event once, and no longer counts there; a damaged file does not forget it,
// nor take the sequence for one of its own.
func TestPartsOfEarlierEpochs(t *testing.T) {
	j := fresh(t)
	first := j.Epoch()
	want := appendN(t, j, 20)
	must(t, j.SetReceipt(Receipt{"A", 1, 12}))
	second, err := j.BeginEpoch("a receipt", 12)
	must(t, err)
	appendN(t, j, 2)
	third, err := j.BeginEpochWith([]Part{{first, 9}}, "overtaken", 0)
	must(t, err)
	is := func(eras ...Era) {
		t.Helper()
		got, err := j.Eras()
		if err != nil || !reflect.DeepEqual(got, eras) {
			t.Errorf("eras %v, %v, want %v", got, err, eras)
		}
	}
	had := map[string]uint64{"A": 12}
	is(Era{first, 0, 9, had}, Era{second, 0, 0, map[string]uint64{}}, Era{third, 0, 13, nil}) // 10 to 12, 13 to 20 as the second has them, its two
	again := replayed(t, j, 0)[30:]
	if len(again) != 13 || again[0].Was != want[9].ID() || again[3].Was != want[12].ID() || again[12].Was == "" {
		t.Errorf("recorded again: %d events, the first is %s", len(again), again[0].Was)
	}
	// What would be recorded twice comes once.
	fourth, err := j.BeginEpochWith([]Part{{first, 5}, {second, 0}}, "again", 2)
	must(t, err)
	is(Era{first, 0, 5, had}, Era{second, 0, 0, map[string]uint64{}}, Era{third, 0, 2, map[string]uint64{}}, Era{fourth, 0, 15, nil})
	j = openAgain(t, j)
	is(Era{first, 0, 5, had}, Era{second, 0, 0, map[string]uint64{}}, Era{third, 0, 2, map[string]uint64{}}, Era{fourth, 0, 15, nil})
	for _, bad := range [][]Part{{{"never", 1}}, {{fourth, 1}}} {
		if _, err := j.BeginEpochWith(bad, "bad", 0); err == nil || j.Epoch() != fourth {
			t.Errorf("an epoch is begun with %v", bad)
		}
	}
}

// A journal whose epoch overtook more events elsewhere than it has itself is sound.
func TestOpensAfterAnOvertakenPart(t *testing.T) {
	j := fresh(t)
	first := j.Epoch()
	appendN(t, j, 20)
	_, err := j.BeginEpoch("a receipt", 20)
	must(t, err)
	third, err := j.BeginEpochWith([]Part{{first, 19}}, "overtaken", 0)
	must(t, err)
	if j.Head() != 1 {
		t.Fatalf("the head is %d, want the one event that was overtaken", j.Head())
	}
	j = openAgain(t, j)
	if j.Epoch() != third || j.Head() != 1 {
		t.Errorf("opened again it stands at %d of %s, want 1 of %s: it was taken for damaged", j.Head(), j.Epoch(), third)
	}
}

// TestCopiesKeepTheirOrder: what the current epoch recorded again of an earlier
// time comes before what happened later and is recorded again of another epoch.
func TestCopiesKeepTheirOrder(t *testing.T) {
	j := fresh(t)
	first := j.Epoch()
	appendN(t, j, 20)
	second, err := j.BeginEpoch("a receipt", 20)
	must(t, err)
	appendN(t, j, 5)
	third, err := j.BeginEpochWith([]Part{{first, 15}}, "overtaken", 5)
	must(t, err)
	appendN(t, j, 1)
	_, err = j.BeginEpochWith([]Part{{second, 2}}, "overtaken as well", 0)
	must(t, err)
	var got, want []string
	for _, e := range replayed(t, j, 0)[31:] {
		got = append(got, e.Was)
	}
	for _, s := range []struct {
		epoch    string
		from, to uint64
	}{{first, 16, 20}, {second, 3, 5}, {third, 6, 6}} {
		for seq := s.from; seq <= s.to; seq++ {
			want = append(want, kiosk.EventID(s.epoch, seq))
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("recorded again are %v, want %v", got, want)
	}
}
