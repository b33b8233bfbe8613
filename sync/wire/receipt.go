package wire

import (
	"encoding/json"
	"errors"
	"fmt"

	"baylight/kiosk"
)

// Bounds on what the decoders accept.
const (
	MaxReceiptBytes = 64 << 10
	MaxEpochs       = 64
	MaxGaps         = 256 // in one epoch
	MaxTaken        = 64  // in one epoch
	MaxStateBytes   = 4 << 10
	MaxPersonBytes  = 64 << 10
	MaxHealthBytes  = 64 << 10

	maxSeq = 1<<63 - 1 // sequences fit a signed 64-bit column
)

// Receipt is what an office has committed of one board's events. It is
// retained on Kiosk.Receipt, written after the office's own commit.
type Receipt struct {
	Ledger string  // uuid, new when the office's ledger is created or restored
	Term   uint64  // number of the lease under which the office writes
	Epochs []Epoch // each epoch the office knows of this board, oldest first
}

// Epoch is the part of a receipt about one epoch.
type Epoch struct {
	Epoch   string
	Through uint64     // every sequence 1..Through is committed, person parts included or erased; 0: none
	Hash    kiosk.Hash // of the bytes of the event Through; zero if Through is 0
	Gaps    []Gap      // missing above Through, ascending and apart; wanted again

	// Taken are the places of which the hashes that an event carries do not tell
	// what the office has there, ascending: each event below Through that the next
	// one here does not follow, or 0 with a zero hash if the first one here is not
	// the first of the epoch; and the lowest event above Through. A board whose own
	// event there has another hash has another history; if it has one that follows
	// its own in a place below Through, the office does not have that one. (Additive:
	// older offices name none.) Places up to TakenAfter are left out, where there are
	// more than MaxTaken.
	Taken      []Taken
	TakenAfter uint64
}

// Taken is what an office has in a place. On the wire it is the pair
// [sequence,"hash"].
type Taken struct {
	Seq  uint64
	Hash kiosk.Hash // of the event's bytes
}

// Gap is a range of missing sequences, both ends included. On the wire it is
// the pair [first,last].
type Gap struct{ First, Last uint64 }

type receiptJSON struct {
	Ledger *string      `json:"ledger"`
	Term   *uint64      `json:"term"`
	Epochs *[]epochJSON `json:"epochs"`
}

type epochJSON struct {
	Epoch   string     `json:"epoch"`
	Through *uint64    `json:"through"`
	Hash    string     `json:"hash"`
	Gaps    [][]uint64 `json:"gaps"`

	Taken      []Taken `json:"taken,omitempty"`
	TakenAfter uint64  `json:"taken_after,omitempty"`
}

// MarshalJSON writes the pair.
func (t Taken) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]any{t.Seq, t.Hash.String()})
}

// UnmarshalJSON reads it.
func (t *Taken) UnmarshalJSON(b []byte) error {
	var pair []json.RawMessage
	var hash string
	err := json.Unmarshal(b, &pair)
	if err == nil && len(pair) != 2 {
		err = fmt.Errorf("%d values instead of a sequence and a hash", len(pair))
	}
	if err == nil {
		err = errors.Join(json.Unmarshal(pair[0], &t.Seq), json.Unmarshal(pair[1], &hash))
	}
	if err == nil {
		t.Hash, err = kiosk.ParseHash(hash)
	}
	if err != nil {
		return fmt.Errorf("taken: %w", err)
	}
	return nil
}

// Find returns the part of the receipt about an epoch.
func (r Receipt) Find(epoch string) (Epoch, bool) {
	for _, e := range r.Epochs {
		if e.Epoch == epoch {
			return e, true
		}
	}
	return Epoch{}, false
}

// Check reports the first thing wrong with a receipt.
func (r Receipt) Check() error {
	if err := checkID("ledger", r.Ledger); err != nil {
		return err
	}
	if r.Term > maxSeq {
		return fmt.Errorf("term %d is above %d", r.Term, uint64(maxSeq))
	}
	if len(r.Epochs) > MaxEpochs {
		return fmt.Errorf("epochs are %d, at most %d are allowed", len(r.Epochs), MaxEpochs)
	}
	seen := make(map[string]bool, len(r.Epochs))
	for i, e := range r.Epochs {
		if err := e.check(); err != nil {
			return fmt.Errorf("epochs[%d]: %w", i, err)
		}
		if seen[e.Epoch] {
			return fmt.Errorf("epochs[%d]: epoch %q stands twice", i, e.Epoch)
		}
		seen[e.Epoch] = true
	}
	return nil
}

func (e Epoch) check() error {
	if err := checkID("epoch", e.Epoch); err != nil {
		return err
	}
	if e.Through > maxSeq {
		return fmt.Errorf("through %d is above %d", e.Through, uint64(maxSeq))
	}
	if e.Through == 0 && e.Hash != (kiosk.Hash{}) {
		return fmt.Errorf("hash %s is given though through is 0", e.Hash)
	}
	if len(e.Gaps) > MaxGaps {
		return fmt.Errorf("gaps are %d, at most %d are allowed", len(e.Gaps), MaxGaps)
	}
	floor := e.Through
	for i, g := range e.Gaps {
		switch {
		case g.First <= floor:
			return fmt.Errorf("gaps[%d] begins at %d, not above %d", i, g.First, floor)
		case g.Last < g.First || g.Last > maxSeq:
			return fmt.Errorf("gaps[%d] runs from %d to %d", i, g.First, g.Last)
		}
		floor = g.Last
	}
	return e.checkTaken()
}

func (e Epoch) checkTaken() error {
	if len(e.Taken) > MaxTaken {
		return fmt.Errorf("taken are %d, at most %d are allowed", len(e.Taken), MaxTaken)
	}
	if e.TakenAfter > maxSeq {
		return fmt.Errorf("taken_after %d is above %d", e.TakenAfter, uint64(maxSeq))
	}
	floor := e.TakenAfter
	for i, t := range e.Taken {
		begin := i == 0 && t.Seq == 0 && floor == 0 && t.Hash == (kiosk.Hash{})
		if !begin && t.Seq <= floor || t.Seq > maxSeq {
			return fmt.Errorf("taken[%d] is %d, not above %d", i, t.Seq, floor)
		}
		floor = t.Seq
	}
	return nil
}

// checkID accepts the form of a uuid loosely: letters, digits and hyphens.
func checkID(what, s string) error {
	ok := len(s) > 0 && len(s) <= 64
	for i := 0; ok && i < len(s); i++ {
		c := s[i]
		ok = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-'
	}
	if !ok {
		return fmt.Errorf("%s %q is not a uuid", what, clip(s, 80))
	}
	return nil
}

// Encode makes the payload of a receipt.
func (r Receipt) Encode() ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("encode receipt: %w", err)
	}
	epochs := make([]epochJSON, len(r.Epochs))
	for i := range r.Epochs {
		e := &r.Epochs[i]
		epochs[i] = epochJSON{Epoch: e.Epoch, Through: &e.Through, Hash: e.Hash.String(), Gaps: [][]uint64{}, Taken: e.Taken, TakenAfter: e.TakenAfter}
		for _, g := range e.Gaps {
			epochs[i].Gaps = append(epochs[i].Gaps, []uint64{g.First, g.Last})
		}
	}
	return encode("receipt", receiptJSON{&r.Ledger, &r.Term, &epochs}, MaxReceiptBytes)
}

// DecodeReceipt reads the payload of a receipt.
func DecodeReceipt(b []byte) (Receipt, error) {
	r, err := decodeReceipt(b)
	if err != nil {
		return Receipt{}, fmt.Errorf("decode receipt: %w", err)
	}
	return r, nil
}

func decodeReceipt(b []byte) (Receipt, error) {
	var j receiptJSON
	if err := decode(b, MaxReceiptBytes, &j); err != nil {
		return Receipt{}, err
	}
	if j.Ledger == nil || j.Term == nil || j.Epochs == nil {
		return Receipt{}, fmt.Errorf("ledger, term or epochs is missing")
	}
	r := Receipt{Ledger: *j.Ledger, Term: *j.Term}
	for i, ej := range *j.Epochs {
		e, err := ej.read()
		if err != nil {
			return Receipt{}, fmt.Errorf("epochs[%d]: %w", i, err)
		}
		r.Epochs = append(r.Epochs, e)
	}
	return r, r.Check()
}

func (j epochJSON) read() (e Epoch, err error) {
	if j.Through == nil {
		return e, fmt.Errorf("through is missing")
	}
	e = Epoch{Epoch: j.Epoch, Through: *j.Through, Taken: j.Taken, TakenAfter: j.TakenAfter}
	if j.Hash != "" || e.Through > 0 {
		if e.Hash, err = kiosk.ParseHash(j.Hash); err != nil {
			return e, fmt.Errorf("hash: %w", err)
		}
	}
	for i, g := range j.Gaps {
		if len(g) != 2 {
			return e, fmt.Errorf("gaps[%d] has %d numbers instead of 2", i, len(g))
		}
		e.Gaps = append(e.Gaps, Gap{g[0], g[1]})
	}
	return e, nil
}

// decode reads one JSON object of at most limit bytes.
func decode(b []byte, limit int, v any) error {
	if len(b) > limit {
		return fmt.Errorf("%d bytes, at most %d are allowed", len(b), limit)
	}
	return json.Unmarshal(b, v)
}

func encode(what string, v any, limit int) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", what, err)
	}
	if len(b) > limit {
		return nil, fmt.Errorf("encode %s: %d bytes, at most %d are allowed", what, len(b), limit)
	}
	return b, nil
}
