package uplink

import (
	"fmt"
	"time"

	"baylight/sync/wire"
)

// Machine is what an [Uplink] decides, without goroutines, clock and
// connection: whoever drives it says what happened and when. Uplink drives the
// same core; the simulation (cmd/internal/sim) drives this.
type Machine struct {
	src  Source
	core *core
}

// NewMachine takes up a journal. Of cfg only the limits count: Unreceipted and
// Progress.
func NewMachine(cfg Config, src Source) (*Machine, error) {
	def(&cfg.Unreceipted, 8192)
	def(&cfg.Progress, 30*time.Second)
	mark, err := src.Receipted()
	if err != nil {
		return nil, fmt.Errorf("make uplink machine: read receipt mark: %w", err)
	}
	return &Machine{src: src, core: newCore(cfg.limits(), src.Epoch(), src.Head(), mark)}, nil
}

func (c Config) limits() limits {
	return limits{batch: batch, unreceipt: uint64(c.Unreceipted), progress: c.Progress, gapEvery: c.Progress / 15, broker: c.Broker}
}

// Refresh takes up what the journal appended. True means that it began another
// epoch: acknowledgements under way are about the old one, so the connection
// has to be dropped.
func (m *Machine) Refresh() bool {
	epoch := m.src.Epoch()
	began := epoch != m.core.epoch
	if began {
		m.core.begin(epoch, m.src.Head(), m.core.mark)
	}
	m.core.head = m.src.Head()
	return began
}

// Connected and Disconnected frame a connection, by its number.
func (m *Machine) Connected(session uint64, now time.Time) { m.core.connected(session, now) }

// Disconnected ends the connection.
func (m *Machine) Disconnected() { m.core.disconnected() }

// Office takes the office's state as it came in on a connection; retained tells
// that it stood at the broker before.
func (m *Machine) Office(o wire.Office, session uint64, retained bool, now time.Time) {
	m.core.officeSaid(o, session, retained, now)
}

// Receipt takes a receipt.
func (m *Machine) Receipt(r wire.Receipt, now time.Time) []Alarm {
	return m.core.receipt(r, m.src, now)
}

// Rift is what a receipt showed to be wrong with this journal; the driver hands
// it to the Source's Supersede and, when that succeeded, calls Settled and Refresh.
func (m *Machine) Rift() (Rift, bool) {
	if m.core.rift == nil {
		return Rift{}, false
	}
	return *m.core.rift, true
}

// Settled notes that the rift was dealt with.
func (m *Machine) Settled() { m.core.settled() }

// Tick lets time pass; true means that everything without receipt is sent again.
func (m *Machine) Tick(now time.Time) bool {
	m.core.keepNow(m.src, now)
	return m.core.tick(now)
}

// Ask says which rows to send next.
func (m *Machine) Ask() Ask { return m.core.ask() }

// Sent notes that the first row asked for was handed to the connection; Skip
// that the journal does not have it.
func (m *Machine) Sent(a Ask, seq uint64) { m.core.gave(a, seq) }

// Skip notes that the journal has no rows where Ask was for some.
func (m *Machine) Skip(a Ask) { m.core.none(a) }

// Acked notes that the broker acknowledged all rows of the run up to seq.
func (m *Machine) Acked(seq uint64) { m.core.ackedTo(seq) }

// Mark is what the office has receipted, as this machine believes.
func (m *Machine) Mark() Mark { return m.core.mark }
