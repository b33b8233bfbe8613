package pgledger_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

// desk is an office at work in a test.
type desk struct {
	ledger *pgledger.Ledger
	stop   func()
	moves  chan struct{} // capacity 1: something changed

	mu  sync.Mutex
	has map[string]uint64 // term by store
}

func work(t *testing.T, c pgledger.Config, name string, stores []string) *desk {
	t.Helper()
	d := &desk{ledger: open(t, c), moves: make(chan struct{}, 1), has: map[string]uint64{}}
	note := func(store string, term uint64) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.has[store] = term; term == 0 {
			delete(d.has, store)
		}
		select {
		case d.moves <- struct{}{}:
		default:
		}
	}
	o, err := d.ledger.Join(t.Context(), pgledger.OfficeConfig{Name: name, Stores: stores, Tend: func(ctx context.Context, store string, term uint64) {
		note(store, term)
		<-ctx.Done()
		note(store, 0)
	}})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := o.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	d.stop = func() { cancel(); done.Wait() }
	t.Cleanup(d.stop)
	return d
}

// settled waits until the desk has so many stores, and gives the sum of their terms.
func (d *desk) settled(t *testing.T, n int) (terms uint64) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		d.mu.Lock()
		have := len(d.has)
		terms = 0
		for _, term := range d.has {
			terms += term
		}
		d.mu.Unlock()
		if have == n {
			return terms
		}
		select {
		case <-d.moves:
		case <-limit:
			t.Fatalf("it has %d stores, want %d", have, n)
		}
	}
}

// TestDivides: a newcomer gets its share; who leaves, leaves all; nobody commits
// for a store of another.
func TestDivides(t *testing.T) {
	c := pgledger.Config{URL: pgtest.Start(t).URL()}
	stores := []string{"s1", "s2", "s3", "s4", "s5"}
	a := work(t, c, "a", stores)
	first := a.settled(t, 5)
	b := work(t, c, "b", stores)
	b.settled(t, 2)
	a.settled(t, 3)
	for _, s := range stores {
		board := ledgertest.NewBoard(t, s, "k1", "epoch-"+s)
		batch := backoffice.Batch{At: time.Now(), Entries: []backoffice.Entry{board.CheckIn("V1")}}
		_, errA := a.ledger.Commit(t.Context(), batch)
		_, errB := b.ledger.Commit(t.Context(), batch)
		if (errA == nil) == (errB == nil) || !errors.Is(errors.Join(errA, errB), backoffice.ErrNotHeld) {
			t.Errorf("store %s: one office says %v, the other %v", s, errA, errB)
		}
	}
	if n, err := a.ledger.Position(t.Context()); n != 5 || err != nil {
		t.Errorf("position %d (%v) after one event of each of 5 stores", n, err)
	}
	a.stop()
	if last := b.settled(t, 5); last <= first {
		t.Errorf("the terms of all stores are %d together, before %d: they have to rise", last, first)
	}
	who, err := b.ledger.Leases(t.Context())
	if err != nil || len(who) != 5 || who[0].Office != "b" || who[0].Store != "s1" {
		t.Errorf("leases: %+v (%v)", who, err)
	}
}

// TestStopped: a process that is stopped in the middle of its work loses its
// store, and when it goes on it cannot write: what it has under way is refused.
func TestStopped(t *testing.T) {
	if url := os.Getenv("BAYLIGHT_OFFICE"); url != "" {
		played(t, url)
		return
	}
	c := pgledger.Config{URL: pgtest.Start(t).URL()}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestStopped$", "-test.v")
	cmd.Env = append(os.Environ(), "BAYLIGHT_OFFICE="+c.URL)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	lines := bufio.NewScanner(out)
	await := func(what string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), what) {
				return
			}
		}
		t.Fatalf("it ended and never said %q", what)
	}
	for range 20 {
		await("took")
	}
	must(t, cmd.Process.Signal(syscall.SIGSTOP))
	mine := work(t, c, "mine", []string{store})
	if term := mine.settled(t, 1); term != 2 {
		t.Errorf("the store came under term %d, want 2", term)
	}
	b := ledgertest.NewBoard(t, store, "mine", "e-mine")
	kept, err := mine.ledger.Commit(t.Context(), backoffice.Batch{At: time.Now(), Entries: []backoffice.Entry{b.CheckIn("V1")}})
	must(t, err)
	must(t, cmd.Process.Signal(syscall.SIGCONT))
	for range 5 {
		await("refused")
	}
	if n, err := mine.ledger.Position(t.Context()); n != kept.Position || err != nil {
		t.Errorf("position %d (%v); when the store was taken it was %d", n, err, kept.Position)
	}
}

// played is the process that gets stopped: it commits as fast as it can.
func played(t *testing.T, url string) {
	l := open(t, pgledger.Config{URL: url})
	o, err := l.Join(t.Context(), pgledger.OfficeConfig{Name: "stopped", Stores: []string{store}, Tend: func(ctx context.Context, _ string, _ uint64) { <-ctx.Done() }})
	must(t, err)
	go func() { _ = o.Run(t.Context()) }() // the process is killed
	b := ledgertest.NewBoard(t, store, "played", "e-played")
	next := b.CheckIn("V1")
	for {
		_, err := l.Commit(t.Context(), backoffice.Batch{At: time.Now(), Entries: []backoffice.Entry{next}})
		switch {
		case err == nil:
			fmt.Println("took", next.Event.Seq)
			next = b.CheckIn("V1")
		case errors.Is(err, backoffice.ErrNotHeld):
			fmt.Println("refused")
		default:
			fmt.Println("failed", err)
		}
	}
}
