package task

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// CheckOwn says why a program must not write to the files in path's folder whose
// names begin as path's: one of them is a link, has another name elsewhere, or is
// no file. Somebody else's file would be written to through it, by root at that,
// when an operator restores a backup into a daemon's folder. What is not there is well.
func CheckOwn(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the folder: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filepath.Base(path)) {
			continue
		}
		name := filepath.Join(filepath.Dir(path), e.Name())
		st, err := os.Lstat(name)
		if err != nil {
			return fmt.Errorf("look at the folder: %w", err)
		}
		if !st.Mode().IsRegular() {
			return fmt.Errorf("%s is no plain file (%s): move it aside first", name, st.Mode().Type())
		}
		if sys, ok := st.Sys().(*syscall.Stat_t); ok && sys.Nlink > 1 {
			return fmt.Errorf("%s has %d names: move it aside first", name, sys.Nlink)
		}
	}
	return nil
}

// CheckSource says why a path cannot be a backup that is read to its end: a pipe
// or a device may have none.
func CheckSource(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", path)
	}
	return nil
}
