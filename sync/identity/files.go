package identity

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// write puts a file in place complete or not at all. If it is not public only
// its owner reads it, else the group of its folder does too. What a superuser
// writes belongs to the owner of the folder, so that the daemon can read it.
func write(path string, b []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	_, err = f.Write(b)
	err = errors.Join(err, own(f.Name(), filepath.Dir(path)), f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeIfNew leaves a file that says this already as it is.
func writeIfNew(path string, b []byte, mode os.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b) {
		return nil
	}
	return write(path, b, mode)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// own gives a file that a superuser made to the owner of like.
func own(path, like string) error {
	st, err := os.Stat(like)
	if err != nil {
		return err
	}
	of, ok := st.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, int(of.Uid), int(of.Gid))
}

// folder makes a folder that only its owner enters.
func folder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return own(dir, filepath.Dir(dir))
}

// locked runs f while no other process does so in this folder.
func locked(dir string, f func() error) error {
	path := filepath.Join(dir, "lock")
	l, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("lock %s: %w", dir, err)
	}
	defer l.Close() // lets go of it
	if err := errors.Join(own(path, dir), syscall.Flock(int(l.Fd()), syscall.LOCK_EX)); err != nil {
		return fmt.Errorf("lock %s: %w", dir, err)
	}
	return f()
}
