package officeapp

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// watched are processes whose processor time is told apart.
type watched struct {
	names []string
	pids  []int
	since []time.Duration
	from  time.Time
}

func (w *watched) add(name string, pid int) {
	w.names, w.pids = append(w.names, name), append(w.pids, pid)
}

// begin starts to count.
func (w *watched) begin() {
	w.from, w.since = time.Now(), nil
	for _, pid := range w.pids {
		w.since = append(w.since, atWork(pid))
	}
}

// told says what share of one processor each had since begin, and how much time
// that is for one of n events.
func (w *watched) told(t *testing.T, n int) {
	t.Helper()
	passed := time.Since(w.from)
	var out []string
	var all time.Duration
	for i, name := range w.names {
		used := atWork(w.pids[i]) - w.since[i]
		all += used
		out = append(out, fmt.Sprintf("%s %.2f (%v)", name, used.Seconds()/passed.Seconds(), (used/time.Duration(max(n, 1))).Round(time.Microsecond)))
	}
	t.Logf("processors at work over %v (and for an event): %s; together %.2f (%v)", passed.Round(time.Second), strings.Join(out, ", "),
		all.Seconds()/passed.Seconds(), (all / time.Duration(max(n, 1))).Round(time.Microsecond))
}

// atWork is how long a process and its children, also those that ended, have had
// a processor; nothing of a process that is gone. The children of this process are
// counted for themselves.
func atWork(pid int) (sum time.Duration) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it ended
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		f := strings.Fields(rest) // from the state on
		if len(f) < 15 {
			continue
		}
		own := filepath.Base(filepath.Dir(file)) == strconv.Itoa(pid)
		if !own && (f[1] != strconv.Itoa(pid) || pid == os.Getpid()) {
			continue
		}
		for i, ticks := range f[11:15] {
			if n, err := strconv.Atoi(ticks); err == nil && (i < 2 || own && pid != os.Getpid()) {
				sum += time.Duration(n) * time.Second / 100 // USER_HZ
			}
		}
	}
	return sum
}
