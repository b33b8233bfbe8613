package record

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// notification is a call that waits for us (struct seccomp_notif).
type notification struct {
	id    uint64
	pid   uint32 // the thread
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// answer lets it go on (struct seccomp_notif_resp).
type answer struct {
	id    uint64
	value int64
	err   int32
	flags uint32
}

func control(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

func next(listener int) (n notification, err error) {
	return n, control(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n))
}

// waits says that a call is still held; ENOENT: whoever made it is gone.
func waits(listener int, id uint64) error {
	return control(listener, unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&id))
}

func goOn(listener int, id uint64) error {
	a := answer{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	return control(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&a))
}

// maxWrite bounds what one write may bring.
const maxWrite = 16 << 20

// memory reads n bytes of the program's memory.
func (n notification) memory(at, length uint64) ([]byte, error) {
	if length > maxWrite {
		return nil, fmt.Errorf("record: a write of %d bytes", length)
	}
	b := make([]byte, length)
	if length == 0 {
		return b, nil
	}
	got, err := unix.ProcessVMReadv(int(n.pid), []unix.Iovec{{Base: &b[0], Len: length}}, []unix.RemoteIovec{{Base: uintptr(at), Len: int(length)}}, 0)
	if err != nil || uint64(got) != length {
		return nil, fmt.Errorf("record: %d of %d bytes of the program's memory: %w", got, length, err)
	}
	return b, nil
}

// text reads a string that ends with a zero, page by page, since the memory
// behind it may not be there.
func (n notification) text(at uint64) (string, error) {
	var b []byte
	for len(b) <= unix.PathMax {
		page, err := n.memory(at, 4096-at%4096)
		if err != nil {
			return "", err
		}
		if i := bytes.IndexByte(page, 0); i >= 0 {
			return string(append(b, page[:i]...)), nil
		}
		b, at = append(b, page...), at+uint64(len(page))
	}
	return "", fmt.Errorf("record: a path without an end: %.100q", b)
}

// receive takes the listener that the program sends.
func receive(socket int) (listener int, err error) {
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return 0, errors.Join(err, errors.New("it ended too early"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return 0, errors.Join(err, errors.New("no descriptor came"))
	}
	return fds[0], nil
}

// filter hands the calls of the table to the listener and lets all others through.
func filter() []unix.SockFilter {
	const load, equal, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	p := []unix.SockFilter{
		{Code: load, K: 4}, // seccomp_data.arch
		{Code: equal, K: arch, Jt: 1},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
		{Code: load, K: 0}, // seccomp_data.nr
	}
	for nr := range calls {
		p = append(p, unix.SockFilter{Code: equal, K: uint32(nr), Jf: 1}, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	return append(p, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
}

// Main turns this process into the program to be recorded: args are its path and
// its arguments, descriptor 3 is the recorder's socket. It returns only if that fails.
func Main(args []string) error {
	runtime.LockOSThread() // the filter is this thread's, and this thread is who becomes the program
	if len(args) == 0 {
		return errors.New("record: no program named")
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	env := os.Environ()
	steps := filter()
	program := unix.SockFprog{Len: uint16(len(steps)), Filter: &steps[0]}
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("record: install filter: %w", errno)
	}
	if err := unix.Sendmsg(3, []byte{0}, unix.UnixRights(int(listener)), nil, 0); err != nil {
		return fmt.Errorf("record: send listener: %w", err)
	}
	unix.Close(3)
	return fmt.Errorf("record: run %s: %w", args[0], syscall.Exec(args[0], slices.Clone(args), env))
}

// What a call does.
const (
	callWrite = iota + 1
	callPwrite
	callTruncate
	callSync
	callOpen
	callRemove
	callRename
	callUnknown
)

// call says where a system call has its arguments.
type call struct {
	what   int
	byName bool  // the file is named, not given by a descriptor
	fd     int   // the argument that is the descriptor
	names  []int // arguments that are paths
	dirs   []int // and the descriptors of the folders from which they count; nil: the current one
	flags  int   // of callOpen
}
