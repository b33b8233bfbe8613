// Package dashboard is the back office's HTTP side (README: The HTTP API): pages for people
// and the same as JSON.
//
//	GET  /                               today: bays, open orders and what they risk, who is drowning
//	GET  /kpi  /kpi/{figure}  /kpi/risk  figures with charts, targets, comparisons, definitions, caveats
//	GET, POST /kpi/targets               targets, changed here; criteria, bands, opening hours, and where they are changed
//	GET  /kpi/appraisal                  绩效得分 of a month: every term down to its orders
//	GET  /kpi/reworks                    返修: proposed, confirmed, and whom they are charged to
//	GET  /orders  /orders/{id}           the orders behind a number; one down to its raw scans
//	POST /record                         corrections and decisions, once confirmed
//	GET  /worklist /kiosks /report       what has to be put right; boards; a month on A4
//	GET, POST /bookings /staff           bookings; people, badges, roles
//	GET  /audit                          who did what
//	GET  /export/{figures,orders,appraisal}.{csv,xlsx}
//	GET  /stream                         "something changed", as server-sent events
//	GET  /api/v1/kpi /appraisal /orders /orders/{id} /bays /kiosks /risk /events
//	POST /api/v1/events                  what people state, confirm and correct
//	GET  /readyz /metrics
//
// Pages are zh-CN first (?lang=en). store= names a store, * all of them.
//
// Who may see and do what stands in one table, in rights.go. Who reads: whoever
// signed in with badge and PIN and has the right, or brings the token, or, while no
// token is set, comes from this machine and sees what a viewer sees. Who records:
// somebody signed in; by the API also who brings the token and says by whom.
//
// Every number is a link: figure, orders, events, scans. A correction is an event of
// the office and changes no other; before it is recorded a page shows what it would
// change, by folding the visit with it. A form records once, however often it is
// sent. Wrong input is answered in words on pages, and with RFC 9457 problem details
// that name the parameter by the API.
//
// Pages are whole documents and work without JavaScript. With it the live board
// fetches its live part again when the stream says so, and uPlot (web/static/uplot,
// MIT) takes the place of bars that the page drew as SVG. Nothing is requested from
// anywhere else and no script or style stands inline, as the policy sent with each
// page says.
//
// Figures and visits come from [Data] (data.go); now is the office's clock. Nothing
// here starts a goroutine.
package dashboard
