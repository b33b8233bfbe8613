package replay

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"baylight/cmd/internal/crashstates/record"
)

func write(path string, at int64, text string) record.Op {
	return record.Op{Kind: record.Write, Path: path, At: at, Data: []byte(text)}
}

func sectors(n int, b byte) string { return string(bytes.Repeat([]byte{b}, n*Sector)) }

// outcomes are the different states that many cuts give, as one text each.
func outcomes(ops []record.Op) map[string]bool {
	m := New()
	for _, op := range ops {
		m.Do(op)
	}
	all := map[string]bool{}
	for seed := range uint64(400) {
		text := ""
		files := m.Cut(rand.New(rand.NewPCG(seed, 7)))
		for _, name := range slices.Sorted(maps.Keys(files)) {
			text += name + "="
			for at := 0; at < len(files[name]); at += Sector {
				text += string(files[name][at : at+1])
			}
			text += " "
		}
		all[text] = true
	}
	return all
}

func TestWhatACutMayLeave(t *testing.T) {
	made := []record.Op{{Kind: record.Create, Path: "a"}, write("a", 0, sectors(2, 'x')), {Kind: record.Sync, Path: "a"}, {Kind: record.Sync, Path: "."}}
	for _, c := range []struct {
		name string
		ops  []record.Op
		want []string
	}{
		{"synced", nil, []string{"a=xx "}},
		{"one write is torn", []record.Op{write("a", 0, sectors(2, 'y'))}, []string{"a=xx ", "a=xy ", "a=yx ", "a=yy "}},
		{"a later write without an earlier one", []record.Op{write("a", 0, sectors(1, 'y')), write("a", Sector, sectors(1, 'z'))},
			[]string{"a=xx ", "a=xz ", "a=yx ", "a=yz "}},
		{"an older write on top of a newer", []record.Op{write("a", 0, sectors(1, 'y')), write("a", 0, sectors(1, 'z'))},
			[]string{"a=xx ", "a=yx ", "a=zx "}},
		{"a hole where a write is missing", []record.Op{write("a", 2*Sector, sectors(1, 'y')), write("a", 3*Sector, sectors(1, 'z'))},
			[]string{"a=xx ", "a=xxy ", "a=xx\x00z ", "a=xxyz "}},
		{"a truncation or not", []record.Op{{Kind: record.Truncate, Path: "a", At: Sector}}, []string{"a=xx ", "a=x "}},
		{"a renaming or not", []record.Op{{Kind: record.Rename, Path: "a", To: "b"}}, []string{"a=xx ", "b=xx "}},
		{"names in order", []record.Op{{Kind: record.Create, Path: "b"}, {Kind: record.Remove, Path: "a"}}, []string{"a=xx ", "a=xx b= ", "b= "}},
		{"a synced file without its name", []record.Op{{Kind: record.Create, Path: "b"}, write("b", 0, sectors(1, 'y')), {Kind: record.Sync, Path: "b"}},
			[]string{"a=xx ", "a=xx b=y "}},
		{"a name that lasts", []record.Op{{Kind: record.Rename, Path: "a", To: "b"}, {Kind: record.Sync, Path: "."}}, []string{"b=xx "}},
		{"a removed file comes back as it was", []record.Op{write("a", 0, sectors(1, 'y')), {Kind: record.Remove, Path: "a"}}, []string{"", "a=xx ", "a=yx "}},
	} {
		got := outcomes(append(slices.Clone(made), c.ops...))
		want := map[string]bool{}
		for _, w := range c.want {
			want[w] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.name, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}

// TestSeen: the medium shows a program what a plain folder would; a sync of
// everything makes exactly that last, and more seeds change nothing then.
func TestSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, plain := New(), map[string][]byte{}
		names := rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			op := record.Op{Kind: record.Kind(rapid.IntRange(0, 5).Draw(t, "kind")), Path: names.Draw(t, "path")}
			_, there := plain[op.Path]
			if there == (op.Kind == record.Create) {
				continue
			}
			switch op.Kind {
			case record.Write, record.Truncate:
				op.At = int64(rapid.IntRange(0, 3000).Draw(t, "at"))
				if op.Kind == record.Write {
					op.Data = bytes.Repeat([]byte{'x'}, rapid.IntRange(1, 1500).Draw(t, "length"))
				}
				b, n := plain[op.Path], int(op.At)+len(op.Data)
				if op.Kind == record.Truncate && n < len(b) {
					b = slices.Clone(b[:n])
				} else {
					b = append(slices.Clone(b), make([]byte, max(0, n-len(b)))...)
				}
				copy(b[op.At:], op.Data)
				plain[op.Path] = b
			case record.Create:
				plain[op.Path] = nil
			case record.Remove:
				delete(plain, op.Path)
			case record.Rename:
				if op.To = names.Draw(t, "to"); op.To != op.Path {
					plain[op.To] = plain[op.Path]
					delete(plain, op.Path)
				}
			}
			m.Do(op)
		}
		same := func(what string, got map[string][]byte) {
			if !maps.EqualFunc(got, plain, bytes.Equal) {
				t.Fatalf("%s is not what a plain folder holds", what)
			}
		}
		same("what the program sees", m.Seen())
		for name := range plain {
			m.Do(record.Op{Kind: record.Sync, Path: name})
		}
		m.Do(record.Op{Kind: record.Sync, Path: "."})
		if n := m.Pending(); n != 0 {
			t.Fatalf("%d changes do not last", n)
		}
		for seed := range uint64(3) {
			same("what a cut leaves", m.Cut(rand.New(rand.NewPCG(seed, 1))))
		}
	})
}
