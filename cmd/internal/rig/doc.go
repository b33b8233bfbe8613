// Package rig is a store of real daemons on this machine for whoever wants to
// treat it badly: kioskd with scanners on ptys, backofficed, and a broker that
// the caller brings. The daemons are processes of their own, with the
// configuration that a store's IT person would write and real time, so that
// killing one is real.
//
// A [Process] has one goroutine, which waits for its end; Kill and Stop join it.
// Only processes started here are ended, and they end with this one.
package rig
