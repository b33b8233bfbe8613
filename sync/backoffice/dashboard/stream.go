package dashboard

import (
	"fmt"
	"net/http"
	"time"
)

// stream tells a page that something changed. What, the page asks for itself.
func (d *dashboard) stream(w http.ResponseWriter, r *http.Request) error {
	select {
	case d.streams <- struct{}{}:
		defer func() { <-d.streams }()
	default:
		return fault(http.StatusServiceUnavailable, "", fmt.Sprintf("%d pages listen already", maxStreams))
	}
	changes, stop := d.Office.Watch()
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // nothing more is read; the server's limit would end the stream
	say := func(format string, args ...any) bool {
		// A server without write deadlines does not need one here either.
		_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second))
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && out.Flush() == nil
	}
	beat := time.NewTicker(d.Beat)
	defer beat.Stop()
	for alive := say("retry: 2000\n\n"); alive; {
		select {
		case <-changes:
			position, err := d.Office.Ledger().Position(r.Context())
			alive = err == nil && say("data: {\"position\":%d}\n\n", position)
		case <-beat.C:
			alive = say(": still here\n\n")
		case <-r.Context().Done():
			return nil
		}
	}
	return nil
}
