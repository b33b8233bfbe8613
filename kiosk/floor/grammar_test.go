package floor

import "testing"

// TestGrammar is DOMAIN §4 told as scripts, a rule a script.
func TestGrammar(t *testing.T) {
	for _, c := range []struct {
		name   string
		visits int
		script string
	}{
		{"a day", 1, `
			bay b1              | free
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			bay b1              | working A001 t1 badge:t1
			+10m FINISH@b1      | job.finished A001 b1 t1
			bay b1              | ready A001 badge:t1
			badge:q1@b1         | badge.scanned b1 q1
			card:A001@b1        | card.scanned A001 b1
			PASS@b1             | inspection.passed A001 b1 q1
			bay b1              | free badge:t1
			card:A001@w1        | card.scanned A001 w1
			WASHED@w1           | vehicle.washed A001 w1
			card:A001@reception | pickup.requested A001
			deliver A001 a1     | visit.delivered A001 a1
			bay w1              | free`},
		{"nothing toggles", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			card:A001@b1        | card.scanned A001 b1
			PARTS@b1            | job.paused A001 b1 t1 parts
			bay b1              | waiting A001 t1 badge:t1
			AUTHORITY@b1        | job.paused A001 b1 t1 authority
			card:A001@b1        | job.resumed A001 b1 t1
			card:A001@b1        | card.scanned A001 b1`},
	} {
		t.Run(c.name, func(t *testing.T) { opened(t, c.visits).play(c.script) })
	}
}
