package officeapp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// errInUse is found in the error of a ledger that another process has.
var errInUse = errors.New("ledger is in use by another process")

// lock claims the ledger at path for this process: two offices on one ledger
// would both send receipts. The kernel lets go of it when the file is closed or
// the process ends, however it ends.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock ledger: %w", err)
	}
	if err := claim(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	return f, nil
}

func claim(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		who, _ := io.ReadAll(io.LimitReader(f, 32)) // without the number the words will do
		return fmt.Errorf("%w (process %s)", errInUse, strings.TrimSpace(string(who)))
	}
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	return err
}
