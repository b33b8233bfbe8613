// Package rebuild looks at what a power cut may leave of a back office's ledger
// while its figures are folded from the beginning. All of it is a test.
//
// Steps in the middle of folding do not wait for the disk; commits do, and so does
// what makes a store whole. An office, the real ledger and the real figures in a
// process of its own, commits batches of events while it folds the store again and
// again, with everything it does to the ledger's files recorded (package record):
// three lives, the second of which ends by SIGKILL. Steps are small, few keys wait
// and the log is short, so that a small ledger does all that a large one does.
// Then states are made of the record (package replay) and judged:
//
//	office_test.go  the office that is recorded
//	day_test.go     its events, and what figures they have when nothing disturbs
//	states_test.go  the record, the states, and what each must hold
//
// A state must open, hold what was committed before its place in the record and
// nothing but the events in their order, go on folding from where it stands, and
// then answer what an undisturbed rebuild of the same events answers; a
// verification finds nothing. The same record without its syncs, or without those
// of the log alone, has to be found out. BAYLIGHT_CRASH_STATES is how many states
// are judged; "make crash-states N=n" sets it.
package rebuild
