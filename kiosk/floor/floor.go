// Package floor holds all rules of the shop: the grammar of scans at a bay,
// reception and desk (DOMAIN §2–5), as one pure machine.
//
//	(state, input, now) → (state, events, reply)
//
// State is itself a fold over the events ([State.Replay]): after any sequence
// of inputs, replaying the events they made gives the same state. So nothing
// the shop floor remembers, not even the card selected a second ago, can be
// lost by a power cut once it was acknowledged.
//
// Nothing here waits, reads a clock, draws a random number or touches a device.
// Time comes in with each input; ids come in with it too ([Scan.ID]). The
// caller (station) commits the events before it lets the reply be seen, and if
// the commit fails it throws the state away and replays the journal.
package floor

import (
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

// Config is what the rules depend on besides events.
type Config struct {
	Store, Board string // names in topics and sources: "sh-pudong", "k1"
	StoreTag     string // three characters in codes
	Letter       byte   // the board's character in codes and ticket numbers
	Key          []byte // the store's key for keyed hashes
	Calendar     kiosk.Calendar
	Bays         []Bay
	Scanners     map[string]string // scanner name → bay id, or Reception, or Desk
	Staff        *staff.Directory
}

// Places that are no bays.
const (
	Reception = "reception"
	Desk      = "desk"
)

// Bay is a place where a vehicle is worked on.
type Bay struct {
	ID   string
	Name string
	Wash bool // a bay of kind wash: a job card only selects
}

// Windows of the grammar (DOMAIN §4).
const (
	SameScan     = 3 * time.Second
	Selection    = 60 * time.Second
	ParallelFor  = 30 * time.Second
	UndoWithin   = 2 * time.Minute
	AttributeIn  = 30 * time.Second // a badge this soon after a badgeless scan owns it
	InspectorFor = 2 * time.Minute
	BadgeFor     = 10 * time.Hour
)

// Input is one thing that came in from outside.
type Input interface{ input() }

// Scan is a code read by a scanner.
type Scan struct {
	ID        string // new for each scan; events carry it as cause; visit ids are drawn from it
	Scanner   string // name
	Text      string // as read; may be anything
	Symbology string
	Malformed string // why the bytes are no text at all, "" if they are
	Repeated  int    // > 1: the scanner kept sending the same code, and was silenced
	CheckIn   CheckInForm
	Ask       bool     // somebody is at the kiosk's screen: a vehicle is asked about there before a visit is opened
	Booking   *Booking // what the store expects for this code today
	Refused   string   // one of Refusals: what the caller found wrong with a signed code
}

// CheckInForm is what the customer chose on the screen before the scan (or with
// the typed plate).
type CheckInForm struct {
	Purpose  string // one of kiosk.Purposes, "" = other
	Waiting  bool
	Language words.Lang
	Phone    string
	Name     string
	Text     string // free text, goes to the person part
}

// The inputs from screens. ID is new for each; By is a signed-in person's id
// ("" at the customer's kiosk).
type (
	// CheckIn is a plate or VIN typed at the kiosk (means keyed) or at the desk.
	CheckIn struct {
		ID, By     string
		Plate, VIN string
		Confirmed  bool // a VIN whose check digit fails was confirmed by a person
		Form       CheckInForm
		Booking    *Booking // what the store expects for this car today, once the customer said that it is right
	}
	// Confirm opens the visit of a vehicle.presented, once the customer said that
	// it is right.
	Confirm struct {
		ID, Event string
		Form      CheckInForm
	}
	// Identify states the VIN of a visit.
	Identify struct {
		ID, By, Visit, VIN string
		Confirmed          bool
	}
	// Accept takes a visit.
	Accept struct{ ID, By, Visit string }
	// Sign signs the order with its promise.
	Sign struct {
		ID, By, Visit string
		Items         []kiosk.Item // No is assigned by the floor
		Promise       time.Time    // zero: none was agreed
	}
	// AddItems adds items with the customer's consent.
	AddItems struct {
		ID, By, Visit string
		Items         []kiosk.Item
		ConsentHow    string
	}
	// Revise states a new promise.
	Revise struct {
		ID, By, Visit string
		Promise       time.Time
		Reason        string
		Consent       bool
		ConsentHow    string
	}
	// CancelOrder takes an order back.
	CancelOrder struct{ ID, By, Visit, Reason string }
	// Close ends a visit without delivery.
	Close struct{ ID, By, Visit, Outcome, Reason string }
	// Call asks a customer to a place.
	Call struct{ ID, By, Visit, Place string }
	// Pickup says that the customer is back for the car.
	Pickup struct{ ID, Visit string }
	// Deliver hands the car over.
	Deliver struct{ ID, By, Visit string }
	// CallHelp and ClearHelp frame a call for help at a bay or another place.
	CallHelp struct{ ID, By, Place string }
	// ClearHelp ends it.
	ClearHelp struct{ ID, By, Place string }
	// StateFinish supplies a missing finish: a supervisor states when it was.
	StateFinish struct {
		ID, By, Visit, Technician string
		Item                      int
		At                        time.Time
		Reason                    string
	}
	// Void takes an event back.
	Void struct{ ID, By, Event, Reason string }
	// Reprint asks for a marked copy of a document of a visit.
	Reprint struct{ ID, By, Visit, Document, Printer string }
)

// The inputs from the machine itself.
type (
	// Start is the daemon's start; it must be the first input after a replay.
	Start struct{ Version string }
	// ClockSet is the moment the board's clock became trustworthy; Offset is what
	// has to be added to the wall times recorded in this boot before. Error is how
	// far Source may be off.
	ClockSet struct {
		Offset time.Duration
		Source kiosk.ClockSource
		Error  time.Duration
	}
	// Lost is a range of an epoch that no longer exists anywhere: what a restored
	// back office lacks and this board pruned.
	Lost struct {
		Epoch    string
		From, To uint64
	}
	// Printed is what became of a document.
	Printed struct {
		Document, Printer, Visit string
		Outcome                  PrintOutcome
		Reason                   string
	}
	// Device is a device lost or back.
	Device struct {
		Name   string
		Up     bool
		Reason string
	}
)

// PrintOutcome is how far a document got.
type PrintOutcome string

// The outcomes that are recorded.
const (
	PrintSent      PrintOutcome = "sent"
	PrintConfirmed PrintOutcome = "confirmed"
	PrintUnknown   PrintOutcome = "unknown"
)

func (Scan) input()        {}
func (CheckIn) input()     {}
func (Confirm) input()     {}
func (Identify) input()    {}
func (Accept) input()      {}
func (Sign) input()        {}
func (AddItems) input()    {}
func (Revise) input()      {}
func (CancelOrder) input() {}
func (Close) input()       {}
func (Call) input()        {}
func (Pickup) input()      {}
func (Deliver) input()     {}
func (CallHelp) input()    {}
func (ClearHelp) input()   {}
func (StateFinish) input() {}
func (Void) input()        {}
func (Reprint) input()     {}
func (Start) input()       {}
func (ClockSet) input()    {}
func (Lost) input()        {}
func (Printed) input()     {}
func (Device) input()      {}

// Reply is what the one who caused an input is told, once its events are
// durable: the scanner beeps it, the screen shows it.
type Reply struct {
	Good    bool
	Warn    bool // good, but something is odd: the lamp blinks amber, the screen says what
	Message words.Message
	Visit   string // the visit it was about, if any
	Place   string // bay id, Reception or Desk
	Confirm bool   // not done: a person must confirm (a VIN whose check digit fails)
	Asked   *Asked // nothing opened yet: what the customer is to say yes or no to
}

// LampState is the state of a bay as its lamp shows it (DOMAIN §5).
type LampState string

// The states in the order in which the first that holds wins.
const (
	LampHelp    LampState = "help"
	LampLate    LampState = "late" // promise passed
	LampWaiting LampState = "waiting"
	LampRisk    LampState = "risk"
	LampReady   LampState = "ready"
	LampWorking LampState = "working"
	LampFree    LampState = "free"
)

// BayView is the present state of a bay, for lamp, screen and topic.
type BayView struct {
	Bay         Bay
	State       LampState
	Warn        bool // blink amber for AttributeIn: a scan without a badge
	Visit       string
	Ticket      string
	Technicians []string  // ids with an open job here on the current visit
	Since       time.Time // start of the oldest of them
	Promise     time.Time // in force; zero if none
	Badge       string    // person whose badge holds the bay
	Selected    string    // visit selected by the last card, while that lasts
	Help        bool
}
