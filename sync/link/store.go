package link

import (
	"math"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// noStore keeps nothing: sessions are clean, so paho has nothing to resume, and
// what it would keep until it acknowledges by itself it would keep for ever.
type noStore struct{}

func (noStore) Open()                             {}
func (noStore) Put(string, packets.ControlPacket) {}
func (noStore) Get(string) packets.ControlPacket  { return nil }
func (noStore) All() []string                     { return nil }
func (noStore) Del(string)                        {}
func (noStore) Close()                            {}
func (noStore) Reset()                            {}

// never is how long paho waits for the answer to its ping. It does not see the
// lane's traffic, so the connection itself judges the broker's silence.
const never = time.Duration(math.MaxInt64)
