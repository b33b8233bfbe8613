package support

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"baylight/kiosk"
)

func TestMask(t *testing.T) {
	net := NewNet("0123456789abcdef", "李师傅", "", "x", `pass"word`)
	badge := kiosk.MakeCode(kiosk.KindBadge, "0A70000001")
	for in, want := range map[string]string{
		"vin LSVAA4182E2184931.":                         "vin [vin].",
		"lsvaa4182e2184931":                              "[vin]",
		`a\nLSVAA4182E2184931 \x1b[31mLSVAA4182E2184931`: `a\[vin] \x1b[[vin]`,
		"_LSVAA4182E2184931_":                            "_[vin]_",
		"粤B12345 京AD12345、沪A·12345 粤b1234挂":              "[plate] [plate]、[plate] [plate]",
		"粤B••345":                                        "粤B••345",
		"13812345678,13912345678 +86 138-1234-5678":      "[phone],[phone] [phone]",
		badge + " 7d1c-b0a70000001d":                     "[badge] 7d1c-b0a70000001d", // as the end of a uuid may be
		"李师傅 key=0123456789abcdef x":                     "[secret] key=[secret] x",
		`"free_bytes": 13812345678, "n":13812345678`:     `"free_bytes": 13812345678, "n":[phone]`,
		"free_bytes 13812345678\n":                       "free_bytes 13812345678\n",
		`{"p":"pass\"word"}`:                             `{"p":"[secret]"}`,
		"k7mq2xw9sd4hc6vbnz8rt3yp1f and 46ac9fe1c2d3e4f5061728394a5b6c7d8e9f0a1b": "k7mq2xw9sd4hc6vbnz8rt3yp1f and 46ac9fe1c2d3e4f5061728394a5b6c7d8e9f0a1b",
		"2026-03-02T09:00:00.123456789+08:00 1772413200000":                       "2026-03-02T09:00:00.123456789+08:00 1772413200000",
	} {
		if got := net.Mask(in); got != want {
			t.Errorf("%q is masked as %q, want %q", in, got, want)
		}
	}
	if got := new(Net).Mask("LSVAA4182E2184931"); got != "[vin]" {
		t.Errorf("the zero net gives %q", got)
	}
}

// What is kept is the end of the log, in order, bounded, and nothing a terminal
// obeys; what goes on to the real handler is as it was.
func TestLog(t *testing.T) {
	var real bytes.Buffer
	l := NewLog(NewNet())
	if l.Text() != "" || len(l.Lines(3)) != 0 {
		t.Errorf("an empty log has %q", l.Text())
	}
	log := slog.New(l.Handler(slog.NewTextHandler(&real, &slog.HandlerOptions{Level: slog.LevelWarn}))).With("device", "front").WithGroup("g")
	log.Debug("not kept")
	log.Info("kept here only", "n", 1)
	log.Warn("plate 粤B12345\x1b[2J\r\n\u202e\xff\x7f", "err", fmt.Errorf("\x9b31m\nlevel=ERROR"))
	lines := l.Lines(9)
	if len(lines) != 2 || !strings.Contains(lines[0], `msg="kept here only" device=front g.n=1`) {
		t.Fatalf("kept: %q", lines)
	}
	if strings.ContainsFunc(lines[1], func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) || strings.Contains(lines[1], "粤B12345") {
		t.Errorf("a hostile line is kept as %q", lines[1])
	}
	if !strings.Contains(real.String(), "粤B12345") || strings.Contains(real.String(), "kept here only") {
		t.Errorf("the real handler got %q", real.String())
	}
	for i := range MaxLines + 10 {
		if i%200 == 0 {
			log.Info(strings.Repeat("字", MaxLine), "i", i)
		}
		log.Info("short", "i", i)
	}
	all := l.Lines(2 * MaxLines)
	if len(all) != MaxLines || !strings.HasSuffix(all[MaxLines-1], "i=1009") || len(l.Lines(1)) != 1 || l.Lines(1)[0] != all[MaxLines-1] {
		t.Errorf("%d lines are kept, the last %q", len(all), all[len(all)-1])
	}
	for _, one := range all {
		if len(one) > MaxLine || !utf8.ValidString(one) {
			t.Fatalf("a line has %d bytes: %q", len(one), one)
		}
	}
}

func FuzzLog(f *testing.F) {
	f.Add("\x1b[31m\r\n", "粤B12345")
	f.Add("LSVAA4182E2184931", "\xff\u2028")
	f.Fuzz(func(t *testing.T, msg, value string) {
		l := NewLog(NewNet())
		r := slog.NewRecord(time.Unix(0, 0), slog.LevelError, msg, 0)
		r.Add(slog.String("v", value), slog.Any("e", fmt.Errorf("%s", value)))
		if err := l.Handler(slog.DiscardHandler).Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		got := l.Lines(2)
		if len(got) != 1 || len(got[0]) > MaxLine || !utf8.ValidString(got[0]) || strings.ContainsFunc(got[0], func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("kept %q", got)
		}
	})
}

func TestBundle(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	b, err := Bundle("kiosk", now, NewNet("secret-key"), []File{
		{Name: "log.txt", Text: "粤B12345 13812345678\n" + strings.Repeat("xxxxxxx\n", MaxFile/8)},
		{Name: "about.json", Value: map[string]any{"a": "LSVAA4182E2184931 <secret-key>", "n": 3}},
	})
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for tape := tar.NewReader(zip); ; {
		h, err := tape.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(tape)
		if err != nil {
			t.Fatal(err)
		}
		if h.Mode != 0o600 || !h.ModTime.Equal(now) {
			t.Errorf("%s has mode %o and time %s", h.Name, h.Mode, h.ModTime)
		}
		got[h.Name] = string(text)
	}
	if n := len(got["kiosk/log.txt"]); n < MaxFile-20 || n > MaxFile || !strings.HasPrefix(got["kiosk/log.txt"], "[plate] [phone]\nxxxxxxx\n") {
		t.Errorf("the log has %d bytes: %.60q", n, got["kiosk/log.txt"])
	}
	var about struct {
		A string
		N int
	}
	if err := json.Unmarshal([]byte(got["kiosk/about.json"]), &about); err != nil || about.A != "[vin] <[secret]>" || about.N != 3 {
		t.Errorf("about.json is %q: %v", got["kiosk/about.json"], err)
	}
	if _, err := Bundle("kiosk", now, NewNet(), []File{{Name: "x.json", Value: func() {}}}); err == nil || !strings.Contains(err.Error(), "x.json") {
		t.Errorf("a value that is no JSON: %v", err)
	}
}
