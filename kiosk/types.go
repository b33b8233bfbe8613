package kiosk

// Type implements Payload.
func (p *Unknown) Type() Type { return p.Of }

// Type implements Payload.
func (*CheckedIn) Type() Type { return "visit.checked_in" }

// Type implements Payload.
func (*Presented) Type() Type { return "vehicle.presented" }

// Type implements Payload.
func (*Identified) Type() Type { return "visit.identified" }

// Type implements Payload.
func (*Accepted) Type() Type { return "visit.accepted" }

// Type implements Payload.
func (*Signed) Type() Type { return "order.signed" }

// Type implements Payload.
func (*ItemsAdded) Type() Type { return "order.items_added" }

// Type implements Payload.
func (*OrderCancelled) Type() Type { return "order.cancelled" }

// Type implements Payload.
func (*PromiseRevised) Type() Type { return "promise.revised" }

// Type implements Payload.
func (*Closed) Type() Type { return "visit.closed" }

// Type implements Payload.
func (*Called) Type() Type { return "visit.called" }

// Type implements Payload.
func (*PickupRequested) Type() Type { return "pickup.requested" }

// Type implements Payload.
func (*Delivered) Type() Type { return "visit.delivered" }

// Type implements Payload.
func (*ReworkConfirmed) Type() Type { return "rework.confirmed" }

// Type implements Payload.
func (*ProposalDeclined) Type() Type { return "proposal.declined" }

// Type implements Payload.
func (*BadgeScanned) Type() Type { return "badge.scanned" }

// Type implements Payload.
func (*CardScanned) Type() Type { return "card.scanned" }

// Type implements Payload.
func (*Started) Type() Type { return "job.started" }

// Type implements Payload.
func (*Resumed) Type() Type { return "job.resumed" }

// Type implements Payload.
func (*Paused) Type() Type { return "job.paused" }

// Type implements Payload.
func (*Finished) Type() Type { return "job.finished" }

// Type implements Payload.
func (*HelpCalled) Type() Type { return "help.called" }

// Type implements Payload.
func (*HelpCleared) Type() Type { return "help.cleared" }

// Type implements Payload.
func (*Passed) Type() Type { return "inspection.passed" }

// Type implements Payload.
func (*Failed) Type() Type { return "inspection.failed" }

// Type implements Payload.
func (*VehicleWashed) Type() Type { return "vehicle.washed" }

// Type implements Payload.
func (*Voided) Type() Type { return "event.voided" }

// Type implements Payload.
func (*Amended) Type() Type { return "event.amended" }

// Type implements Payload.
func (*ScanRejected) Type() Type { return "scan.rejected" }

// Type implements Payload.
func (*ScanRepeated) Type() Type { return "scan.repeated" }

// Type implements Payload.
func (*ActionUnmatched) Type() Type { return "action.unmatched" }

// Type implements Payload.
func (*TicketSent) Type() Type { return "ticket.sent" }

// Type implements Payload.
func (*TicketConfirmed) Type() Type { return "ticket.confirmed" }

// Type implements Payload.
func (*TicketUnknown) Type() Type { return "ticket.unknown" }

// Type implements Payload.
func (*TicketReprinted) Type() Type { return "ticket.reprinted" }

// Type implements Payload.
func (*KioskStarted) Type() Type { return "kiosk.started" }

// Type implements Payload.
func (*ClockSet) Type() Type { return "kiosk.clock_set" }

// Type implements Payload.
func (*DeviceDown) Type() Type { return "device.down" }

// Type implements Payload.
func (*DeviceUp) Type() Type { return "device.up" }

// Type implements Payload.
func (*PersonErased) Type() Type { return "person.erased" }

// Type implements Payload.
func (*SetupChanged) Type() Type { return "setup.changed" }

// Type implements Payload.
func (*AttendanceRecorded) Type() Type { return "attendance.recorded" }

// Type implements Payload.
func (*JournalLost) Type() Type { return "journal.lost" }

// NewPayload makes an empty payload of a known type, nil of any other.
func NewPayload(t Type) Payload {
	switch t {
	case "visit.checked_in":
		return new(CheckedIn)
	case "vehicle.presented":
		return new(Presented)
	case "visit.identified":
		return new(Identified)
	case "visit.accepted":
		return new(Accepted)
	case "order.signed":
		return new(Signed)
	case "order.items_added":
		return new(ItemsAdded)
	case "order.cancelled":
		return new(OrderCancelled)
	case "promise.revised":
		return new(PromiseRevised)
	case "visit.closed":
		return new(Closed)
	case "visit.called":
		return new(Called)
	case "pickup.requested":
		return new(PickupRequested)
	case "visit.delivered":
		return new(Delivered)
	case "rework.confirmed":
		return new(ReworkConfirmed)
	case "proposal.declined":
		return new(ProposalDeclined)
	case "badge.scanned":
		return new(BadgeScanned)
	case "card.scanned":
		return new(CardScanned)
	case "job.started":
		return new(Started)
	case "job.resumed":
		return new(Resumed)
	case "job.paused":
		return new(Paused)
	case "job.finished":
		return new(Finished)
	case "help.called":
		return new(HelpCalled)
	case "help.cleared":
		return new(HelpCleared)
	case "inspection.passed":
		return new(Passed)
	case "inspection.failed":
		return new(Failed)
	case "vehicle.washed":
		return new(VehicleWashed)
	case "event.voided":
		return new(Voided)
	case "event.amended":
		return new(Amended)
	case "scan.rejected":
		return new(ScanRejected)
	case "scan.repeated":
		return new(ScanRepeated)
	case "action.unmatched":
		return new(ActionUnmatched)
	case "ticket.sent":
		return new(TicketSent)
	case "ticket.confirmed":
		return new(TicketConfirmed)
	case "ticket.unknown":
		return new(TicketUnknown)
	case "ticket.reprinted":
		return new(TicketReprinted)
	case "kiosk.started":
		return new(KioskStarted)
	case "kiosk.clock_set":
		return new(ClockSet)
	case "device.down":
		return new(DeviceDown)
	case "device.up":
		return new(DeviceUp)
	case "person.erased":
		return new(PersonErased)
	case "setup.changed":
		return new(SetupChanged)
	case "attendance.recorded":
		return new(AttendanceRecorded)
	case "journal.lost":
		return new(JournalLost)
	}
	return nil
}

// Types lists every known event type.
func Types() []Type {
	return []Type{
		"visit.checked_in",
		"vehicle.presented",
		"visit.identified",
		"visit.accepted",
		"order.signed",
		"order.items_added",
		"order.cancelled",
		"promise.revised",
		"visit.closed",
		"visit.called",
		"pickup.requested",
		"visit.delivered",
		"rework.confirmed",
		"proposal.declined",
		"badge.scanned",
		"card.scanned",
		"job.started",
		"job.resumed",
		"job.paused",
		"job.finished",
		"help.called",
		"help.cleared",
		"inspection.passed",
		"inspection.failed",
		"vehicle.washed",
		"event.voided",
		"event.amended",
		"scan.rejected",
		"scan.repeated",
		"action.unmatched",
		"ticket.sent",
		"ticket.confirmed",
		"ticket.unknown",
		"ticket.reprinted",
		"kiosk.started",
		"kiosk.clock_set",
		"device.down",
		"device.up",
		"person.erased",
		"setup.changed",
		"attendance.recorded",
		"journal.lost",
	}
}
