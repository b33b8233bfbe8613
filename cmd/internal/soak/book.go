package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"baylight/cmd/internal/rig"
	"baylight/kiosk"
	"baylight/kiosk/journal"
)

// book is what the judge has read of the ledger, by its API, as anybody could.
type book struct {
	mu     sync.Mutex
	after  uint64 // position
	epoch  string
	events map[uint64]event // of the board, by sequence
	scans  map[string]bool
	jobs   map[string]bool // started, by visit
}

// event is what the judge keeps of one.
type event struct{ hash, prev kiosk.Hash }

func newBook() *book {
	return &book{events: map[uint64]event{}, scans: map[string]bool{}, jobs: map[string]bool{}}
}

func (b *book) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.events)
}

// page is how many events are asked for at once.
const page = 1000

// read goes on reading where it stopped. What does not hold is errWrong; any
// other error says that nobody could be asked.
func (b *book) read(ctx context.Context, shop *rig.Shop) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		n, err := b.page(ctx, fmt.Sprintf("http://%s/api/v1/events?store=%s&after=%d&limit=%d", shop.Office, rig.Store, b.after, page))
		if err != nil || n == 0 {
			return err
		}
	}
}

func (b *book) page(ctx context.Context, url string) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("read %s: %s", url, res.Status)
	}
	lines := bufio.NewReader(res.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 || err != nil && err != io.EOF {
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
		if err := b.take(line); err != nil {
			return n, err
		}
		n++
	}
}

// take takes one row.
func (b *book) take(line []byte) error {
	var row struct {
		Position uint64
		Event    json.RawMessage
	}
	if err := json.Unmarshal(line, &row); err != nil {
		return fmt.Errorf("read a row of the ledger: %w", err) // cut off by a kill
	}
	e, err := kiosk.Decode(row.Event)
	if err != nil {
		return fmt.Errorf("%w: the ledger has %s: %w", errWrong, row.Event, err)
	}
	if row.Position <= b.after {
		return fmt.Errorf("%w: position %d comes after %d", errWrong, row.Position, b.after)
	}
	if e.Source == rig.Source() {
		if err := b.board(e, row.Event); err != nil {
			return err
		}
	}
	b.after = row.Position
	return nil
}

// board takes an event of the board.
func (b *book) board(e kiosk.Event, bytes []byte) error {
	if b.epoch != "" && e.Epoch != b.epoch {
		return fmt.Errorf("%w: epoch %s began, and nothing but kills has happened", errWrong, e.Epoch)
	}
	if _, there := b.events[e.Seq]; there {
		return fmt.Errorf("%w: counted twice: event %s stands in the ledger twice", errWrong, e.ID())
	}
	b.epoch = e.Epoch
	b.events[e.Seq] = event{kiosk.HashOf(bytes), e.Prev}
	if s := e.Data.Common().Scan; s != nil {
		b.scans[s.Text] = true
	}
	if e.Type() == "job.started" {
		visit := kiosk.VisitOf(e.Data)
		if b.jobs[visit] {
			return fmt.Errorf("%w: counted twice: two jobs started for visit %s, whose card was scanned once", errWrong, visit)
		}
		b.jobs[visit] = true
	}
	return nil
}

// lost says which acknowledged scans are not in the ledger, and whether its events
// are the board's whole chain: those that came late have filled their gaps.
func (b *book) lost(told []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var gone []string
	for _, code := range told {
		if !b.scans[code] {
			gone = append(gone, code)
		}
	}
	if len(gone) > 0 {
		return fmt.Errorf("%w: %d of %d acknowledged scans are lost: %.10v", errWrong, len(gone), len(told), gone)
	}
	var prev kiosk.Hash
	for seq := uint64(1); seq <= uint64(len(b.events)); seq++ {
		e, there := b.events[seq]
		if !there || e.prev != prev {
			return fmt.Errorf("%w: of %d events number %d is missing or does not follow the one before", errWrong, len(b.events), seq)
		}
		prev = e.hash
	}
	return nil
}

// compare holds the ledger against the journal of a board that has ended.
func (b *book) compare(path string) error {
	j, err := journal.Open(path, journal.Options{Source: rig.Source()})
	if err != nil {
		return err
	}
	defer j.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for after := uint64(0); ; {
		rows, err := j.Read(after, page)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			if e, there := b.events[row.Seq]; there && e.hash != row.Hash {
				return fmt.Errorf("%w: event %d has hash %s in the journal and %s in the ledger", errWrong, row.Seq, row.Hash, e.hash)
			} else if there {
				n++
			}
			after = row.Seq
		}
	}
	if n != len(b.events) || j.Epoch() != b.epoch {
		return fmt.Errorf("%w: of %d events in the ledger %d are in the journal", errWrong, len(b.events), n)
	}
	return nil
}
