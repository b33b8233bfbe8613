package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/mattn/go-sqlite3"

	"baylight/kiosk"
)

// Options say whose journal it is.
type Options struct {
	Source   string        // the board's source, [kiosk.KioskSource]; a journal of another board is refused
	NewEpoch func() string // name of a new epoch; nil: a random uuid
	Log      *slog.Logger  // nil: discard

	// Salvage makes Open deal with a damaged journal by itself; see Salvaged.
	Salvage bool
	Now     func() time.Time // names what is set aside; nil: the system's clock

	// Ballast is the size of the file that is kept beside the journal and freed
	// when the disk is full; 0: 8 MiB, negative: none.
	Ballast int64

	moves  moves
	sqlite library
}

// Journal is an open journal.
type Journal struct {
	path    string
	source  string
	log     *slog.Logger
	lock    *os.File
	readers *sql.DB

	newEpoch func() string
	now      func() time.Time
	moves    moves
	sqlite   library
	report   *Report     // of the salvage that Open did, nil: none
	ballast  int64       // bytes; 0 or less: none
	low      atomic.Bool // the ballast is not there

	write   sync.Mutex // held while writing; covers what follows up to faults
	writer  writer
	stale   bool // the last write failed: reopen and read the head again first
	logged  int  // bytes in the write-ahead log, about
	moving  bool // a checkpoint is due
	scratch scratch
	faults  faults

	background sync.WaitGroup // checkpoint

	mu       sync.Mutex // covers what follows; never held during input or output
	layout   *layout
	head     head // of the current epoch of layout
	watchers map[chan struct{}]bool
	opened   bool  // Open has ended: damage that is found now is marked for the next one
	damage   error // the first that was found since
	closed   bool
}

// head is the last event of the current epoch; zero while there is none.
type head struct {
	seq  uint64
	hash kiosk.Hash
}

// faults are failures that tests put in: called within a transaction just
// before and just after COMMIT, nil if there are none.
type faults struct {
	beforeCommit, afterCommit func() error
}

// moves are failures that tests put between the moves of a salvage, nil if
// there are none.
type moves func() error

func (f moves) do() error { return call(f) }

// library tells which SQLite is linked; tests name another one.
type library func() (text string, number int, id string)

// Open opens the journal at path, or creates it with a new epoch if nothing is
// there. Whatever is there and is not a sound journal of this board is an error
// and stays as it is: ErrDamaged, ErrForeign, ErrTooNew. With Salvage a damaged one
// is set aside, and what is sound of it goes on in a new epoch. ErrInUse means that a
// process has it open. The settings that make a commit durable are read back;
// a database that does not give them is an error.
func Open(path string, o Options) (*Journal, error) {
	j, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	j.log.Info("journal open", "path", j.path, "epoch", j.Epoch(), "head", j.head.seq)
	return j, nil
}

func open(path string, o Options) (_ *Journal, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if path, err = resolve(path); err != nil {
		return nil, err
	}
	j := newJournal(path, o)
	if j.lock, err = lock(path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			j.release()
		}
	}()
	ctx := context.Background()
	if err := j.settleMoves(); err != nil {
		return nil, fmt.Errorf("finish a salvage or restoring: %w", err)
	}
	err = j.openOrSalvage(ctx, o.Salvage)
	if errors.Is(err, ErrFull) && j.lighten() {
		err = j.openOrSalvage(ctx, o.Salvage)
	}
	if err != nil {
		return nil, err
	}
	j.load()
	j.opened = true
	return j, nil
}

// complete checks the options and fills in what was left out.
func (o *Options) complete() error {
	if !strings.HasPrefix(o.Source, "/stores/") || !isName(o.Source) {
		return fmt.Errorf("source %q is not that of a board", o.Source)
	}
	if o.NewEpoch == nil {
		o.NewEpoch = uuid.NewString
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ballast == 0 {
		o.Ballast = defaultBallast
	}
	if o.sqlite == nil {
		o.sqlite = sqlite3.Version
	}
	return nil
}

// openOrSalvage leaves nothing open on an error.
func (j *Journal) openOrSalvage(ctx context.Context, salvage bool) error {
	err := j.openFile(ctx)
	if salvage && errors.Is(err, ErrDamaged) {
		if err := j.closeFile(); err != nil {
			j.log.Warn("damaged journal closed with an error", "err", err)
		}
		if j.report, err = j.salvage(ctx, err); err != nil {
			return fmt.Errorf("salvage: %w", err)
		}
		err = j.openFile(ctx)
	}
	if err != nil {
		if err := j.closeFile(); err != nil {
			j.log.Warn("journal closed with an error", "err", err)
		}
	}
	return err
}

func newJournal(path string, o Options) *Journal {
	return &Journal{path: path, source: o.Source, log: o.Log, newEpoch: o.NewEpoch, now: o.Now, ballast: o.Ballast, moves: o.moves, sqlite: o.sqlite, watchers: make(map[chan struct{}]bool)}
}

// sibling is a journal like this one at another place that nobody else knows of.
func (j *Journal) sibling(path string) *Journal {
	return newJournal(path, Options{Source: j.source, Log: slog.New(slog.DiscardHandler), NewEpoch: j.newEpoch, Now: j.now, sqlite: j.sqlite})
}

// openFile opens the database, or creates it.
func (j *Journal) openFile(ctx context.Context) error {
	switch _, err := os.Lstat(j.path); {
	case errors.Is(err, fs.ErrNotExist):
		epoch := j.newEpoch()
		if epoch == "" || !isName(epoch) {
			return fmt.Errorf("create: epoch %q is empty, too long or not text", epoch)
		}
		if st, err := os.Stat(j.path + "-wal"); err == nil && st.Size() > 0 {
			return fmt.Errorf("create: %w: %s-wal is there and holds events, but the database itself is missing", ErrDamaged, j.path)
		}
		if err := j.create(ctx, epoch); err != nil {
			return fmt.Errorf("create: %w", err)
		}
	case err != nil:
		return err
	}
	for _, step := range []func(context.Context) error{j.inspect, j.openReaders, j.suspicion, j.openWriter} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	j.settle(ctx)
	return nil
}

// resolve follows links, so that two names of one file share one lock.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(dir, filepath.Base(path)), err
}

// release gives back everything that open took.
func (j *Journal) release() error {
	err := j.closeFile()
	if j.lock != nil {
		err = errors.Join(err, j.lock.Close())
	}
	return err
}

// closeFile closes the database. The readers go first: the last connection to
// leave moves the write-ahead log into the database. Their handle stays, closed:
// a read that is under way finds out by its error.
func (j *Journal) closeFile() error {
	var errs []error
	if j.readers != nil {
		errs = append(errs, j.readers.Close())
	}
	errs = append(errs, j.writer.close())
	j.writer = writer{}
	return errors.Join(errs...)
}

// Close closes the journal. A second call does nothing.
func (j *Journal) Close() error {
	defer j.background.Wait()
	j.write.Lock()
	defer j.write.Unlock()
	j.mu.Lock()
	was := j.closed
	j.closed = true
	j.mu.Unlock()
	if was {
		return nil
	}
	if err := j.release(); err != nil {
		return fmt.Errorf("close journal: %w", classify(err))
	}
	return nil
}

func (j *Journal) isClosed() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.closed
}

// Source is the board's source.
func (j *Journal) Source() string { return j.source }

// Epoch is the epoch that is appended to.
func (j *Journal) Epoch() string { return j.shape().current().name }

// Knows says whether the journal has, or once had, an epoch, or took note of it
// as one of somebody else (Disown).
func (j *Journal) Knows(name string) bool {
	l := j.shape()
	_, ok := l.find(name)
	return ok || slices.Contains(l.empty, name)
}

// Owns says whether the journal has, or once had, an epoch.
func (j *Journal) Owns(name string) bool {
	return j.Knows(name) && !slices.Contains(j.shape().others, name)
}

// Head is the sequence of the last durable event, 0 if there is none.
func (j *Journal) Head() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head.seq
}

// HeadHash is the hash of the last durable event, zero if there is none.
func (j *Journal) HeadHash() kiosk.Hash {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head.hash
}

// Watch returns a channel that has a signal whenever events became durable
// since its last signal was taken; one signal may stand for many. Any number of
// listeners may watch, each with a channel of its own until it calls stop. The
// channel is never closed.
func (j *Journal) Watch() (signal <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.watchers[ch] = true
	return ch, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.watchers, ch)
	}
}
