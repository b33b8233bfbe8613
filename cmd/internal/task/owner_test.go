package task

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What root restores is the daemon's, who owns the folder.
func TestOwnLike(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "ledger.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := uint32(os.Geteuid())
	if want == 0 {
		want = 12345
		if err := os.Chown(dir, int(want), int(want)); err != nil {
			t.Fatal(err)
		}
	}
	if err := OwnLike(dir, file, file+"-none"); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := st.Sys().(*syscall.Stat_t).Uid; got != want {
		t.Errorf("it belongs to %d, the folder to %d", got, want)
	}
	if err := OwnLike(filepath.Join(dir, "none"), file); err == nil {
		t.Error("a folder that is not there owns")
	}
}
