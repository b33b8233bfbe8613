// Package screen is what people see and touch: the customer's kiosk (/), the
// adviser's desk (/desk), a screen beside each bay (/bay/{id}), the waiting
// room's board (/board), the devices (/devices), and the same for machines
// (/healthz, /readyz, /metrics, /api/…).
//
//	GET  page    ◀── html/template ◀── Snapshot   (read only, made by the station)
//	POST form    ──▶ floor.Input   ──▶ Station.Do ──▶ floor.Reply, once durable
//	GET  /stream ◀── "something changed", counters only: each page then fetches
//	                 its own live parts again
//
// Pages are whole HTML documents that work without JavaScript; a little plain
// JavaScript adds the plate keyboard and live parts. Nothing is requested from
// anywhere else, no script or style stands inline, and the policy that says so
// is sent with each page.
//
// State changes only by POST from our own pages, to a known host. Each form
// carries an id made when the form was drawn, signed by this process; it
// becomes the action's id, so a double tap is one action. Forms of staff carry
// their session's secret, too. A body is at most [MaxBody] bytes.
//
// What customers do without signing in (POST /checkin, /confirm, /pickup, /help and
// /api/kiosk/…) has a pace: from one address 300 at once and 10 a minute besides, from
// all other machines together twice that. Who does more is answered 429 with
// Retry-After, on the same page with what was entered, and nothing is done; the same
// form is taken later. Signed-in staff, scanners and what was done already have none.
//
// The pages of customers and bays show masked plates only, and what is sent to
// every browser (/stream) is numbers without meaning elsewhere. The end of the
// log and the support bundle are given to signed-in staff only; whoever gives
// them to this package has made them free of personal data.
//
// No goroutines are started here; each request runs in its server's. Times shown
// are the station's (shop time) in the store's zone; a scan's answer stays on
// screen for [AnswerFor] of real time, counted in the browser. [NewServer] sets
// the time limits of connections.
package screen
