package screen

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/words"
)

// page is what a template draws. Its methods are the template's vocabulary.
type page struct {
	h        *handler
	Lang     words.Lang
	Name     string
	Title    words.Key
	Style    string // version of the static files
	Setup    Setup
	Snap     *Snapshot
	Now      time.Time // the shop's, in the store's zone
	Warning  bool      // reached over an insecure network
	Me       *signedIn
	Flash    *Flash
	Form     url.Values    // what was sent, to be shown again after a mistake
	Place    string        // whose scans this page answers to
	Customer bool          // a customer's page: goes back to the start by itself
	Large    bool          // in large print, until the customer has left
	Left     string        // the query by which the start knows what this page leaves unanswered
	Here     string        // address of this page, for the same in another language or print
	Refresh  int           // seconds after which the page goes to the start, 0 never
	Wait     time.Duration // how long the answer shown stays
	Data     any
}

// Flash is the answer to what was just done.
type Flash struct {
	Good, Warn, Confirm bool
	Text                string
}

func (h *handler) page(r *http.Request, name string, title words.Key) *page {
	setup := h.cfg.Setup()
	return &page{h: h, Lang: h.lang(r), Large: large(r), Name: name, Title: title, Style: h.style, Setup: setup, Snap: h.st.Snapshot(),
		Now: h.now(), Warning: h.cfg.InsecureLAN, Form: url.Values{}}
}

// now is the shop's time in the store's zone.
func (h *handler) now() time.Time { return h.st.Now().Wall.In(h.zone()) }

func (h *handler) zone() *time.Location {
	if z := h.cfg.Setup().Calendar.Zone; z != nil {
		return z
	}
	return time.UTC
}

// lang is the language a request asks for. It is in the address and not in a
// cookie: the next customer begins in the store's own language.
func (h *handler) lang(r *http.Request) words.Lang {
	switch l := words.Lang(r.FormValue("lang")); l {
	case words.ZH, words.EN:
		return l
	}
	return h.cfg.Lang
}

// large says whether a request asks for large print; it is in the address as
// the language is.
func large(r *http.Request) bool { return r.FormValue("large") == "1" }

// to is a path of ours in the language and print of the request.
func (h *handler) to(r *http.Request, path string) string { return h.in(h.lang(r), large(r), path) }

func (h *handler) in(l words.Lang, large bool, path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return path
	}
	q := u.Query()
	q.Del("lang")
	q.Del("large")
	if l != h.cfg.Lang {
		q.Set("lang", string(l))
	}
	if large {
		q.Set("large", "1")
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// show draws a page.
func (h *handler) show(w http.ResponseWriter, status int, p *page) {
	var b bytes.Buffer
	if err := h.pages[p.Name].ExecuteTemplate(&b, "layout", p); err != nil {
		h.cfg.Log.Error("draw page", "page", p.Name, "error", err)
		http.Error(w, words.Text(p.Lang, "screen.broken"), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p.Refresh > 0 {
		w.Header().Set("Refresh", strconv.Itoa(p.Refresh)+"; url="+p.Home())
	}
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// T is a text in the page's language.
func (p *page) T(key words.Key, args ...string) string { return words.Text(p.Lang, key, args...) }

// Message is a message in the page's language.
func (p *page) Message(m words.Message) string { return m.In(p.Lang) }

// Other is the same text in the other language, for screens that show both.
func (p *page) Other(key words.Key, args ...string) string {
	if p.Lang == words.ZH {
		return words.Text(words.EN, key, args...)
	}
	return words.Text(words.ZH, key, args...)
}

// Foreign is the page in the other language, for places that say both.
func (p *page) Foreign() *page {
	other := *p
	if other.Lang = words.EN; p.Lang == words.EN {
		other.Lang = words.ZH
	}
	return &other
}

// Spell is a number as a voice reads it: character by character.
func (p *page) Spell(ticket string) string { return strings.Join(strings.Split(ticket, ""), " ") }

// Key joins the parts of a key.
func (p *page) Key(room, name string) words.Key { return words.Key(room + "." + name) }

// To is a path in the page's language and print.
func (p *page) To(path string) string { return p.h.in(p.Lang, p.Large, path) }

// Home is the start as the next customer finds it.
func (p *page) Home() string { return p.h.in(p.h.cfg.Lang, false, "/"+p.Left) }

// Switch is a page in the other language.
func (p *page) Switch(path string) string {
	if p.Lang == words.EN {
		return p.h.in(words.ZH, p.Large, path)
	}
	return p.h.in(words.EN, p.Large, path)
}

// Print is this page in the other print.
func (p *page) Print() string { return p.h.in(p.Lang, !p.Large, p.Here) }

// Run names the run of the program that drew the page.
func (p *page) Run() string { return p.h.run }

// Idle and Warn are the times of a page that nobody touches, in seconds.
func (p *page) Idle() int { return int(IdleFor.Seconds()) }

// Warn is how long it is asked whether somebody is still there.
func (p *page) Warn() int { return int(WarnFor.Seconds()) }

// Heard counts the answers to scans at the page's place that it knows of.
func (p *page) Heard() uint64 { return p.Snap.Said[p.Place].N }

// NewID is the id of one form.
func (p *page) NewID() string { return p.h.ids.sign(p.h.st.NewID()) }

// Token is the secret that forms of the session carry.
func (p *page) Token() string {
	if p.Me == nil {
		return ""
	}
	return p.Me.session.Form
}

// Clock is a time of today as 15:04, of another day with its date.
func (p *page) Clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(p.Now.Location())
	if t.Format(time.DateOnly) == p.Now.Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return t.Format("01-02 15:04")
}

// Stamp is a time with seconds and date.
func (p *page) Stamp(t time.Time) string { return t.In(p.Now.Location()).Format("01-02 15:04:05") }

// Local is a time as a datetime-local field takes it.
func (p *page) Local(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(p.Now.Location()).Format(localTime)
}

// localTime is the form of a datetime-local field.
const localTime = "2006-01-02T15:04"

// Ago is how long ago t was, in whole minutes.
func (p *page) Ago(t time.Time) string {
	m := max(0, int(p.Now.Sub(t)/time.Minute))
	if m < 120 {
		return p.T("screen.minutes", strconv.Itoa(m))
	}
	return p.T("screen.hours", strconv.Itoa(m/60))
}

// Past says whether a promise has passed.
func (p *page) Past(t time.Time) bool { return !t.IsZero() && !p.Now.Before(t) }

// Stage is where a visit stands now.
func (p *page) Stage(v *kiosk.Visit) string { return string(v.StageAt(p.Now)) }

// PublicStage is where a visit stands as customers read it: who of the workshop
// is where is not theirs to read.
func (p *page) PublicStage(v *kiosk.Visit) string {
	switch s := v.StageAt(p.Now); s {
	case kiosk.StagePausedSwitched, kiosk.StagePausedBreak, kiosk.StagePausedOther:
		return p.T("screen.board.goeson")
	default:
		return p.T(p.Key("stage", string(s)))
	}
}

// Promise is the promise in force, zero if there is none.
func (p *page) Promise(v *kiosk.Visit) time.Time {
	promise, _ := v.EffectivePromise()
	return promise.Due
}

// AtRisk says whether the promise of a visit will probably be missed.
func (p *page) AtRisk(v *kiosk.Visit) bool { return p.Snap.Risk[v.ID] && !p.Past(p.Promise(v)) }

// Plate is a visit's masked plate.
func (p *page) Plate(v *kiosk.Visit) string { return p.Snap.Plates[v.ID] }

// Car is how staff recognise a visit's car: its masked plate, else the end of
// its VIN.
func (p *page) Car(v *kiosk.Visit) string {
	tail := p.Snap.Tails[v.ID]
	if plate := p.Plate(v); plate != "" || tail == "" {
		return plate
	}
	return "VIN …" + tail
}

// Acceptable says whether the reader may take a visit with one touch.
func (p *page) Acceptable(v *kiosk.Visit) bool {
	return p.Me != nil && v.Known() && v.Open() && v.Accepted.IsZero() && actions()["accept"].may(p.Me.Person)
}

// Who is a member of staff by name, for staff and bay screens only.
func (p *page) Who(id string) string {
	if p.Setup.Staff != nil {
		if s, ok := p.Setup.Staff.Person(id); ok && s.Name != "" {
			return s.Name
		}
	}
	if id == "" {
		return p.T("screen.unknown")
	}
	return id
}

// PlaceName is a place in words.
func (p *page) PlaceName(id string) string {
	switch id {
	case floor.Reception:
		return p.T("screen.place.reception")
	case floor.Desk:
		return p.T("screen.place.desk")
	}
	if b, ok := p.Snap.Bay(id); ok && b.Bay.Name != "" {
		return b.Bay.Name
	}
	return clip(id, maxWord)
}

// Lamp is how a bay's lamp is lit.
func (p *page) Lamp(bay string) Lamp { return p.Snap.Lamps[bay] }

// Said is the answer to the last scan at a place, while it is to be shown.
func (p *page) Said(place string, during time.Duration) *Flash {
	s, ok := p.Snap.Said[place]
	age := p.h.cfg.Real().Sub(s.Real)
	if !ok || age >= during {
		return nil
	}
	p.Wait = during - age
	return p.h.flash(p.Lang, s.Reply)
}

// AtDesk is the answer to the last scan at the desk's own scanner.
func (p *page) AtDesk() *Flash { return p.Said(floor.Desk, CustomerFor) }

// Has says whether a field of the form that was sent has a value.
func (p *page) Has(field, value string) bool { return slices.Contains(p.Form[field], value) }

// Down lists the devices that do not work.
func (p *page) Down() (ds []Device) {
	for _, d := range p.Snap.Devices {
		if !d.Up {
			ds = append(ds, d)
		}
	}
	return ds
}

// PrinterDown says whether no printer works.
func (p *page) PrinterDown() bool {
	for _, d := range p.Snap.Devices {
		if d.Kind == "printer" && d.Up {
			return false
		}
	}
	return true
}

// flash is a reply in words; places it names by their ids get their names.
func (h *handler) flash(l words.Lang, r floor.Reply) *Flash {
	p := &page{Lang: l, Snap: h.st.Snapshot()}
	r.Message.Args = slices.Clone(r.Message.Args)
	for i, a := range r.Message.Args {
		if low := strings.ToLower(a); low == floor.Reception || low == floor.Desk {
			a = low
		}
		r.Message.Args[i] = p.PlaceName(a)
	}
	return &Flash{Good: r.Good, Warn: r.Warn, Confirm: r.Confirm, Text: r.Message.In(l)}
}

// clip bounds a text from outside to n characters.
func clip(s string, n int) string {
	rs := []rune(s[:min(len(s), 4*n)])
	if len(rs) <= n {
		return string(rs)
	}
	return string(rs[:n-1]) + "…"
}

// row is a visit as a list draws it.
type row struct {
	P *page
	V *kiosk.Visit
}

// With is a visit to be drawn by a part of its own.
func (p *page) With(v *kiosk.Visit) row { return row{P: p, V: v} }

// Purposes are those a customer chooses from; picking up is the fourth button,
// and for anything else there is a person to call.
func (p *page) Purposes() []string { return []string{"maintenance", "fault", "accident"} }

// AllPurposes are those an adviser chooses from.
func (p *page) AllPurposes() []string { return kiosk.Purposes() }

// Age is a duration for people who look after the kiosk.
func (p *page) Age(d time.Duration) string {
	if s := int(d / time.Second); s < 120 {
		return p.T("screen.seconds", strconv.Itoa(s))
	}
	return p.Ago(p.Now.Add(-d))
}

// Document is what people call a document on paper, by its id.
func (p *page) Document(id string) string {
	kind, rest, _ := strings.Cut(id, "-")
	key := words.Key("screen.paper." + kind)
	if name := p.T(key); name != string(key) {
		_, n, _ := strings.Cut(rest, "-")
		if at, err := time.Parse("20060102T150405.000", n); err == nil {
			n = p.Clock(at) // of a promise's slip
		}
		return strings.TrimSpace(name + " " + clip(n, 20))
	}
	return clip(id, maxWord)
}
