package screen

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

// Of the log a page shows the end, a download has what there is.
const (
	linesShown = 60
	linesGiven = 100_000
)

// giveWithin is how long a download may take.
const giveWithin = 2 * time.Minute

// tools are what the devices page offers to who is signed in.
type tools struct {
	Test, Identify, Support bool
	Log                     bool
	Lines                   []string // of the log, the latest first
	Shown                   string
}

// handy is a device with the page that offers tools for it.
type handy struct {
	P *page
	D Device
}

// Using is a device to be drawn with its tools.
func (p *page) Using(d Device) handy { return handy{p, d} }

func (h *handler) tools() tools {
	t := tools{Test: h.cfg.Test != nil, Identify: h.cfg.Identify != nil, Support: h.cfg.Support != nil, Log: h.cfg.Lines != nil, Shown: strconv.Itoa(linesShown)}
	if t.Log {
		t.Lines = slices.Clone(h.cfg.Lines(linesShown))
		slices.Reverse(t.Lines)
	}
	return t
}

// devices shows how everything at the end of a wire is; who is signed in may
// also try it and read the log.
func (h *handler) devices(w http.ResponseWriter, r *http.Request) {
	p := h.page(r, "devices", "screen.devices")
	if person, s, ok := h.cfg.Door.Who(staff.CookieToken(r)); ok {
		p.Me, p.Data = &signedIn{person, s}, h.tools()
	}
	for _, did := range []string{"tested", "identified"} {
		if d, ok := p.Snap.device(r.URL.Query().Get(did)); ok {
			p.Flash = &Flash{Good: true, Text: p.T(p.Key("screen."+did, d.Kind), d.Name)}
		}
	}
	h.show(w, http.StatusOK, p)
}

// testDevice tries one device.
func (h *handler) testDevice(w http.ResponseWriter, r *http.Request, me signedIn) {
	h.withDevice(w, r, me, h.cfg.Test, "tested", "screen.test.failed")
}

// identifyDevice lets one device show which one it is.
func (h *handler) identifyDevice(w http.ResponseWriter, r *http.Request, me signedIn) {
	h.withDevice(w, r, me, h.cfg.Identify, "identified", "screen.identify.failed")
}

func (h *handler) withDevice(w http.ResponseWriter, r *http.Request, me signedIn, do func(context.Context, Device) error, did string, failed words.Key) {
	p := h.page(r, "devices", "screen.devices")
	d, ok := p.Snap.device(r.PostForm.Get("device"))
	if !ok || do == nil {
		h.refuse(w, r, http.StatusNotFound, notFound)
		return
	}
	h.cfg.Log.Info("device "+did, "device", d.Name, "by", me.ID)
	ctx, cancel := context.WithTimeout(r.Context(), doWithin)
	defer cancel()
	if err := do(ctx, d); err != nil {
		p.Me, p.Data = &me, h.tools()
		p.Flash = &Flash{Text: p.T(failed, d.Name, clip(err.Error(), maxText))}
		h.show(w, http.StatusBadGateway, p)
		return
	}
	http.Redirect(w, r, h.to(r, "/devices?"+url.Values{did: {d.Name}}.Encode()), http.StatusSeeOther)
}

// downloadLog gives the log as a file.
func (h *handler) downloadLog(w http.ResponseWriter, r *http.Request, _ signedIn) {
	if h.cfg.Lines == nil {
		h.refuse(w, r, http.StatusNotFound, notFound)
		return
	}
	text := strings.Join(h.cfg.Lines(linesGiven), "\n") + "\n"
	give(w, "text/plain; charset=utf-8", "baylight-log-"+h.now().Format("20060102-150405")+".txt", []byte(text))
}

// downloadSupport gives a support bundle.
func (h *handler) downloadSupport(w http.ResponseWriter, r *http.Request, me signedIn) {
	if h.cfg.Support == nil {
		h.refuse(w, r, http.StatusNotFound, notFound)
		return
	}
	h.cfg.Log.Info("support bundle is made", "by", me.ID)
	name, bundle, err := h.cfg.Support(r.Context())
	if err != nil {
		h.refuse(w, r, http.StatusInternalServerError, words.Say("screen.support.failed", clip(err.Error(), maxText)))
		return
	}
	give(w, "application/gzip", name, bundle)
}

// give sends a file to be kept. Its name is one of ours.
func give(w http.ResponseWriter, kind, name string, data []byte) {
	// Real connections only: a recorder has no deadlines.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(giveWithin))
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.Write(data)
}
