// Package kpi computes the figures of a service department (DOMAIN §6, definition
// kpi/1). It is pure: what happened, a period, a calendar and the present time go
// in, rows come out; the same input gives the same output.
//
//	kiosk.Visit ─▶ FactOf ─▶ Fact ─▶ Tallies (a day) ─▶ Tally ─▶ Rows (a period) ─▶ []Row
//	                          └────▶ Period.Behind: the visits behind a figure
//
// A [Fact] is what figures need of one visit, whenever it is asked; a [Tally] is
// what they are made of for one store-local day and one group, and tallies of
// different days add up. Both have bytes, so that they can be kept beside the
// events. [Compute] makes the same rows straight from visits: the reference.
//
// Periods are half-open, [From, To). A row for a day is the store-local day of
// the calendar. Which period a figure belongs to:
//
//	arrivals, response, data quality   the check-in
//	orders, 台次, 车数, on time, rework,  the signing of the order (population "due": the
//	promise error and revisions        chosen promise)
//	repair                             the last job.finished of the visit
//	turnaround and stages              the delivery
//	throughput                         the pass
//	standard time                      the last job.finished on the item
//	clocked, attended, bay time        when it was: a stretch over midnight has a part in both days
//	unclosed jobs                      the start of the job
//
// Orders that were voided or cancelled are left out. Instants of the on-time
// rule are compared at whole minutes, truncated. Durations are measured in
// milliseconds and shown in whole minutes, truncated; percentiles are exact by
// nearest rank: the value at position ceil(p·n/100) of the sorted durations.
// Definitions in both languages are in kiosk/words ([Word]).
//
// A stretch of work or of a pause counts as time once it has ended; a pause that
// nobody ended, with the pass or the end of the visit. What became unclosed has
// no end and does not count.
//
// A visit with an unsure time ([kiosk.Visit] Uncertain: the clock was never set in
// that boot, and no person stated the time) counts in data quality as uncertain,
// and in nothing else, until its time is corrected or stated. A rate of which we
// cannot tell the day, or the order of pass and promise, would be a guess.
//
// A job that nobody finished becomes unclosed as time passes (Now), within two
// days of its last card at most: after that the figures of a period depend on its
// events alone. [Fact.Due] says when it happens next.
package kpi

// Definition is the version of the definitions in this package.
const Definition = "kpi/1"
