package risk

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"baylight/kiosk"
)

// modelVersion is the first byte of a model's bytes.
const modelVersion = 1

// Bounds on a decoded model.
const (
	maxStates = 64
	maxPoints = 256
	maxText   = 64
)

var errBytes = errors.New("bytes are cut short or damaged")

// Append makes the model's bytes behind b.
func (m *Model) Append(b []byte) []byte {
	b = append(b, modelVersion)
	b = binary.AppendVarint(b, m.Trained.UnixMilli())
	b = binary.AppendUvarint(b, uint64(m.Orders))
	b = binary.AppendUvarint(b, uint64(m.Samples))
	b = appendFloat(b, m.Late)
	cells := slices.SortedFunc(maps.Keys(m.allowance), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.state, b.state), cmp.Compare(a.category, b.category))
	})
	b = binary.AppendUvarint(b, uint64(len(cells)))
	for _, c := range cells {
		b = appendText(appendText(b, string(c.state)), string(c.category))
		b = appendFloat(b, m.allowance[c])
	}
	b = binary.AppendUvarint(b, uint64(len(m.errors)))
	for _, of := range slices.Sorted(maps.Keys(m.errors)) {
		e := m.errors[of]
		b = binary.AppendUvarint(binary.AppendUvarint(appendText(b, string(of)), uint64(e.n)), uint64(len(e.quantiles)))
		for _, q := range e.quantiles {
			b = appendFloat(b, q)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(m.curve)))
	for _, p := range m.curve {
		b = appendFloat(appendFloat(b, p.x), p.p)
	}
	return b
}

func appendFloat(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
}

func appendText(b []byte, s string) []byte {
	s = s[:min(len(s), maxText)]
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader reads what Append made; the first error stays.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uint(most uint64) uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > most {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.bad = nil, true
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// float reads a number from low to high.
func (r *reader) float(low, high float64) float64 {
	f := math.Float64frombits(binary.BigEndian.Uint64(r.take(8)))
	if !(f >= low && f <= high) {
		r.b, r.bad = nil, true
		return 0
	}
	return f
}

func (r *reader) text() string { return string(r.take(int(r.uint(maxText)))) }

// curve reads a curve: x rises, p never does.
func (r *reader) curve() (c curve) {
	for range r.uint(maxPoints) {
		p := point{r.float(0, 1), r.float(0, 1)}
		if n := len(c); r.bad || n > 0 && (p.x < c[n-1].x || p.p > c[n-1].p) {
			r.bad = true
			return nil
		}
		c = append(c, p)
	}
	return c
}

// spread reads errors: the quantiles rise, and there are two at least.
func (r *reader) spread() (e spread) {
	e.n = int(r.uint(math.MaxInt32))
	for range r.uint(maxPoints) {
		q := r.float(-1e9, 1e9)
		if n := len(e.quantiles); r.bad || n > 0 && q < e.quantiles[n-1] {
			r.bad = true
			return e
		}
		e.quantiles = append(e.quantiles, q)
	}
	r.bad = r.bad || len(e.quantiles) < 2
	return e
}

// DecodeModel reads the bytes of a model.
func DecodeModel(b []byte) (*Model, error) {
	if len(b) == 0 || b[0] != modelVersion {
		return nil, fmt.Errorf("read late-risk model: version %x is not %d", b[:min(len(b), 1)], modelVersion)
	}
	r := reader{b: b[1:]}
	trained, size := binary.Varint(r.b)
	if size <= 0 {
		return nil, fmt.Errorf("read late-risk model: %w", errBytes)
	}
	r.b = r.b[size:]
	m := &Model{Trained: time.UnixMilli(trained).UTC(), Orders: int(r.uint(math.MaxInt32)), Samples: int(r.uint(math.MaxInt32)), Late: r.float(0, 1),
		allowance: map[cell]float64{}, errors: map[state]spread{}}
	for range r.uint(maxCells) {
		c := cell{state(r.text()), kiosk.Category(r.text())}
		m.allowance[c] = r.float(-1e9, 1e9)
	}
	for range r.uint(maxStates) {
		of := state(r.text())
		m.errors[of] = r.spread()
	}
	m.curve = r.curve()
	if _, all := m.errors[""]; !all {
		r.bad = true
	}
	if r.bad || len(r.b) > 0 {
		return nil, fmt.Errorf("read late-risk model: %w", errBytes)
	}
	return m, nil
}
