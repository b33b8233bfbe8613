// Package disk is a disk with a write cache that a power cut empties, for
// emulated machines: what the machine wrote and did not flush may be gone, there
// in part, or there although something written before it is not.
//
// QEMU attaches it over a unix socket by the NBD protocol (fixed newstyle, simple
// replies; https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md):
//
//	handshake    "NBDMAGIC" "IHAVEOPT" flags → options, each answered; GO ends it
//	request      25609513 flags:2 type:2 handle:8 offset:8 length:4 [data]
//	reply        67446698 error:4 handle:8 [data]
//	types        0 read, 1 write, 2 disconnect, 3 flush
//
// A host's page cache keeps all that an emulator has written when it is killed,
// so killing the emulator alone cuts no power: the cache has to be here. A read
// sees the cache, as in a real disk. A flush makes everything written before it
// lasting. The cut can be set to a certain request: the disk then never answers
// again, neither that request nor any later one, so nothing the machine does
// afterwards can count on it. [Disk.Lose] then decides, sector by sector of 512
// bytes and from a seed, what of the unflushed writes reached the medium.
//
// [Disk.Serve] owns one goroutine, which Close joins. There is no time in here.
package disk
