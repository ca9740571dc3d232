package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestThePageOfImagesShowsWhatThereIsAndWhoMayChangeWhat(t *testing.T) {
	s := newSite(t, nil)
	a := s.as("admin").get("/images")
	a.want(t, http.StatusOK, "<td class=\"mono image-name\">trunkline/router<", "router", `action="/images/workspace"`, `action="/images/site"`, `aria-current="page">Images`)
	for _, name := range []string{"mia", "otto"} {
		a := s.as(name).get("/images")
		a.want(t, http.StatusOK, "<td class=\"mono image-name\">trunkline/router<", "An owner of this workspace can change this.", "An administrator of the site can change this.")
		if strings.Contains(a.body, "<textarea") {
			t.Errorf("%s is shown a form", name)
		}
	}
	eve := s.as("eve").get("/images")
	eve.want(t, http.StatusOK, `action="/images/workspace"`)
	if strings.Contains(eve.body, `action="/images/site"`) {
		t.Error("an owner of a workspace is shown the site's form")
	}
}

func TestImagesAreMappedAndAllowedFromThePage(t *testing.T) {
	s := newSite(t, nil)
	admin := s.as("admin")
	form := url.Values{"map": {"frrouting/*=trunkline/router\n\n alpine = trunkline/tiny \n"}, "allow": {"trunkline/d*\r\ntrunkline/tiny\r\n"}}
	a := admin.post("/images/workspace", form)
	a.want(t, http.StatusSeeOther)
	if a.Header.Get("Location") != "/images" {
		t.Errorf("it leads to %q", a.Header.Get("Location"))
	}
	admin.get("/images").want(t, http.StatusOK, "Saved. It counts from the next deploy", "alpine=trunkline/tiny\nfrrouting/*=trunkline/router", "trunkline/d*\ntrunkline/tiny")
	mia := s.as("mia").get("/images")
	mia.want(t, http.StatusOK, "frrouting/* → trunkline/router", "<td class=\"mono image-name\">trunkline/dns<")
	if strings.Contains(mia.body, "<td class=\"mono image-name\">trunkline/router<") {
		t.Error("an image that is not allowed is listed")
	}
	if other := s.as("eve").get("/images"); strings.Contains(other.body, "frrouting/*=trunkline/router</textarea>") || !strings.Contains(other.body, "<td class=\"mono image-name\">trunkline/router<") {
		t.Error("another workspace is changed too")
	}
	admin.post("/images/site", url.Values{"allow": {"nothing/*"}}).want(t, http.StatusSeeOther)
	s.as("mia").get("/images").want(t, http.StatusOK, "No image that may be used")
}

func TestMistakesInImageSettingsComeBackFilledIn(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	cases := []struct {
		name       string
		form       url.Values
		says, kept string
	}{
		{"no pair", url.Values{"map": {"a=b\nfrr"}, "allow": {"trunkline/*"}}, "Line 2 of the image map is no pair.", "a=b\nfrr</textarea>"},
		{"twice", url.Values{"map": {"a=b\n\na=c"}}, "Line 3 of the image map names a a second time.", "a=b\n\na=c</textarea>"},
		{"a star in the image", url.Values{"map": {"a=b/*"}}, "without *", "a=b/*</textarea>"},
		{"a pattern that is none", url.Values{"map": {"a=b"}, "allow": {"what is this"}}, "“what is this” is no pattern of images", "what is this</textarea>"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b.post("/images/workspace", c.form).want(t, http.StatusUnprocessableEntity, c.says, c.kept, "<!doctype html>", `aria-invalid="true"`)
			part := b.post("/images/workspace", c.form, "HX-Request", "true")
			part.want(t, http.StatusUnprocessableEntity, c.says, c.kept)
			if !strings.HasPrefix(part.body, `<section class="card section" id="images-workspace">`) {
				t.Errorf("htmx gets %.80s", part.body)
			}
		})
	}
	a := b.post("/images/workspace", url.Values{"map": {"a=b"}, "revision": {"old"}})
	a.want(t, http.StatusConflict, "Somebody else changed these settings meanwhile.", "a=b</textarea>")
	done := b.post("/images/workspace", url.Values{"map": {"a=b"}}, "HX-Request", "true")
	done.want(t, http.StatusNoContent)
	if done.Header.Get("HX-Redirect") != "/images" {
		t.Errorf("htmx is led to %q", done.Header.Get("HX-Redirect"))
	}
}

func TestWhoMayNotChangeImageSettingsIsRefused(t *testing.T) {
	s := newSite(t, nil)
	for who, path := range map[string]string{"mia": "/images/workspace", "otto": "/images/workspace", "eve": "/images/site"} {
		s.as(who).post(path, url.Values{"allow": {"*"}}).want(t, http.StatusForbidden)
	}
}
