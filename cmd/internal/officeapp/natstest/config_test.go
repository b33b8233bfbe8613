package natstest

import (
	"os"
	"strings"
	"testing"
)

// TestConfigIsWhatOperatorsAreTold: what the cluster of the test runs with stands in
// CLUSTER.md word for word.
func TestConfigIsWhatOperatorsAreTold(t *testing.T) {
	page, err := os.ReadFile("../../../../sync/backoffice/CLUSTER.md")
	if err != nil {
		t.Fatal(err)
	}
	text := Values{Name: "n1", Data: "/var/lib/nats", Clients: "0.0.0.0:4222", MQTT: "0.0.0.0:1883", Peers: "0.0.0.0:6222", Health: "127.0.0.1:8222",
		Routes: []string{"n1:6222", "n2:6222", "n3:6222"}}.Text()
	want := "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
	if !strings.Contains(string(page), want) {
		t.Errorf("CLUSTER.md does not hold\n%s", want)
	}
}
