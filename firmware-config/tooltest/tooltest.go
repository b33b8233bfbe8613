// Package tooltest finds programs of Debian packages that judge files of this
// folder and of systemd: shellcheck, systemd-analyze, rauc. Only tests import it.
package tooltest

import (
	"os"
	"os/exec"
	"testing"
)

// Path is where a program of a Debian package is. Where it is missing the test is
// skipped and says how to install it; in CI it fails.
func Path(t testing.TB, program, of string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	missing := program + " is missing: apt-get install -y " + of
	if os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
