// Package kpi computes the figures of a service department from folded visits
// (DOMAIN §6, definition kpi/1). It is pure: visits, a period, a calendar and
// the present time go in, rows come out; the same input gives the same output.
//
// Periods are half-open, [From, To). A row for a day is the store-local day of
// the calendar. Which period a figure belongs to:
//
//	arrivals, response, data quality   the check-in
//	orders, 台次, 车数, on time, rework   the signing of the order (population "due": the chosen promise)
//	repair                             the last job.finished of the visit
//	turnaround and stages              the delivery
//	unclosed jobs                      the start of the job
//
// Orders that were voided or cancelled are left out. Instants of the on-time
// rule are compared at whole minutes, truncated. Durations are added up in
// milliseconds and shown in whole minutes, truncated; p50 and p90 are exact by
// nearest rank: the value at position ceil(p·n/100) of the sorted durations.
//
// A visit with an unsure time ([kiosk.Visit] Uncertain: the clock was never set in
// that boot, and no person stated the time) counts in data quality as uncertain,
// and in nothing else, until its time is corrected or stated. A rate of which we
// cannot tell the day, or the order of pass and promise, would be a guess.
//
// A job that nobody finished becomes unclosed as time passes ([Input.Now]), within
// two days of its last card at most: after that the figures of a period depend
// on its events alone.
package kpi

// Definition is the version of the definitions in this package.
const Definition = "kpi/1"
