package kioskapp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/support"
)

// keepLog puts a memory behind the log: its last lines, for the devices page
// and the support bundle. The net knows every secret of the configuration and
// everybody's name, should one of them ever get into a line.
func (a *app) keepLog() {
	secrets := []string{string(a.set.Store.Key), a.set.MQTT.Password}
	for _, p := range a.set.Staff {
		secrets = append(secrets, p.PIN, p.Badge, p.Name)
	}
	a.net = support.NewNet(secrets...)
	a.lately = support.NewLog(a.net)
	var next slog.Handler = slog.DiscardHandler
	if a.o.Log != nil {
		next = a.o.Log.Handler()
	}
	a.log = slog.New(a.lately.Handler(next))
	a.o.Log = a.log
}

// support makes the support bundle and names its file.
func (a *app) support(context.Context) (name string, bundle []byte, err error) {
	now := a.o.Clock.Now()
	folder := fmt.Sprintf("baylight-%s-%s-%s", a.set.Store.Name, a.set.Name, now.Wall.Format("20060102-150405"))
	bundle, err = support.Bundle(folder, now.Wall, a.net, []support.File{
		{Name: "about.json", Value: a.about()},
		{Name: "configuration.json", Value: configuration(a.set)},
		{Name: "devices.json", Value: a.deviceStates()},
		{Name: "health.json", Text: indented(a.health())},
		{Name: "outbox.json", Value: a.outboxState()},
		{Name: "clock.json", Value: a.clockState()},
		{Name: "disk.json", Value: support.DiskUse(a.set.Data)},
		{Name: "log.txt", Text: a.lately.Text()},
	})
	return folder + ".tar.gz", bundle, err
}

// toolSupport hands the bundle to the people's tool.
func (a *app) toolSupport(w http.ResponseWriter, r *http.Request) {
	_, b, err := a.support(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/gzip")
	_, _ = w.Write(b) // the tool may have gone
}

// about is what runs here, and since when.
func (a *app) about() map[string]any {
	out := support.About(a.o.Version, time.Since(a.began))
	out["store"], out["kiosk"] = a.set.Store.Name, a.set.Name
	return out
}

// configuration is what may be told of the settings, chosen value by value: of
// secrets whether there is one, of people how many.
func configuration(set *settings.Kiosk) map[string]any {
	type device struct {
		Name  string `json:"name"`
		Place string `json:"place,omitempty"`
		Where string `json:"device"`
		Baud  int    `json:"baud,omitempty"`
		More  string `json:"more,omitempty"`
	}
	var scanners, printers []device
	for _, s := range set.Scanners {
		scanners = append(scanners, device{s.Name, s.Place, s.Line.Device, s.Line.Baud, fmt.Sprintf("flow %s, terminator %s, beep %s, limit %d", s.Line.Flow, s.Terminator, s.Beep, s.Limit)})
	}
	if p := set.Printer; p != nil {
		printers = append(printers, device{p.Name, "", p.Line.Device + p.USB + p.TCP, p.Line.Baud, fmt.Sprintf("%d mm", p.Width)})
	}
	bays := map[string]any{}
	for _, b := range set.Bays {
		bays[b.ID] = map[string]any{"wash": b.Wash, "pins": b.Pins, "active_low": b.ActiveLow}
	}
	roles := map[string]int{}
	pins := 0
	for _, p := range set.Staff {
		for _, r := range p.Roles {
			roles[string(r)]++
		}
		if p.PIN != "" {
			pins++
		}
	}
	_, broker, _ := strings.Cut(set.MQTT.URL, "://")
	if _, host, has := strings.Cut(broker, "@"); has {
		broker = host
	}
	return map[string]any{
		"store": set.Store.Name, "tag": set.Store.Tag, "zone": fmt.Sprint(set.Store.Calendar.Zone), "kiosk": set.Name, "letter": string(rune(set.Letter)),
		"data": set.Data, "socket": set.Socket, "listen": set.HTTP.Listen, "hosts": set.HTTP.Hosts, "insecure_lan": set.HTTP.InsecureLAN,
		"broker": broker, "broker_tls": strings.HasPrefix(set.MQTT.URL, "mqtts://"), "broker_user_set": set.MQTT.User != "",
		"broker_password_set": set.MQTT.Password != "", "delivery_by_broker": set.MQTT.Broker,
		"scanners": scanners, "printers": printers, "bays": bays, "menu_items": len(set.Menu), "staff": len(set.Staff), "staff_roles": roles, "staff_who_sign_in": pins,
	}
}

// deviceStates are the devices, without the echo of a code that a page may show.
func (a *app) deviceStates() (out []map[string]any) {
	for _, d := range a.devices.list() {
		one := map[string]any{"name": d.Name, "kind": d.Kind, "up": d.Up, "reason": d.Reason, "reconnects": d.Reconnects}
		if !d.Since.IsZero() {
			one["since"] = d.Since.Format(time.RFC3339)
		}
		if m := a.devices.traffic(d.Name); !m.at.IsZero() {
			one["last"], one["last_bytes"] = m.at.Format(time.RFC3339), m.bytes
		}
		out = append(out, one)
	}
	return out
}

func (a *app) outboxState() map[string]any {
	up, conn := a.uplink.Status(), a.link.Status()
	out := map[string]any{
		"connected": up.Connected, "office_ready": up.Office, "stopped": up.Stopped, "epoch": up.Epoch, "head": up.Head, "receipted": up.Through,
		"depth": up.Depth, "oldest": up.Oldest.String(), "unacknowledged": up.Unacked, "sent": up.Sent,
		"paper_behind": a.station.PaperBehind(), "connections_failed": conn.Failures, "alarms": a.notices.texts(),
	}
	if conn.Err != nil {
		out["last_error"] = conn.Err.Error()
	}
	return out
}

func (a *app) clockState() map[string]any {
	s, now := a.times.Status(), a.o.Clock.Now()
	return map[string]any{
		"time": now.Wall.Format(time.RFC3339), "boot": now.Boot, "since_boot": now.Up.String(), "quality": s.Quality, "source": s.Source,
		"error": s.Error.String(), "confirmed_ago": s.Age.String(), "jump": s.Jump.String(), "trouble": clockTrouble(s).Detail,
	}
}

func indented(b []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return string(b)
	}
	return out.String() + "\n"
}
