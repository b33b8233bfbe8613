package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Kind is what was done.
type Kind uint8

// The kinds.
const (
	Write    Kind = iota // Data at At of Path
	Truncate             // Path to At bytes
	Sync                 // Path, a file or the folder
	Create               // Path, empty
	Remove               // Path
	Rename               // Path to To
)

// Op is one thing done to a file.
type Op struct {
	Kind     Kind
	Path, To string // within the folder; "." is the folder itself
	At       int64
	Data     []byte
}

// Recorder keeps the record of one folder, of one program after the other.
type Recorder struct {
	folder string
	follow func(name string) bool

	gate sync.Mutex // held while one call is written down and let through

	mu  sync.Mutex
	ops []Op
	err error
}

// New records what happens to those files of a folder that follow accepts by
// their names.
func New(folder string, follow func(name string) bool) (*Recorder, error) {
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return &Recorder{folder: folder, follow: follow}, nil
}

// Len is how much was recorded.
func (r *Recorder) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ops)
}

// Ops is the record, and why it is not whole.
func (r *Recorder) Ops() ([]Op, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ops), r.err
}

func (r *Recorder) add(op Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
}

func (r *Recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = errors.Join(r.err, err)
}

// within is a path as the record names it.
func (r *Recorder) within(path string) (name string, ok bool) {
	if path == r.folder {
		return ".", true
	}
	dir, name := filepath.Split(path)
	return name, filepath.Clean(dir) == r.folder && r.follow(name)
}

// Attach is for a program about to be started: theirs goes to it as descriptor 3
// and is closed by the caller, who calls run afterwards; run returns when the
// program, whose first act must be [Main], has ended.
func (r *Recorder) Attach() (theirs *os.File, run func() error, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("record: %w", err)
	}
	return os.NewFile(uintptr(pair[1]), "listener"), func() error {
		listener, err := receive(pair[0])
		unix.Close(pair[0])
		if err != nil {
			return fmt.Errorf("record: no listener from the program: %w", err)
		}
		defer unix.Close(listener)
		return r.listen(listener)
	}, nil
}

// listen writes down calls until there is nobody left who could make one.
func (r *Recorder) listen(listener int) error {
	for {
		ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("record: %w", err)
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			if ready[0].Revents != 0 {
				return nil
			}
			continue
		}
		n, err := next(listener)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINTR) {
			continue // it was killed, or interrupted and will come again
		}
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		if err := r.pass(listener, n); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("record: %w", err)
		}
	}
}

// pass writes a call down and lets it through.
func (r *Recorder) pass(listener int, n notification) error {
	r.gate.Lock()
	defer r.gate.Unlock()
	if err := waits(listener, n.id); err != nil {
		return err // it was killed meanwhile: the call never happened
	}
	if err := r.note(n); err != nil {
		r.fail(err)
	}
	return goOn(listener, n.id)
}

// settled is how long a call that was let through may take to happen.
const settled = 100 * time.Millisecond

// Kill calls kill at a moment when whatever is in the record has happened, and
// nothing that has happened is missing. kill must end the program.
func (r *Recorder) Kill(kill func()) {
	r.gate.Lock()
	defer r.gate.Unlock()
	time.Sleep(settled)
	kill()
}

// note writes one call down, if it is about our files.
func (r *Recorder) note(n notification) error {
	call := calls[n.nr]
	path, err := n.path(call)
	if err != nil || path == "" {
		return err
	}
	name, ours := r.within(path)
	if !ours {
		return nil
	}
	op := Op{Path: name}
	switch call.what {
	case callWrite, callPwrite:
		op.Kind, op.At = Write, int64(n.args[3])
		if call.what == callWrite {
			if op.At, err = n.position(); err != nil {
				return err
			}
		}
		if n.args[2] == 0 {
			return nil
		}
		op.Data, err = n.memory(n.args[1], n.args[2])
	case callTruncate:
		op.Kind, op.At = Truncate, int64(n.args[1])
	case callSync:
		op.Kind = Sync
	case callOpen:
		return r.opened(n, call, op, path)
	case callRemove:
		op.Kind = Remove
	case callRename:
		to, err := n.pathAt(call, 1)
		if err != nil {
			return err
		}
		other, ours := r.within(to)
		if !ours {
			other = filepath.Base(to)
		}
		op.Kind, op.To = Rename, other
	default:
		return fmt.Errorf("record: %s was changed by system call %d, which the record does not know", path, n.nr)
	}
	if err == nil {
		r.add(op)
	}
	return err
}

// opened notes that a file is made or emptied by opening it.
func (r *Recorder) opened(n notification, call call, op Op, path string) error {
	flags := int(n.args[call.flags])
	_, err := os.Lstat(path)
	if flags&unix.O_CREAT != 0 && errors.Is(err, os.ErrNotExist) {
		op.Kind = Create
		r.add(op)
	} else if flags&unix.O_TRUNC != 0 && err == nil {
		op.Kind = Truncate
		r.add(op)
	}
	return nil
}

// path is the file that a call is about; "" if it is none.
func (n notification) path(c call) (string, error) {
	if c.byName {
		return n.pathAt(c, 0)
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(n.args[c.fd])))
	if err != nil {
		return "", nil // no such descriptor: the call will fail
	}
	return path, nil
}

// pathAt is the i-th path among a call's arguments.
func (n notification) pathAt(c call, i int) (string, error) {
	text, err := n.text(n.args[c.names[i]])
	if err != nil || filepath.IsAbs(text) {
		return filepath.Clean(text), err
	}
	base := fmt.Sprintf("/proc/%d/cwd", n.pid)
	if c.dirs != nil && int32(n.args[c.dirs[i]]) != unix.AT_FDCWD {
		base = fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(n.args[c.dirs[i]]))
	}
	base, err = os.Readlink(base)
	if err != nil {
		return "", nil // no such folder: the call will fail
	}
	return filepath.Join(base, text), nil
}

// position is where a write without one goes.
func (n notification) position() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", n.pid, int32(n.args[0])))
	if err != nil {
		return 0, fmt.Errorf("record: %w", err)
	}
	at, flags := int64(-1), int64(-1)
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 2 && f[0] == "pos:" {
			at, err = strconv.ParseInt(f[1], 10, 64)
		} else if len(f) == 2 && f[0] == "flags:" {
			flags, err = strconv.ParseInt(f[1], 8, 64)
		}
		if err != nil {
			return 0, fmt.Errorf("record: %w", err)
		}
	}
	if at < 0 || flags < 0 || flags&unix.O_APPEND != 0 {
		return 0, fmt.Errorf("record: a write to an unknown place: %q", b)
	}
	return at, nil
}
