// Package replay says what a power cut may leave of files whose changes were
// recorded (package record). It is pure: a record, a place in it and a seed give
// one state of the folder.
//
// What a sync of a file came after is there. Of what was written to it since, any
// part may be there, in sectors of 512 bytes that are whole or missing, and an
// older write may be there although a newer one to another place is not, or even
// on top of a newer one. A truncation since may have happened or not. Names
// (creations, removals, renamings) last with a sync of the folder; of those since,
// the first few are there, in order: every file system in use keeps a log of them.
// A sync of a file does not make its name last: that is more than ext4 takes.
package replay
