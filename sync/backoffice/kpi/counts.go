package kpi

import (
	"cmp"
	"slices"
)

// counts are numbers under keys, sorted by key, each once. There are few: finding
// one here costs less than in a map, and they are kept and read in this order.
type counts []counted

type counted struct {
	key string
	n   int64
}

func (c *counts) add(key string, n int64) {
	i, found := slices.BinarySearchFunc(*c, key, func(c counted, key string) int { return cmp.Compare(c.key, key) })
	if !found {
		*c = slices.Insert(*c, i, counted{key: key})
	}
	(*c)[i].n += n
}

func (c counts) of(key string) int64 {
	i, found := slices.BinarySearchFunc(c, key, func(c counted, key string) int { return cmp.Compare(c.key, key) })
	if !found {
		return 0
	}
	return c[i].n
}

// binsBy are lists of durations under keys, as counts are numbers.
type binsBy []keyedBins

type keyedBins struct {
	key  string
	bins []bin
}

func (b binsBy) find(key string) (int, bool) {
	return slices.BinarySearchFunc(b, key, func(k keyedBins, key string) int { return cmp.Compare(k.key, key) })
}

func (b binsBy) of(key string) []bin {
	if i, found := b.find(key); found {
		return b[i].bins
	}
	return nil
}
