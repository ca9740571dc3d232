package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"trunkline/tenancy"
)

func TestATeacherLetsInWhoForgotThePassword(t *testing.T) {
	h := newHouse(t)
	tess, bob := h.person("tess", "physics", tenancy.Manager), h.person("bob", "physics", tenancy.Member)
	h.person("olga", "physics", tenancy.Owner)
	page := tess.get("/members")
	page.want(t, http.StatusOK, `action="/members/u-bob/sign-in-link"`)
	if strings.Contains(page.body, `action="/members/u-olga/sign-in-link"`) || strings.Contains(page.body, `action="/members/u-tess/sign-in-link"`) {
		t.Error("a link is offered for who may as much")
	}
	if page := bob.get("/members"); strings.Contains(page.body, "sign-in-link") {
		t.Error("a member is offered links")
	}
	bob.post("/members/u-tess/sign-in-link", nil).want(t, http.StatusForbidden)
	tess.post("/members/u-olga/sign-in-link", nil).want(t, http.StatusForbidden, "may do things that you may not")
	tess.post("/members/u-nobody/sign-in-link", nil).want(t, http.StatusNotFound)
	made := tess.post("/members/u-bob/sign-in-link", nil)
	made.want(t, http.StatusOK, "Sign-in link for bob")
	path := regexp.MustCompile(`/sign-in/[\w-]+`).FindString(made.body)
	b := h.browser()
	b.get(path).want(t, http.StatusOK)
	b.post(path, nil).want(t, http.StatusSeeOther)
	if page := b.get("/welcome"); !strings.Contains(page.body, "Choose a new password") || !strings.Contains(page.body, "link, bob.") || strings.Contains(page.body, `name="email"`) {
		t.Errorf("the page is %s", page.body)
	}
	b.post("/welcome", url.Values{"email": {"tess2"}, "password": {"password123"}}).want(t, http.StatusUnprocessableEntity, "among the first that are guessed")
	b.post("/welcome", url.Values{"email": {"tess2"}, "password": {"quite other words"}}).want(t, http.StatusSeeOther)
	h.browser().post("/sign-in", url.Values{"email": {"bob@example.edu"}, "password": {"quite other words"}}).want(t, http.StatusSeeOther)
	tess.get("/audit").want(t, http.StatusOK, "for bob")
}
