package replay

import (
	"maps"
	"math/rand/v2"
	"slices"

	"baylight/cmd/internal/crashstates/record"
)

// Sector is what is written as a whole or not at all.
const Sector = 512

// file is what a name may stand for.
type file struct {
	lasting []byte // as of its last sync
	since   []record.Op
}

// Medium is a folder while a record is played to it.
type Medium struct {
	names   map[string]*file // that last
	since   []record.Op      // changes of names that do not yet
	seen    map[string]*file // names as the program sees them
	created map[int]*file    // by place in since
}

// New is an empty folder.
func New() *Medium {
	return &Medium{names: map[string]*file{}, seen: map[string]*file{}, created: map[int]*file{}}
}

// Do plays one change.
func (m *Medium) Do(op record.Op) {
	switch op.Kind {
	case record.Sync:
		m.sync(op.Path)
		return
	case record.Write, record.Truncate:
		if f := m.seen[op.Path]; f != nil {
			f.since = append(f.since, op)
		}
		return
	case record.Create:
		f := &file{}
		m.created[len(m.since)] = f
		m.seen[op.Path] = f
	default:
		rename(m.seen, op)
	}
	m.since = append(m.since, op)
}

// rename does what a removal or renaming does to names.
func rename(names map[string]*file, op record.Op) {
	f := names[op.Path]
	if f == nil {
		return // seen twice: an interrupted call comes again
	}
	delete(names, op.Path)
	if op.Kind == record.Rename {
		names[op.To] = f
	}
}

func (m *Medium) sync(path string) {
	if path == "." {
		m.names, m.since, m.created = maps.Clone(m.seen), nil, map[int]*file{}
		return
	}
	if f := m.seen[path]; f != nil {
		for _, op := range f.since {
			f.lasting = apply(f.lasting, op)
		}
		f.since = nil
	}
}

// apply does a write or truncation to bytes, which it may change.
func apply(b []byte, op record.Op) []byte {
	end := int(op.At) + len(op.Data)
	if op.Kind == record.Truncate && len(b) > end {
		return b[:end:end] // what is behind must not come back
	}
	if len(b) < end {
		b = append(b, make([]byte, end-len(b))...)
	}
	copy(b[op.At:], op.Data)
	return b
}

// Seen are the files as the program saw them last.
func (m *Medium) Seen() map[string][]byte {
	all := map[string][]byte{}
	for name, f := range m.seen {
		b := slices.Clone(f.lasting)
		for _, op := range f.since {
			b = apply(b, op)
		}
		all[name] = b
	}
	return all
}

// Pending is how many changes do not last yet.
func (m *Medium) Pending() (n int) {
	n = len(m.since)
	for _, f := range m.seen {
		n += len(f.since)
	}
	return n
}

// Cut is the folder after a power cut at this moment, one of many that there may be.
func (m *Medium) Cut(r *rand.Rand) map[string][]byte {
	names := maps.Clone(m.names)
	for i, op := range m.since[:r.IntN(len(m.since)+1)] {
		if op.Kind == record.Create {
			names[op.Path] = m.created[i]
		} else {
			rename(names, op)
		}
	}
	all := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all[name] = names[name].cut(r)
	}
	return all
}

// cut is what is left of one file.
func (f *file) cut(r *rand.Rand) []byte {
	b := slices.Clone(f.lasting)
	switch r.IntN(5) {
	case 0: // nothing since the last sync
		return b
	case 1: // everything
		for _, op := range f.since {
			b = apply(b, op)
		}
		return b
	case 2: // the first few, the last of them torn
		n := r.IntN(len(f.since) + 1)
		for i, op := range f.since[:n] {
			if i < n-1 {
				b = apply(b, op)
			} else {
				b = torn(b, op, r, 0.5)
			}
		}
		return b
	}
	// Any part, in any order.
	keep, order := r.Float64(), make([]int, len(f.since))
	for i := range order {
		order[i] = i
	}
	if r.IntN(2) == 0 {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for _, i := range order {
		b = torn(b, f.since[i], r, keep)
	}
	return b
}

// torn does a part of a change: each sector with the probability keep.
func torn(b []byte, op record.Op, r *rand.Rand, keep float64) []byte {
	if op.Kind == record.Truncate {
		if r.Float64() < keep {
			return apply(b, op)
		}
		return b
	}
	for from := 0; from < len(op.Data); {
		// Sectors are the disk's, wherever the write begins.
		to := min(len(op.Data), from+Sector-(int(op.At)+from)%Sector)
		if r.Float64() < keep {
			b = apply(b, record.Op{Kind: record.Write, At: op.At + int64(from), Data: op.Data[from:to]})
		}
		from = to
	}
	return b
}
