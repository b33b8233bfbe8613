package rebuild

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"baylight/cmd/internal/crashstates/record"
	"baylight/cmd/internal/crashstates/replay"
)

// told is a number of batches that the office said are committed, when the record
// had at entries.
type told struct{ at, batches int }

// recording is what an office did to its files, and what it said of them.
type recording struct {
	batches [][][]byte
	want    []string // the answers after each number of batches
	ops     []record.Op
	told    []told
}

// lives is how often the office is started; the second life ends by SIGKILL.
const lives = 3

// newRecording lets an office live.
func newRecording(t *testing.T) *recording {
	t.Helper()
	r := &recording{batches: batches(t)}
	r.want = undisturbed(t, r.batches)
	dir, events := t.TempDir(), filepath.Join(t.TempDir(), "events")
	var b bytes.Buffer
	if err := errors.Join(gob.NewEncoder(&b).Encode(r.batches), os.WriteFile(events, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	rec, err := record.New(dir, followed)
	if err != nil {
		t.Fatal(err)
	}
	for life := range lives {
		from, to := life*len(r.batches)/lives, (life+1)*len(r.batches)/lives
		if err := r.live(rec, []string{dir, events, strconv.Itoa(from), strconv.Itoa(to)}, life == 1); err != nil {
			t.Fatal(err)
		}
		if err := r.same(rec, dir); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// followed are the ledger's files without what a start makes anew.
func followed(name string) bool {
	return strings.HasPrefix(name, file) && !strings.HasSuffix(name, "-shm")
}

// live is one life of an office, recorded.
func (r *recording) live(rec *record.Recorder, args []string, kill bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	theirs, run, err := rec.Attach()
	if err != nil {
		return err
	}
	var says bytes.Buffer
	cmd := exec.Command(self, append([]string{recorded, self, office}, args...)...)
	cmd.Stderr, cmd.ExtraFiles = &says, []*os.File{theirs}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	theirs.Close()
	noted := make(chan error, 1)
	go func() { noted <- run() }()
	for lines, last := bufio.NewScanner(out), args[3]; lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return fmt.Errorf("the office says %q", lines.Text())
		}
		r.told = append(r.told, told{rec.Len(), n})
		if _, err := in.Write([]byte("\n")); err != nil {
			return err
		}
		if lines.Text() == last {
			break
		}
	}
	if kill {
		rec.Kill(func() { err = errors.Join(cmd.Process.Kill(), dead(cmd.Wait())) })
	} else {
		in.Close()
		err = cmd.Wait()
	}
	if err = errors.Join(err, <-noted); err != nil {
		return fmt.Errorf("the office ended: %w %s", err, &says)
	}
	return nil
}

// dead is nil if a process ended as one does that is killed.
func dead(err error) error {
	if end := (*exec.ExitError)(nil); errors.As(err, &end) && !end.Exited() {
		return nil
	}
	return fmt.Errorf("it was killed, and ended otherwise: %w", err)
}

// same holds that the record gives the files as they are, and takes it over.
func (r *recording) same(rec *record.Recorder, dir string) (err error) {
	if r.ops, err = rec.Ops(); err != nil {
		return err
	}
	m := replay.New()
	for _, op := range r.ops {
		m.Do(op)
	}
	seen := m.Seen()
	for _, name := range []string{file, file + "-wal", file + "-journal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if !bytes.Equal(b, seen[name]) {
			return fmt.Errorf("the record has missed something: %s holds %d bytes, by the record %d others", name, len(b), len(seen[name]))
		}
	}
	return nil
}
