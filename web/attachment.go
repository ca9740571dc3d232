package web

import (
	"mime"
	"strings"
)

// Attachment is a Content-Disposition that saves under the name and never opens in the page (RFC 6266).
func Attachment(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\"`, r) {
			return '_'
		}
		return r
	}, name)
	if value := mime.FormatMediaType("attachment", map[string]string{"filename": name}); value != "" {
		return value
	}
	return "attachment"
}
