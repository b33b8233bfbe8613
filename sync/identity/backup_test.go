package identity

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A backup brings the same authority back, register and all, and only where there
// is none; what is no whole backup changes nothing.
func TestBackup(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	open := func(dir string) *Authority {
		t.Helper()
		a, err := Open(Config{Dir: dir, Stores: []string{"s1"}, Address: "192.0.2.1:8892", Broker: "mqtts://192.0.2.1:8883", Now: func() time.Time { return at }, Built: at.Add(-time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	root := t.TempDir()
	was, file := filepath.Join(root, "was"), filepath.Join(root, "backup")
	if err := Backup(was, file, at); !errors.Is(err, ErrNoAuthority) {
		t.Errorf("a backup of nothing: %v", err)
	}
	a := open(was)
	if _, _, err := a.Invite("s1", "k1"); err != nil {
		t.Fatal(err)
	}
	if err := Backup(was, file, at); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the backup has %v %v", st, err)
	}
	if err := Backup(was, file, at); err == nil {
		t.Error("a backup was written over another")
	}
	if _, err := Restore(file, was); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("an authority was written over: %v", err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{"half": string(raw[:len(raw)/2]), "empty": "", "other": `{"what":"x"}`, "no key": `{"what":"baylight authority 1","certificate":"eA==","key":"eA=="}`} {
		path, to := filepath.Join(root, name), filepath.Join(root, name+".d")
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(path, to); err == nil {
			t.Errorf("%s was taken", name)
		}
		if left, err := os.ReadDir(to); err == nil && (len(left) > 1 || len(left) == 1 && left[0].Name() != "lock") {
			t.Errorf("%s left %v", name, left)
		}
	}
	is := filepath.Join(root, "is")
	made, err := Restore(file, is)
	if err != nil || !made.Equal(at) {
		t.Fatal(made, err)
	}
	b := open(is)
	if !b.cert.Equal(a.cert) || !b.key.Equal(a.key) {
		t.Error("another authority came back")
	}
	for _, name := range []string{keyName, certName, registerName} {
		one, err1 := os.ReadFile(filepath.Join(was, name))
		two, err2 := os.ReadFile(filepath.Join(is, name))
		if err := errors.Join(err1, err2); err != nil || string(one) != string(two) {
			t.Errorf("%s is another: %v", name, err)
		}
	}
}
