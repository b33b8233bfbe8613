package support

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Bounds of a Log.
const (
	MaxLines = 1000
	MaxLine  = 1024 // bytes of a line; the rest is cut off
)

// Log keeps the last lines of a log in memory, as text: masked by its net, and
// with everything escaped that a terminal or a page might obey.
type Log struct {
	net *Net

	mu    sync.Mutex
	lines []string
	next  int // where the next line goes, once all places are taken
}

// NewLog makes an empty log.
func NewLog(net *Net) *Log { return &Log{net: net} }

// Handler gives a handler that hands every record to next, as it is, and keeps
// those from Info upwards.
func (l *Log) Handler(next slog.Handler) slog.Handler {
	return tee{next, slog.NewTextHandler(line{l}, &slog.HandlerOptions{Level: slog.LevelInfo})}
}

// Lines are the last n lines, the oldest first.
func (l *Log) Lines(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]string, 0, len(l.lines))
	out = append(append(out, l.lines[l.next:]...), l.lines[:l.next]...)
	return out[len(out)-min(max(n, 0), len(out)):]
}

// Text are all lines, each ended.
func (l *Log) Text() string {
	lines := l.Lines(MaxLines)
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func (l *Log) add(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) < MaxLines {
		l.lines = append(l.lines, text)
		return
	}
	l.lines[l.next] = text
	l.next = (l.next + 1) % MaxLines
}

// line takes one record as text with each Write, as slog's handlers write.
type line struct{ l *Log }

func (w line) Write(p []byte) (int, error) {
	text := strings.TrimSuffix(string(p[:min(len(p), 4*MaxLine)]), "\n")
	text = escape(w.l.net.Mask(text))
	if len(text) > MaxLine {
		end := MaxLine - len("…")
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + "…"
	}
	w.l.add(text)
	return len(p), nil
}

// escape makes control characters, broken text and marks that turn the direction
// of writing visible.
func escape(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// tee hands records to two handlers.
type tee struct{ first, second slog.Handler }

// Enabled says whether either wants the level.
func (t tee) Enabled(ctx context.Context, l slog.Level) bool {
	return t.first.Enabled(ctx, l) || t.second.Enabled(ctx, l)
}

// Handle hands r to whoever wants it.
func (t tee) Handle(ctx context.Context, r slog.Record) error {
	var errs []error
	for _, h := range []slog.Handler{t.first, t.second} {
		if h.Enabled(ctx, r.Level) {
			errs = append(errs, h.Handle(ctx, r.Clone()))
		}
	}
	return errors.Join(errs...)
}

// WithAttrs gives both the attributes.
func (t tee) WithAttrs(as []slog.Attr) slog.Handler {
	return tee{t.first.WithAttrs(as), t.second.WithAttrs(as)}
}

// WithGroup opens the group in both.
func (t tee) WithGroup(name string) slog.Handler {
	return tee{t.first.WithGroup(name), t.second.WithGroup(name)}
}
