// Package syncmark carries one bit out of a place where it can be asked into places
// where it cannot: whether the kernel's clock is held by somebody.
//
// Every program that disciplines the clock (chrony with rtcsync, ntpd, timesyncd)
// tells the kernel, and adjtimex(2) tells whoever asks. The same call sets the
// clock, so the daemons' sandbox refuses it altogether. A program of its own,
// which has neither network nor devices nor data, asks instead: [Keep] touches
// [File] while the kernel says yes, and takes it away when it says no. The daemons
// look at the file's time as they do at timesyncd's marker. A file that nobody
// touches any more counts for [Holds] only, so that a program that hangs vouches
// for nothing.
package syncmark

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// File is the marker; its folder is made and removed with the service.
	File = "/run/baylight-synced/synchronized"
	// Every is how often the kernel is asked.
	Every = 10 * time.Second
	// Holds is how long after it was touched the marker counts.
	Holds = time.Minute
)

// Disciplined reads the answer of adjtimex(2).
func Disciplined(state int, status int32) bool {
	const timeError = 5 // TIME_ERROR: the clock is not synchronised
	return state != timeError && status&unix.STA_UNSYNC == 0
}

// Keep asks the kernel now and at every tick, and has the marker say the same,
// until it is told to stop. It ends with an error if the kernel does not answer or
// the marker cannot be kept: then there is none.
func Keep(ctx context.Context, file string, adjtimex func(*unix.Timex) (int, error), tick <-chan time.Time) (err error) {
	defer func() { err = errors.Join(err, remove(file)) }()
	for {
		var tx unix.Timex // no mode: it reads
		state, err := adjtimex(&tx)
		if err != nil {
			return fmt.Errorf("ask the kernel whether its clock is synchronised: %w; the service must be allowed the call adjtimex (systemctl cat baylight-synced)", err)
		}
		if err := mark(file, Disciplined(state, tx.Status)); err != nil {
			return err
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return nil
		}
	}
}

// mark touches the marker or takes it away.
func mark(file string, synced bool) error {
	if !synced {
		return remove(file)
	}
	now := time.Now()
	err := os.Chtimes(file, now, now)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.WriteFile(file, nil, 0o600) // its time is all there is to it, and that anybody may see
	}
	if err != nil {
		return fmt.Errorf("touch the marker of a synchronised clock: %w; its folder is made by baylight-synced.service", err)
	}
	return nil
}

func remove(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take away the marker of a synchronised clock: %w; restart baylight-synced.service, which makes its folder anew", err)
	}
	return nil
}
