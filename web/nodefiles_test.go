package web_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestAFileGoesIntoANodeAndOutAgain(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	b := s.as("mia")
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MiB: more than a form may have
	files := "/labs/" + id + "/nodes/h1/files"
	b.do("PUT", files+"?name=a.img", bytes.NewReader(content)).want(t, http.StatusOK, `"path":"/root/a.img"`, `"bytes":2097152`)
	a := b.get(files + "?path=/root/a.img")
	a.want(t, http.StatusOK)
	if a.body != string(content) || a.Header.Get("Content-Disposition") != "attachment; filename=a.img" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%d bytes, %v", len(a.body), a.Header)
	}
	b.do("PUT", files+"?path=/etc/&name=..%2F..%2Fpasswd", strings.NewReader("x")).want(t, http.StatusOK, `"path":"/etc/passwd"`)
	for query, says := range map[string]string{
		"?path=etc/&name=a": "begins with /",
		"?path=/etc/":       "Say how the file is called",
	} {
		b.do("PUT", files+query, strings.NewReader("x"), "Accept", "application/json").want(t, http.StatusUnprocessableEntity, says)
	}
	b.do("PUT", files+"?name=a", io.MultiReader(strings.NewReader("x")), "Accept", "application/json").want(t, http.StatusUnprocessableEntity, "Content-Length")
	b.get(files+"?path=/none", "Accept", "application/json").want(t, http.StatusNotFound, "There is no /none in h1.")
	b.get(files+"?path=none", "Accept", "application/json").want(t, http.StatusUnprocessableEntity)
	s.as("otto").do("PUT", files+"?name=a", strings.NewReader("x"), "Accept", "application/json").want(t, http.StatusForbidden)
}
