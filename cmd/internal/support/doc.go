// Package support is what somebody who helps from afar is given of a daemon: the
// last lines of its log, kept in memory, and a bundle of small files.
//
// Nothing here may tell who a customer or a member of staff is. That holds by
// construction first: log lines carry ids and counts, and a bundle is made of
// values that were chosen one by one, never of a configuration or an event as it
// stands. A [Net] is behind that: it masks what has the shape of a VIN, a number
// plate, a telephone number or a badge, and the secrets that it was told.
//
// Everything is bounded: MaxLines lines of MaxLine bytes, and MaxFile bytes a
// file. The package starts no goroutine; times come in with the records.
package support
