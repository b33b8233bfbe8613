package ledger

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestSettings: each setting is read back, on the connection that writes.
func TestSettings(t *testing.T) {
	for change, want := range map[string]string{
		"PRAGMA journal_mode = DELETE": "journal_mode is delete instead of wal",
		"PRAGMA synchronous = NORMAL":  "synchronous is 1 instead of 2",
		"PRAGMA mmap_size = 1048576":   "mmap_size is 1048576 instead of 0",
		"PRAGMA secure_delete = FAST":  "secure_delete is 2 instead of 1",
	} {
		l, err := Open(filepath.Join(t.TempDir(), "l.db"))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.r.Close(); err != nil { // a reader would keep the mode from changing
			t.Fatal(err)
		}
		if err := settled(l.w); err != nil {
			t.Errorf("our own settings: %v", err)
		}
		if _, err := l.w.Exec(change); err != nil {
			t.Fatal(err)
		}
		if err := settled(l.w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", change, err, want)
		}
		if err := l.w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := recent("3.51.2", 3_051_002); err == nil {
		t.Error("sqlite 3.51.2 is accepted")
	}
}
