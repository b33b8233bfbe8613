package record

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The test's program runs again as the one that is recorded.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "recorded" {
		fmt.Fprintln(os.Stderr, Main(os.Args[2:]))
		os.Exit(1)
	}
	if len(os.Args) > 3 && os.Args[1] == "writes" {
		if err := writes(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// writes does what is to be recorded.
func writes(dir, what string) error {
	f, err := os.Create(filepath.Join(dir, "a"))
	if err != nil {
		return err
	}
	defer f.Close()
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if what == "vector" {
		_, err := unix.Writev(int(f.Fd()), [][]byte{[]byte("x"), []byte("y")})
		return err
	}
	_, e1 := f.WriteString("one")
	_, e2 := f.WriteString("two")
	_, e3 := f.WriteAt([]byte("2"), 1)
	e4, e5 := f.Truncate(4), f.Sync()
	e6, e7 := os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b")), d.Sync()
	e8 := os.WriteFile(filepath.Join(dir, "other"), []byte("not followed"), 0o600)
	e9 := os.WriteFile(filepath.Join(dir, "c"), nil, 0o600)
	return errors.Join(e1, e2, e3, e4, e5, e6, e7, e8, e9, os.Chdir(dir), os.Remove("c"))
}

// recorded runs writes and gives the record.
func recorded(t *testing.T, what string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	r, err := New(dir, func(name string) bool { return len(name) == 1 })
	if err != nil {
		t.Fatal(err)
	}
	theirs, run, err := r.Attach()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "recorded", self, "writes", dir, what)
	cmd.Stderr, cmd.ExtraFiles = os.Stderr, []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if err := run(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	ops, err := r.Ops()
	if n := r.Len(); n != len(ops) {
		t.Errorf("the record has %d entries, and says %d", len(ops), n)
	}
	var text []string
	for _, op := range ops {
		text = append(text, fmt.Sprint(op.Kind, " ", op.Path, op.To, " ", op.At, " ", string(op.Data)))
	}
	return strings.Join(slices.Compact(text), "\n"), err // an interrupted call comes again
}

func TestEveryWayToChangeAFileIsInTheRecord(t *testing.T) {
	got, err := recorded(t, "all")
	want := strings.Join([]string{"3 a 0 ", "0 a 0 one", "0 a 3 two", "0 a 1 2", "1 a 4 ", "2 a 0 ", "5 ab 0 ", "2 . 0 ", "3 c 0 ", "4 c 0 "}, "\n")
	if err != nil || got != want {
		t.Errorf("recorded, %v:\n%s\nwant:\n%s", err, got, want)
	}
}

func TestAnUnknownWayEndsTheRecord(t *testing.T) {
	if got, err := recorded(t, "vector"); err == nil || !strings.Contains(err.Error(), "does not know") {
		t.Errorf("%v, recorded:\n%s", err, got)
	}
}

func TestAProgramThatIsNoneIsAnError(t *testing.T) {
	r, err := New(t.TempDir(), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	theirs, run, err := r.Attach()
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if err := run(); err == nil {
		t.Error("a listener came from nobody")
	}
}
