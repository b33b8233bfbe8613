package journal

import (
	"slices"
	"testing"
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
			if want := []Era{{first, pruned, 12}, {second, 0, 10}, {third, 0, 4}}; err != nil || !slices.Equal(got, want) {
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
