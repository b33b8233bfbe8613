// Package staff knows who works here: people, their roles, their badges, and
// how they prove who they are. The desk and the back office's dashboard share it.
//
//	badge code or staff id + PIN ──▶ Door.SignIn ──▶ token (a cookie) ──▶ Door.Who ──▶ Person
//
// A PIN is kept as an argon2id verifier over its HMAC with the store's key (the
// pepper), so that a stolen list of verifiers alone cannot be searched. A PIN
// has few digits: what really protects it is [Limits], which counts an attempt
// before it is judged, per person and address, per person and per address, and
// locks for longer and longer. Where somebody signed in before, the failures of
// others lock them out neither by their name nor by the shared address. Counts are
// in memory: they fall with a restart, as sessions do.
//
// A session is a random token of 256 bits, kept here only as its SHA-256, made
// anew at each sign-in. It ends after [Idle] without use, after [Absolute] in
// any case, when it is ended, and when its person leaves the directory.
// Sessions live in memory: a restart signs everybody out.
//
// Time is real time from a clock passed in (shop time may be compressed; locks
// and sessions must not be). Nothing here starts a goroutine. Everything is safe
// for several.
package staff
