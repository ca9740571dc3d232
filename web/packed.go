package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"

	"trunkline/internal/fault"
	"trunkline/static"
)

// worthPacking is the size in bytes from which a body is compressed: below it one packet carries it anyway.
const worthPacking = 1400

// PackedJSON answers with JSON as JSON does, compressed where the browser takes it. It is for drawings of labs, which repeat themselves, where no
// other site can have a browser ask with words of its own: the answer repeats nothing of the request, or a request from elsewhere is denied. The
// length would tell of what stands beside those words (BREACH, CVE-2013-3587), so it is not for pages.
func (r *Request) PackedJSON(status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "This answer could not be made. The log has the details.")
	}
	h := r.Writer().Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	return r.writePacked(status, body)
}

// writePacked sends a body whose kind is set already, compressed where that is worth it.
func (r *Request) writePacked(status int, body []byte) error {
	h := r.Writer().Header()
	h.Add("Vary", "Accept-Encoding")
	if len(body) >= worthPacking && static.AcceptsGzip(r.HTTP()) {
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // the level is valid
		z.Write(body)                                        // into memory: it cannot fail
		z.Close()
		h.Set("Content-Encoding", "gzip")
		body = packed.Bytes()
	}
	r.Writer().WriteHeader(status)
	_, err := r.Writer().Write(body)
	return ignoreGone(err)
}
