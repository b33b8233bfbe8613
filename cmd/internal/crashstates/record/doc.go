// Package record writes down what a program does to the files of one folder:
// every write, truncation, sync, creation, removal and renaming, in order, with
// the bytes.
//
// It sees the program's system calls, whoever makes them (SQLite's C or Go's own
// library), by a seccomp filter that hands them to this process before the kernel
// does them (seccomp(2), SECCOMP_RET_USER_NOTIF; Linux 5.5 or newer, no rights
// needed). Each is written down and then let through unchanged; so when the
// outside sees anything that the program did after a sync, that sync is in the
// record already.
//
//	this process                       the program
//	Start ── socket on fd 3 ─────────▶ [Main]: filter, sends its listener, exec
//	loop  ◀─ pwrite64(fd, …) ───────── SQLite
//	      ── continue ───────────────▶ (the kernel does it)
//
// A way to change a file that the record does not know (writev, copy_file_range)
// ends the record with an error. Writes through a memory mapping are not seen:
// SQLite maps only its -shm file, which is left out, as a start makes it anew.
//
// A [Recorder] has one goroutine for each program, which ends with it.
package record
