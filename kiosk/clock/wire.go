package clock

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"baylight/kiosk"

	"golang.org/x/sys/unix"
)

// Conn is one end of the socket between a Lead and a Follow: an *os.File of
// [Pair], or any net.Conn.
type Conn interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
}

// maxRate is the fastest a shop may run: an hour in a second.
const maxRate = 3600

// maxUp bounds the time since boot, in milliseconds.
const maxUp = (1<<63 - 1) / 2 / time.Millisecond

// maxLine bounds a line of either end, in bytes.
const maxLine = 1024

// setting is the parent's line.
type setting struct {
	N     uint64        `json:"n"` // counts the settings of this connection's parent
	Wall  time.Time     `json:"wall"`
	Boot  string        `json:"boot"`
	UpMS  int64         `json:"up_ms"`
	Clock kiosk.Quality `json:"clock"`
	Rate  int           `json:"rate"`
	Sent  time.Time     `json:"sent,omitzero"` // real time of the moment; zero: now
}

// answer is the child's line.
type answer struct {
	Ack uint64        `json:"ack"`
	Up  time.Duration `json:"up_ms"` // time since boot as it is there now, in milliseconds
}

func (s setting) moment() kiosk.Moment {
	return kiosk.Moment{Wall: s.Wall, Boot: s.Boot, Up: time.Duration(s.UpMS) * time.Millisecond, Clock: s.Clock}
}

// late is how far the shop has gone on since the moment: a child that only just
// started, or a loaded machine, reads the line some time after it was written.
func (s setting) late() time.Duration {
	if s.Sent.IsZero() {
		return 0
	}
	return time.Duration(s.Rate) * min(max(time.Since(s.Sent), 0), answerWithin)
}

// check names what is wrong with a setting.
func (s setting) check() error {
	switch {
	case s.Wall.IsZero() || s.Wall.Year() < 1 || s.Wall.Year() > 9999:
		return errors.New("no wall clock between the years 1 and 9999")
	case s.Boot == "" || len(s.Boot) > 64:
		return fmt.Errorf("boot id of %d characters, it has 1 to 64", len(s.Boot))
	case s.UpMS < 0 || s.UpMS > int64(maxUp):
		return fmt.Errorf("time since boot of %d ms", s.UpMS)
	case s.Clock != kiosk.Synced && s.Clock != kiosk.Holdover && s.Clock != kiosk.Unset:
		return fmt.Errorf("clock %q is not synced, holdover or unset", s.Clock)
	case s.Rate < 0 || s.Rate > maxRate:
		return fmt.Errorf("rate %d is not 0 to %d", s.Rate, maxRate)
	}
	return nil
}

// readLine reads one JSON line of at most maxLine bytes into v.
func readLine(r *bufio.Reader, v any) error {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("line longer than %d bytes", maxLine)
	}
	if err != nil {
		if errors.Is(err, io.EOF) && len(line) > 0 {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("line is not what the protocol says: %w", err)
	}
	return nil
}

// writeLine writes v as one JSON line.
func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// Pair is a connected pair of sockets: the parent keeps one and passes the other
// to its child through exec.Cmd.ExtraFiles, and closes that after the start.
func Pair() (parent, child *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make clock sockets: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "clock"), os.NewFile(uintptr(fds[1]), "clock of a child"), nil
}

// Inherit is the child's end of a [Pair], by its descriptor: 3 for the first of
// exec.Cmd.ExtraFiles.
func Inherit(fd int) (*os.File, error) {
	if _, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil {
		return nil, fmt.Errorf("inherit clock socket: descriptor %d: %w", fd, err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("inherit clock socket: descriptor %d: %w", fd, err)
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "clock of the parent"), nil
}
