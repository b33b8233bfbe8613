package demo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"syscall"
	"time"

	"baylight/cmd/internal/demo/script"
	"baylight/device/bench"
	"baylight/kiosk"
)

// patience is how long the hands wait for anything to be answered.
const patience = 20 * time.Second

// hands carry out a script's steps on the real system, one after the other, as
// people would: they read tickets, scan codes and wait for the beep.
type hands struct {
	shop     *Shop
	visits   map[int]string // visit of the script → its id, as the ticket says
	sessions map[string]*http.Client
	done     []deed
	kills    int
	restarts int
	noted    func(deed) // told of each deed; nil: nobody asks
	asked    bool       // somebody may have the kiosk's screen open, which asks after a scan
}

func newHands(s *Shop) *hands {
	return &hands{shop: s, visits: map[int]string{}, sessions: map[string]*http.Client{}}
}

// do carries out one step at its time. When it returns, everything that
// follows from the step is on paper and recorded.
func (h *hands) do(ctx context.Context, s script.Step) error {
	now := h.shop.Clock.Now()
	if err := h.shop.Clock.Set(now.Add(s.At.Sub(now.Wall)), 0); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	if err := h.act(ctx, s); err != nil {
		return fmt.Errorf("%s: %s (visit %d, place %q): %w", s.At.Format("01-02 15:04:05"), s.Act, s.Visit, s.Place, err)
	}
	return h.settled(ctx)
}

// settled waits until paper and records are done.
func (h *hands) settled(ctx context.Context) error {
	return h.shop.await(ctx, h.shop.child(KioskChild), func(ctx context.Context) bool {
		st, err := h.shop.Health(ctx)
		return err == nil && st.Paper == 0
	})
}

func (h *hands) act(ctx context.Context, s script.Step) error {
	visit := h.visits[s.Visit]
	switch s.Act {
	case script.ScanVIN:
		return h.arrive(ctx, s, func() error { return h.scan(ctx, s, s.Text) })
	case script.TypePlate:
		return h.arrive(ctx, s, func() error {
			return h.touch(ctx, s, "", "/api/kiosk/checkin", map[string]any{"plate": s.Text, "purpose": "maintenance"})
		})
	case script.ScanTicket:
		code := kiosk.MakeCode(kiosk.KindVisit, visit)
		if s.Item > 0 {
			code, _ = kiosk.ItemCode(visit, s.Item)
		}
		return h.scan(ctx, s, code)
	case script.ScanBadge:
		return h.scan(ctx, s, badgeCode(s.Person))
	case script.ScanAction:
		return h.scan(ctx, s, kiosk.ActionCode(StoreTag, kiosk.Action(s.Action)))
	case script.ScanJunk:
		return h.scan(ctx, s, s.Text)
	case script.Rework:
		return h.office(ctx, s, visit)
	case script.BrokerDown:
		return h.shop.BrokerDown()
	case script.BrokerUp:
		return h.shop.BrokerUp()
	case script.Restart:
		h.restarts++
		return h.again(ctx, syscall.SIGTERM)
	case script.Kill:
		h.kills++
		return h.again(ctx, syscall.SIGKILL)
	case script.EndOfDay:
		return nil
	}
	return h.desk(ctx, s, visit)
}

// desk is what advisers and supervisors touch.
func (h *hands) desk(ctx context.Context, s script.Step, visit string) error {
	form := map[string]any{"visit": visit}
	var codes []string
	for _, it := range s.Items {
		codes = append(codes, it.Code)
	}
	action := ""
	switch s.Act {
	case script.Accept:
		action = "accept"
	case script.Identify:
		action, form["vin"] = "identify", s.Text
	case script.Sign:
		action, form["item"] = "sign", codes
		if !s.Due.IsZero() {
			form["promise"] = s.Due.Format(time.RFC3339)
		}
	case script.AddItems:
		action, form["item"], form["how"] = "add", codes, s.Reason
	case script.Revise:
		action, form["promise"], form["reason"] = "revise", s.Due.Format(time.RFC3339), s.Reason
		if s.Consent {
			form["consent"], form["how"] = true, "phone"
		}
	case script.Cancel:
		action, form["reason"] = "cancel", s.Reason
	case script.CloseVisit:
		action, form["outcome"] = "close", s.Reason
	case script.Call:
		action, form["place"] = "call", "desk"
	case script.Deliver:
		action = "deliver"
	case script.ClearHelp:
		if st, err := h.shop.Health(ctx); err == nil && !slices.Contains(st.Help, s.Place) {
			return nil // nobody calls: there is nothing to record
		}
		action, form = "clearhelp", map[string]any{"place": s.Place}
	case script.StateEnd:
		action, form["technician"], form["at"], form["reason"] = "finish", s.Tech, s.Due.Format(time.RFC3339), s.Reason
	default:
		return errors.New("the hands do not know how")
	}
	return h.touch(ctx, s, s.Person, "/api/desk/"+action, form)
}

// token finds the visit in the QR code of a ticket's bytes: BL1.key.visit.….
var token = regexp.MustCompile(`BL1\.[^.]*\.([0-9A-Z]{10})\.`)

// arrive checks a car in and takes the ticket from the printer.
func (h *hands) arrive(ctx context.Context, s script.Step, enter func() error) error {
	for len(h.shop.printer.Done()) > 0 {
		<-h.shop.printer.Done()
	}
	if err := enter(); err != nil {
		return err
	}
	if err := h.confirm(ctx, s); err != nil {
		return err
	}
	select {
	case paper := <-h.shop.printer.Done():
		m := token.FindSubmatch(paper)
		if m == nil {
			return errors.New("the ticket has no QR code of a visit")
		}
		if old := h.visits[s.Visit]; old != "" && old != string(m[1]) {
			return fmt.Errorf("the car got a second visit %s beside %s", m[1], old)
		}
		h.visits[s.Visit] = string(m[1])
		return nil
	case <-time.After(patience):
		return errors.New("no ticket came out")
	}
}

// scan reads a code and waits for the beep.
func (h *hands) scan(ctx context.Context, s script.Step, text string) error {
	sc, d := h.shop.Scanner(s.Place), h.shop.scanned(s.Place, text)
	if s.MidKill {
		if err := h.dieIn(ctx, sc, text); err != nil {
			return err
		}
	}
	times := 1
	if s.Twice {
		times = 2
	}
	for range times {
		ack, err := sc.Scan(ctx, text)
		if err != nil {
			return err
		}
		if want := s.Good; (ack == bench.AckGood) != want {
			return fmt.Errorf("scanned %q: the scanner beeped %s, good = %v was expected", text, ack, want)
		}
	}
	h.note(d)
	return nil
}

// note keeps what the back office owes a record of.
func (h *hands) note(d deed) {
	d = h.shop.done(d)
	h.done = append(h.done, d)
	if h.noted != nil {
		h.noted(d)
	}
}

// dieIn kills the kiosk while a scan is somewhere between the wire and the
// disk; whoever scanned heard no beep and will scan again.
func (h *hands) dieIn(ctx context.Context, sc *bench.Scanner, text string) error {
	if err := sc.Send([]byte(text + "\r")); err != nil {
		return err
	}
	// A scan is durable a millisecond or so after its last byte: over the days
	// the kill falls before, into and after the commit.
	time.Sleep(time.Duration(h.kills*h.kills*170%2500) * time.Microsecond)
	h.kills++
	return h.again(ctx, syscall.SIGKILL)
}

// again ends the kiosk with a signal and starts it.
func (h *hands) again(ctx context.Context, sig syscall.Signal) error {
	clear(h.sessions) // a restart signs everybody out
	return h.shop.Again(ctx, KioskChild, sig)
}

// touch does something on a screen of the kiosk, signed in as person ("": as a customer).
func (h *hands) touch(ctx context.Context, s script.Step, person, path string, form map[string]any) error {
	c, err := h.session(ctx, person)
	if err != nil {
		return err
	}
	d := h.shop.begin(deed{What: string(s.Act), Marks: marks(s.Act, cmp.Or(h.visits[s.Visit], s.Place)), Stands: s.Act == script.Accept || s.Act == script.ClearHelp})
	err = post(ctx, c, "http://"+h.shop.Kiosk+path, form)
	var no *refusal
	if errors.As(err, &no) && no.status == http.StatusUnauthorized {
		delete(h.sessions, person) // the kiosk was started anew and has signed everybody out
		if c, err = h.session(ctx, person); err == nil {
			err = post(ctx, c, "http://"+h.shop.Kiosk+path, form)
		}
	}
	if err != nil {
		return err
	}
	h.note(d)
	return nil
}

// marks are what the record of a touch may show.
func marks(act script.Act, subject string) []string {
	var p kiosk.Payload
	switch act {
	case script.TypePlate: // of a visit that nobody knows yet
		return []string{string((&kiosk.CheckedIn{}).Type()), string((&kiosk.TicketReprinted{}).Type())}
	case script.Accept:
		p = &kiosk.Accepted{}
	case script.Identify:
		p = &kiosk.Identified{}
	case script.Sign:
		p = &kiosk.Signed{}
	case script.AddItems:
		p = &kiosk.ItemsAdded{}
	case script.Revise:
		p = &kiosk.PromiseRevised{}
	case script.Cancel:
		p = &kiosk.OrderCancelled{}
	case script.CloseVisit:
		p = &kiosk.Closed{}
	case script.Call:
		p = &kiosk.Called{}
	case script.Deliver:
		p = &kiosk.Delivered{}
	case script.ClearHelp:
		p = &kiosk.HelpCleared{}
	case script.StateEnd:
		p = &kiosk.Finished{}
	}
	return []string{touched(p.Type(), subject)}
}

// session signs a person in, once.
func (h *hands) session(ctx context.Context, person string) (*http.Client, error) {
	if c := h.sessions[person]; c != nil {
		return c, nil
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &http.Client{Jar: jar, Timeout: patience}
	h.sessions[person] = c
	if person == "" {
		return c, nil
	}
	return c, post(ctx, c, "http://"+h.shop.Kiosk+"/api/sign-in", map[string]any{"who": person, "pin": PIN})
}

// office records a rework at the back office, signed in there.
func (h *hands) office(ctx context.Context, s script.Step, visit string) error {
	base := "http://" + h.shop.Office
	c := h.sessions["office "+s.Person]
	if c == nil {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return err
		}
		c = &http.Client{Jar: jar, Timeout: patience}
		res, err := c.PostForm(base+"/signin", url.Values{"who": {s.Person}, "pin": {PIN}})
		if err != nil {
			return err
		}
		res.Body.Close()
		h.sessions["office "+s.Person] = c
	}
	return post(ctx, c, base+"/api/v1/events?store="+Store, map[string]any{
		"type": "rework.confirmed",
		"data": map[string]any{"visit": visit, "earlier": h.visits[s.Other], "items": []string{s.Items[0].Code}, "reason": "同一项目再次维修"},
	})
}

// post sends JSON and takes anything but 2xx as an error, in the answer's own words.
func post(ctx context.Context, c *http.Client, address string, form map[string]any) error {
	body, err := json.Marshal(form)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return &refusal{address, res.StatusCode, string(answer)}
	}
	return nil
}

// refusal is an answer other than 2xx, in its own words.
type refusal struct {
	address string
	status  int
	words   string
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %d: %s", r.address, r.status, r.words) }
