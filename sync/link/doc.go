// Package link keeps one MQTT 3.1.1 connection to a broker alive and tells the
// truth about what the broker acknowledged. It is the only importer of paho.
//
// Each connection is a new paho client with a clean session, without automatic
// reconnection and without a store: with paho's own reconnection a token
// finishes without error though no PUBACK was ever sent. The Link reconnects
// by itself, waiting a random time below a ceiling that doubles from Min to
// Max, so that a thousand stores do not come back at once. Nothing is queued
// while there is no connection: whoever publishes keeps its own record of what
// is still to be sent, and starts again at each new Session.
//
// A connection is used in this order: CONNECT with the will, subscriptions,
// birth message, and only then is the Session handed to those who wait in Next.
// The will and the birth are on the same retained topic and carry the session's
// number, so that a will that comes late is recognised; Announce puts the birth in its
// place again. A subscription that the
// broker refuses is asked for again while the session lasts.
//
// paho makes the connection, subscribes, pings, takes leave and reads what comes
// in. What is published goes past it, on a lane of its own in the net.Conn that
// paho is given: the lane writes PUBLISH packets, numbered from 1,024 where paho
// never counts to, and takes their PUBACKs out of the bytes that paho reads. In
// paho each message crosses five goroutines; see sync/DESIGN.md. Whatever comes
// in is acknowledged on the lane too.
//
// paho asks an idle broker for a sign of life at the first look after KeepAlive (it
// looks every quarter of it). The connection itself, which sees all that comes,
// ends when nothing came for as long as that and PingTimeout: 8.25 s with 5 s and
// 2 s, idle or busy. A write that blocks ends it after WriteTimeout (2 s for each
// 16 KiB). A message above MaxPacket is acknowledged, passed over and said in the
// log, and the connection goes on: a retained one would end every connection. Any
// other packet above it ends the connection.
//
// With Config.Renew a connection is left and made again from time to time, and soon
// after one was lost: for clusters of brokers that forget while they change leaders.
//
// Goroutines: Run owns the reconnect loop, one dispatcher, and for each connection
// one writer and one that asks for refused subscriptions; they and paho's have ended
// when Run returns. Handlers are called by the dispatcher, one at a time, in the
// order in which the broker sent the messages; they may publish but must not wait
// for an acknowledgement, because the queue in front of them is bounded and
// acknowledgements stand behind it. Time is real time: a link has nothing to do
// with shop time.
package link
