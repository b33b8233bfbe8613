// Package roster keeps who works in a store and what the store is like, and
// tells its boards: {store}/staff and {store}/setup, retained.
//
//	configuration ─┐         ┌─▶ paper in the ledger, back from it wherever the store is
//	               ├─▶ Roster ─▶ staff.Directory of the office (sign-in, names)
//	GET, POST ─────┘      │  └─▶ setup.changed in the ledger, whenever figures may depend on it
//	/api/v1/staff         └────▶ {store}/staff, {store}/setup on the broker
//
// What wins. The staff file of the configuration is the beginning. Whoever is
// changed here afterwards is as they were changed here, also if they were
// removed; everybody else is as the file says at the next start. A store of which
// neither the file nor anybody here names a person publishes no staff at all, and
// its boards go on with their own files.
//
// Targets of figures are kept the same way: one that was changed here stands, whatever
// the configuration says, and is recorded with who changed it and why.
//
// Where offices share the ledger, the staff file and the setup that were brought
// last are in force at all of them, as the ledger has them: an office states its own
// when it is another one than it stated before and it has the store.
//
// Changes are durable before they are told: the paper in the ledger is kept, with
// who changed what and when, then the directory, the broker and the ledger's events
// hear of it. What the ledger has not heard yet stands in the paper as owed, with who
// and why, until an office that has the store records it. Only that office keeps any. Boards get keyed hashes of badges and
// verifiers of PINs; the ledger gets ids, roles and teams, no name.
//
// Run owns no goroutine but its own. Times are the store's, from Config.Now; how
// often it looks at the connection is real time.
package roster
