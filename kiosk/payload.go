package kiosk

import (
	"encoding/json"
	"time"
)

// Type is the type of an event, e.g. "job.started"; on the wire it is
// "baylight.job.started.v1".
type Type string

// Payload is the data of one event. Every payload embeds [Meta].
type Payload interface {
	Type() Type
	Common() *Meta
}

// Meta is what any event may carry besides its own fields.
type Meta struct {
	Cause        string      `json:"cause,omitempty"` // id of the scan or screen action that caused the event
	Scan         *ScanRecord `json:"scan,omitempty"`  // the raw scan, on the first event it caused
	At           *time.Time  `json:"at,omitempty"`    // time stated by a person; decides, never corrected
	By           string      `json:"by,omitempty"`    // the person who recorded, corrected or stated it
	Reason       string      `json:"reason,omitempty"`
	Flags        []Flag      `json:"flags,omitempty"`
	PersonDigest string      `json:"persondigest,omitempty"` // SHA-256 of the person part's bytes, hex
}

// Common is m itself: every struct that embeds a Meta is a candidate Payload.
func (m *Meta) Common() *Meta { return m }

// ScanRecord is a raw scan as its event keeps it. Text is kept for our own
// codes only; any other text goes to the person part and Keyed allows
// comparison ([Keyed]).
type ScanRecord struct {
	Text      string `json:"text,omitempty"`
	Keyed     string `json:"keyed,omitempty"`
	Symbology string `json:"symbology,omitempty"`
	Scanner   string `json:"scanner"`
}

// Flag records an oddity without refusing the truth (DOMAIN §3).
type Flag string

// The flags of DOMAIN §3.
const (
	WrongBay            Flag = "wrong_bay"
	NoOrder             Flag = "no_order"
	NotCheckedIn        Flag = "not_checked_in"
	UnknownVisit        Flag = "unknown_visit"
	NoBadge             Flag = "no_badge"
	OtherTechnician     Flag = "other_technician"
	NotInspector        Flag = "not_inspector"
	InspectorTechnician Flag = "inspector_is_technician"
	WorkOpen            Flag = "work_open"
	NotInspected        Flag = "not_inspected"
	AfterDelivery       Flag = "after_delivery"
	SecondOrder         Flag = "second_order"
	Overlap             Flag = "overlap"
	ClockUncertain      Flag = "clock_uncertain"
)

// Flags lists every flag.
func Flags() []Flag {
	return []Flag{WrongBay, NoOrder, NotCheckedIn, UnknownVisit, NoBadge, OtherTechnician, NotInspector, InspectorTechnician,
		WorkOpen, NotInspected, AfterDelivery, SecondOrder, Overlap, ClockUncertain}
}

// Category is 维修类别.
type Category string

// The categories of DOMAIN §6.
const (
	FreeMaintenance Category = "free_maintenance"
	Warranty        Category = "warranty"
	Maintenance     Category = "maintenance"
	Minor           Category = "minor"
	Major           Category = "major"
	Accident        Category = "accident"
	ReworkCategory  Category = "rework"
)

// Categories lists every category, in the handbook's order.
func Categories() []Category {
	return []Category{FreeMaintenance, Warranty, Maintenance, Minor, Major, Accident, ReworkCategory}
}

// Payers lists every payer (项目性质), in the handbook's order.
func Payers() []string { return []string{"customer", "manufacturer", "store", "campaign", "other"} }

// Purposes lists what a customer may come for.
func Purposes() []string { return []string{"maintenance", "fault", "accident", "other"} }

// Reasons of a pause, in the order in which stages rank them.
const (
	Authority   = "authority"
	Parts       = "parts"
	OtherReason = "other"
	Break       = "break"
	Switched    = "switched"
)

// RevisionReasons lists why a promise may be revised.
func RevisionReasons() []string {
	return []string{"parts", "added_items", "workshop_load", "customer_request", "other"}
}

// Kinds of proposals that the back office makes and a person decides.
const (
	ProposedRework   = "rework"   // the visit repeats an earlier one's items
	ProposedCategory = "category" // clocked time contradicts 小修 or 大修
)

// Proposals lists the kinds.
func Proposals() []string { return []string{ProposedRework, ProposedCategory} }

// Outcomes lists how a visit may be closed without a delivery.
func Outcomes() []string { return []string{"no_order", "left", "duplicate", "other"} }

// Item is one line of an order. Two items are the same item if their codes are.
type Item struct {
	No              int      `json:"no"`
	Code            string   `json:"code"`
	Text            string   `json:"text,omitempty"` // from the service menu; free text goes to the person part
	Category        Category `json:"category"`
	Payer           string   `json:"payer"`
	StandardMinutes int      `json:"standard_minutes"`
}

// Consent is the customer's agreement.
type Consent struct {
	How string `json:"how"` // signature, phone, message, other
	By  string `json:"by"`  // the member of staff who obtained it
}

// The payloads of reception.
type (
	// CheckedIn opens a visit.
	CheckedIn struct {
		Visit    string `json:"visit"`
		Ticket   string `json:"ticket"`
		Vehicle  string `json:"vehicle,omitempty"` // Keyed VIN
		Booking  string `json:"booking,omitempty"`
		Purpose  string `json:"purpose"`
		Waiting  bool   `json:"waiting"`
		Language string `json:"language"` // zh-CN or en
		Means    string `json:"means"`    // scan, keyed, desk
		Meta
	}
	// Presented is a vehicle or a booking shown at the kiosk whose screen asks
	// whether it is right before a visit is opened. VIN and masked plate are in
	// the person part.
	Presented struct {
		Place   string `json:"place"`
		Vehicle string `json:"vehicle,omitempty"` // Keyed VIN
		Booking string `json:"booking,omitempty"`
		Means   string `json:"means"`
		Meta
	}
	// Identified states a vehicle that became known later; the latest counts.
	Identified struct {
		Visit   string `json:"visit"`
		Vehicle string `json:"vehicle"`
		Means   string `json:"means"`
		Meta
	}
	// Accepted is an adviser taking the visit.
	Accepted struct {
		Visit   string `json:"visit"`
		Adviser string `json:"adviser"`
		Meta
	}
	// Signed is the order with its promise.
	Signed struct {
		Visit   string     `json:"visit"`
		Order   string     `json:"order"`
		Adviser string     `json:"adviser"`
		Items   []Item     `json:"items"`
		Promise *time.Time `json:"promise,omitempty"`
		Meta
	}
	// ItemsAdded is 追加维修项目 with the customer's consent.
	ItemsAdded struct {
		Visit   string  `json:"visit"`
		Items   []Item  `json:"items"`
		Consent Consent `json:"consent"`
		Adviser string  `json:"adviser"`
		Meta
	}
	// OrderCancelled takes the order back; Reason and By say why and who.
	OrderCancelled struct {
		Visit string `json:"visit"`
		Meta
	}
	// PromiseRevised states a new promise; Reason is one of RevisionReasons.
	PromiseRevised struct {
		Visit      string    `json:"visit"`
		Promise    time.Time `json:"promise"`
		Consent    bool      `json:"consent"`
		ConsentHow string    `json:"consent_how,omitempty"`
		Meta
	}
	// Closed ends a visit without a delivery.
	Closed struct {
		Visit   string `json:"visit"`
		Outcome string `json:"outcome"` // one of Outcomes
		Meta
	}
	// Called asks the customer to a place.
	Called struct {
		Visit string `json:"visit"`
		Place string `json:"place"`
		Meta
	}
	// PickupRequested is the customer back for the car.
	PickupRequested struct {
		Visit string `json:"visit"`
		Meta
	}
	// Delivered hands the car back.
	Delivered struct {
		Visit   string `json:"visit"`
		Adviser string `json:"adviser"`
		Meta
	}
	// ReworkConfirmed is a person's judgement that this visit repeats an earlier one's items.
	ReworkConfirmed struct {
		Visit   string   `json:"visit"`
		Earlier string   `json:"earlier"` // visit id
		Items   []string `json:"items"`   // item codes
		Meta
	}
	// ProposalDeclined is a person's judgement that something the back office
	// proposed about the visit is not so; Reason says why.
	ProposalDeclined struct {
		Visit    string   `json:"visit"`
		Proposal string   `json:"proposal"` // one of Proposals
		Items    []string `json:"items"`    // item codes it was about
		Meta
	}
)

// The payloads of the bay.
type (
	// BadgeScanned is a member of staff at a bay or another place.
	BadgeScanned struct {
		Bay    string `json:"bay"`
		Person string `json:"person"`
		Meta
	}
	// CardScanned is an accepted card that changed no job: it selected its
	// visit at the bay, acknowledged a running job, or armed an action.
	CardScanned struct {
		Bay    string `json:"bay"`
		Visit  string `json:"visit,omitempty"`
		Item   int    `json:"item,omitempty"`
		Action string `json:"action,omitempty"`
		Meta
	}
	// Started is work begun.
	Started struct {
		Job
		Parallel bool `json:"parallel,omitempty"`
		Meta
	}
	// Resumed is work taken up again.
	Resumed struct {
		Job
		Parallel bool `json:"parallel,omitempty"`
		Meta
	}
	// Paused is work interrupted; Reason is authority, parts, break, switched or other.
	Paused struct {
		Job
		Meta
	}
	// Finished is work done, or a finish stated later (At).
	Finished struct {
		Job
		Meta
	}
	// HelpCalled and HelpCleared frame a call for help at a bay or another place.
	HelpCalled struct {
		Bay string `json:"bay"`
		Meta
	}
	// HelpCleared ends a call for help.
	HelpCleared struct {
		Bay string `json:"bay"`
		Meta
	}
	// Passed is a final inspection that was passed.
	Passed struct {
		Visit     string `json:"visit"`
		Inspector string `json:"inspector"`
		Bay       string `json:"bay,omitempty"`
		Meta
	}
	// Failed is a final inspection that was not.
	Failed struct {
		Visit     string `json:"visit"`
		Inspector string `json:"inspector"`
		Bay       string `json:"bay,omitempty"`
		Meta
	}
	// VehicleWashed is the wash; By says who.
	VehicleWashed struct {
		Visit string `json:"visit"`
		Bay   string `json:"bay,omitempty"`
		Meta
	}
)

// Job names the work of one technician on one visit (and one item, if its code
// was scanned; 0 otherwise) in one bay. Technician is "" while unknown.
type Job struct {
	Visit      string `json:"visit"`
	Bay        string `json:"bay"`
	Technician string `json:"technician,omitempty"`
	Item       int    `json:"item,omitempty"`
}

// The payloads of corrections and refusals.
type (
	// Voided takes an event back.
	Voided struct {
		Event     string `json:"event"`                // id
		EventHash string `json:"event_hash,omitempty"` // SHA-256 of the bytes of the event that is meant: of several that had one id after a rollback it is this one; older events carry none
		Meta
	}
	// Amended replaces fields of an event's data.
	Amended struct {
		Event     string          `json:"event"`                // id
		EventHash string          `json:"event_hash,omitempty"` // SHA-256 of the bytes of the event that is meant: of several that had one id after a rollback it is this one; older events carry none
		Fields    json.RawMessage `json:"fields"`
		Meta
	}
	// ScanRejected is a scan of no known code or of another store; its bytes
	// (bounded) are in the person part. Reason says why.
	ScanRejected struct {
		Bay string `json:"bay,omitempty"`
		Meta
	}
	// ScanRepeated is a scanner that kept sending the same code.
	ScanRepeated struct {
		Scanner string `json:"scanner"`
		Times   int    `json:"times"`
		Meta
	}
	// ActionUnmatched is a card that found no target.
	ActionUnmatched struct {
		Bay    string `json:"bay"`
		Action string `json:"action"`
		Meta
	}
)

// The payloads of the machine itself.
type (
	// TicketSent is a document whose bytes went to the printer.
	TicketSent struct{ Paper }
	// TicketConfirmed is a document the printer says has left its head.
	TicketConfirmed struct{ Paper }
	// TicketUnknown is a document that may or may not have been printed.
	TicketUnknown struct{ Paper }
	// TicketReprinted asks for a marked copy of a document.
	TicketReprinted struct{ Paper }
	// KioskStarted is the daemon's start.
	KioskStarted struct {
		Version string `json:"version"`
		Meta
	}
	// ClockSet is the moment the clock became trustworthy, or more so: how much
	// has to be added to earlier wall times of this boot, who said so (one of the
	// Clock constants; "" is the system) and how far it may be off. With source
	// jump it is the opposite: the system's clock jumped by that much, nobody
	// vouched for it, and the board went on by the time since boot.
	ClockSet struct {
		OffsetMS int64       `json:"offset_ms"`
		Source   ClockSource `json:"source,omitempty"`
		ErrorMS  int64       `json:"error_ms,omitempty"`
		Meta
	}
	// DeviceDown is a device lost; Reason says how.
	DeviceDown struct {
		Device string `json:"device"`
		Meta
	}
	// DeviceUp is a device back.
	DeviceUp struct {
		Device string `json:"device"`
		Meta
	}
	// PersonErased records that the person parts of a vehicle's visits were removed
	// ([Erasure]). Plates are keyed hashes ([BookedPlate]) of those that its visits had.
	PersonErased struct {
		Vehicle string   `json:"vehicle"`
		Visits  []string `json:"visits"`
		Plates  []string `json:"plates,omitempty"`
		Meta
	}
	// SetupChanged records what figures depend on, as the back office knows it.
	SetupChanged struct {
		Setup json.RawMessage `json:"setup"`
		Meta
	}
	// AttendanceRecorded is a technician's presence.
	AttendanceRecorded struct {
		Technician string    `json:"technician"`
		From       time.Time `json:"from"`
		To         time.Time `json:"to"`
		Meta
	}
	// JournalLost names a range of events that was destroyed and will never arrive.
	JournalLost struct {
		Epoch string `json:"epoch"`
		From  uint64 `json:"from"`
		To    uint64 `json:"to"`
		Meta
	}
	// Unknown is an event of a type or version this program does not know. It is
	// kept and left out of figures until understood.
	Unknown struct {
		Of  Type            `json:"-"`
		Raw json.RawMessage `json:"-"`
		Meta
	}
)

// Paper names a document, the printer it went to, and the visit it is for.
type Paper struct {
	Document string `json:"document"`
	Printer  string `json:"printer"`
	Visit    string `json:"visit,omitempty"`
	Meta
}
