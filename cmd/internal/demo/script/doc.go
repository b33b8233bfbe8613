// Package script writes what happens in a shop, day by day, from a seed: who
// arrives, what is signed, who works where, what goes wrong. It is pure; the
// same seed gives the same days.
//
// A script is a list of [Step] in time order. A step says what a person does
// with their hands (a scan, a touch at the desk, a cut cable), and, apart from
// that, what truly happened by it: its facts. The player carries out the hands'
// part on the real system; the judge counts the facts and never looks at the
// system. So the two meet only in the figures.
//
// Every step has a second of its own, so that no order of events is left to
// chance, except for double reads, which share theirs.
package script

import "time"

// Act is what is done.
type Act string

// The acts. Scans happen at a place: a bay's id, or "reception".
const (
	ScanVIN    Act = "scan vin"    // Text at reception: checks in Visit
	ScanTicket Act = "scan ticket" // Visit's ticket, or its item's code, at Place
	ScanBadge  Act = "scan badge"  // Person's at Place
	ScanAction Act = "scan action" // Action card at Place
	ScanJunk   Act = "scan junk"   // Text at Place: no code we know
	TypePlate  Act = "type plate"  // Text at the kiosk's screen: checks in Visit
	Accept     Act = "accept"
	Identify   Act = "identify" // Text is the VIN
	Sign       Act = "sign"
	AddItems   Act = "add items"
	Revise     Act = "revise"
	Cancel     Act = "cancel"
	CloseVisit Act = "close"
	Call       Act = "call"
	Deliver    Act = "deliver"
	ClearHelp  Act = "clear help"
	StateEnd   Act = "state finish"   // a supervisor supplies the finish of Tech's job: Due is when it was
	Rework     Act = "confirm rework" // at the back office: Visit repeats Other's items
	BrokerDown Act = "broker down"
	BrokerUp   Act = "broker up"
	Restart    Act = "restart kiosk" // an orderly stop and start
	Kill       Act = "kill kiosk"    // kill -9, then start
	EndOfDay   Act = "end of day"    // nothing is left to do: figures are compared
)

// Step is one thing done.
type Step struct {
	At      time.Time
	Act     Act
	Place   string
	Visit   int // index in Script.Visits, -1: none
	Other   int // the earlier visit of a rework
	Item    int // whose code is scanned; 0: the ticket
	Person  string
	Tech    string
	Action  string // four characters on the card
	Text    string
	Items   []Item
	Due     time.Time // the promise, or the stated finish
	Reason  string
	Consent bool
	Good    bool // what the scanner should beep
	Twice   bool // the trigger bounced: the same code again within the same second
	MidKill bool // kill -9 in the middle of it, then start and scan again
	Facts   []Fact
}

// Item is a line of an order.
type Item struct {
	Code, Text, Category, Payer string
	Minutes                     int
}

// What a fact says.
type What string

// The facts.
const (
	Arrived   What = "arrived"
	Accepted  What = "accepted"
	Signed    What = "signed"
	Added     What = "added"
	Revised   What = "revised"
	Cancelled What = "cancelled"
	Closed    What = "closed"
	Known     What = "known" // the vehicle became known
	Started   What = "started"
	Paused    What = "paused"
	Resumed   What = "resumed"
	Finished  What = "finished"
	Passed    What = "passed"
	Failed    What = "failed"
	Washed    What = "washed"
	Delivered What = "delivered"
	Reworked  What = "reworked"
)

// Fact is something that truly happened to a visit.
type Fact struct {
	What       What
	Visit      int
	At         time.Time // when it happened: the step's time, unless a person stated another
	Tech       string
	Item       int
	Reason     string // of a pause
	Categories []string
	Vehicle    string
	Due        time.Time
	Consent    bool
}

// Visit is one visit of the script.
type Visit struct {
	VIN, Plate string
	Day        int
}

// Script is what happens.
type Script struct {
	Visits []Visit
	Steps  []Step
	Days   []time.Time // the midnights
}
