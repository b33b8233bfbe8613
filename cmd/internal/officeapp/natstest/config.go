package natstest

import "strings"

// Config is the configuration of one node. Its capitals are replaced: NAME, DATA
// (its folder), CLIENTS, MQTT, PEERS and HEALTH (addresses it listens on) and ROUTES
// (the PEERS of all nodes).
const Config = `server_name: NAME
listen: "CLIENTS"
http: "HEALTH" # /healthz
jetstream {
  store_dir: "DATA"
  sync_interval: "10s"         # to disk; an event is safe once the office receipted it, whatever is lost here
}
cluster {
  name: baylight
  listen: "PEERS"
  routes: [ROUTES]
}
mqtt {
  listen: "MQTT"
  stream_replicas: 3           # what a node knew, the others know
  js_api_timeout: "2s"         # how long a connection waits for a node that has just gone
  consumer_inactive_threshold: "5m" # of subscriptions at QoS 1, if there are any: those left behind are forgotten
}
`

// Values fill Config.
type Values struct {
	Name, Data, Clients, MQTT, Peers, Health string

	Routes []string // host:port of each node's Peers
}

// Text is Config with its values.
func (v Values) Text() string {
	routes := make([]string, len(v.Routes))
	for i, r := range v.Routes {
		routes[i] = `"nats://` + r + `"`
	}
	return strings.NewReplacer("NAME", v.Name, "DATA", v.Data, "CLIENTS", v.Clients, "HEALTH", v.Health, "MQTT", v.MQTT,
		"PEERS", v.Peers, "ROUTES", strings.Join(routes, ", ")).Replace(Config)
}
