package record

import "golang.org/x/sys/unix"

const arch = unix.AUDIT_ARCH_X86_64

// calls are the system calls that can change a file or make a change last.
var calls = map[int32]call{
	unix.SYS_WRITE:           {what: callWrite},
	unix.SYS_PWRITE64:        {what: callPwrite},
	unix.SYS_FTRUNCATE:       {what: callTruncate},
	unix.SYS_FSYNC:           {what: callSync},
	unix.SYS_FDATASYNC:       {what: callSync},
	unix.SYS_OPEN:            {what: callOpen, byName: true, names: []int{0}, flags: 1},
	unix.SYS_OPENAT:          {what: callOpen, byName: true, names: []int{1}, dirs: []int{0}, flags: 2},
	unix.SYS_UNLINK:          {what: callRemove, byName: true, names: []int{0}},
	unix.SYS_UNLINKAT:        {what: callRemove, byName: true, names: []int{1}, dirs: []int{0}},
	unix.SYS_RENAME:          {what: callRename, byName: true, names: []int{0, 1}},
	unix.SYS_RENAMEAT:        {what: callRename, byName: true, names: []int{1, 3}, dirs: []int{0, 2}},
	unix.SYS_RENAMEAT2:       {what: callRename, byName: true, names: []int{1, 3}, dirs: []int{0, 2}},
	unix.SYS_WRITEV:          {what: callUnknown},
	unix.SYS_PWRITEV:         {what: callUnknown},
	unix.SYS_PWRITEV2:        {what: callUnknown},
	unix.SYS_FALLOCATE:       {what: callUnknown},
	unix.SYS_COPY_FILE_RANGE: {what: callUnknown, fd: 2},
	unix.SYS_SENDFILE:        {what: callUnknown},
	unix.SYS_TRUNCATE:        {what: callUnknown, byName: true, names: []int{0}},
	unix.SYS_LINKAT:          {what: callUnknown, byName: true, names: []int{3}, dirs: []int{2}},
	unix.SYS_CREAT:           {what: callUnknown, byName: true, names: []int{0}},
	unix.SYS_LINK:            {what: callUnknown, byName: true, names: []int{1}},
}
