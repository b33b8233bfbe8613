package journal

import (
	"path/filepath"
	"testing"
)

func TestEpochsOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	open := func() *Journal {
		t.Helper()
		j, err := Open(path, Options{Source: "/stores/s/kiosks/k1", Ballast: -1})
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	is := func(j *Journal, name string, knows, owns, apart bool) {
		t.Helper()
		a, err := j.Apart()
		if err != nil || j.Knows(name) != knows || j.Owns(name) != owns || a != apart {
			t.Errorf("%s: known %v, own %v; the current epoch is apart: %v, %v", name, j.Knows(name), j.Owns(name), a, err)
		}
	}
	j := open()
	first := j.Epoch()
	if err := j.Disown("a receipt", "other-1", first, "", "other-1"); err != nil {
		t.Fatal(err)
	}
	is(j, "other-1", true, false, false)
	is(j, first, true, true, false)
	second, err := j.BeginEpoch("a receipt", 0, "other-1", "other-2")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // as it is kept, too
		is(j, "other-1", true, false, true)
		is(j, "other-2", true, false, true)
		is(j, "other-3", false, false, true)
		is(j, first, true, true, true)
		is(j, second, true, true, true)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = open()
	}
	if err := j.Disown("a receipt", "other-3"); err != nil {
		t.Fatal(err)
	}
	is(j, "other-3", true, false, true)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Disown("a receipt", "other-4"); err == nil {
		t.Error("a closed journal takes epochs")
	}
}
