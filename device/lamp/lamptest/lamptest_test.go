package lamptest_test

import (
	"testing"

	"baylight/device/lamp/lamptest"

	"periph.io/x/conn/v3/gpio"
)

func TestTheBoardForgetsOldEdges(t *testing.T) {
	b := lamptest.New(nil)
	p, err := b.Open("p", false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10_001 {
		if err := p.Out(gpio.Level(i%2 == 0)); err != nil {
			t.Fatal(err)
		}
	}
	edges := b.Edges()
	if n := len(edges); n < 2048 || n > 4096 || !edges[n-1].High || edges[n-2].High {
		t.Errorf("%d edges kept, the last %v", n, edges[n-1])
	}
	if !b.Levels()["p"] {
		t.Error("the pin is low")
	}
}
