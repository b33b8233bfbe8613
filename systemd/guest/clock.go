package main

import "context"

// The guest has no network. What its chrony may learn the time from is a second
// one beside it, which serves the guest's own clock as right and leaves it alone.
const (
	reference = `local stratum 5
allow 127.0.0.1
port 11123
cmdport 0
bindcmdaddress /run/reference/sock
pidfile /run/reference/pid`
	learns = "server 127.0.0.1 port 11123 iburst"
)

// health is whether the kiosk says of its clock that it is of a quality.
func health(quality string) string {
	return `{ exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\r\nHost: 127.0.0.1:8080\r\n\r\n' >&3 && grep -q '"clock": *"` + quality + `"' <&3; }`
}

// chrony: the kiosk trusts the clock while chrony tells the kernel that it is
// synchronised, and only then, though its own sandbox lets it ask no kernel.
func (t *trial) chrony(ctx context.Context) error {
	const marker = "/run/baylight-synced/synchronized"
	if err := t.do(ctx, "systemctl is-active chrony baylight-synced", "! test -e /run/systemd/timesync/synchronized", "! test -e "+marker,
		"! "+health("synced"), health("[a-z]*"),
		"cat >/root/reference.conf <<'END'\n"+reference+"\nEND",
		"systemd-run -q --unit=reference -p RuntimeDirectory=reference -p RuntimeDirectoryMode=0750 chronyd -d -x -u root -f /root/reference.conf",
		"echo '"+learns+"' >/etc/chrony/conf.d/reference.conf", "systemctl restart chrony"); err != nil {
		return err
	}
	if err := t.await(ctx, health("synced")); err != nil {
		return err
	}
	// It was the marker, which the kiosk can see and not touch, and whose keeper has no right.
	const process = "/proc/$(systemctl show -P MainPID baylight-synced)"
	if err := t.do(ctx, "test -e "+marker, "! runuser -u baylight -- touch "+marker, "test $(stat -c %U "+process+") != root",
		"grep -q '^CapBnd:.0000000000000000' "+process+"/status", "grep -q '^NoNewPrivs:.1' "+process+"/status",
		"rm /etc/chrony/conf.d/reference.conf", "systemctl stop reference", "systemctl restart chrony"); err != nil {
		return err
	}
	// A chrony that starts anew has heard nobody, and tells the kernel so.
	if err := t.await(ctx, "! "+health("synced")+" && "+health("[a-z]*")); err != nil {
		return err
	}
	return t.do(ctx, "! test -e "+marker)
}
