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

func TestOfTwoWhoChangeLimitsBothAreStoredOrTheSecondIsTold(t *testing.T) {
	s := newSite(t, nil)
	admin := s.as("admin")
	const mias = "/quotas/people/u-mia"
	form := func(was, nodes, memory string) url.Values {
		return url.Values{"was-nodes": {was}, "nodes": {nodes}, "was-memory": {""}, "memory": {memory}}
	}
	admin.get(mias).want(t, http.StatusOK, `name="was-nodes" value=""`)
	admin.post(mias, form("", "10", "")).want(t, http.StatusSeeOther)
	admin.post(mias, form("", "", "8 GiB")).want(t, http.StatusSeeOther) // of a page from before: another limit
	admin.get(mias).want(t, http.StatusOK, `name="was-nodes" value="10"`, `name="was-memory" value="8 GiB"`)
	admin.post(mias, form("", "20", "")).want(t, http.StatusConflict, "Running nodes: somebody else changed this to 10 meanwhile", `value="20"`, `name="was-nodes" value="10"`, `value="8 GiB"`)
	admin.get(mias).want(t, http.StatusOK, `name="was-nodes" value="10"`)
	admin.post(mias, form("10", "20", "")).want(t, http.StatusSeeOther)
	admin.get(mias).want(t, http.StatusOK, `name="was-nodes" value="20"`, `name="was-memory" value="8 GiB"`)
	admin.post(mias, form("20", "", "")).want(t, http.StatusSeeOther)
	admin.get(mias).want(t, http.StatusOK, `name="was-nodes" value=""`)
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
