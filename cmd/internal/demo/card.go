package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/journal"
)

// drainWithin is how long a card that is to be put back waits for receipts.
const drainWithin = 10 * time.Second

// cloneCard copies the kiosk's data, as one copies the card of a board; once
// more, and the old copy is put back into the board.
func (s *Shop) cloneCard(ctx context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.copied.Load() {
		return s.putBack(ctx)
	}
	s.child(KioskChild).stop(syscall.SIGKILL)
	err := os.RemoveAll(s.card())
	if err == nil {
		err = os.CopyFS(s.card(), os.DirFS(s.data()))
	}
	if err != nil {
		err = fmt.Errorf("copy the card: %w", err)
	}
	s.copied.Store(err == nil)
	return errors.Join(err, s.StartKiosk(ctx))
}

// putBack exchanges the kiosk's data for the old copy. What only this board has
// would be lost with its card, here as in a shop: the card is exchanged when
// the back office has receipted all of it and nothing was recorded since.
func (s *Shop) putBack(ctx context.Context) error {
	if s.broker == nil {
		return errors.New("put the copy back: the broker is cut, and what the back office does not have would be lost with the card; mend it first")
	}
	for range 5 {
		head, err := s.receipted(ctx)
		if err != nil {
			return fmt.Errorf("put the copy back: %w", err)
		}
		s.child(KioskChild).stop(syscall.SIGKILL)
		now, err := s.recorded()
		if err == nil && now == head {
			return errors.Join(s.exchange(), s.StartKiosk(ctx))
		}
		if err := errors.Join(err, s.StartKiosk(ctx)); err != nil { // somebody was faster: let it arrive first
			return fmt.Errorf("put the copy back: %w", err)
		}
	}
	return errors.New("put the copy back: the shop is too busy to exchange a card; try again")
}

func (s *Shop) exchange() error {
	err := os.RemoveAll(s.data())
	if err == nil {
		err = os.Rename(s.card(), s.data())
	}
	if err != nil {
		return fmt.Errorf("put the copy back: %w", err)
	}
	s.copied.Store(false)
	return nil
}

// receipted waits until the back office has everything and gives the last
// sequence.
func (s *Shop) receipted(ctx context.Context) (head uint64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, drainWithin, errors.New("the back office has not receipted everything; it would be lost with the card"))
	defer cancel()
	return head, s.await(ctx, s.child(KioskChild), func(ctx context.Context) bool {
		h, err := s.Health(ctx)
		head = h.Head
		return err == nil && h.drained()
	})
}

// recorded is the last sequence on the card. The kiosk is not running.
func (s *Shop) recorded() (head uint64, err error) {
	j, err := journal.Open(filepath.Join(s.data(), "journal.db"), journal.Options{Source: kiosk.KioskSource(Store, Board), Ballast: -1})
	if err != nil {
		return 0, err
	}
	return j.Head(), j.Close()
}

func (s *Shop) data() string { return filepath.Join(s.Dir, "kiosk") }

func (s *Shop) card() string { return filepath.Join(s.Dir, "card") }

// Copied says whether there is a copy of the card that can be put back.
func (s *Shop) Copied() bool { return s.copied.Load() }
