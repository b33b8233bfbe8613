package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"baylight/kiosk/health"
)

// config looks at the configuration file.
func config(_ context.Context, f *Facts) []Finding {
	switch {
	case f.Settings != nil && f.Bad == nil:
		return []Finding{say(OK, "config.ok", f.Config, f.Settings.Store.Name, f.Settings.Name)}
	case f.Settings != nil: // below is what is wrong with the file
	case errors.Is(f.Bad, fs.ErrNotExist):
		return []Finding{say(Wrong, "config.missing", f.Config, f.Bad.Error())}
	case hidden(f.Bad):
		return []Finding{say(Look, "config.hidden", f.Config, f.Bad.Error())}
	}
	return []Finding{say(Wrong, "config.bad", f.Config, fmt.Sprint(f.Bad))}
}

// elsewhere are reasons that other areas look at more closely.
func elsewhere(code string) bool {
	for _, prefix := range []string{"printer.", "scanner.", "lamp.", "broker.", "office.away", "disk.low", "clock"} {
		if strings.HasPrefix(code, prefix) {
			return true
		}
	}
	return false
}

// running looks at the daemon, and hands on what it says of itself.
func running(_ context.Context, f *Facts) []Finding {
	if f.State == nil {
		switch {
		case f.Settings == nil:
			return nil // its socket is not known
		case hidden(f.Deaf):
			return []Finding{say(Look, "kiosk.closed", f.Settings.Socket)}
		case f.Running:
			return []Finding{say(Wrong, "kiosk.deaf", f.Settings.Socket, fmt.Sprint(f.Deaf))}
		}
		return []Finding{say(Wrong, "kiosk.stopped", f.Settings.Socket)}
	}
	out := []Finding{say(OK, "kiosk.ok", f.State.Version, seconds(f.State.Running).String())}
	for _, r := range f.State.Reasons {
		if elsewhere(r.Code) {
			continue
		}
		level := Look
		if r.Level == health.Losing {
			level = Wrong
		}
		one := say(level, "kiosk.says", r.Detail)
		one.Code = "kiosk." + r.Code
		one.ZH.What, one.EN.What = plain(r.ZH), plain(r.EN)
		out = append(out, one)
	}
	return out
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Second)
}

// clockArea looks at the clock: the kiosk's if it runs, else the system's.
func clockArea(_ context.Context, f *Facts) (out []Finding) {
	if f.Now.Before(f.Built) {
		out = append(out, say(Wrong, "clock.past", f.Now.Format(time.DateTime), f.Built.Format(time.DateOnly)))
	}
	switch {
	case f.State != nil:
		out = append(out, kioskClock(f)...)
	default:
		m, err := f.Machine.Moment()
		if err != nil {
			out = append(out, unseen("clock", "the system's clock", err))
			break
		}
		out = append(out, quality(string(m.Clock), "the system", "", m.Up))
	}
	return append(out, rtc(f)...)
}

func kioskClock(f *Facts) []Finding {
	c := f.State.Clock
	if c.Jump != 0 {
		return []Finding{say(Look, "clock.jump", seconds(c.Jump).String())}
	}
	bound := ""
	if c.Source != "" {
		bound = time.Duration(c.Error * float64(time.Second)).Round(time.Millisecond).String()
	}
	if c.Quality != "synced" && c.Source != "" && seconds(c.Age) >= 24*time.Hour {
		return []Finding{say(Look, "clock.lost", seconds(c.Age).String(), bound)}
	}
	return []Finding{quality(c.Quality, c.Source, bound, seconds(c.Boot))}
}

// settle is how long after boot the network's time may take to arrive.
const settle = 10 * time.Minute

func quality(q, source, bound string, up time.Duration) Finding {
	args := []string{source, bound, up.Round(time.Second).String()}
	switch {
	case q == "synced" && bound != "":
		return say(OK, "clock.synced", args...)
	case q == "synced":
		return say(OK, "clock.system", args...)
	case q == "holdover":
		return say(Look, "clock.holdover", args...)
	case up < settle:
		return say(Look, "clock.early", args...)
	}
	return say(Wrong, "clock.unset", args...)
}

// away is how far a battery clock may be off before a person looks.
const away = 2 * time.Minute

// rtc looks for a battery clock.
func rtc(f *Facts) []Finding {
	clocks := f.glob("/sys/class/rtc/rtc[0-9]*")
	if len(clocks) == 0 {
		return []Finding{say(Look, "clock.nortc")}
	}
	since, ok := f.number(clocks[0] + "/since_epoch")
	if !ok {
		return []Finding{unseen("clock", clocks[0], errors.New("it does not tell the time"))}
	}
	off := f.Now.Sub(time.Unix(int64(since), 0)).Abs().Round(time.Second)
	if off > away {
		return []Finding{say(Look, "clock.rtcoff", clocks[0], off.String())}
	}
	return []Finding{say(OK, "clock.rtc", f.read(clocks[0]+"/name"))}
}
