package dashboard

import (
	"net/http"
	"strconv"

	"baylight/kiosk/staff"
)

func formatGB(n uint64) string { return strconv.FormatFloat(float64(n)/1e9, 'f', 1, 64) }

// people is the page of staff, badges and roles.
type people struct {
	page
	People []staff.Person
	Rights []Right
	Roles  []staff.Role
}

func (d *dashboard) staffPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	p.Title = p.T("office.staff")
	d.render(w, http.StatusOK, "staff.html", people{page: p, People: p.Store.Staff.All(), Rights: Rights(),
		Roles: []staff.Role{staff.Viewer, staff.Adviser, staff.Supervisor, staff.Manager}})
	return nil
}

// Has says whether a role has a right.
func (people) Has(r Right, role staff.Role) bool { return r.has(role) }
