package kioskapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/kiosk/journal"
)

// withBackup adds what may take longer than the tool waits for anything else.
func (a *app) withBackup(others http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /backup", a.toolBackup)
	mux.HandleFunc("GET /support-bundle", a.toolSupport)
	mux.Handle("/", others)
	return mux
}

// toolBackup copies the journal to a file of this machine and checks the copy.
func (a *app) toolBackup(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, toolBody)
	path := r.FormValue("path")
	if !filepath.IsAbs(path) {
		answer(w, Answer{Message: fmt.Sprintf("the file of a backup is named with all its folders, %q is not", path)})
		return
	}
	c, err := a.journal.Backup(r.Context(), path)
	if err != nil {
		answer(w, Answer{Message: err.Error()})
		return
	}
	answer(w, Answer{Good: true, Message: fmt.Sprintf("%s: %s; every event is checked", path, c)})
}

// Restore makes a backup the journal of a kiosk that is not running. A journal
// that is there is set aside. The files belong to who the data folder belongs to.
func Restore(ctx context.Context, set *settings.Kiosk, from string) (journal.Content, error) {
	if err := os.MkdirAll(set.Data, 0o700); err != nil {
		return journal.Content{}, fmt.Errorf("make data folder: %w", err)
	}
	if err := errors.Join(task.CheckSource(from), task.CheckOwn(journalPath(set))); err != nil {
		return journal.Content{}, fmt.Errorf("restore %s: %w", from, err)
	}
	c, err := journal.Restore(ctx, from, journalPath(set), journalOptions(set, nil))
	if err != nil {
		return c, err
	}
	return c, task.OwnLike(set.Data, journalPath(set), journalPath(set)+".lock")
}
