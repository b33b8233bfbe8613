package task

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// OwnLike gives files that a superuser made to the owner of a folder, so that
// the daemon which owns it can use them. For anybody else it does nothing; a file
// that is not there is passed over.
func OwnLike(folder string, files ...string) error {
	st, err := os.Stat(folder)
	if err != nil {
		return err
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	for _, f := range files {
		if err := os.Lchown(f, int(owner.Uid), int(owner.Gid)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("give %s to the owner of %s: %w", f, folder, err)
		}
	}
	return nil
}
