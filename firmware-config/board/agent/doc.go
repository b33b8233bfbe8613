// Package agent is how the judge outside an emulated board talks to the init
// program inside it, over the board's second serial line.
//
// Both sides send lines of JSON. Kernel messages may come in between on the
// guest's side of the wire, so an answer begins with a mark of its own:
//
//	→ {"n":7,"do":"get","url":"http://127.0.0.1:8080/healthz"}
//	← @@{"n":7,"out":"{\"ok\":true,…"}
//
// One request at a time; [Client] has one goroutine, which ends with the
// connection. Times are real time. Output is bounded by [MaxOutput] bytes, of
// which the last are kept.
package agent
