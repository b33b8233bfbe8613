package disk

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// The protocol's numbers, as its document names them.
const (
	magicServer  = 0x4e42444d41474943 // "NBDMAGIC"
	magicOption  = 0x49484156454f5054 // "IHAVEOPT"
	magicOptRep  = 0x3e889045565a9
	magicRequest = 0x25609513
	magicReply   = 0x67446698

	flagsHandshake = 1 | 2 // fixed newstyle, no zeroes
	flagsExport    = 1 | 4 // has flags, takes flush

	optAbort, optGo                 = 2, 7
	repAck, repInfo, repUnsupported = 1, 3, 1<<31 | 1

	cmdRead, cmdWrite, cmdDisconnect, cmdFlush = 0, 1, 2, 3

	errInvalid = 22 // EINVAL

	maxOption  = 4096
	maxRequest = 32 << 20
)

// session serves one machine.
type session struct {
	disk *Disk
	conn net.Conn
	in   *bufio.Reader
}

func (s *session) send(parts ...any) error {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case uint16:
			b = binary.BigEndian.AppendUint16(b, p)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, p)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, p)
		case []byte:
			b = append(b, p...)
		}
	}
	_, err := s.conn.Write(b)
	return err
}

// handshake answers options until the machine takes the disk.
func (s *session) handshake() error {
	s.in = bufio.NewReaderSize(s.conn, 256<<10)
	if err := s.send(uint64(magicServer), uint64(magicOption), uint16(flagsHandshake)); err != nil {
		return err
	}
	var flags [4]byte
	if _, err := io.ReadFull(s.in, flags[:]); err != nil {
		return err
	}
	for {
		var head [16]byte
		if _, err := io.ReadFull(s.in, head[:]); err != nil {
			return err
		}
		option, length := binary.BigEndian.Uint32(head[8:]), binary.BigEndian.Uint32(head[12:])
		if binary.BigEndian.Uint64(head[:]) != magicOption || length > maxOption {
			return fmt.Errorf("nbd: %x is no option", head)
		}
		if _, err := s.in.Discard(int(length)); err != nil {
			return err
		}
		var err error
		switch option {
		case optGo:
			info := binary.BigEndian.AppendUint64([]byte{0, 0}, uint64(len(s.disk.seen)))
			info = binary.BigEndian.AppendUint16(info, flagsExport)
			return s.send(uint64(magicOptRep), option, uint32(repInfo), uint32(len(info)), info,
				uint64(magicOptRep), option, uint32(repAck), uint32(0))
		case optAbort:
			return errors.New("nbd: the machine does not take the disk")
		default:
			err = s.send(uint64(magicOptRep), option, uint32(repUnsupported), uint32(0))
		}
		if err != nil {
			return err
		}
	}
}

// serve answers requests, one after the other, until the power is cut or the
// machine is gone. After a cut it goes on reading without answering, until the
// machine's end closes the connection.
func (s *session) serve() {
	for {
		err := s.request()
		if errors.Is(err, errCut) {
			_, _ = io.Copy(io.Discard, s.in) // until the machine is gone, however it goes
			return
		}
		if err != nil {
			return
		}
	}
}

func (s *session) request() error {
	var head [28]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return err
	}
	command, handle := binary.BigEndian.Uint16(head[6:]), head[8:16]
	at, length := binary.BigEndian.Uint64(head[16:]), binary.BigEndian.Uint32(head[24:])
	if binary.BigEndian.Uint32(head[:]) != magicRequest || length > maxRequest {
		return fmt.Errorf("nbd: %x is no request", head)
	}
	size := uint64(len(s.disk.seen))
	fits := at <= size && uint64(length) <= size-at && at%Sector == 0 && length%Sector == 0
	var data []byte
	if command == cmdRead && fits || command == cmdWrite {
		data = make([]byte, length)
	}
	if command == cmdWrite {
		if _, err := io.ReadFull(s.in, data); err != nil {
			return err
		}
	}
	var err error
	switch {
	case command == cmdDisconnect:
		return io.EOF
	case command == cmdFlush:
		err = s.disk.flush()
	case command == cmdRead && fits:
		err = s.disk.read(int64(at), data)
	case command == cmdWrite && fits:
		err = s.disk.write(int64(at), data)
	default:
		return s.send(uint32(magicReply), uint32(errInvalid), handle)
	}
	if err != nil {
		return err
	}
	if command != cmdRead {
		data = nil
	}
	return s.send(uint32(magicReply), uint32(0), handle, data)
}
