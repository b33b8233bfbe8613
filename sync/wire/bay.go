package wire

import (
	"fmt"
	"slices"
	"time"
)

// BayStates lists what a bay may be (DOMAIN §5), most urgent first.
func BayStates() []string {
	return []string{"help", "late", "waiting", "risk", "ready", "working", "free"}
}

// BayState is the present state of a bay as others may read it, retained on
// Kiosk.Bay. It holds no personal data.
type BayState struct {
	State       string     `json:"state"` // the most urgent that holds
	Visit       string     `json:"visit,omitempty"`
	Ticket      string     `json:"ticket,omitempty"` // the visit's number for people
	Technicians []string   `json:"technicians"`      // ids of those at work
	Since       *time.Time `json:"since,omitempty"`
	Promise     *time.Time `json:"promise,omitempty"` // the one in force
	Risk        bool       `json:"risk"`              // state is risk
	Lamp        string     `json:"lamp"`              // colour; empty: dark
	Blink       bool       `json:"blink"`
}

// Encode makes the payload.
func (b BayState) Encode() ([]byte, error) {
	if !slices.Contains(BayStates(), b.State) {
		return nil, fmt.Errorf("encode bay: state %q is not one of %v", clip(b.State, 40), BayStates())
	}
	if b.Technicians == nil {
		b.Technicians = []string{}
	}
	return encode("bay", b, MaxStateBytes)
}
