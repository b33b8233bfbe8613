// Package memledger is a backoffice.Ledger in memory, for the simulation and
// for tests: it holds the same contract suite (ledgertest) as the ledger at
// rest, answers at once, and can be copied as it stands, which is what a backup
// or a restored card is. It is no store for a shop: nothing in it is durable.
//
// It has no goroutines and no clock. A Ledger is used by one goroutine at a time,
// but for what a folder keeps there while it reads on.
package memledger
