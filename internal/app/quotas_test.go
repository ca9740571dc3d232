package app

import "testing"

func TestTheQuotaOfAWorkspaceSaysItsName(t *testing.T) {
	s := newReaders(t)
	workspace, _ := s.mia.call("GET", "/quota/workspace", nil)["workspace"].(map[string]any)
	if workspace["name"] != "Course" || workspace["id"] != s.course {
		t.Errorf("got %v", workspace)
	}
}
