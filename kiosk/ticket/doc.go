// Package ticket turns events into documents on paper: the queue ticket, the
// job card with its bar codes, the promise slip and each revision of it, the
// delivery slip, and a test page.
//
//	event ──▶ For ──▶ []Document ──▶ Draw(Paper) ──▶ bytes (a printer's business)
//
// It is written to its own small interface, [Paper], which a printer's builder
// satisfies; this package knows neither ESC/POS nor a device.
//
// A document's ID is made from the event alone, without epoch or sequence: the
// same event gives the same document again, on any board and after a restore.
// That is how a document that may have been printed is recognised, and how
// ticket.reprinted finds what to draw once more, marked 补打.
//
// What stands on paper is for the customer's hand or the workshop's wall:
// plates are masked, VINs, names and phone numbers never appear, and the QR
// code ([Token]) holds no personal data. Text that came from outside goes
// through Paper.Text only, which cleans it, and is bounded in length here.
//
// Units: columns are half-width characters at size 1 (32 on 58 mm paper, 48 on
// 80 mm). Times are printed in the store's zone, which is always named. The
// package is pure: no goroutines, no clock.
package ticket
