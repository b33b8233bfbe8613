package dashboard

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// page is what every page has.
type page struct {
	Lang   words.Lang
	Other  string // this page in the other language
	Path   string
	Here   string // this page, for forms that come back to it
	Title  string // in the browser's tab
	Store  backoffice.Store
	Stores []backoffice.Store
	Group  bool         // all stores together
	Person staff.Person // who is signed in; zero: nobody
	Form   string       // the secret that forms of the session carry
	Doors  bool         // people can sign in
	Now    time.Time

	Warning bool // reached without TLS from beyond loopback
}

func newPage(r *http.Request, s backoffice.Store) page {
	p := page{Lang: words.ZH, Path: r.URL.Path, Store: s}
	q := r.URL.Query()
	other := string(words.EN)
	if q.Get("lang") == string(words.EN) {
		p.Lang, other = words.EN, ""
	}
	q.Del("part")
	p.Here = address(r.URL.Path, q)
	if q.Del("lang"); other != "" {
		q.Set("lang", other)
	}
	p.Other = address(r.URL.Path, q)
	return p
}

// address is that of a page of ours, whatever path was asked for: one that begins
// with two slashes would be another host's.
func address(path string, q url.Values) string {
	u := url.URL{Path: "/" + strings.TrimLeft(path, `/\`), RawQuery: q.Encode(), ForceQuery: true}
	return u.String()
}

// plain is a page that belongs to no store in particular.
func (d *dashboard) plain(r *http.Request) page {
	stores := d.Office.Stores()
	p := newPage(r, stores[0])
	p.Warning, p.Doors, p.Now, p.Stores = d.InsecureLAN, d.Door != nil, d.Office.Now(), stores
	if d.Door != nil {
		if who, session, ok := d.Door.Who(staff.CookieToken(r)); ok {
			p.Person, p.Form = who, session.Form
		}
	}
	return p
}

// page makes the common part for a request about one store.
func (d *dashboard) page(r *http.Request) (page, error) {
	s, err := d.store(r)
	if err != nil {
		return page{}, err
	}
	p := d.plain(r)
	p.Store = s
	return p, nil
}

// render writes a page whole or not at all.
func (d *dashboard) render(w http.ResponseWriter, status int, name string, v any) {
	var b bytes.Buffer
	if err := d.pages.ExecuteTemplate(&b, name, v); err != nil {
		d.Log.Error("page cannot be drawn", "page", name, "err", err)
		http.Error(w, "this page cannot be drawn; the back office's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader may have gone
}

// wrong is the page of a request that could not be answered.
type wrong struct {
	page
	Status int
	Text   string
	Stores []backoffice.Store
	Ask    bool // sign-in may help
}

func (d *dashboard) wrongPage(w http.ResponseWriter, r *http.Request, p *problem) {
	pg := d.plain(r)
	text := p.Detail
	if p.message.Key != "" {
		text = p.message.In(pg.Lang)
	}
	v := wrong{page: pg, Status: p.Status, Text: text, Ask: p.Status == http.StatusUnauthorized && pg.Doors}
	if p.Parameter == "store" {
		v.Stores = pg.Stores
	}
	d.render(w, p.Status, "wrong.html", v)
}

// T is a text in the page's language.
func (p page) T(key string, args ...any) string {
	var texts []string
	for _, a := range args {
		texts = append(texts, fmt.Sprint(a))
	}
	return words.Text(p.Lang, words.Key(key), texts...)
}

// In is a text in a language, "zh-CN" or "en".
func (page) In(lang, key string) string { return words.Text(words.Lang(lang), words.Key(key)) }

// May says whether who is signed in has a right.
func (p page) May(right string) bool { return p.Form != "" && Right(right).of(p.Person) }

// Shows says whether a page is offered: to whom nobody is signed in, what a viewer sees.
func (p page) Shows(right string) bool {
	who := p.Person
	if p.Form == "" {
		who.Roles = []staff.Role{staff.Viewer}
	}
	return Right(right).of(who)
}

// Under says whether this page is the one at a path, or below it.
func (p page) Under(path string) bool { return p.Path == path || strings.HasPrefix(p.Path, path+"/") }

// Several says whether there is more than one store.
func (p page) Several() bool { return len(p.Stores) > 1 }

// At is a time as people read it: the clock, with the day if it is not today.
func (p page) At(t time.Time) string {
	if t.IsZero() {
		return "—"
	}
	t = t.In(p.Store.Calendar.Zone)
	switch cal := p.Store.Calendar; {
	case p.Now.IsZero():
	case cal.Day(t) == cal.Day(p.Now):
		return t.Format("15:04")
	case t.Year() != p.Now.In(cal.Zone).Year():
		return t.Format("2006-01-02 15:04")
	}
	return t.Format("01-02 15:04")
}

// Clock is the time of day alone.
func (p page) Clock(t time.Time) string { return t.In(p.Store.Calendar.Zone).Format("15:04") }

// Stamp is a time to the second, with its day.
func (p page) Stamp(t time.Time) string {
	return t.In(p.Store.Calendar.Zone).Format("2006-01-02 15:04:05")
}

// Day is a store-local day with its weekday.
func (p page) Day(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return t.Format("01-02") + " " + p.T(fmt.Sprintf("office.weekday.%d", t.Weekday()))
}

// Name is a person's name and id.
func (p page) Name(id string) string {
	if id == "" {
		return "—"
	}
	if who, ok := p.Store.Staff.Person(id); ok && who.Name != "" {
		return who.Name
	}
	return id
}

// Bay is a bay as people call it.
func (p page) Bay(id string) string {
	if name := p.Store.BayNames[id]; name != "" {
		return name
	}
	return id
}

// Key is what a row of figures is about, as people call it.
func (p page) Key(by kpi.By, key string) string {
	switch by {
	case kpi.ByDay:
		return p.Day(key)
	case kpi.ByCategory:
		return p.T("category." + key)
	case kpi.ByBay:
		return p.Bay(key)
	case kpi.ByTeam:
		if key == "" {
			return p.T("office.no_team")
		}
	case kpi.ByAdviser, kpi.ByTechnician:
		if key == "" {
			return p.T("office.nobody")
		}
		return p.Name(key)
	case byStore:
		if i := slices.IndexFunc(p.Stores, func(s backoffice.Store) bool { return s.Name == key }); i >= 0 {
			return p.Stores[i].Title
		}
	}
	return key
}

// Link is a path of the dashboard with the page's language and store. Pairs with
// an empty value are left out.
func (p page) Link(path string, pairs ...string) string {
	store := ""
	if p.Several() {
		store = p.Store.Name
		if p.Group {
			store = allStores
		}
	}
	return p.link(store, path, pairs...)
}

// LinkTo is Link to a store by its name, or to all.
func (p page) LinkTo(store, path string, pairs ...string) string {
	return p.link(store, path, pairs...)
}

func (p page) link(store, path string, pairs ...string) string {
	q := url.Values{}
	if p.Lang == words.EN {
		q.Set("lang", string(words.EN))
	}
	if store != "" {
		q.Set("store", store)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// Order is the path of a visit's page.
func (p page) Order(id string) string { return p.Link("/orders/" + url.PathEscape(id)) }

// Event is the name of a type of event.
func (p page) Event(t kiosk.Type) string {
	if name := p.T("event." + string(t)); name != "event."+string(t) {
		return name
	}
	return string(t)
}

// Span is a length of time: minutes, from two hours on hours.
func (p page) Span(d time.Duration) string {
	m := int(d / time.Minute)
	if m < 120 {
		return p.T("office.n_minutes", m)
	}
	return p.T("office.n_hours", fmt.Sprintf("%d:%02d", m/60, m%60))
}

// Categories joins the names of categories.
func (p page) Categories(cs []kiosk.Category) string {
	var names []string
	for _, c := range cs {
		names = append(names, p.T("category."+string(c)))
	}
	return strings.Join(names, p.T("office.comma"))
}

// Names joins people's names.
func (p page) Names(ids []string) string {
	var names []string
	for _, id := range ids {
		names = append(names, p.Name(id))
	}
	return strings.Join(names, p.T("office.comma"))
}

// Rate shows a share in per cent, or a dash.
func (page) Rate(r kpi.Ratio) string { return ratioOf(r).Big }

// Role is the name of a role.
func (p page) Role(r staff.Role) string { return p.T("role." + string(r)) }

func functions() template.FuncMap {
	return template.FuncMap{
		"with2": func(a, b any) [2]any { return [2]any{a, b} },
		"with3": func(a, b, c any) [3]any { return [3]any{a, b, c} },
		"clip":  clip,
	}
}
