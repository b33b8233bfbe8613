package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"baylight/firmware-config/tooltest"
)

// workshop is a repository with a tag and a build that makes two small packages.
type workshop struct {
	t        *testing.T
	dir, key string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	tooltest.Path(t, "minisign", "minisign")
	w := &workshop{t: t, dir: t.TempDir(), key: filepath.Join(t.TempDir(), "secret")}
	w.must("minisign", "-G", "-W", "-s", w.key, "-p", w.key+".pub")
	w.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n- not yet\n\n## [1.2.0] - 2026-11-22\n\n- lamps that shine\n\n## [1.1.0] - 2026-01-01\n\n- older\n")
	w.write("build", "#!/bin/sh\nset -e\nmkdir -p \"$1\"\nfor n in baylight baylight-kiosk; do echo \"$n $VERSION\" >\"$1/${n}_${VERSION}_amd64.deb\"; done\n")
	for _, c := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "all"}} {
		w.must("git", c...)
	}
	return w
}

func (w *workshop) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

func (w *workshop) run(program string, args ...string) (string, error) {
	c := exec.Command(program, args...)
	c.Dir = w.dir
	c.Env = append(os.Environ(), "BUILD="+filepath.Join(w.dir, "build"), "BAYLIGHT_MINISIGN_KEY="+w.key, "ARCHS=amd64")
	out, err := c.CombinedOutput()
	return string(out), err
}

func (w *workshop) must(program string, args ...string) {
	w.t.Helper()
	if out, err := w.run(program, args...); err != nil {
		w.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

func (w *workshop) release(out string) (string, error) {
	w.t.Helper()
	script, err := filepath.Abs(filepath.Join("package", "release"))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.run(script, out)
}

func TestRelease(t *testing.T) {
	w, out := newWorkshop(t), t.TempDir()
	w.must("git", "tag", "v1.2.0")
	if said, err := w.release(out); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	at := filepath.Join(out, "1.2.0")
	notes, err := os.ReadFile(filepath.Join(at, "NOTES.md"))
	if err != nil || !strings.Contains(string(notes), "lamps that shine") || strings.Contains(string(notes), "older") || strings.Contains(string(notes), "not yet") {
		t.Errorf("notes: %v\n%s", err, notes)
	}
	sums, err := os.ReadFile(filepath.Join(at, "SHA256SUMS"))
	if err != nil || strings.Count(string(sums), ".deb\n") != 2 || !strings.Contains(string(sums), "NOTES.md") {
		t.Errorf("sums: %v\n%s", err, sums)
	}
	w.must("minisign", "-V", "-p", w.key+".pub", "-m", filepath.Join(at, "SHA256SUMS")) // by the key as it was made
	if err := os.WriteFile(filepath.Join(at, "SHA256SUMS"), append(sums, "0  another\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := w.run("minisign", "-V", "-p", filepath.Join(at, "minisign.pub"), "-m", filepath.Join(at, "SHA256SUMS")); err == nil {
		t.Errorf("sums that were changed pass for signed: %s", said)
	}
}

func TestNoRelease(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*workshop)
		says  string
	}{
		"no tag":            {func(*workshop) {}, "no version tag"},
		"uncommitted":       {func(w *workshop) { w.must("git", "tag", "v1.2.0"); w.write("new", "") }, "working tree"},
		"nothing in notes":  {func(w *workshop) { w.must("git", "tag", "v1.3.0") }, "no section [1.3.0]"},
		"no key":            {func(w *workshop) { w.must("git", "tag", "v1.2.0"); w.key += "-lost" }, "cannot read the secret key"},
		"no key named":      {func(w *workshop) { w.must("git", "tag", "v1.2.0"); w.key = "" }, "BAYLIGHT_MINISIGN_KEY has to name"},
		"the build fails":   {func(w *workshop) { w.write("build", "#!/bin/sh\nexit 3\n"); w.commit(); w.must("git", "tag", "v1.2.0") }, ""},
		"it builds nothing": {func(w *workshop) { w.write("build", "#!/bin/sh\n"); w.commit(); w.must("git", "tag", "v1.2.0") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, out := newWorkshop(t), t.TempDir()
			c.spoil(w)
			said, err := w.release(out)
			if err == nil || !strings.Contains(said, c.says) {
				t.Errorf("released (%v), want an error with %q:\n%s", err, c.says, said)
			}
			if signed, err := filepath.Glob(filepath.Join(out, "*", "*.minisig")); err != nil || len(signed) > 0 {
				t.Errorf("signed all the same: %v, %v", signed, err)
			}
		})
	}
}

func (w *workshop) commit() {
	w.t.Helper()
	w.must("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "spoilt")
}
