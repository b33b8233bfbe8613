package dashboard

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// boards is the page of a store's boards.
type boards struct {
	page
	Ledger string
	Boards []kioskAnswer
	Alarms []backoffice.Alarm
	Calm   bool // nothing has to be looked at, and some board is there to say so
}

func (d *dashboard) kiosksPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	p.Title = p.T("office.kiosks")
	b := boards{page: p, Ledger: d.Office.Ledger().ID(), Alarms: d.Office.Alarms(), Calm: true}
	if b.Boards, err = d.kiosks(r.Context(), p.Store); err != nil {
		return err
	}
	if err := d.lacking(r.Context(), b.Boards); err != nil {
		return err
	}
	ready := false
	for i := range b.Boards {
		b.Boards[i].Alarms = b.Boards[i].troubles(p.Lang, p.Store.Calendar.Zone)
		ready = ready || b.Boards[i].State == "ready"
		b.Calm = b.Calm && len(b.Boards[i].Alarms) == 0
	}
	b.Calm = b.Calm && ready
	d.render(w, http.StatusOK, "kiosks.html", b)
	return nil
}

// Health is what a board last said about itself; zero if it did not.
func (boards) Health(k kioskAnswer) wire.Health {
	h, _ := k.Health.(wire.Health)
	return h
}

// Versions are a board's parts and their versions, by name.
func (boards) Versions(h wire.Health) (out []string) {
	for part, v := range h.Versions {
		out = append(out, part+" "+v)
	}
	slices.Sort(out)
	return out
}

// Down lists the devices that are not up.
func (boards) Down(h wire.Health) (out []wire.Device) {
	for _, dev := range h.Devices {
		if dev.State != "up" {
			out = append(out, dev)
		}
	}
	return out
}

// Ago is a time that an answer wrote, as people read it.
func (b boards) Ago(stamp *string) string {
	if stamp == nil {
		return "—"
	}
	t, err := time.Parse(time.RFC3339, *stamp)
	if err != nil {
		return *stamp
	}
	return b.At(t)
}

// Disk is free space in GB.
func (boards) Disk(n uint64) string {
	if n == 0 {
		return "—"
	}
	return strings.TrimSuffix(strings.TrimRight(formatGB(n), "0"), ".") + " GB"
}

// Short is the first part of an epoch's id.
func (boards) Short(id string) string {
	if len(id) > 8 {
		return id[:8]
	}
	return id
}
