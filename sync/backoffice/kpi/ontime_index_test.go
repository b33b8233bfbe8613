package kpi

import "testing"

func TestVariantIndex(t *testing.T) {
	for i, a := range Variants() {
		if got := a.index(); got != i {
			t.Errorf("%s is at %d, want %d", a, got, i)
		}
	}
	if got := (Variant{First, Pass, "none", Late}).index(); got != -1 {
		t.Errorf("a variant that is none is at %d", got)
	}
}
