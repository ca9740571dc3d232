package rights_test

import (
	"fmt"
	"strings"
)

// wanted are the headers that every answer has, whoever asks for what.
var wanted = map[string]string{
	"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
	"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}

// bareHeaders says what is missing in the headers of an answer.
func bareHeaders(r response) []string {
	var wrong []string
	for name, value := range wanted {
		if got := r.header.Get(name); got != value {
			wrong = append(wrong, fmt.Sprintf("%s is %q", name, got))
		}
	}
	policy := r.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, part) {
			wrong = append(wrong, fmt.Sprintf("the content security policy lacks %s: %q", part, policy))
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		wrong = append(wrong, fmt.Sprintf("the content security policy is weak: %q", policy))
	}
	if strings.HasPrefix(r.header.Get("Content-Disposition"), "attachment") && !strings.Contains(policy, "sandbox") {
		wrong = append(wrong, "a download is not sandboxed")
	}
	if r.status != 101 && !strings.Contains(r.header.Get("Cache-Control"), "no-store") {
		wrong = append(wrong, fmt.Sprintf("it may be kept: Cache-Control is %q", r.header.Get("Cache-Control")))
	}
	for _, leak := range []string{"goroutine ", "runtime error", "gorm", "SQLSTATE", "sqlite", "/internal/", ".go:"} {
		if r.status >= 400 && strings.Contains(r.body, leak) {
			wrong = append(wrong, fmt.Sprintf("the answer tells %q", leak))
		}
	}
	return wrong
}
