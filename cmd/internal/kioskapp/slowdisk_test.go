package kioskapp_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSlowDisk: a kiosk does all its work on a disk that takes twenty writes a
// second: the tests of a day's line and of an outage hold there as well.
func TestSlowDisk(t *testing.T) {
	if testing.Short() || os.Getenv("SLOWSYNC_US") != "" {
		t.Skip("it is what runs slowly already, or is not wanted")
	}
	t.Parallel()
	library := filepath.Join(t.TempDir(), "slowsync.so")
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", library, "../../../kiosk/journal/testdata/slowsync.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("build the library that makes syncs slow: %v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^(TestLine|TestBrokerComesLate)$", "-test.v")
	cmd.Env = append(os.Environ(), "LD_PRELOAD="+library, "SLOWSYNC_US=50000")
	out, err := cmd.CombinedOutput()
	if text := string(out); err != nil || strings.Count(text, "--- PASS: ") != 2 || strings.Contains(text, "cannot be preloaded") {
		t.Errorf("%v\n%s", err, text)
	}
}
