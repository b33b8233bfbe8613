package dashboard

import (
	"slices"
	"strings"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

// Right is something that a person may see or do here; words has office.right.X.
type Right string

// The rights.
const (
	SeeToday   Right = "see_today"   // live board, orders down to their scans, boards
	SeeFigures Right = "see_figures" // figures, reports, exports
	SeeWork    Right = "see_work"    // what has to be put right
	Promise    Right = "promise"     // revise a promise, cancel an order, close a visit
	Correct    Right = "correct"     // void, amend, state a finish or an attendance
	Decide     Right = "decide"      // confirm or decline what is proposed
	Import     Right = "import"      // bookings
	SeeScores  Right = "see_scores"  // 绩效得分 of each person
	SeeStaff   Right = "see_staff"   // people, roles and badges
	EditStaff  Right = "edit_staff"  // people, roles, badges, PINs
	EditAims   Right = "edit_aims"   // targets of figures
	SeeAudit   Right = "see_audit"   // who did what
)

// Rights lists them in the order in which they are shown.
func Rights() []Right {
	return []Right{SeeToday, SeeFigures, SeeWork, Promise, Correct, Decide, Import, SeeScores, SeeStaff, EditStaff, EditAims, SeeAudit}
}

// rights is the one table that says who may do what.
func rights() map[Right][]staff.Role {
	const v, a, s, m = staff.Viewer, staff.Adviser, staff.Supervisor, staff.Manager
	return map[Right][]staff.Role{
		SeeToday:   {v, a, s, m},
		SeeFigures: {v, a, s, m},
		SeeWork:    {v, a, s, m},
		Promise:    {a, m},
		Correct:    {s, m},
		Decide:     {s, m},
		Import:     {a, m},
		SeeScores:  {s, m},
		SeeStaff:   {s, m},
		EditStaff:  {m},
		EditAims:   {m},
		SeeAudit:   {m},
	}
}

// of says whether a person has the right.
func (r Right) of(p staff.Person) bool { return p.Has(rights()[r]...) }

// has says whether a role has the right.
func (r Right) has(role staff.Role) bool { return slices.Contains(rights()[r], role) }

// recordable are the events that people may record here, and by which right.
func recordable() map[kiosk.Type]Right {
	return map[kiosk.Type]Right{
		"event.voided": Correct, "event.amended": Correct, "job.finished": Correct, "attendance.recorded": Correct,
		"rework.confirmed": Decide, "proposal.declined": Decide,
		"promise.revised": Promise, "order.cancelled": Promise, "visit.closed": Promise,
	}
}

// roleNames joins the names of roles.
func roleNames(l words.Lang, roles []staff.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, words.Text(l, words.Key("role."+string(r))))
	}
	return strings.Join(names, words.Text(l, "office.comma"))
}
