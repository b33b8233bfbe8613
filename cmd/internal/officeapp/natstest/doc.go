// Package natstest starts a cluster of three NATS servers that speak MQTT, each
// in a process of its own, so that one can be ended as a power cut ends it. Only
// tests import it.
//
// The server is built from the module in the folder server, which pins it: the
// product's own go.mod knows nothing of NATS. Config is what CLUSTER.md
// recommends to operators, word for word; a test holds them together.
//
// A Gate is what stands before a cluster: one address for many connections. It
// prefers a node and takes the next one while that one is down.
package natstest
