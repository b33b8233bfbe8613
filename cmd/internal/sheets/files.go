package sheets

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Save writes pages to a file by its ending: one .pdf, or a .png for each page
// (badges.png; with several pages badges-1.png, badges-2.png, …). It lists the
// files. An existing file is replaced.
func Save(path string, pages []*image.Gray) (files []string, err error) {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".pdf":
		return []string{path}, save(path, func(w io.Writer) error { return WritePDF(w, pages) })
	case ".png":
		for i, page := range pages {
			name := path
			if len(pages) > 1 {
				name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, filepath.Ext(path)), i+1, filepath.Ext(path))
			}
			if err := save(name, func(w io.Writer) error { return WritePNG(w, page) }); err != nil {
				return files, err
			}
			files = append(files, name)
		}
		return files, nil
	default:
		return nil, fmt.Errorf("save sheet: %q ends in %q; name a .pdf or a .png", path, ext)
	}
}

func save(path string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("save sheet: %w", err)
	}
	return nil
}

// WritePNG writes a page with its size: 8,000 dots a metre (chunk pHYs).
func WritePNG(w io.Writer, page *image.Gray) error {
	var b bytes.Buffer
	if err := png.Encode(&b, page); err != nil {
		return fmt.Errorf("write sheet: %w", err)
	}
	const head = 8 + 25 // the signature and IHDR
	chunk := []byte("pHYs")
	chunk = binary.BigEndian.AppendUint32(chunk, 1000*dotsPerMM)
	chunk = binary.BigEndian.AppendUint32(chunk, 1000*dotsPerMM)
	chunk = append(chunk, 1) // per metre
	out := append([]byte{}, b.Bytes()[:head]...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(chunk)-4))
	out = append(out, chunk...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
	if _, err := w.Write(append(out, b.Bytes()[head:]...)); err != nil {
		return fmt.Errorf("write sheet: %w", err)
	}
	return nil
}

// WritePDF writes A4 pages, each one image.
func WritePDF(w io.Writer, pages []*image.Gray) error {
	var b bytes.Buffer
	var at []int
	object := func(format string, args ...any) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n", len(at))
		fmt.Fprintf(&b, format, args...)
		b.WriteString("\nendobj\n")
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	var kids []string
	for i := range pages {
		kids = append(kids, fmt.Sprintf("%d 0 R", 3+3*i))
	}
	object("<< /Type /Pages /Count %d /Kids [%s] >>", len(pages), strings.Join(kids, " "))
	for _, page := range pages {
		n := len(at) + 1
		const wide, high = 595.276, 841.89 // A4 in points
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %g %g] /Contents %d 0 R /Resources << /XObject << /I %d 0 R >> >> >>", wide, high, n+1, n+2)
		draw := fmt.Sprintf("%g 0 0 %g 0 0 cm /I Do", wide, high)
		object("<< /Length %d >>\nstream\n%s\nendstream", len(draw), draw)
		var data bytes.Buffer
		z := zlib.NewWriter(&data)
		if _, err := z.Write(page.Pix); err != nil {
			return fmt.Errorf("write sheet: %w", err)
		}
		if err := z.Close(); err != nil {
			return fmt.Errorf("write sheet: %w", err)
		}
		object("<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream",
			page.Rect.Dx(), page.Rect.Dy(), data.Len(), data.Bytes())
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write sheet: %w", err)
	}
	return nil
}
