package kioskapp

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/screen"
	"baylight/kiosk/words"
	"baylight/sync/identity"
)

// identity makes the keeper of this board's certificate, if its broker is reached
// over TLS.
func (a *app) identity() func() (*tls.Config, error) {
	if !strings.HasPrefix(a.set.MQTT.URL, "mqtts://") {
		return nil
	}
	a.board = identity.NewBoard(identity.BoardConfig{Path: a.set.MQTT.Identity, Trust: a.trust, Anew: a.connectAnew, Log: a.log})
	a.tasks = append(a.tasks, a.board)
	return func() (*tls.Config, error) {
		if a.byPassword() {
			return &tls.Config{MinVersion: tls.VersionTLS12}, nil
		}
		return a.board.TLS()
	}
}

// byPassword says whether this board shows a password instead of a certificate, to
// a broker whose own certificate is signed by somebody whom this machine trusts.
func (a *app) byPassword() bool {
	_, err := os.Stat(a.set.MQTT.Identity)
	return a.set.MQTT.User != "" && err != nil
}

// trust is what the board knows of the time, for certificates. A battery or a
// person is not trusted: a clock that is a century ahead would make every
// certificate an expired one, and with them goes the way to the right time.
func (a *app) trust() identity.Trust {
	s := a.times.Status()
	told := s.Source == kiosk.ClockSystem || s.Source == kiosk.ClockOffice
	return identity.Trust{Now: a.times.Now().Wall, Trusted: told && !s.Lost(), Earliest: a.earliest}
}

// earliest is before when it cannot be: the program was built, or the journal has
// an event of a synchronised clock.
func earliest(built time.Time, last kiosk.Moment) time.Time {
	if last.Clock == kiosk.Synced && last.Wall.After(built) {
		return last.Wall
	}
	return built
}

// connectAnew ends the present connection to the broker; the link makes another.
func (a *app) connectAnew() {
	now, end := context.WithCancel(context.Background())
	end() // it is there, or there is nothing to end
	if s, err := a.link.Next(now, 0); err == nil {
		s.Drop()
	}
}

// identityAlarms are what a person has to know of the certificate. That it was
// checked without a trusted clock is told to people once the clock should have
// come, and to programs at once.
func (a *app) identityAlarms(atOnce bool) (out []screen.Alarm) {
	if a.board == nil || a.byPassword() {
		return nil
	}
	s := a.board.Status()
	if s.Problem != "" {
		out = append(out, screen.Alarm{Text: words.Say("alarm.certificate"), Detail: s.Problem})
	}
	if s.Bounded && (atOnce || a.times.Now().Up >= unsetAfter) {
		out = append(out, screen.Alarm{Text: words.Say("alarm.certificate_time"),
			Detail: fmt.Sprintf("the broker's certificate did not expire before %s; whether it did since is not known until the clock is trusted", s.Earliest.Format(time.DateOnly))})
	}
	return out
}
