package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"baylight/kiosk/staff"
	"baylight/kiosk/words"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/booking"
)

// Importer takes what a dealer's system exported; *booking.Book is one.
type Importer interface {
	Import(raw []byte) (counts map[string]int, ignored []string, err error)
}

// maxImport bounds the form with a file of bookings.
const maxImport = booking.MaxBytes + 64<<10

// imports is the page that takes bookings.
type imports struct {
	page
	Open    bool // there is somewhere to put them
	Faults  booking.Faults
	Days    []dayCount
	Ignored []string
	Bad     string
	Done    bool
}

type dayCount struct {
	Day string
	N   int
}

func (d *dashboard) importsPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.importPage(r)
	if err != nil {
		return err
	}
	d.render(w, http.StatusOK, "bookings.html", p)
	return nil
}

func (d *dashboard) importPage(r *http.Request) (imports, error) {
	p, err := d.page(r)
	if err != nil {
		return imports{}, err
	}
	p.Title = p.T("office.bookings")
	return imports{page: p, Open: d.importer(p.Store.Name) != nil}, nil
}

func (d *dashboard) importer(store string) Importer {
	if d.Bookings == nil {
		return nil
	}
	return d.Bookings(store)
}

// importBookings is POST /bookings: a file, or text in a field.
func (d *dashboard) importBookings(w http.ResponseWriter, r *http.Request) error {
	person, session, ok := d.session(r)
	if !ok {
		return fault(http.StatusUnauthorized, "", "sign in first").say("office.err.signin")
	}
	if !Import.of(person) {
		return fault(http.StatusForbidden, "", fmt.Sprintf("%s may not import bookings", person.ID)).
			say("office.err.right", roleNames(newPage(r, d.Office.Stores()[0]).Lang, rights()[Import]))
	}
	raw, secret, err := upload(r)
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return fault(http.StatusRequestEntityTooLarge, "file", err.Error()).say("office.err.large", strconv.Itoa(booking.MaxBytes>>20))
	}
	if err != nil {
		return bad("file", err).say("office.err.file")
	}
	if err := staff.CheckOrigin(r); err != nil || !session.FormOK(secret) {
		return fault(http.StatusForbidden, "form", "the form is not of this session").say("office.err.form")
	}
	p, err := d.importPage(r)
	if err != nil {
		return err
	}
	if !p.Open {
		return fault(http.StatusNotFound, "store", "no bookings are kept for this store").say("office.err.no_bookings")
	}
	if len(strings.TrimSpace(string(raw))) == 0 {
		return fault(http.StatusBadRequest, "file", "the file is empty").say("office.err.file")
	}
	return d.imported(w, r, p, person, raw)
}

func (d *dashboard) imported(w http.ResponseWriter, r *http.Request, p imports, person staff.Person, raw []byte) error {
	counts, ignored, err := d.importer(p.Store.Name).Import(raw)
	p.Ignored = ignored
	status := http.StatusOK
	var faults booking.Faults
	switch {
	case errors.As(err, &faults):
		status, p.Faults = http.StatusUnprocessableEntity, faults
	case errors.Is(err, backoffice.ErrNotHeld):
		return notHere(err)
	case err != nil:
		d.Log.Error("import bookings", "store", p.Store.Name, "err", err)
		return fault(http.StatusInternalServerError, "", "it is open whether the bookings are kept; the log says why, import them again").say("office.err.ledger")
	default:
		total := 0
		for day, n := range counts {
			p.Days = append(p.Days, dayCount{day, n})
			total += n
		}
		slices.SortFunc(p.Days, func(a, b dayCount) int { return strings.Compare(a.Day, b.Day) })
		p.Done = true
		d.note(r, audit.Imported, person.ID, p.Store.Name, fmt.Sprintf("bookings: %d on %d days", total, len(counts)))
	}
	d.render(w, status, "bookings.html", p)
	return nil
}

// Fault is what is wrong in a line, in words: what stands there, and what would be right.
func (p imports) Fault(f booking.Fault) string {
	if p.Lang == words.EN {
		return f.Message
	}
	key := "office.fault." + cmp.Or(f.Column, "file")
	text := p.T(key)
	if text == key {
		text = p.T("office.fault")
	}
	if value, err := strconv.QuotedPrefix(f.Message); err == nil {
		if value, err = strconv.Unquote(value); err == nil {
			return "“" + clip(value) + "” " + text
		}
	}
	return text
}

// upload reads the form: its file, else its text.
func upload(r *http.Request) (raw []byte, secret string, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, "", fmt.Errorf("read form: %w", err)
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return raw, secret, nil
		}
		if err != nil {
			return nil, "", fmt.Errorf("read form: %w", err)
		}
		b, err := io.ReadAll(part)
		if err != nil {
			return nil, "", fmt.Errorf("read form: %w", err)
		}
		switch {
		case part.FormName() == "form":
			secret = string(b)
		case len(b) > 0 && (part.FormName() == "file" || part.FormName() == "text" && len(raw) == 0):
			raw = b
		}
	}
}
