package floor

import "testing"

// TestGrammar is DOMAIN §4 told as scripts, a rule a script. Five seconds pass
// before each line unless it says otherwise; the shop opens at 9:00.
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
			bay w1              | working A001
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
			bay b1              | waiting A001 t1 badge:t1
			BREAK@b1            | job.paused A001 b1 t1 break
			bay b1              | working A001 t1 badge:t1
			card:A001@b1        | job.resumed A001 b1 t1
			card:A001@b1        | card.scanned A001 b1`},
		{"the same code within three seconds is one scan", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			+2999ms card:A001@b1 | - same
			+1ms card:A001@b1   | card.scanned A001 b1
			+1s badge:t1@b1     | badge.scanned b1 t1
			+1s card:A001@b1    | card.scanned A001 b1
			+1s card:A001@b2    | job.started A001 b2 [no_badge]
			+1s junk@b2         | scan.rejected b2 unknown_code
			+1s junk@b2         | - rejected.unknown_code`},
		{"a badge holds until another, at most ten hours", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			badge:t2@b1         | badge.scanned b1 t2
			+9h59m59s bay b1    | free badge:t2
			+1s bay b1          | free`},
		{"a badge holds until the shift ends, two hours after closing", 1, `
			+6h badge:t1@b1     | badge.scanned b1 t1
			+4h59m bay b1       | free badge:t1
			+1m bay b1          | free`},
		{"an inspector's badge lasts two minutes, then the previous returns", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			badge:q1@b1         | badge.scanned b1 q1
			card:A001@b1        | card.scanned A001 b1
			bay b1              | working A001 badge:q1
			+105s bay b1        | working A001 badge:q1
			+5s bay b1          | working A001 badge:t1
			card:A001@b1        | job.started A001 b1 t1`},
		{"an inspector's badge lasts until PASS or FAIL", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			FINISH@b1           | job.finished A001 b1 t1
			badge:q1@b1         | badge.scanned b1 q1
			FAIL@b1             | inspection.failed A001 b1 q1
			bay b1              | working A001 badge:t1
			card:A001@b1        | job.started A001 b1 t1`},
		{"dual role: the ticket of a ready visit selects, an item does not", 1, `
			badge:d1@b1         | badge.scanned b1 d1
			card:A001@b1        | job.started A001 b1 d1
			FINISH@b1           | job.finished A001 b1 d1
			card:A001@b1        | card.scanned A001 b1
			card:A001/1@b1      | job.started A001 b1 d1 /1
			FINISH@b1           | job.finished A001 b1 d1 /1
			card:A001@b1        | card.scanned A001 b1
			PASS@b1             | inspection.passed A001 b1 d1 [inspector_is_technician]`},
		{"a technician's card on a ready visit starts", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			FINISH@b1           | job.finished A001 b1 t1
			card:A001@b1        | job.started A001 b1 t1`},
		{"a wash bay only selects", 1, `
			badge:t1@w1         | badge.scanned w1 t1
			card:A001/1@w1      | card.scanned A001 w1 /1
			WASHED@w1           | vehicle.washed A001 w1`},
		{"items are jobs of their own", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001/1@b1      | job.started A001 b1 t1 /1
			card:A001/2@b1      | job.started A001 b1 t1 /2; job.paused A001 b1 t1 /1 switched
			card:A001@b1        | card.scanned A001 b1 /2
			card:A001/1@b1      | job.resumed A001 b1 t1 /1; job.paused A001 b1 t1 /2 switched
			PARTS@b1            | job.paused A001 b1 t1 /1 parts
			card:A001@b1        | job.resumed A001 b1 t1 /2`},
		{"FINISH closes a paused job", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			PARTS@b1            | job.paused A001 b1 t1 parts
			FINISH@b1           | job.finished A001 b1 t1
			bay b1              | ready A001 badge:t1`},
		{"FINISH closes what was switched on the same visit", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A002@b1        | job.started A002 b1 t1
			card:A001/1@b1      | job.started A001 b1 t1 /1; job.paused A002 b1 t1 switched
			card:A001/2@b1      | job.started A001 b1 t1 /2; job.paused A001 b1 t1 /1 switched
			+10m FINISH@b1      | job.finished A001 b1 t1 /2; job.finished A001 b1 t1 /1
			bay b1              | ready A001 badge:t1
			card:A002@b1        | job.resumed A002 b1 t1`},
		{"FINISH leaves a job that waits for parts", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001/1@b1      | job.started A001 b1 t1 /1
			PARTS@b1            | job.paused A001 b1 t1 /1 parts
			card:A001/2@b1      | job.started A001 b1 t1 /2
			FINISH@b1           | job.finished A001 b1 t1 /2
			bay b1              | waiting A001 t1 badge:t1`},
		{"FINISH: the badge's job on the selected visit first", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			PARALLEL@b1         | card.scanned b1 PARA
			card:A002@b1        | job.started A002 b1 t1 parallel
			card:A001@b1        | card.scanned A001 b1
			FINISH@b1           | job.finished A001 b1 t1
			FINISH@b1           | job.finished A002 b1 t1
			FINISH@b1           | action.unmatched b1 FNSH no_job`},
		{"FINISH: else the badge's latest running job here", 3, `
			badge:t1@b2         | badge.scanned b2 t1
			card:A003@b2        | job.started A003 b2 t1
			badge:t1@b1         | badge.scanned b1 t1
			PARALLEL@b1         | card.scanned b1 PARA
			card:A001@b1        | job.started A001 b1 t1 parallel
			PARALLEL@b1         | card.scanned b1 PARA
			card:A002@b1        | job.started A002 b1 t1 parallel
			+2m FINISH@b1       | job.finished A002 b1 t1
			FINISH@b1           | job.finished A001 b1 t1
			FINISH@b1           | action.unmatched b1 FNSH no_job`},
		{"FINISH: else the only running job here", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			badge:t2@b1         | badge.scanned b1 t2
			FINISH@b1           | job.finished A001 b1 t1 [other_technician]
			FINISH@b1           | action.unmatched b1 FNSH no_job`},
		{"FINISH: of two jobs of others, none", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			badge:t2@b1         | badge.scanned b1 t2
			card:A001@b1        | job.started A001 b1 t2
			badge:d1@b1         | badge.scanned b1 d1
			FINISH@b1           | action.unmatched b1 FNSH no_job
			badge:t1@b1         | badge.scanned b1 t1
			PARTS@b1            | job.paused A001 b1 t1 parts
			bay b1              | waiting A001 t1 t2 badge:t1`},
		{"a selection ends after a minute", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			PARTS@b1            | job.paused A001 b1 t1 parts
			+55s AUTHORITY@b1   | action.unmatched b1 ATHR no_job`},
		{"an item of the selection decides, another job of the visit will do", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001/1@b1      | job.started A001 b1 t1 /1
			badge:q1@b1         | badge.scanned b1 q1
			card:A001/2@b1      | card.scanned A001 b1 /2
			badge:t1@b1         | badge.scanned b1 t1
			FINISH@b1           | job.finished A001 b1 t1 /1`},
		{"several technicians: finished when all are", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			badge:t2@b1         | badge.scanned b1 t2
			card:A001@b1        | job.started A001 b1 t2
			FINISH@b1           | job.finished A001 b1 t2
			bay b1              | working A001 t1 badge:t2
			badge:t1@b1         | badge.scanned b1 t1
			FINISH@b1           | job.finished A001 b1 t1
			bay b1              | ready A001 badge:t1`},
		{"another job pauses the open one, also in another bay", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			badge:t1@b2         | badge.scanned b2 t1
			card:A002@b2        | job.started A002 b2 t1; job.paused A001 b1 t1 switched
			bay b1              | working A001 t1 badge:t1
			card:A001@b1        | job.resumed A001 b1 t1; job.paused A002 b2 t1 switched`},
		{"PARALLEL arms one card for thirty seconds", 3, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			PARALLEL@b1         | card.scanned b1 PARA
			card:A002@b1        | job.started A002 b1 t1 parallel
			card:A003@b1        | job.started A003 b1 t1; job.paused A001 b1 t1 switched; job.paused A002 b1 t1 switched
			PARALLEL@b1         | card.scanned b1 PARA
			+30s card:A001@b1   | job.resumed A001 b1 t1; job.paused A003 b1 t1 switched`},
		{"PARALLEL is used up by the next card, whatever it does", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			PARALLEL@b1         | card.scanned b1 PARA
			card:A001@b1        | card.scanned A001 b1
			card:A002@b1        | job.started A002 b1 t1; job.paused A001 b1 t1 switched`},
		{"a job that is paused goes on in any bay", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			PARTS@b1            | job.paused A001 b1 t1 parts
			badge:t1@b2         | badge.scanned b2 t1
			card:A001@b2        | job.resumed A001 b2 t1
			bay b2              | working A001 t1 badge:t1`},
		{"a running job carded in another bay goes on there, flagged", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			badge:t1@b2         | badge.scanned b2 t1
			card:A001@b2        | job.resumed A001 b2 t1 [wrong_bay]
			bay b2              | working A001 t1 badge:t1
			card:A001@b2        | card.scanned A001 b2`},
		{"FINISH in the wrong bay", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			badge:q1@b2         | badge.scanned b2 q1
			card:A001@b2        | card.scanned A001 b2
			badge:t1@b2         | badge.scanned b2 t1
			FINISH@b2           | job.finished A001 b2 t1 [wrong_bay]`},
		{"the last accepted card is the bay's visit", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			card:A002@b1        | job.started A002 b1 t1; job.paused A001 b1 t1 switched
			bay b1              | working A002 t1 badge:t1
			close A002 a1       | visit.closed A002
			bay b1              | free badge:t1`},
		{"PASS frees every bay the visit is in", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			FINISH@b1           | job.finished A001 b1 t1
			badge:t2@b2         | badge.scanned b2 t2
			card:A001@b2        | job.started A001 b2 t2
			FINISH@b2           | job.finished A001 b2 t2
			badge:q1@b2         | badge.scanned b2 q1
			PASS@b2             | inspection.passed A001 b2 q1
			bay b1              | free badge:t1
			bay b2              | free badge:t2
			UNDO@b2             | event.voided inspection.passed undo
			bay b1              | ready A001 badge:t1
			bay b2              | ready A001 badge:q1`},
		{"PASS, FAIL and WASHED need a visit", 2, `
			PASS@b1             | action.unmatched b1 PASS no_car
			FAIL@b1             | action.unmatched b1 FA11 no_car
			WASHED@w1           | action.unmatched w1 WASH no_car`},
		{"PASS acts on the selected visit, else on the bay's", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			FINISH@b1           | job.finished A001 b1 t1
			badge:q1@b1         | badge.scanned b1 q1
			+70s PASS@b1        | inspection.passed A001 b1 q1
			+60s badge:q1@b1    | badge.scanned b1 q1
			PASS@b1             | action.unmatched b1 PASS no_car
			card:A002@b1        | card.scanned A002 b1
			PASS@b1             | inspection.passed A002 b1 q1`},
		{"flags of an inspection", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			PASS@b1             | inspection.passed A001 b1 t1 [not_inspector,inspector_is_technician,work_open]
			bay b1              | free badge:t1`},
		{"HELP calls, a supervisor's badge clears", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			HELP@b1             | help.called b1
			bay b1              | help A001 t1 badge:t1
			badge:q1@b1         | badge.scanned b1 q1
			bay b1              | help A001 t1 badge:q1
			badge:s1@b1         | badge.scanned b1 s1; help.cleared b1
			bay b1              | working A001 t1 badge:q1
			HELP@reception      | help.called reception
			clear reception a1  | help.cleared reception
			clear reception a1  | - help_cleared
			help b1             | help.called b1
			UNDO@b1             | event.voided badge.scanned undo; event.voided help.cleared undo`},
		{"UNDO takes back the last scan, once", 2, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			card:A002@b1        | job.started A002 b1 t1; job.paused A001 b1 t1 switched
			UNDO@b1             | event.voided job.started undo; event.voided job.paused undo
			bay b1              | working A001 t1 badge:t1
			UNDO@b1             | action.unmatched b1 VND0 no_undo
			card:A001@b1        | card.scanned A001 b1
			UNDO@b1             | event.voided card.scanned undo`},
		{"UNDO gives back the badge before", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			badge:t2@b1         | badge.scanned b1 t2
			UNDO@b1             | event.voided badge.scanned undo
			card:A001@b1        | job.started A001 b1 t1`},
		{"UNDO within two minutes only", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			+2m UNDO@b1         | action.unmatched b1 VND0 no_undo
			FINISH@b1           | job.finished A001 b1 t1
			+119s UNDO@b1       | event.voided job.finished undo
			bay b1              | working A001 t1 badge:t1`},
		{"UNDO reaches past a scan that did nothing", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			junk@b1             | scan.rejected b1 unknown_code
			UNDO@b1             | event.voided job.started undo
			junk@b1             | scan.rejected b1 unknown_code
			UNDO@b1             | action.unmatched b1 VND0 no_undo`},
		{"UNDO is a bay's own", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			UNDO@b2             | action.unmatched b2 VND0 no_undo`},
		{"without a badge: recorded, flagged, attributed within thirty seconds", 1, `
			card:A001@b1        | job.started A001 b1 [no_badge]
			bay b1              | working A001 warn
			+24s badge:t1@b1    | badge.scanned b1 t1; event.amended job.started badge technician=t1 flags=[]
			bay b1              | working A001 t1 badge:t1
			card:A001@b1        | card.scanned A001 b1`},
		{"UNDO takes an attribution back", 1, `
			card:A001@b1        | job.started A001 b1 [no_badge]
			badge:t1@b1         | badge.scanned b1 t1; event.amended job.started badge technician=t1 flags=[]
			UNDO@b1             | event.voided badge.scanned undo; event.voided event.amended undo
			bay b1              | working A001 warn
			badge:t2@b1         | badge.scanned b1 t2; event.amended job.started badge technician=t2 flags=[]
			bay b1              | working A001 t2 badge:t2`},
		{"a badge that comes too late", 1, `
			card:A001@b1        | job.started A001 b1 [no_badge]
			+30s bay b1         | working A001
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1`},
		{"an inspector's badge owns no job, a technician's no inspection", 1, `
			card:A001@b1        | job.started A001 b1 [no_badge]
			FINISH@b1           | job.finished A001 b1 [no_badge]
			PASS@b1             | inspection.passed A001 b1 [no_badge]
			badge:q1@b1         | badge.scanned b1 q1; event.amended inspection.passed badge inspector=q1 flags=[]
			badge:t1@b1         | badge.scanned b1 t1; event.amended job.started badge technician=t1 flags=[]; event.amended job.finished badge technician=t1 flags=[]`},
		{"a job that began before the window keeps its technician", 1, `
			card:A001@b1        | job.started A001 b1 [no_badge]
			+40s FINISH@b1      | job.finished A001 b1 [no_badge]
			badge:t1@b1         | badge.scanned b1 t1; event.amended job.finished badge by=t1 flags=[]
			bay b1              | ready A001 badge:t1`},
		{"attribution leaves nobody at two jobs", 3, `
			badge:t1@b2         | badge.scanned b2 t1
			card:A003@b2        | job.started A003 b2 t1
			card:A001@b1        | job.started A001 b1 [no_badge]
			card:A002@b1        | job.started A002 b1 [no_badge]; job.paused A001 b1 switched [no_badge]
			badge:t1@b1         | badge.scanned b1 t1; event.amended job.started badge technician=t1 flags=[]; event.amended job.started badge technician=t1 flags=[]; event.amended job.paused badge technician=t1 flags=[]; job.paused A003 b2 t1 switched
			bay b1              | working A002 t1 badge:t1`},
		{"without a badge: the only job here, its technician kept", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			+9h59m card:A001@b1 | job.started A001 b1 t1
			+2m FINISH@b1       | job.finished A001 b1 t1 [no_badge,other_technician]
			badge:t1@b1         | badge.scanned b1 t1; event.amended job.finished badge by=t1 flags=[]`},
		{"a forgotten finish", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			+8h card:A001@b1    | job.started A001 b1 t1
			+2h50m bay b1       | late A001 t1
			+10m bay b1         | late A001
			badge:t1@b1         | badge.scanned b1 t1
			FINISH@b1           | action.unmatched b1 FNSH no_job
			+13h badge:t1@b1    | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			FINISH@b1           | job.finished A001 b1 t1
			FINISH@b1           | action.unmatched b1 FNSH no_job
			stated A001 t1 a1 -14h | - not_allowed
			stated A001 t1 s1 -17h | - no_open_job
			stated A001 t1 s1 1h   | - bad_time
			stated A001 t1 s1 -14h | job.finished A001 b1 t1 forgotten
			stated A001 t1 s1 -14h | - no_open_job`},
		{"a paused job outlives the night", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			PARTS@b1            | job.paused A001 b1 t1 parts
			+24h badge:t1@b1    | badge.scanned b1 t1
			card:A001@b1        | job.resumed A001 b1 t1`},
		{"visits nobody knows", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:X1@b1          | job.started #0001 b1 t1 [unknown_visit]
			card:X1@b1          | card.scanned #0001 b1 [unknown_visit]
			card:N1@b1          | job.started #0001 b1 t1 [unknown_visit]; job.paused #0001 b1 t1 switched
			card:N1@b1          | card.scanned #0001 b1 [not_checked_in]
			card:X9@reception   | pickup.requested #0009 [unknown_visit]
			card:X8@desk        | card.scanned #0008 desk [unknown_visit]`},
		{"no order, and after the end", 1, `
			in 粤B88888           | visit.checked_in A002
			badge:t1@b1         | badge.scanned b1 t1
			card:A002@b1        | job.started A002 b1 t1 [no_order]
			FINISH@b1           | job.finished A002 b1 t1 [no_order]
			deliver A002 a1     | visit.delivered A002 a1
			card:A002@b1        | job.started A002 b1 t1 [no_order,after_delivery]
			deliver A001 a1     | visit.delivered A001 a1
			card:A001@reception | card.scanned A001 reception [after_delivery]
			PASS@b1             | inspection.passed A002 b1 t1 [no_order,after_delivery,not_inspector,inspector_is_technician,work_open]`},
		{"work open at delivery", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			card:A001@b1        | job.started A001 b1 t1
			deliver A001 a1     | visit.delivered A001 a1 [work_open]`},
		{"what is refused", 1, `
			V9ZZA4K0001Y@b1     | scan.rejected b1 check
			LSVAA4182E2184931@b1 | scan.rejected b1 unknown_code
			badge:zz@b1         | scan.rejected b1 unknown_badge
			FINISH@reception    | action.unmatched reception FNSH no_bay
			UNDO@desk           | action.unmatched desk VND0 no_bay
			badge:t1@reception  | badge.scanned reception t1
			badge:a1@desk       | badge.scanned desk a1`},
		{"others' badges only pass through", 1, `
			badge:t1@b1         | badge.scanned b1 t1
			badge:a1@b1         | badge.scanned b1 a1
			card:A001@b1        | card.scanned A001 b1
			+2m card:A001@b1    | job.started A001 b1 t1
			badge:st@b1         | badge.scanned b1 st
			card:A001@b1        | job.started A001 b1 st`},
	} {
		t.Run(c.name, func(t *testing.T) { opened(t, c.visits).play(c.script) })
	}
}
