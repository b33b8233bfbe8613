package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"baylight/kiosk"
)

func TestFaultPairs(t *testing.T) {
	boom := errors.New("boom")
	fail := func() error { return boom }
	for _, c := range []struct {
		name     string
		faults   faults
		persists int
	}{
		{"fails and did not persist", faults{beforeCommit: fail}, 0},
		{"fails but did persist", faults{afterCommit: fail}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := fresh(t)
			want := appendN(t, j, 3)
			ch, stop := j.Watch()
			defer stop()
			batch := events(j.Epoch(), 3, 4)
			j.faults = c.faults
			if err := j.Append(batch); !errors.Is(err, boom) {
				t.Fatalf("Append = %v", err)
			}
			j.faults = faults{}
			want = append(want, batch[:c.persists]...)
			if j.Head() != uint64(len(want)) {
				t.Errorf("head is %d, want %d", j.Head(), len(want))
			}
			same(t, replayed(t, j, 0), want)
			select {
			case <-ch:
				if c.persists == 0 {
					t.Error("listeners are told of events that are not there")
				}
			default:
				if c.persists > 0 {
					t.Error("listeners are not told of events that are there")
				}
			}
			want = append(want, appendN(t, j, 2)...)
			same(t, replayed(t, openAgain(t, j), 0), want)
		})
	}
}

func openAgain(t testing.TB, j *Journal) *Journal {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return openAt(t, j.path)
}

func TestCursorFaultPairs(t *testing.T) {
	boom := func() error { return errors.New("boom") }
	j := fresh(t)
	appendN(t, j, 5)
	for _, c := range []struct {
		faults faults
		want   uint64
	}{{faults{beforeCommit: boom}, 0}, {faults{afterCommit: boom}, 4}} {
		j.faults = c.faults
		if j.SetCursor("outbox", 4) == nil || j.SetReceipt(Receipt{"A", 1, 4}) == nil {
			t.Fatal("the fault is silent")
		}
		j.faults = faults{}
		v, err := j.Cursor("outbox")
		r, _, rerr := j.Receipt()
		if v != c.want || r.Through != c.want || err != nil || rerr != nil {
			t.Errorf("cursor %d, receipt %+v, want %d (%v, %v)", v, r, c.want, err, rerr)
		}
	}
}

func TestDiskFull(t *testing.T) {
	j := fresh(t)
	want := appendN(t, j, 50)
	if _, err := j.writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // SQLite: no less than the file has
		t.Fatal(err)
	}
	err := j.Append(events(j.Epoch(), 50, 200))
	if !errors.Is(err, ErrFull) {
		t.Fatalf("Append on a full disk = %v", err)
	}
	if j.Head() != 50 {
		t.Errorf("head is %d", j.Head())
	}
	same(t, replayed(t, j, 0), want)
	want = append(want, appendN(t, j, 200)...) // there is room again
	same(t, replayed(t, openAgain(t, j), 0), want)
}

func TestModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		f, err := os.MkdirTemp(dir, "")
		if err != nil {
			rt.Fatal(err)
		}
		m := &model{dir: f, cursors: map[string]uint64{}}
		m.open(rt)
		defer func() { m.j.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"append": m.append, "misfit": m.misfit, "read": m.read, "cursor": m.cursor, "receipt": m.receipt, "replay": m.replay, "reopen": m.reopen, "": m.invariant,
		})
	})
}

// model is what a journal must hold.
type model struct {
	dir     string
	j       *Journal
	epoch   string
	events  []kiosk.Event
	hashes  []kiosk.Hash
	cursors map[string]uint64
	ledger  Receipt
}

func (m *model) open(t *rapid.T) {
	var err error
	if m.j, err = Open(filepath.Join(m.dir, "j.db"), Options{Source: source}); err != nil {
		t.Fatal(err)
	}
	if m.epoch == "" {
		m.epoch = m.j.Epoch()
	}
}

func (m *model) append(t *rapid.T) {
	es := events(m.epoch, uint64(len(m.events)), rapid.OneOf(rapid.IntRange(1, 8), rapid.IntRange(1, 40), rapid.IntRange(1, 300)).Draw(t, "n"))
	fault := errors.New("fault")
	kind := rapid.SampledFrom([]string{"", "", "before", "after"}).Draw(t, "fault")
	switch kind {
	case "before":
		m.j.faults.beforeCommit = func() error { return fault }
	case "after":
		m.j.faults.afterCommit = func() error { return fault }
	}
	err := m.j.AppendSeq(grouped(es, rapid.SliceOfN(rapid.IntRange(1, 100), 1, 4).Draw(t, "groups")...))
	m.j.faults = faults{}
	if (kind == "") != (err == nil) {
		t.Fatalf("append with fault %q: %v", kind, err)
	}
	if kind == "before" {
		return
	}
	for _, e := range es {
		b, err := kiosk.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		m.events, m.hashes = append(m.events, e), append(m.hashes, kiosk.HashOf(b))
	}
}

func (m *model) misfit(t *rapid.T) {
	after := rapid.Uint64Range(0, uint64(len(m.events))+5).Filter(func(n uint64) bool { return n != uint64(len(m.events)) }).Draw(t, "after")
	var se *SequenceError
	if err := m.j.Append(events(m.epoch, after, 2)); !errors.As(err, &se) {
		t.Fatalf("append after %d of %d: %v", after, len(m.events), err)
	}
}

func (m *model) read(t *rapid.T) {
	after := rapid.Uint64Range(0, uint64(len(m.events))+2).Draw(t, "after")
	limit := rapid.IntRange(0, 60).Draw(t, "limit")
	rows, err := m.j.Read(after, limit)
	if want := max(0, min(limit, len(m.events)-int(after))); err != nil || len(rows) != want {
		t.Fatalf("Read(%d, %d) = %d rows, %v, want %d", after, limit, len(rows), err, want)
	}
	for i, r := range rows {
		n := int(after) + i
		if r.Seq != uint64(n+1) || r.Hash != m.hashes[n] || !bytes.Equal(r.Person, m.events[n].Person) {
			t.Fatalf("row %d is %+v", n, r)
		}
	}
}

func (m *model) cursor(t *rapid.T) {
	name := rapid.SampledFrom([]string{"outbox", "paper"}).Draw(t, "name")
	v := rapid.Uint64Range(0, uint64(len(m.events))+1).Draw(t, "value")
	err := m.j.SetCursor(name, v)
	if (err == nil) != (v <= uint64(len(m.events))) {
		t.Fatalf("SetCursor(%s, %d) with head %d: %v", name, v, len(m.events), err)
	}
	if err == nil {
		m.cursors[name] = v
	}
}

func (m *model) receipt(t *rapid.T) {
	n := len(m.events)
	r := Receipt{Ledger: fmt.Sprint("ledger", n/50), Term: uint64(n), Through: rapid.Uint64Range(0, uint64(n)).Draw(t, "through")}
	if err := m.j.SetReceipt(r); err != nil {
		t.Fatal(err)
	}
	m.ledger = r
}

func (m *model) reopen(t *rapid.T) {
	if err := m.j.Close(); err != nil {
		t.Fatal(err)
	}
	m.open(t)
	m.replay(t)
}

func (m *model) replay(t *rapid.T) {
	n := 0
	if err := m.j.Replay(0, func(e kiosk.Event) error {
		if b, err := kiosk.Encode(e); err != nil || kiosk.HashOf(b) != m.hashes[n] || !bytes.Equal(e.Person, m.events[n].Person) {
			return fmt.Errorf("event %d is %s, %v", n+1, b, err)
		}
		n++
		return nil
	}); err != nil || n != len(m.events) {
		t.Fatalf("replay of %d events, want %d: %v", n, len(m.events), err)
	}
}

func (m *model) invariant(t *rapid.T) {
	if m.j.Epoch() != m.epoch || m.j.Head() != uint64(len(m.events)) {
		t.Fatalf("epoch %s, head %d, want %s, %d", m.j.Epoch(), m.j.Head(), m.epoch, len(m.events))
	}
	for name, want := range m.cursors {
		if v, err := m.j.Cursor(name); v != want || err != nil {
			t.Fatalf("cursor %s = %d, %v, want %d", name, v, err, want)
		}
	}
	if r, _, err := m.j.Receipt(); r != m.ledger || err != nil {
		t.Fatalf("receipt %+v, %v, want %+v", r, err, m.ledger)
	}
}

// The tests below run this test binary again as a child that appends until it
// is killed.
const childEnv, childLimit = "JOURNAL_TEST_CHILD", "JOURNAL_TEST_LIMIT"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child appends in batches of one to twenty and prints each head it was
// promised. With a limit, files cannot grow beyond it until the first error.
func child(path string) error {
	j, err := Open(path, Options{Source: source})
	if err != nil {
		return err
	}
	fmt.Println(j.Head())
	limit, _ := strconv.ParseUint(os.Getenv(childLimit), 10, 64)
	if limit > 0 {
		signal.Ignore(syscall.SIGXFSZ)
		if err := setLimit(limit); err != nil {
			return err
		}
	}
	for {
		err := j.Append(events(j.Epoch(), j.Head(), 1+rand.IntN(20)))
		switch {
		case err == nil:
			fmt.Println(j.Head())
		case limit == 0:
			return err
		default:
			fmt.Printf("failed at %d: %v\n", j.Head(), err)
			if err := setLimit(1 << 40); err != nil {
				return err
			}
			limit = 0
		}
	}
}

func setLimit(n uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		return err
	}
	l.Cur = min(n, l.Max)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l)
}

type process struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func start(t *testing.T, path string, env ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childEnv+"="+path), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &process{cmd, bufio.NewScanner(out)}
}

// kill ends the child with SIGKILL and returns the last head it printed.
func (p *process) kill(t *testing.T, last uint64) uint64 {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for p.lines.Scan() {
		if n, err := strconv.ParseUint(p.lines.Text(), 10, 64); err == nil {
			last = n
		}
	}
	if err := p.cmd.Wait(); !strings.Contains(fmt.Sprint(err), "killed") {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return last
}

func (p *process) next(t *testing.T) string {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatalf("the child says nothing more: %v", p.lines.Err())
	}
	return p.lines.Text()
}

func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	var promised uint64
	for round := range 20 {
		p := start(t, path)
		for range 1 + rand.IntN(60) {
			n, err := strconv.ParseUint(p.next(t), 10, 64)
			if err != nil || n < promised {
				t.Fatalf("the child printed %d after %d: %v", n, promised, err)
			}
			promised = n
		}
		promised = p.kill(t, promised)
		j := openAt(t, path)
		if j.Head() < promised {
			t.Fatalf("round %d: %d was promised, %d is there", round, promised, j.Head())
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if promised < 20 {
		t.Errorf("only %d events were promised in all", promised)
	}
	j := openAt(t, path)
	same(t, replayed(t, j, 0), chained(t, j.Epoch(), j.Head()))
}

// chained are the events 1 to n as a journal chains them.
func chained(t *testing.T, epoch string, n uint64) []kiosk.Event {
	es := events(epoch, 0, int(n))
	var prev kiosk.Hash
	for i := range es {
		es[i].Prev = prev
		b, err := kiosk.Encode(es[i])
		if err != nil {
			t.Fatal(err)
		}
		prev = kiosk.HashOf(b)
	}
	return es
}

func TestSecondOpenerIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	p := start(t, path)
	p.next(t)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		_, err := Open(name, Options{Source: source})
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(p.cmd.Process.Pid)) {
			t.Errorf("second opener of %s: %v", filepath.Base(name), err)
		}
	}
	p.kill(t, 0)
	j := openAt(t, link)
	if _, err := Open(path, Options{Source: source}); !errors.Is(err, ErrInUse) {
		t.Errorf("second opener in the same process: %v", err)
	}
	appendN(t, j, 1)
}

func TestWritesFailAndRecover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	p := start(t, path, childLimit+"=300000") // reached in the write-ahead log, in the middle of a transaction
	var acknowledged uint64
	for {
		line := p.next(t)
		if n, err := strconv.ParseUint(line, 10, 64); err == nil {
			acknowledged = n
			continue
		}
		if !strings.HasPrefix(line, fmt.Sprintf("failed at %d:", acknowledged)) {
			t.Fatalf("after %d the child says %q", acknowledged, line)
		}
		break
	}
	if n, err := strconv.ParseUint(p.next(t), 10, 64); err != nil || n <= acknowledged {
		t.Errorf("after the failure the child went on with %d from %d: %v", n, acknowledged, err)
	}
	last := p.kill(t, acknowledged)
	j := openAt(t, path)
	if j.Head() < last {
		t.Errorf("%d was promised, %d is there", last, j.Head())
	}
	same(t, replayed(t, j, 0), chained(t, j.Epoch(), j.Head()))
}
