package demo

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"baylight/device/scanner"
	"baylight/kiosk"
	"baylight/kiosk/ticket"
)

// sameScan is the grammar's rule (DOMAIN §4): the same code at the same scanner
// within it is one scan, however often the scanner beeped.
const sameScan = 3 * time.Second

// deed is something that was visibly acknowledged: the office owes a record of it.
type deed struct {
	What     string
	At       time.Time     // by the shop's wall clock, for people
	From, To time.Duration // since the shop's boot: it was recorded in between
	Slack    time.Duration // or so much before or after
	Scanner  string        // "" for what was done on a screen
	Marks    []string      // its record shows one of them: a scan's code, what a touch did to what
	Stands   bool          // a touch that records nothing if it is so already
}

// record is what the ledger has of one scan or touch: all counted events of one
// cause. Recorded again, it is the same record.
type record struct {
	up      time.Duration // since the shop's boot, as its events say; no set clock moves it
	scanner string        // "" for a screen's
	marks   []string
}

func (r *record) shows(d deed) bool {
	return slices.ContainsFunc(d.Marks, func(m string) bool { return slices.Contains(r.marks, m) })
}

// tally takes the office's events one by one and keeps what has to be compared
// with the deeds.
type tally struct {
	records []*record // in the order of their arrival
	causes  map[string]*record
	counted map[string]bool // events that count, by their first names
	twice   []string        // ids of those that count again
}

func newTally() *tally { return &tally{causes: map[string]*record{}, counted: map[string]bool{}} }

func (t *tally) take(e wireEvent) {
	if !e.counted {
		return // evidence
	}
	if t.counted[e.first()] {
		t.twice = append(t.twice, e.ID)
	}
	t.counted[e.first()] = true
	if e.cause == "" || e.Source != kiosk.KioskSource(Store, Board) || e.kind() == (&kiosk.ScanRepeated{}).Type() {
		return // nobody was told of a machine's own events and of what a stuck scanner says
	}
	r := t.causes[e.cause]
	if r == nil {
		r = &record{up: e.up}
		t.causes[e.cause], t.records = r, append(t.records, r)
	}
	r.marks = append(r.marks, string(e.kind()), touched(e.kind(), e.subject))
	if e.scanner != "" { // the first event of a scan shows it
		r.scanner, r.marks = e.scanner, append(r.marks, e.code)
	}
}

// touched is the mark of what was done to a visit or at a place.
func touched(what kiosk.Type, subject string) string { return string(what) + " " + subject }

// account is what deeds and records come to.
type account struct {
	owed    int // deeds that need a record of their own
	missing []int
	spare   []*record // of which nobody was told
}

// hold holds the deeds, in the order they were acknowledged in, against the
// records. Each needs a record of its own, made where and while it was done, so
// that what was recorded but never acknowledged cannot stand in for it.
func (t *tally) hold(deeds []deed) (a account) {
	lines := map[string][]*record{} // scanner → in the order of their moments
	for _, r := range slices.SortedStableFunc(slices.Values(t.records), func(a, b *record) int { return cmp.Compare(a.up, b.up) }) {
		lines[r.scanner] = append(lines[r.scanner], r)
	}
	taken, last := map[*record]bool{}, map[string]deed{}
	for i, d := range deeds {
		line, before := lines[d.Scanner], last[d.Scanner]
		if d.repeats(before, d.To-before.From, line) { // surely
			continue
		}
		r := d.own(line, taken)
		if r == nil && (d.repeats(before, d.From-before.To, line) || d.stood(t.records)) {
			continue
		}
		if r == nil {
			r = d.near(before, line, taken)
		}
		a.owed++
		if r != nil {
			d.From, d.To, taken[r] = r.up, r.up, true
		} else {
			a.missing = append(a.missing, i)
		}
		last[d.Scanner] = d
	}
	for _, r := range t.records {
		if !taken[r] {
			a.spare = append(a.spare, r)
		}
	}
	return a
}

// own finds a record that was made while the deed was done, among those of its
// scanner.
func (d deed) own(line []*record, taken map[*record]bool) *record {
	for _, r := range between(line, d.From, d.To) {
		if !taken[r] && r.shows(d) {
			return r
		}
	}
	return nil
}

// near finds the record of a deed, which came after another, if none was made
// while it was done. It may be that of the same scan a moment before, recorded and
// not acknowledged, since the kiosk was killed in between: what else the scanner
// read since makes it another scan.
func (d deed) near(before deed, line []*record, taken map[*record]bool) *record {
	if d.Scanner != "" {
		since := between(line, max(before.From, d.From-sameScan+1), d.From)
		if n := len(since); n > 0 && !taken[since[n-1]] && since[n-1].shows(d) {
			return since[n-1]
		}
	}
	d.From, d.To = d.From-d.Slack, d.To+d.Slack
	return d.own(line, taken)
}

// between are the records of a scanner from one moment to another.
func between(line []*record, from, to time.Duration) []*record {
	first, _ := slices.BinarySearchFunc(line, from, func(r *record, t time.Duration) int { return cmp.Compare(r.up, t) })
	n := 0
	for first+n < len(line) && line[first+n].up <= to {
		n++
	}
	return line[first : first+n]
}

// repeats says whether a deed, so long after the one before at its scanner, is
// the same scan: the trigger bounced.
func (d deed) repeats(before deed, after time.Duration, line []*record) bool {
	if d.Scanner == "" || !slices.Equal(before.Marks, d.Marks) || after >= sameScan {
		return false
	}
	return !slices.ContainsFunc(line, func(r *record) bool { return before.To < r.up && r.up < d.From && !r.shows(d) })
}

// stood says whether a touch changed nothing: somebody had done it before.
func (d deed) stood(records []*record) bool {
	return d.Stands && slices.ContainsFunc(records, func(r *record) bool { return r.up <= d.To && r.shows(d) })
}

// lag bounds, in real time, by how much the beep of a scan that nobody waits for
// any more can come too early for the next, and what a busy machine adds.
const lag = 100 * time.Millisecond

// begin notes what is about to be done. The clocks of a child and ours are a
// millisecond apart at most, besides the one that a moment is rounded to.
func (s *Shop) begin(d deed) deed {
	now, rate := s.Clock.Now(), time.Duration(s.rate.Load())
	d.At, d.From, d.Slack = now.Wall, now.Up-(2+rate)*time.Millisecond, rate*lag
	return d
}

// done notes that it was acknowledged.
func (s *Shop) done(d deed) deed {
	d.To = s.Clock.Now().Up + (2+time.Duration(s.rate.Load()))*time.Millisecond
	return d
}

// scanned is the deed of a scan: its record shows a code of ours as it is on
// paper and of any other text the keyed hash.
func (s *Shop) scanned(place, text string) deed {
	d := deed{What: "scan " + text, Scanner: scannerAt(place)}
	scanner.NewDecoder(scanner.CR).Feed([]byte(text+"\r"), func(read scanner.Scan) {
		if d.Marks == nil {
			d.Marks = []string{s.code(read.Text)}
		}
	})
	return s.begin(d)
}

func (s *Shop) code(text string) string {
	keys := func(id string) []byte {
		if id == ticket.KeyID(s.key) {
			return s.key
		}
		return nil
	}
	if t, err := ticket.VerifyToken(text, keys); err == nil {
		return t.Code()
	}
	if c, err := kiosk.ParseCode(text); err == nil && c.Store == StoreTag {
		return strings.ToUpper(text)
	}
	return kiosk.Keyed(s.key, text)
}
