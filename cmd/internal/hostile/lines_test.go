package hostile_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"baylight/cmd/internal/hostile"
	"baylight/cmd/internal/support"
	"baylight/cmd/internal/task"
)

// logged says s in every way that a daemon says something.
func logged(log *slog.Logger, s string) {
	log.Warn("request refused", "path", s, "error", errors.New(s))
	log.With("device", s).Error(s, slog.Group("g", "k", []byte(s)), "v", fmt.Stringer(said(s)))
}

type said string

func (s said) String() string { return string(s) }

// checkLog: two records are two lines, in which nothing steers.
func checkLog(t *testing.T, text, s string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != 2 || steers(text, "\n") {
		t.Errorf("%.60q became %d lines: %.300q", s, len(lines), text)
	}
	for i, level := range []string{"WARN", "ERROR"} {
		if i < len(lines) && !strings.Contains(strings.SplitN(lines[i], " msg=", 2)[0], "level="+level) {
			t.Errorf("%.60q: line %d is %.120q", s, i+1, lines[i])
		}
	}
}

// journaled is what a daemon writes to the system's journal of s.
func journaled(t *testing.T, s string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	was := os.Stderr
	os.Stderr = f
	log := task.Logger()
	os.Stderr = was
	logged(log, s)
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// remembered is what a kiosk keeps of s for the devices page and the bundle.
func remembered(s string) string {
	l := support.NewLog(support.NewNet("a secret"))
	logged(slog.New(l.Handler(slog.DiscardHandler)), s)
	return l.Text()
}

func TestLogs(t *testing.T) {
	for _, v := range values() {
		checkLog(t, journaled(t, v), v)
		text := remembered(v)
		checkLog(t, text, v)
		if len(text) > 2*support.MaxLine+2 {
			t.Errorf("%.60q: %d bytes are kept", v, len(text))
		}
	}
}

func FuzzLogs(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) { checkLog(t, remembered(s), s) })
}

// shown is what a person at a terminal gets to see of an answer that holds s.
func shown(s string) string {
	var b bytes.Buffer
	out := task.Plain(&b)
	fmt.Fprintln(out, s)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t%s\n", "down", s)
	_ = w.Flush() // a buffer takes everything
	_ = json.NewEncoder(out).Encode(map[string]string{"message": s})
	return b.String()
}

// checkTerminal: nothing steers, what people can read is all there, and JSON says what it said.
func checkTerminal(t *testing.T, s string) {
	t.Helper()
	text := shown(s)
	if steers(text, "\n\t") {
		t.Errorf("%.60q reaches a terminal as %.200q", s, text)
	}
	var back map[string]string
	at := strings.LastIndex(text, `{"message":`)
	if err := json.Unmarshal([]byte(text[at:]), &back); err != nil || back["message"] != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
		t.Errorf("%.60q comes back from JSON as %.60q, %v", s, back["message"], err)
	}
}

func TestTerminal(t *testing.T) {
	for _, v := range values() {
		checkTerminal(t, v)
	}
	if got := shown("浦东店\u3000“粤B·12345” \t ok"); !strings.HasPrefix(got, "浦东店\u3000“粤B·12345” \t ok\n") {
		t.Errorf("harmless text became %q", got)
	}
}

func FuzzTerminal(f *testing.F) {
	seed(f)
	f.Fuzz(checkTerminal)
}

// bundle is the files of a support bundle in which every text is s, by name.
func bundle(t *testing.T, s string) map[string]string {
	t.Helper()
	b, err := support.Bundle("baylight-s-k", time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), support.NewNet(), []support.File{
		{Name: "text.txt", Text: remembered(s)}, {Name: "value.json", Value: map[string]any{s: s, "in": []string{s}}}})
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || h.Linkname != "" || path.Dir(h.Name) != "baylight-s-k" || h.Mode != 0o600 || h.Uid != 0 || len(h.PAXRecords) > 1 {
			t.Errorf("%.60q: the bundle holds %q, type %c, link %q", s, h.Name, h.Typeflag, h.Linkname)
		}
		text, err := io.ReadAll(io.LimitReader(r, support.MaxFile+1))
		if err != nil || len(text) > support.MaxFile {
			t.Fatalf("%s: %d bytes, %v", h.Name, len(text), err)
		}
		out[h.Name] = string(text)
	}
}

// TestSupportBundle: whatever is told in a bundle, it unpacks into two plain
// files in one folder, and what was JSON still is.
func TestSupportBundle(t *testing.T) {
	for _, v := range values() {
		files := bundle(t, v)
		if len(files) != 2 || !json.Valid([]byte(files["baylight-s-k/value.json"])) {
			t.Errorf("%.60q: %d files, or no JSON", v, len(files))
		}
		if text := files["baylight-s-k/text.txt"]; steers(text, "\n") || slices.Contains(strings.Split(text, "\n"), "forged") {
			t.Errorf("%.60q: %.200q", v, text)
		}
	}
}

func FuzzSupportBundle(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) {
		if files := bundle(t, s); len(files) != 2 {
			t.Errorf("%.60q: %d files", s, len(files))
		}
	})
}

// TestHugeLine: 10 MB in one record are a line like any other.
func TestHugeLine(t *testing.T) {
	l := support.NewLog(support.NewNet("a secret"))
	slog.New(l.Handler(slog.DiscardHandler)).Warn("request refused", "path", string(hostile.Huge()))
	if text := l.Text(); len(text) > support.MaxLine+1 || strings.Count(text, "\n") != 1 {
		t.Errorf("%d bytes are kept", len(text))
	}
}
