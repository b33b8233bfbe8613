// Package hostile is what attackers send, in one place: texts and bytes by
// attack, for tests. Whatever the product writes to (a sink) is driven through
// with all of it, by the tests of this folder; DESIGN.md says what holds, where,
// and which test shows it.
//
//	corpus ─▶ real code ─▶ what came out at the sink ─▶ a reader that is not ours
//
// The corpus is data: nothing here opens, starts or waits for anything. Texts
// that would make an element or an attribute of a page carry Mark as its name,
// so that a test need not guess which tags a page has of its own.
package hostile
