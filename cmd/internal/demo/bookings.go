package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"baylight/cmd/internal/demo/script"
)

// guest is a booking that no customer of the script has: for who tries the demo.
type guest struct{ code, plate, masked, purpose string }

func guests() []guest {
	return []guest{
		{"APPT-1001", "粤B51001", "粤B••001", "保养"},
		{"APPT-1002", "沪AD51002", "沪A•••002", "故障"},
		{"APPT-1003", "京A51003", "京A••003", "事故"},
	}
}

// export is the file that the dealer's own system would export for a day: each
// third car of the script, and the guests, on the half hours around noon.
func export(plan script.Script, day time.Time) []byte {
	var b bytes.Buffer
	b.WriteString("预约号,预约时间,车牌号,车架号,预约码,来店目的,姓名\n")
	line := func(id string, at time.Time, plate, vin, code, purpose, name string) {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,%s,%s\n", id, at.Format("2006-01-02 15:04"), plate, vin, code, purpose, name)
	}
	for _, s := range plan.Steps {
		arrives := s.Act == script.ScanVIN || s.Act == script.TypePlate
		if !arrives || s.Visit%3 != 0 || s.At.Format(time.DateOnly) != day.Format(time.DateOnly) {
			continue
		}
		id := fmt.Sprintf("B-%03d", s.Visit+1)
		if strings.Contains(b.String(), id+",") {
			continue // one that comes twice
		}
		v := plan.Visits[s.Visit]
		line(id, s.At.Add(10*time.Minute).Truncate(15*time.Minute), v.Plate, v.VIN, fmt.Sprintf("APPT-%04d", s.Visit+1), "保养", "预约客户")
	}
	for i, g := range guests() {
		line(fmt.Sprintf("G-%d", i+1), day.Add(13*time.Hour+time.Duration(i)*30*time.Minute), g.plate, "", g.code, g.purpose, "体验客户")
	}
	return b.Bytes()
}

// book imports a day's bookings at the back office, signed in there.
func (h *hands) book(ctx context.Context, file []byte) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	c := &http.Client{Jar: jar, Timeout: patience}
	base := "http://" + h.shop.Office
	res, err := c.PostForm(base+"/signin", url.Values{"who": {script.Manager}, "pin": {PIN}})
	if err != nil {
		return err
	}
	res.Body.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/api/v1/bookings?store="+Store, bytes.NewReader(file))
	if err != nil {
		return err
	}
	if res, err = c.Do(req); err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 8<<10))
	if err == nil && res.StatusCode != http.StatusOK {
		err = &refusal{base, res.StatusCode, string(answer)}
	}
	if err != nil {
		return fmt.Errorf("import bookings: %w", err)
	}
	return nil
}

// confirm says yes to what the kiosk's screen asks: it asks whenever somebody has
// it open.
func (h *hands) confirm(ctx context.Context, s script.Step) error {
	if !h.asked {
		return nil
	}
	c, err := h.session(ctx, "")
	if err != nil {
		return err
	}
	err = post(ctx, c, "http://"+h.shop.Kiosk+"/api/kiosk/confirm", map[string]any{"purpose": "maintenance", "waiting": s.Visit%2 == 0})
	if no := (*refusal)(nil); errors.As(err, &no) && no.status == http.StatusUnprocessableEntity {
		return nil // nothing was asked
	}
	return err
}
