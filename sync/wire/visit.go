package wire

import (
	"fmt"
	"time"

	"baylight/kiosk"
)

// Bounds of what the office says about visits.
const (
	MaxOpenVisits   = 4096
	MaxVisitsBytes  = 192 << 10
	MaxVisitBytes   = 384 << 10 // a usual one has 5 to 20 KiB, most of it events
	MaxSeen         = 512       // sources times epochs, of a store
	MaxVisitSeen    = 64        // of one visit
	MaxVisitItems   = 64
	MaxVisitJobs    = 64
	MaxVisitPromise = 20
	MaxFlags        = 32
)

// Visits is the list of a store's open visits, retained on Store.Visits. A visit
// once listed and now unlisted has ended; so has one whose check-in lies within
// Seen and that is not listed, unless LeftOut is above 0.
type Visits struct {
	Ledger  string   `json:"ledger"`
	Seen    []Seen   `json:"seen"`               // what the list is true for
	Visits  []string `json:"visits"`             // ids, ascending
	LeftOut int      `json:"left_out,omitempty"` // older open visits that found no place; then absence proves nothing
}

// Seen says through which event of one epoch of one source a state is known:
// every event up to it is in the state, unless it is not of this visit or does
// not count; none above it is, and none of an epoch that is not named. A board
// applies its own later events on top.
type Seen struct {
	Source  string `json:"source"`
	Epoch   string `json:"epoch"`
	Through uint64 `json:"through"`
}

// Visit is the state of one open visit, retained on Store.Visit; empty payload:
// it has ended. It holds no VIN, plate or name.
type Visit struct {
	Ledger   string     `json:"ledger"`
	Seen     []Seen     `json:"seen"`
	Visit    string     `json:"visit"`
	Ticket   string     `json:"ticket,omitempty"`  // the number for people
	Vehicle  string     `json:"vehicle,omitempty"` // keyed VIN
	Booking  string     `json:"booking,omitempty"`
	Purpose  string     `json:"purpose,omitempty"`
	Waiting  bool       `json:"waiting,omitempty"`
	Language string     `json:"language,omitempty"`
	Means    string     `json:"means,omitempty"`
	Arrived  *time.Time `json:"arrived,omitempty"` // absent: its check-in is not known here
	Adviser  string     `json:"adviser,omitempty"`
	Accepted *time.Time `json:"accepted,omitempty"`

	Order    *VisitOrder    `json:"order,omitempty"`
	Promises []VisitPromise `json:"promises,omitempty"` // the first, and its revisions in order
	Jobs     []VisitJob     `json:"jobs,omitempty"`     // in the order of their start
	Risk     *Risk          `json:"risk,omitempty"`     // that the promise in force is missed
	Events   []VisitEvent   `json:"events,omitempty"`   // that it was folded from; none if there are too many

	Passed        *time.Time   `json:"passed,omitempty"`
	PassedBy      string       `json:"passed_by,omitempty"`
	Failures      int          `json:"failures,omitempty"`
	FinishedSince int          `json:"finished_since,omitempty"` // jobs finished since the last failed inspection
	Washed        *time.Time   `json:"washed,omitempty"`
	Called        *time.Time   `json:"called,omitempty"`
	Place         string       `json:"place,omitempty"`
	Pickup        *time.Time   `json:"pickup,omitempty"`
	Flags         []kiosk.Flag `json:"flags,omitempty"`
	Uncertain     bool         `json:"uncertain,omitempty"` // a time in it could not be corrected
}

// VisitOrder is the signed order of a visit.
type VisitOrder struct {
	Order     string       `json:"order"`
	Adviser   string       `json:"adviser,omitempty"`
	Signed    time.Time    `json:"signed"`
	Cancelled *time.Time   `json:"cancelled,omitempty"`
	Items     []kiosk.Item `json:"items,omitempty"`
}

// VisitPromise is one stated delivery time.
type VisitPromise struct {
	Due      time.Time `json:"due"`
	Recorded time.Time `json:"recorded"`
	Reason   string    `json:"reason,omitempty"` // of a revision
	Consent  bool      `json:"consent"`
}

// VisitJob is one job of a visit as it stands.
type VisitJob struct {
	Event      string     `json:"event"` // id of its job.started
	Bay        string     `json:"bay"`   // where it was last seen
	Technician string     `json:"technician,omitempty"`
	Item       int        `json:"item,omitempty"`
	Started    time.Time  `json:"started"`
	Since      time.Time  `json:"since"`            // when it was last started, paused or resumed
	Reason     string     `json:"reason,omitempty"` // of the present pause; absent: running, or finished
	Parallel   bool       `json:"parallel,omitempty"`
	Finished   *time.Time `json:"finished,omitempty"`
	Unclosed   bool       `json:"unclosed,omitempty"` // ran past its limit and no finish was stated
}

// Probability is a number from 0 to 1.
type Probability float64

// Risk is how likely the promise in force is missed.
type Risk struct {
	P      Probability `json:"p"`
	Reason string      `json:"reason"`
	At     time.Time   `json:"at"` // when it was computed; older than 15 minutes it says nothing
}

// Encode makes the payload.
func (v Visits) Encode() ([]byte, error) {
	if err := v.check(); err != nil {
		return nil, fmt.Errorf("encode visits: %w", err)
	}
	if v.Seen == nil {
		v.Seen = []Seen{} // never null
	}
	if v.Visits == nil {
		v.Visits = []string{}
	}
	return encode("visits", v, MaxVisitsBytes)
}

// DecodeVisits reads the list of open visits.
func DecodeVisits(b []byte) (v Visits, err error) {
	if err = decode(b, MaxVisitsBytes, &v); err == nil {
		err = v.check()
	}
	if err != nil {
		return Visits{}, fmt.Errorf("decode visits: %w", err)
	}
	return v, nil
}

func (v Visits) check() error {
	if err := checkID("ledger", v.Ledger); err != nil {
		return err
	}
	if len(v.Visits) > MaxOpenVisits {
		return fmt.Errorf("visits are %d, at most %d are allowed", len(v.Visits), MaxOpenVisits)
	}
	for i, id := range v.Visits {
		if err := checkVisit(id); err != nil {
			return err
		}
		if i > 0 && v.Visits[i-1] >= id {
			return fmt.Errorf("visits[%d]: %s does not come after %s", i, id, v.Visits[i-1])
		}
	}
	if v.LeftOut < 0 {
		return fmt.Errorf("left_out is %d", v.LeftOut)
	}
	return checkSeen(v.Seen, MaxSeen)
}

func checkSeen(seen []Seen, most int) error {
	if len(seen) > most {
		return fmt.Errorf("seen has %d entries, at most %d are allowed", len(seen), most)
	}
	for i, s := range seen {
		if len(s.Source) > 200 || s.Source == "" {
			return fmt.Errorf("seen[%d]: source %q is missing or too long", i, clip(s.Source, 80))
		}
		if err := checkID("epoch", s.Epoch); err != nil {
			return fmt.Errorf("seen[%d]: %w", i, err)
		}
		if s.Through > maxSeq {
			return fmt.Errorf("seen[%d]: through %d is above %d", i, s.Through, uint64(maxSeq))
		}
	}
	return nil
}

// Covers reports whether an event lies within what was seen.
func Covers(seen []Seen, e kiosk.Event) bool {
	for _, s := range seen {
		if s.Source == e.Source && s.Epoch == e.Epoch {
			return e.Seq <= s.Through
		}
	}
	return false
}

// Encode makes the payload.
func (v Visit) Encode() ([]byte, error) {
	if err := v.check(); err != nil {
		return nil, fmt.Errorf("encode visit: %w", err)
	}
	if v.Seen == nil {
		v.Seen = []Seen{} // never null
	}
	return encode("visit "+v.Visit, v, MaxVisitBytes)
}

// DecodeVisit reads the state of one visit. An empty payload is an error: ask
// for it before.
func DecodeVisit(b []byte) (v Visit, err error) {
	if err = decode(b, MaxVisitBytes, &v); err == nil {
		err = v.check()
	}
	if err != nil {
		return Visit{}, fmt.Errorf("decode visit: %w", err)
	}
	return v, nil
}

func (v Visit) check() error {
	if err := checkID("ledger", v.Ledger); err != nil {
		return err
	}
	if err := checkVisit(v.Visit); err != nil {
		return err
	}
	if len(v.Jobs) > MaxVisitJobs || len(v.Promises) > MaxVisitPromise || len(v.Flags) > MaxFlags {
		return fmt.Errorf("visit %s has %d jobs, %d promises and %d flags, more than %d, %d and %d",
			v.Visit, len(v.Jobs), len(v.Promises), len(v.Flags), MaxVisitJobs, MaxVisitPromise, MaxFlags)
	}
	if o := v.Order; o != nil && len(o.Items) > MaxVisitItems {
		return fmt.Errorf("visit %s has %d items, more than %d", v.Visit, len(o.Items), MaxVisitItems)
	}
	if v.Failures < 0 || v.FinishedSince < 0 {
		return fmt.Errorf("visit %s counts %d failures and %d finished jobs", v.Visit, v.Failures, v.FinishedSince)
	}
	if r := v.Risk; r != nil && !(r.P >= 0 && r.P <= 1) {
		return fmt.Errorf("visit %s: risk %v is not from 0 to 1", v.Visit, float64(r.P))
	}
	if err := v.checkEvents(); err != nil {
		return err
	}
	return checkSeen(v.Seen, MaxVisitSeen)
}
