package officeapp_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"baylight/cmd/internal/cmdtest"
)

// TestFullDisk: the disk of an office at work fills up for real. It receipts
// nothing that it could not keep, and says so; boards keep what they have. Once
// there is room it goes on by itself, and everything counts once.
func TestFullDisk(t *testing.T) { cmdtest.Mounted(t, fullDisk) }

func fullDisk(t *testing.T) {
	r := newRig(t)
	r.stop()
	data := filepath.Join(r.dir, "office")
	cmdtest.Tmpfs(t, data, "24m")
	r.start() // with a ledger on that disk
	t.Cleanup(func() { r.stop() })
	r.good()
	other := filepath.Join(data, "other")
	refused := func() bool {
		status, level, codes := r.condition()
		is := slices.Contains(codes, "ledger.refused")
		if is != (status == http.StatusServiceUnavailable) || is && level != "losing" {
			t.Errorf("%d %s %q", status, level, codes)
		}
		return is
	}
	// SQLite still has room in files that have grown already.
	r.await("that nothing can be recorded", func() bool {
		cmdtest.Fill(t, other)
		for range 50 {
			_, b := r.checkIn("")
			r.cars++
			r.publish(topics+"event/visit.checked_in", b)
		}
		return refused()
	})
	if through := r.through(); through >= r.seq {
		t.Errorf("receipts cover %d of %d events, and the disk is full", through, r.seq)
	}
	must(t, os.Remove(other))
	r.await("receipts of everything", func() bool { return r.through() == r.seq })
	r.await("that it can record again", func() bool { return !refused() })
	r.good()
}
