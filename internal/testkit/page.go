package testkit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
)

// Page is somebody signed in to the program's pages, as a browser is: with a cookie.
type Page struct {
	program *Program
	client  *http.Client
}

// SignIn follows the one-time link of the program's first administrator, which works once.
func (p *Program) SignIn(ctx context.Context) (*Page, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	page := &Page{program: p, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	link, err := url.Parse(p.SignInLink)
	if err != nil {
		return nil, err
	}
	answer, err := page.ask(ctx, http.MethodPost, link.Path)
	if err != nil {
		return nil, err
	}
	return page, answer.Close()
}

// Stream opens one of the pages' event streams. It ends with ctx.
func (page *Page) Stream(ctx context.Context, path string) (io.ReadCloser, error) {
	return page.ask(ctx, http.MethodGet, path)
}

func (page *Page) ask(ctx context.Context, method, path string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, method, page.program.URL+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := page.client.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		answer.Body.Close()
		return nil, fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	return answer.Body, nil
}
