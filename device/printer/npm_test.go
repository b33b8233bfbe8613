package printer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// judged is what npm/parse.js says of a ticket's bytes.
type judged struct {
	Covered, Of int
	Commands    []string
	Text, Error string
}

// judge gives an independent parser, npos from npm. Its packages are installed
// once into the user's cache. Without node, npm or their registry the test is
// skipped; in CI it fails.
func judge(t *testing.T) func(t *testing.T, p []byte) judged {
	t.Helper()
	dir, err := installJudge(t)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("NOT RUN against an independent parser: %v", err)
	}
	return func(t *testing.T, p []byte) (j judged) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, "node", filepath.Join(dir, "parse.js"))
		cmd.Stdin = bytes.NewReader(p)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("parse.js: %v", err)
		}
		if err := json.Unmarshal(out, &j); err != nil {
			t.Fatalf("parse.js wrote %q: %v", out, err)
		}
		return j
	}
}

func installJudge(t *testing.T) (dir string, err error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%s is missing: apt-get install nodejs npm", program)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	manifest, err := os.ReadFile("npm/package.json")
	if err != nil {
		return "", err
	}
	script, err := os.ReadFile("npm/parse.js")
	if err != nil {
		return "", err
	}
	dir = filepath.Join(cache, "baylight", "printer-judge")
	if was, err := os.ReadFile(filepath.Join(dir, "package.json")); err == nil && bytes.Equal(was, manifest) {
		return dir, os.WriteFile(filepath.Join(dir, "parse.js"), script, 0o644)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	next, err := os.MkdirTemp(filepath.Dir(dir), "judge-*") // in place only when it is whole
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(next)
	if err := errors.Join(os.WriteFile(filepath.Join(next, "package.json"), manifest, 0o644),
		os.WriteFile(filepath.Join(next, "parse.js"), script, 0o644)); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = next
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install: %w: %.300s", err, out)
	}
	return dir, errors.Join(os.RemoveAll(dir), os.Rename(next, dir))
}

// A parser that was written without us finds the same commands and the same text
// in our tickets, and nothing that it does not know.
func TestAnIndependentParserReadsOurTickets(t *testing.T) {
	parse := judge(t)
	for _, w := range []Width{Width58, Width80} {
		p := New(Config{}, nil)
		p.torn = true // with the refill in front: NULs are passed over
		frame := p.frame(Job{ID: 7, Bytes: sample(w).Bytes()}, jobTag(7))
		got := parse(t, append(frame, dle, 4, 1)) // and the question behind it
		if got.Error != "" || got.Covered != got.Of {
			t.Fatalf("width %d: %d of %d bytes understood: %s", w, got.Covered, got.Of, got.Error)
		}
		text := strings.NewReplacer("\n", "", "\x00", "").Replace(got.Text)
		for _, want := range []string{"晨光汽车服务中心", "A017", "到店时间 2026-03-02 09:14 +08:00", "车牌 粤B·1***5",
			"保养 Service", "请在休息区等候叫号,谢谢!"} {
			if !strings.Contains(text, want) {
				t.Errorf("width %d: text %q has no %q", w, text, want)
			}
		}
		counts := map[string]int{}
		for _, c := range got.Commands {
			counts[c]++
		}
		for want, n := range map[string]int{"ESC @": 1, "GS V": 1, "GS (H": 1, "DLE \x04": 1,
			"GS k \x0e{BV7K2A0G7M3QX": 1, "GS (k 0\x001P0https://example.invalid/t/V7K2A0G7M3QX?s=5QZ1": 1} {
			if counts[want] != n {
				t.Errorf("width %d: %q %d times, want %d; commands %q", w, want, counts[want], n, got.Commands)
			}
		}
	}
}

// Text from a scan makes no command, whoever reads the bytes.
func TestAnIndependentParserFindsNoCommandInText(t *testing.T) {
	parse := judge(t)
	b := NewPaper(Width58)
	b.Text("a\x1b@b\x1dV\x00c\x10\x04\x01d\x1c.e\u009bf\u202eg")
	got := parse(t, b.Bytes())
	plain := NewPaper(Width58)
	plain.Text("abcdefg")
	want := parse(t, plain.Bytes())
	count := func(j judged, name string) (n int) {
		for _, c := range j.Commands {
			if c == name {
				n++
			}
		}
		return n
	}
	for _, name := range []string{"ESC @", "GS V", "DLE \x04"} {
		if count(got, name) != count(want, name) {
			t.Errorf("hostile text: %q %d times in %q", name, count(got, name), got.Commands)
		}
	}
	if got.Error != "" || got.Covered != got.Of {
		t.Errorf("%d of %d bytes understood: %s", got.Covered, got.Of, got.Error)
	}
}
