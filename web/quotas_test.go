package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trunkline/tenancy"
)

func TestQuotasAreSeenAndSaid(t *testing.T) {
	s := newSite(t, nil)
	s.Quota.Use("campus", "u-mia", tenancy.Amounts{tenancy.QuotaNodes: 9, tenancy.QuotaMemory: 3 << 30})
	admin, mia := s.as("admin"), s.as("mia")
	admin.get("/quotas").want(t, http.StatusOK, "By default nobody is limited", "All workspaces of this site", "9, unlimited", `href="/quotas/people/u-mia"`)

	admin.post("/quotas/people/u-mia", url.Values{"nodes": {"ten"}, "memory": {"8 GiB"}, "cpu": {"2.5"}}).want(t, http.StatusUnprocessableEntity,
		`value="ten"`, `value="8 GiB"`, `is no limit of running nodes. Write it like 40, or unlimited.`, `id="quota-nodes-wrong"`)
	admin.post("/quotas/people/u-mia", url.Values{"nodes": {"10"}, "memory": {"8 GiB"}, "cpu": {"2.5"}, "hours": {"unlimited"}}).want(t, http.StatusSeeOther)
	admin.get("/quotas/people/u-mia").want(t, http.StatusOK, `value="10"`, `value="8 GiB"`, `value="2.5"`, `value="unlimited"`)

	own := mia.get("/quotas")
	own.want(t, http.StatusOK, "9 of 10", "nearly used up", "3 GiB of 8 GiB")
	own.without(t, "By person", "All workspaces")
	mia.get("/labs").want(t, http.StatusOK, "9 of 10", "3 GiB of 8 GiB")
	mia.get("/quotas/people/u-mia").want(t, http.StatusForbidden)
	mia.post("/quotas/people/u-mia", url.Values{"nodes": {"99"}}).want(t, http.StatusForbidden)
	mia.post("/quotas/site/people", url.Values{"nodes": {"99"}}).want(t, http.StatusForbidden)
	admin.get("/quotas/people/u-eve").want(t, http.StatusNotFound)

	admin.post("/quotas/workspaces/campus", url.Values{"nodes": {"5"}}).want(t, http.StatusSeeOther)
	admin.get("/quotas").want(t, http.StatusOK, "of 5", "4 more than allowed")
	admin.post("/quotas/people/u-mia", url.Values{"nodes": {"6"}}).want(t, http.StatusUnprocessableEntity,
		"A person cannot have more than the whole workspace, which has 5 of running nodes.")
	admin.post("/quotas/site/people", url.Values{"labs": {"7"}}).want(t, http.StatusSeeOther)
	mia.get("/quotas").want(t, http.StatusOK, "0 of 7")
}

// without wants none of the texts.
func (a answer) without(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("it shows %q", text)
		}
	}
}
