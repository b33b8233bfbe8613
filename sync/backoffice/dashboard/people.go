package dashboard

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"baylight/kiosk/staff"
	"baylight/sync/backoffice/roster"
)

func formatGB(n uint64) string { return strconv.FormatFloat(float64(n)/1e9, 'f', 1, 64) }

// Roster keeps who works in a store and what it wants to reach; *roster.Roster is one.
type Roster interface {
	List() []roster.Person
	Change(ctx context.Context, by string, c roster.Change) (roster.Person, error)
	Targets() []roster.Target
	ChangeTarget(ctx context.Context, by string, t roster.Target) error
}

// people is the page of staff, badges and roles.
type people struct {
	page
	People   []roster.Person
	Rights   []Right
	Roles    []staff.Role // that sign in here
	AllRoles []staff.Role
	Edit     bool // people can be changed here, by who is signed in
	Bad      string
	Done     *roster.Person
	Draft    roster.Change // what a form said that was not possible
}

func (d *dashboard) staffPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.people(r)
	if err != nil {
		return err
	}
	d.render(w, http.StatusOK, "staff.html", p)
	return nil
}

func (d *dashboard) people(r *http.Request) (people, error) {
	p, err := d.page(r)
	if err != nil {
		return people{}, err
	}
	p.Title = p.T("office.staff")
	out := people{page: p, Rights: Rights(), Roles: []staff.Role{staff.Viewer, staff.Adviser, staff.Supervisor, staff.Manager}, AllRoles: staff.Roles()}
	if all := d.roster(p.Store.Name); all != nil {
		out.People, out.Edit = all.List(), p.May(string(EditStaff))
		return out, nil
	}
	for _, who := range p.Store.Staff.All() {
		out.People = append(out.People, roster.Person{ID: who.ID, Name: who.Name, Badge: who.Badge, Roles: who.Roles, Team: who.Team, PIN: who.PIN != ""})
	}
	return out, nil
}

func (d *dashboard) roster(store string) Roster {
	if d.Staff == nil {
		return nil
	}
	return d.Staff(store)
}

// changeStaff is POST /staff: one person is changed, or is new, or leaves.
func (d *dashboard) changeStaff(w http.ResponseWriter, r *http.Request) error {
	who, session, ok := d.session(r)
	if !ok {
		return fault(http.StatusUnauthorized, "", "sign in first").say("office.err.signin")
	}
	if err := staff.CheckOrigin(r); err != nil || !session.FormOK(r.PostFormValue("form")) {
		return fault(http.StatusForbidden, "form", "the form is not of this session").say("office.err.form")
	}
	if !EditStaff.of(who) {
		return fault(http.StatusForbidden, "", who.ID+" may not change people").say("office.err.right", roleNames(newPage(r, d.Office.Stores()[0]).Lang, rights()[EditStaff]))
	}
	p, err := d.people(r)
	if err != nil {
		return err
	}
	all := d.roster(p.Store.Name)
	if all == nil {
		return fault(http.StatusNotFound, "store", "people cannot be changed here").say("office.err.no_roster")
	}
	c := readChange(r)
	changed, err := all.Change(r.Context(), who.ID, c)
	status := http.StatusOK
	if wrong := (*roster.Wrong)(nil); errors.As(err, &wrong) {
		status, p.Draft, p.Bad = http.StatusBadRequest, c, p.wrongChange(wrong)
		if wrong.Conflict {
			status = http.StatusConflict
		}
	} else if err != nil {
		return err
	} else {
		p.People, p.Done = all.List(), &changed
	}
	p.Path = "/staff"
	d.render(w, status, "staff.html", p)
	return nil
}

// wrongChange is what is wrong, in words: by its field, with the detail in English.
func (p people) wrongChange(w *roster.Wrong) string {
	key := "office.err.staff." + w.Field
	if w.Conflict {
		key += ".taken"
	}
	if text := p.T(key); text != key && p.Lang != "en" {
		return text
	}
	return w.Detail
}

// readChange reads the form of a person. An empty PIN leaves the PIN as it is.
func readChange(r *http.Request) roster.Change {
	f := r.PostFormValue
	c := roster.Change{ID: strings.ToLower(strings.TrimSpace(f("id")))}
	if f("do") == "remove" {
		c.Remove = true
		return c
	}
	name, team := strings.TrimSpace(f("name")), strings.TrimSpace(f("team"))
	roles := []staff.Role{}
	for _, role := range r.PostForm["role"] {
		roles = append(roles, staff.Role(role))
	}
	c.Name, c.Team, c.Roles = &name, &team, &roles
	switch f("badge") {
	case "new":
		badge := roster.NewBadge
		c.Badge = &badge
	case "none":
		c.Badge = new(string)
	}
	if pin := f("pin"); pin != "" {
		c.PIN = &pin
	} else if f("nopin") == "yes" {
		c.PIN = new(string)
	}
	return c
}

// Has says whether a role has a right.
func (people) Has(r Right, role staff.Role) bool { return r.has(role) }

// Is says whether a person has a role.
func (people) Is(p roster.Person, role staff.Role) bool { return slices.Contains(p.Roles, role) }

// Nobody is a person who is still to be named.
func (people) Nobody() roster.Person { return roster.Person{} }
