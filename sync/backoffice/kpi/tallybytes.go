package kpi

import "fmt"

// Append makes the tally's bytes behind b. Reworks come first: they are asked for
// alone.
func (t *Tally) Append(b []byte) []byte {
	w := writer{append(b, FactVersion)}
	w.uint(uint64(len(t.reworks)))
	for _, r := range t.reworks {
		w.text(r.Visit)
		w.text(r.Earlier)
		w.texts(r.Items)
	}
	some := 0
	for _, n := range t.n {
		some += int(one(n != 0))
	}
	w.uint(uint64(some))
	for i, n := range t.n {
		if n != 0 {
			w.uint(uint64(i))
			w.int(n)
		}
	}
	for _, l := range t.lists {
		w.list(l)
	}
	for _, m := range t.by {
		w.uint(uint64(len(m)))
		for _, c := range m {
			w.word(c.key)
			w.int(c.n)
		}
	}
	for _, m := range t.listsBy {
		w.uint(uint64(len(m)))
		for _, l := range m {
			w.word(l.key)
			w.list(l.bins)
		}
	}
	for _, s := range t.sets {
		w.uint(uint64(len(s)))
		for _, k := range s {
			w.text(k)
		}
	}
	return w.b
}

// list writes bins as distances and counts.
func (w *writer) list(l []bin) {
	w.uint(uint64(len(l)))
	for i, b := range l {
		if i == 0 {
			w.int(b.minutes)
		} else {
			w.uint(uint64(b.minutes - l[i-1].minutes))
		}
		w.uint(uint64(b.n))
	}
}

func (r *reader) list() []bin {
	n := r.size(2)
	if n == 0 {
		return nil
	}
	l := make([]bin, n)
	for i := range l {
		if i == 0 {
			l[i].minutes = r.int()
		} else {
			l[i].minutes = l[i-1].minutes + int64(r.uint())
		}
		l[i].n = int64(r.small())
		if l[i].n == 0 || i > 0 && l[i].minutes <= l[i-1].minutes {
			r.fail()
			return nil
		}
	}
	return l
}

// DecodeTally reads the bytes of a tally. It keeps nothing of b.
func DecodeTally(b []byte) (t Tally, err error) {
	r := reader{s: string(b)}
	if err := r.version("tally"); err != nil {
		return Tally{}, err
	}
	t.readReworks(&r)
	next := uint64(0)
	for range r.size(2) {
		i, n := r.uint(), r.int()
		if i < next || i >= numbers { // each stands there once
			r.fail()
			break
		}
		t.n[i] = n
		next = i + 1
	}
	for i := range t.lists {
		t.lists[i] = r.list()
	}
	for i := range t.by {
		n := r.size(2)
		if n > 0 {
			t.by[i] = make(counts, n)
		}
		for k := range t.by[i] {
			t.by[i][k] = counted{r.word(), r.int()}
			if k > 0 && t.by[i][k].key <= t.by[i][k-1].key {
				r.fail()
			}
		}
	}
	for i := range t.listsBy {
		n := r.size(2)
		if n > 0 {
			t.listsBy[i] = make(binsBy, n)
		}
		for k := range t.listsBy[i] {
			t.listsBy[i][k] = keyedBins{r.word(), r.list()}
			if k > 0 && t.listsBy[i][k].key <= t.listsBy[i][k-1].key {
				r.fail()
			}
		}
	}
	t.readSets(&r)
	if err := r.end("tally"); err != nil {
		return Tally{}, err
	}
	return t, nil
}

func (t *Tally) readSets(r *reader) {
	for i := range t.sets {
		n := r.size(1)
		if n > 0 {
			t.sets[i] = make([]string, n)
		}
		for k := range t.sets[i] {
			t.sets[i][k] = r.text()
			if k > 0 && t.sets[i][k] <= t.sets[i][k-1] {
				r.fail()
				return
			}
		}
	}
}

func (t *Tally) readReworks(r *reader) {
	if n := r.size(3); n > 0 {
		t.reworks = make([]ReworkRef, n)
	}
	for i := range t.reworks {
		t.reworks[i] = ReworkRef{r.text(), r.text(), r.texts()}
	}
}

// skipReworks is for who does not ask for them.
func (r *reader) skipReworks() {
	for range r.size(3) {
		r.text()
		r.text()
		for range r.size(1) {
			r.text()
		}
	}
}

// DecodeReworks reads the reworks of a tally from its bytes, and nothing else.
func DecodeReworks(b []byte) ([]ReworkRef, error) {
	if len(b) > 1 && b[0] == FactVersion && b[1] == 0 {
		return nil, nil // as most
	}
	r := reader{s: string(b)}
	if err := r.version("tally"); err != nil {
		return nil, err
	}
	var t Tally
	if t.readReworks(&r); r.bad {
		return nil, fmt.Errorf("read reworks: %w", errBytes)
	}
	return t.reworks, nil
}
