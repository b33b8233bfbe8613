package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// Bounds of an import.
const (
	maxBatch      = 1000 // lines in one transaction
	maxBatchBytes = 4 << 20
	maxFaults     = 100 // bad lines that are named
	maxProblems   = 100
	spoolEvery    = 16 << 20 // bytes after which the room on the disk is looked at
)

// Fault is one bad line.
type Fault struct {
	Line   int    `json:"line"`
	Detail string `json:"detail"`
}

// Faults are the bad lines of a file: the first of them, and how many there are.
type Faults struct {
	First []Fault
	Total int
}

func (f *Faults) Error() string {
	return fmt.Sprintf("%d lines are bad, the first is line %d: %s", f.Total, f.First[0].Line, f.First[0].Detail)
}

func (f *Faults) add(line int, detail string) {
	if f.Total++; len(f.First) < maxFaults {
		f.First = append(f.First, Fault{line, detail})
	}
}

// Progress is what became of an import so far.
type Progress struct {
	Lines      int `json:"lines"`      // committed
	Added      int `json:"added"`      // events that were new
	Duplicates int `json:"duplicates"` // events that were there already
	Conflicts  int `json:"conflicts"`  // kept as evidence: another event stands in their place
	Persons    int `json:"persons"`    // person parts

	Problems []string `json:"problems,omitempty"` // what a person must look at, the first hundred
	Done     bool     `json:"done"`
	Error    string   `json:"error,omitempty"` // why it ended before its end
}

// errFull is an import that would leave the ledger no room.
var errFull = errors.New("the disk has no room for it")

// spool copies a file into the folder and checks each line on the way. The file
// it returns has no name any more: closing it deletes it.
func (h *handler) spool(ctx context.Context, store string, r io.Reader) (_ *os.File, err error) {
	f, err := os.CreateTemp(h.Dir, "import-*.part")
	if err != nil {
		return nil, fmt.Errorf("spool import: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close() // it is to be forgotten, and err says more
		}
	}()
	if err := os.Remove(f.Name()); err != nil {
		return nil, fmt.Errorf("spool import: %w", err)
	}
	faults := &Faults{}
	out := bufio.NewWriterSize(f, 1<<16)
	written, looked := 0, -spoolEvery
	err = lines(r, func(n int, line []byte) error {
		if written-looked >= spoolEvery {
			if looked = written; h.Room != nil && h.Room() < spoolEvery {
				return errFull
			}
		}
		if line == nil {
			faults.add(n, fmt.Sprintf("is longer than %d bytes", MaxLine))
			return nil
		}
		if err := h.admit(ctx, store, line); err != nil {
			faults.add(n, err.Error())
			return nil
		}
		written += len(line) + 1
		if _, err := out.Write(line); err != nil {
			return err
		}
		return out.WriteByte('\n')
	})
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("spool import: %w", err)
	}
	if faults.Total > 0 {
		return nil, faults
	}
	return f, nil
}

// admit says why a line cannot be imported. An event of this very ledger that it
// does not have was recorded by nobody: the office records its own. One that is
// damaged here may come again: the ledger holds it against its hash.
func (h *handler) admit(ctx context.Context, store string, line []byte) error {
	it, err := ParseLine(store, line)
	if err != nil || it.Entry == nil || it.Entry.Event.Source != kiosk.OfficeSource(store) || it.Entry.Event.Epoch != h.Office.Ledger().ID() {
		return err
	}
	row, found, err := h.Office.Ledger().Event(ctx, store, it.Entry.Event.ID())
	if err == nil && (!found || !row.Damaged && kiosk.HashOf(row.Bytes) != kiosk.HashOf(it.Entry.Bytes)) {
		err = fmt.Errorf("event %s names this office's own ledger, which did not record it", it.Entry.Event.ID())
	}
	return err
}

// commit takes a checked file in, batch by batch; tell hears of each.
func (h *handler) commit(ctx context.Context, store string, f io.Reader, tell func(Progress)) (Progress, error) {
	var p Progress
	var b backoffice.Batch
	size, held := 0, 0
	flush := func() error {
		if held == 0 {
			return nil
		}
		out, err := h.Office.TakeIn(ctx, store, b)
		if err != nil {
			return err
		}
		p.Lines += held
		p.Added += out.Added
		p.Duplicates += out.Duplicates
		p.Conflicts += out.Conflicts
		p.Persons += len(b.Persons)
		for _, text := range out.Problems {
			if len(p.Problems) < maxProblems {
				p.Problems = append(p.Problems, text)
			}
		}
		b, size, held = backoffice.Batch{}, 0, 0
		tell(p)
		return nil
	}
	err := lines(f, func(_ int, line []byte) error {
		it, err := ParseLine(store, line)
		if err != nil {
			return err
		}
		if it.Entry != nil {
			b.Entries = append(b.Entries, *it.Entry)
		} else {
			b.Persons = append(b.Persons, *it.Person)
		}
		held++
		if size += len(line); held == maxBatch || size >= maxBatchBytes {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	p.Done = err == nil
	return p, err
}
