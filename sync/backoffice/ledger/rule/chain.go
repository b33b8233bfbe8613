package rule

import "baylight/kiosk"

// chain tells where what comes in order of sequence stops being one.
type chain struct {
	begun, broken bool
	last          kiosk.Hash
}

// add takes the next one; it says whether an event does not follow the event
// before it, through whatever could not be read between.
func (c *chain) add(hash, prev kiosk.Hash, event bool) (broken bool) {
	c.broken = c.broken || c.begun && c.last != prev
	c.begun, c.last = true, hash
	if event {
		broken, c.broken = c.broken, false
	}
	return broken
}
