package journal

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"baylight/kiosk"
)

// Erasing leaves events, chain and order alone, and nothing of the parts in the
// files; what failed is done again; a backup from before rolls the mark back with
// the parts, and a database that was set aside goes if it speaks of who is erased.
func TestErase(t *testing.T) {
	j := fresh(t)
	var es []kiosk.Event
	for i := range 40 {
		person, digest, err := kiosk.Person{Salt: fmt.Sprintf("%032x", i+1), VIN: "LSVAA4182E2184931"}.Encode()
		must(t, err)
		es = append(es, kiosk.Event{Source: source, Epoch: j.Epoch(), Seq: uint64(i + 1), Moment: at(uint64(i)), Person: person,
			Data: &kiosk.CheckedIn{Visit: fmt.Sprintf("A%09d", i), Meta: kiosk.Meta{PersonDigest: digest}}})
	}
	must(t, j.Append(es))
	dir := t.TempDir()
	before := filepath.Join(dir, "before.db")
	_, err := j.Backup(t.Context(), before)
	must(t, err)

	salts, positions := map[string]bool{}, []uint64{}
	must(t, j.Parts(t.Context(), func(p Personal) error {
		if p.Event.Seq%2 == 0 {
			positions = append(positions, p.Pos)
			Salts(salts, p.Person)
		}
		return nil
	}))
	if left, err := j.Left(t.Context(), salts); err != nil || !left || len(salts) != 20 {
		t.Fatalf("before, %d parts are there: %t, %v", len(salts), left, err)
	}
	j.faults.beforeCommit = func() error { return errors.New("the disk went away") }
	if n, err := j.Erase(t.Context(), positions); err == nil || n != 0 {
		t.Errorf("with a broken disk %d were erased: %v", n, err)
	}
	j.faults.beforeCommit = nil
	for _, want := range []int{20, 0} {
		if n, err := j.Erase(t.Context(), positions); err != nil || n != want {
			t.Errorf("%d were erased: %v, want %d", n, err, want)
		}
	}
	must(t, j.Settled(t.Context()))
	must(t, j.SetErased("list 1"))
	if left, err := j.Left(t.Context(), salts); err != nil || left {
		t.Errorf("they are still in the files: %t, %v", left, err)
	}
	for i, e := range replayed(t, j, 0) { // checks hashes, chain and digests
		if erased := e.Seq%2 == 0; erased != (e.Person == nil) || e.Data.Common().PersonDigest != es[i].Data.Common().PersonDigest {
			t.Errorf("event %d has the part %q", e.Seq, e.Person)
		}
	}
	after := filepath.Join(dir, "after.db")
	_, err = j.Backup(t.Context(), after)
	must(t, err)
	for salt := range salts {
		if bytes.Contains(contents(t, after), []byte(salt)) || !bytes.Contains(contents(t, before), []byte(salt)) {
			t.Fatalf("salt %s: in the backup after, or not in the one before", salt)
		}
	}
	must(t, j.Close())

	_, err = Restore(t.Context(), before, j.path, Options{Source: source})
	must(t, err)
	s := openAt(t, j.path)
	if mark, err := s.Erased(); err != nil || mark != "" {
		t.Errorf("the restored journal says it has been through %q: %v", mark, err)
	}
	for _, c := range []struct {
		word string
		gone int
	}{{"", 0}, {"A999999999", 0}, {"A000000001", 1}} {
		if gone, err := s.DropAside(t.Context(), []string{c.word}); err != nil || len(gone) != c.gone {
			t.Errorf("for %q went %v: %v", c.word, gone, err)
		}
	}
	if aside, err := filepath.Glob(j.path + asideExt + "*"); err != nil || len(aside) != 0 {
		t.Errorf("set aside is still %v: %v", aside, err)
	}
}
