package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"baylight/device/line"
)

// A recording is a text of lines, one for each piece of a raw line:
//
//	# baylight recording 1
//	0.000000 < 4c5356414134
//	0.008334 < 394a3133323034373337310d
//	0.012001 > 1b372c
//	5.100000 ! unplugged or switched off (hang-up)
//
// Seconds since the beginning, the direction (< from the device, > to it, ! the
// line came or went), the bytes in hexadecimal, or words. Lines that begin with
// # are comments. Times do not go back.
const recordingHead = "# baylight recording 1"

// Bounds of what is read back.
const (
	maxPiece     = 4096 // bytes in one entry
	maxRecording = 1 << 20
)

// Direction is the way of an entry's bytes.
type Direction byte

// The directions.
const (
	FromDevice Direction = '<'
	ToDevice   Direction = '>'
	Remark     Direction = '!' // Bytes is a text: what became of the line
)

// Entry is one piece of a recording.
type Entry struct {
	At    time.Duration // since the beginning
	Way   Direction
	Bytes []byte
}

// Recorder writes a recording. Safe for use by several goroutines.
type Recorder struct {
	mu    sync.Mutex
	w     io.Writer
	began time.Time
	err   error
}

// NewRecorder begins a recording now.
func NewRecorder(w io.Writer) *Recorder {
	r := &Recorder{w: w, began: time.Now()}
	r.print("%s\n", recordingHead)
	return r
}

// Note writes a piece with the present time. A write that fails is remembered
// for Err, and nothing is written after it.
func (r *Recorder) Note(way Direction, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := time.Since(r.began).Seconds()
	if way == Remark {
		r.print("%.6f ! %s\n", at, strings.Join(strings.Fields(strings.ToValidUTF8(string(p), "?")), " "))
		return
	}
	for len(p) > 0 {
		n := min(len(p), maxPiece)
		r.print("%.6f %c %x\n", at, way, p[:n])
		p = p[n:]
	}
}

func (r *Recorder) print(format string, args ...any) {
	if r.err == nil {
		_, r.err = fmt.Fprintf(r.w, format, args...)
	}
}

// Err is the first error of writing.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Record writes down what comes over a line, until ctx ends or writing fails. It
// sends nothing, and needs the line for itself: no daemon may use it meanwhile.
func Record(ctx context.Context, cfg line.Config, w io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r := NewRecorder(w)
	note := func(way Direction, p []byte) {
		if r.Note(way, p); r.Err() != nil {
			stop()
		}
	}
	l := line.New(cfg, nil, func(p []byte) { note(FromDevice, p) }, func(s line.State) {
		what := s.Reason
		if s.Up {
			what = "up"
		}
		note(Remark, []byte(what))
	})
	if err := errors.Join(l.Run(ctx), r.Err()); err != nil {
		return fmt.Errorf("record %s: %w", cfg.Device, err)
	}
	return nil
}

// ReadRecording reads a recording of at most a million entries. The error names
// the line.
func ReadRecording(r io.Reader) ([]Entry, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), 2*maxPiece+64)
	var all []Entry
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		if n == 1 && text != recordingHead {
			return nil, fmt.Errorf("read recording: line 1: %.40q, want %q", text, recordingHead)
		}
		if text == "" || text[0] == '#' {
			continue
		}
		e, err := parseEntry(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read recording: line %d: %w", n, err)
		case len(all) > 0 && e.At < all[len(all)-1].At:
			return nil, fmt.Errorf("read recording: line %d: time goes back to %v", n, e.At)
		case len(all) == maxRecording:
			return nil, fmt.Errorf("read recording: line %d: more than %d entries", n, maxRecording)
		}
		all = append(all, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	return all, nil
}

func parseEntry(text string) (Entry, error) {
	at, rest, _ := strings.Cut(text, " ")
	way, data, ok := strings.Cut(rest, " ")
	if !ok || len(way) != 1 || !strings.Contains("<>!", way) {
		return Entry{}, fmt.Errorf("%.40q: want a time, one of < > and !, and bytes in hexadecimal", text)
	}
	seconds, micros, _ := strings.Cut(at, ".")
	s, err1 := strconv.ParseUint(seconds, 10, 32)
	us, err2 := strconv.ParseUint(micros, 10, 32)
	if err1 != nil || err2 != nil || len(micros) != 6 {
		return Entry{}, fmt.Errorf("time %.20q: want seconds with six decimals", at)
	}
	e := Entry{At: time.Duration(s)*time.Second + time.Duration(us)*time.Microsecond, Way: Direction(way[0])}
	if e.Way == Remark {
		e.Bytes = []byte(data)
		return e, nil
	}
	var err error
	if e.Bytes, err = hex.DecodeString(data); err != nil || len(e.Bytes) == 0 || len(e.Bytes) > maxPiece {
		return Entry{}, fmt.Errorf("%.40q: want 1 to %d bytes in hexadecimal", data, maxPiece)
	}
	return e, nil
}

// Replay sends what came from the device in a recording, with its pauses divided
// by speed; 0 sends without pauses. What went to the device is not compared.
func Replay(ctx context.Context, all []Entry, speed float64, send func(p []byte) error) error {
	var last time.Duration
	for i, e := range all {
		if speed > 0 && e.At > last {
			select {
			case <-time.After(time.Duration(float64(e.At-last) / speed)):
			case <-ctx.Done():
			}
		}
		last = e.At
		if ctx.Err() != nil {
			return fmt.Errorf("replay: entry %d: %w", i+1, ctx.Err())
		}
		if e.Way != FromDevice {
			continue
		}
		if err := send(bytes.Clone(e.Bytes)); err != nil {
			return fmt.Errorf("replay: entry %d: %w", i+1, err)
		}
	}
	return nil
}
