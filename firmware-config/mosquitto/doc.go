// Package mosquitto holds the configuration of the broker that a store runs,
// baylight.conf, and proves it with the real one: who may connect, and who may
// read and write which topics. It has no code of its own. The list of rights,
// example.acl, is written by backofficed (sync/identity); a test keeps the example
// as it would write it.
package mosquitto
