// Package dashboard is the back office's HTTP side (CONTRACT §4): the live
// board, figures, orders down to their raw scans, boards, and the same as JSON.
//
//	GET  /  /kpi  /orders/{id}  /kiosks     pages, zh-CN first (?lang=en)
//	GET  /stream                            "something changed", as server-sent events
//	GET  /api/v1/kpi /orders /orders/{id} /bays /kiosks /events
//	POST /api/v1/events                     what people state, confirm and correct
//	GET  /healthz /readyz /metrics
//
// Who may read: whoever signed in with badge and PIN, or brings the token, or,
// while no token is set, comes from this machine. Who may record: somebody
// signed in, or who brings the token and says by whom; their role decides what.
// Wrong input is answered with RFC 9457 problem details that name the parameter.
//
// Pages are whole documents and work without JavaScript; with it they fetch
// their live part again when the stream says so. Nothing is requested from
// anywhere else and no script stands inline, as the policy sent with each page
// says. Figures and visits come from what package figures keeps; now is the
// office's clock.
package dashboard
