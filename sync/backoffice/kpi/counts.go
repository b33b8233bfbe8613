package kpi

import "slices"

// counts are numbers under keys, sorted by key, each once. There are few: finding
// one here costs less than in a map, and they are kept and read in this order.
type counts []counted

type counted struct {
	key string
	n   int64
}

func (c *counts) add(key string, n int64) {
	i := c.place(key)
	if i == len(*c) || (*c)[i].key != key {
		*c = slices.Insert(*c, i, counted{key: key})
	}
	(*c)[i].n += n
}

// place is where a key is, or belongs.
func (c counts) place(key string) int {
	from, to := 0, len(c)
	for from < to {
		if i := (from + to) / 2; c[i].key < key {
			from = i + 1
		} else {
			to = i
		}
	}
	return from
}

func (c counts) of(key string) int64 {
	if i := c.place(key); i < len(c) && c[i].key == key {
		return c[i].n
	}
	return 0
}

// binsBy are lists of durations under keys, as counts are numbers.
type binsBy []keyedBins

type keyedBins struct {
	key  string
	bins []bin
}

func (b binsBy) find(key string) (int, bool) {
	from, to := 0, len(b)
	for from < to {
		if i := (from + to) / 2; b[i].key < key {
			from = i + 1
		} else {
			to = i
		}
	}
	return from, from < len(b) && b[from].key == key
}

func (b binsBy) of(key string) []bin {
	if i, found := b.find(key); found {
		return b[i].bins
	}
	return nil
}
