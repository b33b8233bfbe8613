// Package transfer carries events between a back office and files: JSON lines,
// one CloudEvents event each, byte for byte as the boards made them.
//
//	POST /api/v1/import?store=…   a file ─▶ checked whole ─▶ batches, each one transaction
//	GET  /api/v1/export?store=…   everything of a store, or of a period, in the order of the ledger
//
// A file holds three kinds of line:
//
//	{"specversion":"1.0","id":…,"source":…,…}         an event
//	{"id":…,"source":…,"person":{…}}                  the person part of one, null once erased
//	{"base64":"…"}                                    a line of either kind whose bytes hold a line break or outer spaces
//
// An import is read to its end before anything of it is committed: it waits in a
// file of the office's own, and memory holds one batch. If any line is bad,
// nothing is imported, and the answer names the first hundred by their numbers.
// A power cut during the commits leaves a beginning of the file imported; doing
// it again completes it, since an event counts once.
//
// An export reads what is counted and what was recorded twice, in the order of
// the ledger; what was kept as evidence (another event in a taken place,
// malformed bytes) stays where it is. So a store that is exported and imported
// into an empty office has the same figures there, and exports the same file.
//
// Person parts leave only when they are asked for, by somebody who may.
package transfer
