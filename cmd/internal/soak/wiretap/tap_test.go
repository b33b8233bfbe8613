package wiretap

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// Two packets as the standard shows them: CONNECT, and a PUBLISH of QoS 1.
const (
	connect = "\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"
	qos1    = "\x32\x0a\x00\x03a/b\x00\x07hey"
	qos0    = "\x30\x05\x00\x03a/b"
)

func TestPackets(t *testing.T) {
	long := "\x30\x85\x01\x00\x03l/g" + strings.Repeat("x", 128)
	for _, c := range []struct {
		name, in, seen string
		err            error
	}{
		{"no publish", connect, "", io.EOF},
		{"both kinds", connect + qos1 + qos0, "a/b=hey a/b= ", io.EOF},
		{"a length of two bytes", long, "l/g=" + strings.Repeat("x", 128) + " ", io.EOF},
		{"half a packet", qos1[:7], "", io.ErrUnexpectedEOF},
		{"a length without end", "\x30\xff\xff\xff\xff\x01", "", errPacket},
		{"too long", "\x30\xff\xff\xff\x7f", "", errPacket},
		{"a topic beyond the packet", "\x30\x03\x00\x09a", "", errPacket},
		{"no packet id", "\x32\x05\x00\x03a/b", "", errPacket},
		{"empty", "\x30\x00", "", errPacket},
	} {
		var out bytes.Buffer
		seen := ""
		err := copyPackets(&out, strings.NewReader(c.in), func(topic string, payload []byte) { seen += topic + "=" + string(payload) + " " })
		if !errors.Is(err, c.err) || seen != c.seen {
			t.Errorf("%s: %q, %v, want %q, %v", c.name, seen, err, c.seen, c.err)
		}
		if c.err == io.EOF && out.String() != c.in {
			t.Errorf("%s: %q came through", c.name, out.String())
		}
	}
}

func FuzzPackets(f *testing.F) {
	f.Add([]byte(connect + qos1 + qos0))
	f.Add([]byte("\x30\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		if err := copyPackets(&out, bytes.NewReader(in), func(string, []byte) {}); err == nil {
			t.Error("it ended without an end")
		}
		if !bytes.HasPrefix(in, out.Bytes()) {
			t.Errorf("%x became %x", in, out.Bytes())
		}
	})
}

func TestTap(t *testing.T) {
	broker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 4)
	tap, err := Start("127.0.0.1:0", broker.Addr().String(), func(n int, topic string, payload []byte) { seen <- topic + "=" + string(payload) })
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", tap.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := broker.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(client, qos1); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(qos1))
	if _, err := io.ReadFull(server, got); err != nil || string(got) != qos1 || <-seen != "a/b=hey" {
		t.Errorf("through came %q, %v", got, err)
	}
	server.Close()
	if _, err := client.Read(got); !errors.Is(err, io.EOF) {
		t.Errorf("the broker has gone, and the client sees %v", err)
	}
	broker.Close()
	other, err := net.Dial("tcp", tap.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Read(got); err == nil {
		t.Error("the broker is away, and somebody gets through")
	}
	if err := tap.Close(); err != nil {
		t.Error(err)
	}
}
