// Package monitoring holds what firmware-config/monitoring gives to Prometheus and
// Grafana against what the real daemons export: every metric and label that an
// alert or a panel names is there, every expression can be read, and METRICS.md
// lists all metrics. It has no code of its own.
package monitoring
