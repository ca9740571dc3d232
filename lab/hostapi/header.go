package hostapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

	"trunkline/internal/fault"
)

// toHeader encodes v for FileHeader.
func toHeader(v any) string {
	text, _ := json.Marshal(v) // plain structs of strings and numbers cannot fail
	return base64.StdEncoding.EncodeToString(text)
}

// fromHeader reads FileHeader into v.
func fromHeader(h http.Header, v any) error {
	text, err := base64.StdEncoding.DecodeString(h.Get(FileHeader))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "The header %s is missing or unreadable.", FileHeader)
	}
	return nil
}

func setFile(h http.Header, info FileInfo) {
	h.Set(FileHeader, toHeader(info))
	if info.IsDir {
		h.Set("Content-Type", tarType)
		return
	}
	h.Set("Content-Type", "application/octet-stream")
	if info.Size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(info.Size, 10))
	}
}
