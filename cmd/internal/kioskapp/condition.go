package kioskapp

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"baylight/device/printer"
	"baylight/kiosk/health"
	"baylight/kiosk/screen"
	"baylight/kiosk/words"
)

// reasons are what is not as it should be with this board.
func (a *app) reasons() []health.Reason {
	up := a.uplink.Status()
	f := health.Facts{
		Kiosk: a.set.Name, Zone: a.set.Store.Calendar.Zone, Lost: a.lost,
		Starting: a.starting(), Broken: a.station.Broken(), Snapshot: a.keeper.Alarm(), DiskFull: a.journal.Low(),
		Connected: up.Connected, Office: up.Office, ByBroker: a.set.MQTT.Broker, Depth: up.Depth, Oldest: up.Oldest,
	}
	if err := a.journal.Damage(); err != nil {
		f.Damage = err.Error()
	}
	if r, ok := a.journal.Salvaged(); ok {
		f.Salvaged = fmt.Sprintf("%d events were kept, %d ranges are lost, the damaged file is %s", r.Kept, len(r.Lost), r.SetAside)
	}
	free, _, err := room(a.set.Data)
	if f.DiskFree = free; err != nil {
		f.DiskFree = health.Little // it is not known to be low
	}
	for _, d := range a.devices.list() {
		one := health.Device{Name: d.Name, Kind: d.Kind, Up: d.Up, Detail: d.Reason}
		if d.Kind == "printer" {
			switch (printer.State{Up: d.Up, Reason: d.Reason}).Cause() {
			case printer.PaperOut:
				one.Cause = "paper"
			case printer.CoverUp:
				one.Cause = "cover"
			}
		}
		f.Devices = append(f.Devices, one)
	}
	for _, t := range a.clockAlarms() {
		f.Told = append(f.Told, health.Reason{Level: health.Degraded, Code: "clock", Text: t.Text, Detail: t.Detail})
	}
	for _, t := range a.identityAlarms(false) {
		f.Told = append(f.Told, health.Reason{Level: health.Degraded, Code: "certificate", Text: t.Text, Detail: t.Detail})
	}
	for _, n := range a.notices.alarms() {
		f.Told = append(f.Told, health.Reason{Level: health.Degraded, Code: "office.says", Text: n.Text, Detail: n.Detail})
	}
	return health.Reasons(f)
}

// starting says whether the station still reads the records.
func (a *app) starting() bool {
	select {
	case <-a.station.Ready():
		return false
	default:
		return true
	}
}

// recordAlarms are the reasons that concern the records, for the desk and the
// devices page. The others are said there in their own way.
func recordAlarms(reasons []health.Reason) (out []screen.Alarm) {
	for _, r := range reasons {
		if strings.HasPrefix(r.Code, "journal.") || r.Code == "disk.full" {
			out = append(out, screen.Alarm{Text: r.Text, Detail: r.Detail})
		}
	}
	return out
}

// State is what a running kiosk tells the people's tool of itself. Durations are
// in seconds, sizes in bytes. No personal data.
type State struct {
	Version  string         `json:"version"`
	Go       string         `json:"go"`
	Running  float64        `json:"running_seconds"`
	Level    health.Level   `json:"level"`
	Reasons  []StateReason  `json:"reasons"`
	Devices  []StateDevice  `json:"devices"`
	Uplink   StateUplink    `json:"uplink"`
	Clock    StateClock     `json:"clock"`
	DiskFree uint64         `json:"disk_free_bytes"`
	Scans    map[string]int `json:"scans"` // scanner → codes read since the start
	Printer  string         `json:"printer,omitempty"`
}

// StateReason is one thing that is not as it should be.
type StateReason struct {
	Level  health.Level `json:"level"`
	Code   string       `json:"code"`
	ZH     string       `json:"zh"`
	EN     string       `json:"en"`
	Detail string       `json:"detail,omitempty"`
}

// StateDevice is one device.
type StateDevice struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Up         bool   `json:"up"`
	Reason     string `json:"reason,omitempty"`
	Reconnects int    `json:"reconnects"`
	Last       string `json:"last,omitempty"` // when something last came or went; RFC 3339
}

// StateUplink is how far the back office is behind.
type StateUplink struct {
	Connected bool    `json:"connected"`
	Office    bool    `json:"office_ready"`
	Epoch     string  `json:"epoch"`
	Head      uint64  `json:"head"`
	Depth     uint64  `json:"depth"`
	Oldest    float64 `json:"oldest_seconds"`
	Failed    int     `json:"failed_attempts"`
	Error     string  `json:"error,omitempty"`
}

// StateClock is how the clock is.
type StateClock struct {
	Time    string  `json:"time"` // RFC 3339
	Quality string  `json:"quality"`
	Source  string  `json:"source,omitempty"`
	Error   float64 `json:"error_seconds"`
	Age     float64 `json:"confirmed_age_seconds"`
	Jump    float64 `json:"jump_seconds"`
	Boot    float64 `json:"since_boot_seconds"`
}

// state is the present state for the people's tool.
func (a *app) state() State {
	up, conn, c, now := a.uplink.Status(), a.link.Status(), a.times.Status(), a.o.Clock.Now()
	s := State{
		Version: a.o.Version, Go: runtime.Version(), Running: time.Since(a.began).Seconds(), Reasons: []StateReason{}, Devices: []StateDevice{},
		Uplink: StateUplink{Connected: up.Connected, Office: up.Office, Epoch: up.Epoch, Head: up.Head, Depth: up.Depth, Oldest: up.Oldest.Seconds(), Failed: conn.Failures},
		Clock: StateClock{Time: now.Wall.Format(time.RFC3339), Quality: string(c.Quality), Source: string(c.Source), Error: c.Error.Seconds(), Age: c.Age.Seconds(),
			Jump: c.Jump.Seconds(), Boot: now.Up.Seconds()},
		Scans: map[string]int{},
	}
	if conn.Err != nil && !up.Connected {
		s.Uplink.Error = a.net.Mask(conn.Err.Error())
	}
	reasons := a.reasons()
	s.Level = health.Worst(reasons)
	for _, r := range reasons {
		s.Reasons = append(s.Reasons, StateReason{r.Level, r.Code, r.Text.In(words.ZH), r.Text.In(words.EN), r.Detail})
	}
	for _, d := range a.devices.list() {
		one := StateDevice{Name: d.Name, Kind: d.Kind, Up: d.Up, Reason: d.Reason, Reconnects: d.Reconnects}
		if m := a.devices.traffic(d.Name); !m.at.IsZero() {
			one.Last = m.at.Format(time.RFC3339)
		}
		s.Devices = append(s.Devices, one)
	}
	if p := a.set.Printer; p != nil {
		s.Printer = string(a.printerCause(p.Name))
	}
	s.DiskFree, _, _ = room(a.set.Data)
	a.meters.mu.Lock()
	defer a.meters.mu.Unlock()
	for name, results := range a.meters.scans {
		for _, n := range results {
			s.Scans[name] += int(n)
		}
	}
	return s
}
