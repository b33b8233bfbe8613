// Package kiosk is the domain of Baylight: what happens in the service
// department of a car dealer, and what follows from it.
//
// Everything that happens is an [Event]. Events are appended and never changed:
// a correction is another event that names the one it corrects. [Apply] is the
// one fold that turns the events of a visit into its state; the board and the
// back office both call it, so that they cannot disagree.
//
//	scan ──▶ floor decides ──▶ []Event ──▶ journal (bytes, durable) ──▶ Apply ──▶ Visit
//
// The bytes are the event ([Encode]): they are made once, when the event is
// appended, stored, sent and hashed as they are, and chained by the hash of
// their predecessor. Nothing needs a canonical form.
//
// Times. An event carries a [Moment]: the wall clock as well as the board knew
// it, the boot, the time since boot and how far the wall clock could be trusted.
// [Correct] gives every event its corrected time once the clock became known.
// A time stated by a person ([Meta.At]) decides and is never corrected. Nothing
// in this package asks what time it is: now is always passed in.
//
// Personal data never stands in an event: it travels in a [Person] part beside
// it, and the event carries the digest of that part.
//
// The package uses the standard library only, starts no goroutine and keeps no
// state of its own.
package kiosk
