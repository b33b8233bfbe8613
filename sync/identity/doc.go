// Package identity gives each board a key and a certificate of its own, and
// checks those of who it talks to.
//
//	backofficed enroll ──▶ one-time code ──a person──▶ baylight enroll
//	                                                        │ key made on the board, stays there
//	     Authority  ◀──── POST /v1/enrol over TLS: request, proof of the code
//	  (the office's CA) ────▶ certificate, CA, where the broker is, proof of the code
//	         │                                              │
//	         └──▶ broker's certificate, CRL, ACL            ▼
//	                    Mosquitto  ◀──────── mTLS ──────── board, renews at two thirds of its certificate's life
//
// An [Authority] is the back office's end: it keeps a certification authority, a
// register of what it signed and the files that Mosquitto reads. A [Board] is the
// kiosk's end: it keeps one file and gives the TLS settings of each connection.
// The name of a certificate is "store/kiosk", which stands in a broker's pattern
// ACL as %u; that of an office is "store/backoffice".
//
// Keys are ECDSA P-256, files PEM, times UTC. Now is passed in: the office's
// clock, and at the board a [Trust], because a board may believe it is 1970. A
// board that cannot trust its clock checks chain and names all the same, and that
// a certificate is not expired at the earliest time it can be; Status says so.
//
// Board.Run and Authority.Run own no goroutine but their caller's. DESIGN.md tells
// what is defended against what, and what is lost with each file.
package identity
