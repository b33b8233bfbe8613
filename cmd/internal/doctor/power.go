package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bits of get_throttled: as it is now, and the same 16 places up since boot
// (Raspberry Pi documentation, vcgencmd get_throttled).
const (
	underVoltage = 1 << 0
	capped       = 1 << 1
	throttled    = 1 << 2
	softLimit    = 1 << 3
	sinceBoot    = 16
)

// hot is a processor that is near its limit of 80 °C, in thousandths of a degree.
const hot = 78_000

// power looks at the supply and the temperature of the board.
func power(_ context.Context, f *Facts) (out []Finding) {
	model := strings.Trim(f.read("/proc/device-tree/model"), "\x00 ")
	pi := strings.Contains(model, "Raspberry Pi")
	told := false
	if text := f.read("/sys/devices/platform/soc/soc:firmware/get_throttled"); text != "" {
		if bits, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 32); err == nil {
			told = true
			out = append(out, throttle(bits)...)
		}
	}
	for _, dir := range f.glob("/sys/class/hwmon/hwmon[0-9]*") {
		if f.read(dir+"/name") != "rpi_volt" {
			continue
		}
		alarm, ok := f.number(dir + "/in0_lcrit_alarm")
		if !ok || told && len(out) > 0 {
			continue
		}
		told = true
		if alarm != 0 {
			out = append(out, say(Wrong, "power.low"))
		}
	}
	if n, ok := f.number("/sys/class/thermal/thermal_zone0/temp"); ok && n >= hot && n < 200_000 {
		out = append(out, say(Look, "power.hot", fmt.Sprintf("%.0f °C", float64(n)/1000)))
	}
	switch {
	case len(out) > 0:
	case told:
		out = append(out, say(OK, "power.ok", model))
	case pi:
		out = append(out, unseen("power", model, errors.New("neither rpi_volt nor get_throttled is there")))
	default:
		out = append(out, say(OK, "power.other"))
	}
	return out
}

func throttle(bits uint64) (out []Finding) {
	switch {
	case bits&underVoltage != 0:
		out = append(out, say(Wrong, "power.low"))
	case bits>>sinceBoot&underVoltage != 0:
		out = append(out, say(Look, "power.waslow"))
	}
	if bits&(capped|throttled|softLimit) != 0 && bits&underVoltage == 0 {
		out = append(out, say(Look, "power.slow", fmt.Sprintf("0x%x", bits)))
	}
	return out
}
