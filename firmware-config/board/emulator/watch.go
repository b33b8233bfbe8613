package emulator

import (
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Watch follows the pins through every write to the GPIO block. It reads the
// trace when it is asked, and has no goroutine. Its methods may be called
// concurrently.
type Watch struct {
	mu   sync.Mutex
	file *os.File
	rest string // a line not yet whole
	regs registers
	all  History
}

// newWatch follows the trace file at path, which exists.
func newWatch(path string) (*Watch, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("watch pins: %w", err)
	}
	return &Watch{file: f, all: History{{}}}, nil
}

// close ends the watch.
func (w *Watch) close() error { return w.file.Close() }

// Since gives what happened from t on, up to now.
func (w *Watch) Since(t time.Time) (History, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.read(); err != nil {
		return nil, fmt.Errorf("watch pins: %w", err)
	}
	first := 0
	for i, c := range w.all {
		if !c.At.After(t) {
			first = i
		}
	}
	return append(History{}, w.all[first:]...), nil
}

func (w *Watch) read() error {
	b, err := io.ReadAll(w.file)
	if err != nil {
		return err
	}
	text := w.rest + string(b)
	end := strings.LastIndexByte(text, '\n') + 1
	w.rest = text[end:]
	for line := range lines(text[:end]) {
		w.take(line)
	}
	return nil
}

// take takes one line of the trace; those of other devices are passed over.
//
//	4711@1700000000.123456:memory_region_ops_write cpu 0 mr 0x55 addr 0x3f20001c value 0x20 size 4 name 'bcm2835_gpio'
func (w *Watch) take(line string) {
	head, tail, ok := strings.Cut(line, ":memory_region_ops_write ")
	if !ok || !strings.HasSuffix(tail, "'bcm2835_gpio'") {
		return
	}
	var cpu int
	var region, addr, value uint64
	if n, _ := fmt.Sscanf(tail, "cpu %d mr 0x%x addr 0x%x value 0x%x", &cpu, &region, &addr, &value); n != 4 { // what is missing shows in n
		return
	}
	w.regs.write(uint32(addr-gpioBase), uint32(value))
	if p := w.regs.pins(); p != w.all[len(w.all)-1].Pins {
		w.all = append(w.all, Change{At: stamp(head), Pins: p})
	}
}

// stamp reads "4711@1700000000.123456"; the zero time if it is none.
func stamp(head string) time.Time {
	_, at, _ := strings.Cut(head, "@")
	sec, micro, _ := strings.Cut(at, ".")
	s, err1 := strconv.ParseInt(sec, 10, 64)
	us, err2 := strconv.ParseInt(micro, 10, 64)
	if err1 != nil || err2 != nil {
		return time.Time{}
	}
	return time.Unix(s, us*1000)
}

// lines are the lines of a text without their ends.
func lines(text string) iter.Seq[string] { return strings.SplitSeq(text, "\n") }
