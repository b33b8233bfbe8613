package uplink

import (
	"time"

	"baylight/sync/wire"
)

// ready reports whether an office listens on the present connection.
func (c *core) ready() bool {
	return c.session != 0 && c.officeOn == c.session && c.office.State == wire.Ready
}

// officeSaid takes the office's state as it came in on a connection; retained
// tells that it stood there before.
func (c *core) officeSaid(o wire.Office, session uint64, retained bool, now time.Time) {
	if session < c.officeOn || session == c.officeOn && !o.Replaces(c.office) {
		return
	}
	c.office, c.officeOn, c.officeOld, c.quiet = o, session, retained, 0
	if o.State != wire.Ready {
		c.readyOn, c.officeOld = 0, false
	}
	c.greet(now)
}

// greet begins a resend for an office session not yet answered on this
// connection. An office that listened before the connection stood has had all
// that came on it.
func (c *core) greet(now time.Time) {
	if !c.ready() || c.readyOn == c.session && c.answered == c.office {
		return
	}
	had := c.readyOn != c.session && c.officeOld && c.start <= c.mark.Through+1
	c.readyOn, c.answered = c.session, c.office
	if had {
		c.progress = now
		return
	}
	c.reopen(now)
	c.rewind(now)
}

// deaf reports that resending did not help: a broker may have lost this
// connection's subscriptions, so another connection is worth a try.
func (c *core) deaf() bool { return c.vain > 1 }

// unheard reports that something waits for a receipt and not a word of the office
// came on this connection, though whether it is there stands retained: a broker
// may have dropped it, so another connection is worth a try. Where no office ever
// was it is tried less and less often.
func (c *core) unheard(now time.Time) bool {
	if c.lim.broker || c.session == 0 || c.officeOn == c.session || c.head <= c.mark.Through ||
		now.Sub(c.since) < c.lim.progress<<min(c.quiet, maxQuiet) {
		return false
	}
	c.quiet++
	c.since = now
	return true
}

// maxQuiet bounds how seldom that is tried: 64 times the time without progress.
const maxQuiet = 6
