// Package doctor looks at a board for who has to make it work, and says of each
// thing how it is, why that matters and what to do next.
//
//	settings, files (/proc, /sys, /dev, /etc), the running kiosk ──▶ Facts ──▶ checks ──▶ findings
//
// Nothing is changed, and what a running kiosk holds is not opened: it is asked
// over its socket. Where there is no answer, or no permission to look, that is a
// finding too, marked as not seen. Files come from an [fs.FS], and the few things
// that are no files from a [Machine], so that every check is a function of what a
// test makes up.
//
// [Examine] runs the areas side by side, each bounded by [Within]; a file or a
// device that does not answer holds up its own area only, whose goroutine is then
// left behind: a process that hangs in the kernel cannot be joined. Time is real
// time.
package doctor
