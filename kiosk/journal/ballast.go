package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// A ballast is a file of no use but its size: freed when the disk is full, it
// gives SQLite room to put its files in order and the board room for some
// thousand events more, while people are told.

const (
	ballastExt     = ".ballast"
	defaultBallast = 8 << 20
)

// Low says that the disk was full and the ballast is gone. It ends by itself:
// with the first append that finds twice its size free again.
func (j *Journal) Low() bool { return j.low.Load() }

// lighten frees the ballast; false if there was none.
func (j *Journal) lighten() bool {
	if j.ballast <= 0 {
		return false
	}
	j.low.Store(true)
	err := os.Remove(j.path + ballastExt)
	if err == nil {
		j.log.Error("disk is full; its ballast is freed", "path", j.path+ballastExt, "bytes", j.ballast)
	} else if !errors.Is(err, fs.ErrNotExist) {
		j.log.Error("ballast cannot be freed", "err", err)
	}
	return err == nil
}

// load makes the ballast if it is not there and there is room for it and as
// much again. The write lock is held, or nobody else knows of the journal yet.
func (j *Journal) load() {
	path := j.path + ballastExt
	if st, err := os.Stat(path); j.ballast <= 0 || err == nil && st.Size() == j.ballast {
		j.low.Store(false)
		return
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(j.path, &s); err != nil || int64(s.Bavail) < 2*j.ballast/int64(s.Bsize) { // Bsize is an int32 on ARM
		j.low.Store(true)
		return
	}
	if err := reserve(path, j.ballast); err != nil {
		j.low.Store(true)
		j.log.Warn("ballast cannot be made", "path", path, "err", errors.Join(err, remove(path)))
		return
	}
	j.low.Store(false)
	j.log.Info("ballast is there", "path", path, "bytes", j.ballast)
}

// reserve makes a file that has its room on the disk.
func reserve(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = syscall.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		block := make([]byte, 64<<10)
		for n := size; n > 0; n -= int64(len(block)) {
			if _, werr := f.Write(block[:min(n, int64(len(block)))]); werr != nil {
				return errors.Join(werr, f.Close())
			}
		}
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("reserve %d bytes: %w", size, err)
	}
	return errors.Join(err, f.Close())
}
