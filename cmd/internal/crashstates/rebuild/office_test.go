package rebuild

import (
	"bufio"
	"context"
	"encoding/gob"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"baylight/cmd/internal/crashstates/record"
	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// Words by which this program becomes what is recorded, and then the office.
const (
	recorded = "recorded"
	office   = "office"
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 2 && os.Args[1] == recorded:
		fmt.Fprintln(os.Stderr, record.Main(os.Args[2:]))
		os.Exit(1)
	case len(os.Args) == 6 && os.Args[1] == office:
		if err := work(os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const store = "sh-pudong"

var (
	cal = kiosk.ShanghaiWeek(ledgertest.FillFrom.Location())
	now = ledgertest.FillFrom.AddDate(0, 0, days+1)
)

// file is the ledger's name.
const file = "ledger.db"

// Of what a large ledger has, a small one's share.
const (
	step    = 40  // visits
	waiting = 250 // facts whose keys wait
	log     = 100 // pages of the log
)

// folder keeps figures of a ledger.
func folder(l backoffice.Ledger) (*figures.Folder, error) {
	return figures.New(figures.Config{Ledger: l, Step: step, Now: func() time.Time { return now },
		Stores: []backoffice.Store{{Name: store, Calendar: cal, Bays: []string{"b1", "b2"}}}})
}

// batch is what is committed at once.
func batch(events [][]byte) (b backoffice.Batch, err error) {
	b.At = now
	for _, bytes := range events {
		e, err := kiosk.Decode(bytes)
		if err != nil {
			return b, err
		}
		b.Entries = append(b.Entries, backoffice.Entry{Store: store, Event: e, Bytes: bytes})
	}
	return b, nil
}

// kept tells of steps that were kept, if somebody listens.
type kept struct {
	*ledger.Ledger
	steps chan struct{}
}

func (k kept) Keep(ctx context.Context, store string, step backoffice.Kept) error {
	err := k.Ledger.Keep(ctx, store, step)
	select {
	case k.steps <- struct{}{}:
	default:
	}
	return err
}

// between is how many steps are kept between one batch and the next.
const between = 4

// work is one life of the office: it commits some batches, each told on stdout and
// answered on stdin, and folds meanwhile, until stdin ends.
func work(dir, events, from, to string) error {
	f, err := os.Open(events)
	if err != nil {
		return err
	}
	defer f.Close()
	var batches [][][]byte
	if err := gob.NewDecoder(f).Decode(&batches); err != nil {
		return err
	}
	first, err := strconv.Atoi(from)
	if err != nil {
		return err
	}
	last, err := strconv.Atoi(to)
	if err != nil {
		return err
	}
	l, err := ledger.OpenWith(filepath.Join(dir, file), ledger.Options{Waiting: waiting, Log: log})
	if err != nil {
		return err
	}
	k := kept{l, make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	folding, err := foldOn(ctx, k)
	if err != nil {
		return err
	}
	in := bufio.NewReader(os.Stdin)
	for n := first; n < last; n++ {
		for range between {
			select {
			case <-k.steps:
			case err := <-folding:
				return err
			}
		}
		b, err := batch(batches[n])
		if err != nil {
			return err
		}
		if _, err := l.Commit(ctx, b); err != nil {
			return err
		}
		fmt.Println(n + 1)
		if _, err := in.ReadByte(); err != nil {
			return err
		}
	}
	_, _ = in.ReadByte() // it ends
	cancel()
	if err := <-folding; err != nil {
		return err
	}
	return l.Close()
}

// foldOn folds a store from the beginning, again and again.
func foldOn(ctx context.Context, l backoffice.Ledger) (ended <-chan error, err error) {
	f, err := folder(l)
	if err != nil {
		return nil, err
	}
	end := make(chan error, 1)
	go func() {
		for {
			if err := f.Rebuild(ctx, store); err != nil {
				if ctx.Err() != nil {
					err = nil
				}
				end <- err
				return
			}
		}
	}()
	return end, nil
}
