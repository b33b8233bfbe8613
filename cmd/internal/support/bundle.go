package support

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"time"
)

// MaxFile bounds a file of a bundle, in bytes.
const MaxFile = 1 << 20

// File is one file of a bundle: text, or a value that is written as JSON. Its
// name is one of ours, never from outside.
type File struct {
	Name  string
	Text  string
	Value any // nil: Text
}

// Bundle makes a .tar.gz of the files in one folder. All of it goes through the
// net. The caller chose the values: nothing is left out here but shapes.
func Bundle(folder string, now time.Time, net *Net, files []File) ([]byte, error) {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	tape := tar.NewWriter(zip)
	for _, f := range files {
		text, err := f.content()
		if err != nil {
			return nil, fmt.Errorf("make support bundle: %s: %w", f.Name, err)
		}
		text = net.Mask(text[:min(len(text), MaxFile)])
		text = text[:min(len(text), MaxFile)]
		head := &tar.Header{Name: folder + "/" + f.Name, Mode: 0o600, Size: int64(len(text)), ModTime: now.Truncate(time.Second), Format: tar.FormatPAX}
		if err := tape.WriteHeader(head); err != nil {
			return nil, fmt.Errorf("make support bundle: %s: %w", f.Name, err)
		}
		if _, err := tape.Write([]byte(text)); err != nil {
			return nil, fmt.Errorf("make support bundle: %s: %w", f.Name, err)
		}
	}
	if err := tape.Close(); err != nil {
		return nil, fmt.Errorf("make support bundle: %w", err)
	}
	if err := zip.Close(); err != nil {
		return nil, fmt.Errorf("make support bundle: %w", err)
	}
	return out.Bytes(), nil
}

func (f File) content() (string, error) {
	if f.Value == nil {
		return f.Text, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // what the net has to find stands there as it is
	enc.SetIndent("", "  ")
	err := enc.Encode(f.Value)
	return b.String(), err
}
