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
		r := d.own(before, line, taken)
		if r == nil && (d.repeats(before, d.From-before.To, line) || d.stood(t.records)) {
			continue
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

// own finds the record of a deed, which came after another, among those of its
// scanner.
func (d deed) own(before deed, line []*record, taken map[*record]bool) *record {
	first, _ := slices.BinarySearchFunc(line, d.From, func(r *record, t time.Duration) int { return cmp.Compare(r.up, t) })
	for _, r := range line[first:] {
		if r.up > d.To {
			break
		}
		if !taken[r] && r.shows(d) {
			return r
		}
	}
	if d.Scanner == "" || first == 0 {
		return nil
	}
	// The same scan a moment before, recorded and not acknowledged: the kiosk was
	// killed in between. What else the scanner read since makes it another scan.
	if r := line[first-1]; !taken[r] && r.shows(d) && d.From-r.up < sameScan && before.From <= r.up {
		return r
	}
	return nil
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

// lag bounds, in real time, how far a child's clock is from ours, and by how much
// the beep of a scan nobody waits for any more can come too early for the next.
const lag = 100 * time.Millisecond

// begin notes what is about to be done.
func (s *Shop) begin(d deed) deed {
	now := s.Clock.Now()
	d.At, d.From = now.Wall, now.Up-s.slack()
	return d
}

// done notes that it was acknowledged.
func (s *Shop) done(d deed) deed {
	d.To = s.Clock.Now().Up + s.slack()
	return d
}

func (s *Shop) slack() time.Duration { return time.Duration(s.rate.Load()) * lag }

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
