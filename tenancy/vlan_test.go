package tenancy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/internal/fault"
)

func TestChangesOfVLANs(t *testing.T) {
	held := VLAN{Tag: 120, Tenant: "t1"}
	rests := VLAN{Tag: 120, Tenant: "t1", FreedAt: testTime.Add(-4 * time.Minute)}
	rested := VLAN{Tag: 120, Tenant: "t1", FreedAt: testTime.Add(-10 * time.Minute)}
	for _, c := range []struct {
		name   string
		wanted map[int]string
		known  []VLAN
		give   []VLAN
		free   []VLAN
		code   fault.Code
		says   string
	}{
		{"new ones are given, lowest first", map[int]string{4094: "t2", 0: "t1", 7: "t1"}, nil, []VLAN{{Tag: 0, Tenant: "t1"}, {Tag: 7, Tenant: "t1"}, {Tag: 4094, Tenant: "t2"}}, nil, "", ""},
		{"what a tenant has it keeps", map[int]string{120: "t1"}, []VLAN{held}, nil, nil, "", ""},
		{"what is not wanted is freed", nil, []VLAN{held}, nil, []VLAN{held}, "", ""},
		{"another tenant's is refused", map[int]string{120: "t2"}, []VLAN{held}, nil, nil, fault.Conflict, "another workspace"},
		{"one that rests is refused", map[int]string{120: "t2"}, []VLAN{rests}, nil, nil, fault.Conflict, "free in 6 min"},
		{"the tenant that had it gets it back at once", map[int]string{120: "t1"}, []VLAN{rests}, []VLAN{{Tag: 120, Tenant: "t1"}}, nil, "", ""},
		{"one that has rested is given", map[int]string{120: "t2"}, []VLAN{rested}, []VLAN{{Tag: 120, Tenant: "t2"}}, nil, "", ""},
		{"4095 is no VLAN", map[int]string{4095: "t1"}, nil, nil, nil, fault.Invalid, "4095 is no VLAN"},
		{"a VLAN is for somebody", map[int]string{5: ""}, nil, nil, nil, fault.Invalid, "which workspace"},
	} {
		t.Run(c.name, func(t *testing.T) {
			change, err := ChangeVLANs("campus", c.wanted, c.known, Quarantine, testTime)
			if fault.CodeOf(err) != c.code || err != nil && !strings.Contains(fault.Sentence(err), c.says) {
				t.Fatalf("got %v", err)
			}
			if err == nil && (!slices.Equal(change.Give, c.give) || !slices.Equal(change.Free, c.free)) {
				t.Errorf("got %+v", change)
			}
		})
	}
}

func TestNoVLANGoesToAnotherTenantBeforeItHasRested(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := testTime
		stored := map[int]VLAN{}
		t.Repeat(map[string]func(*rapid.T){
			"save": func(t *rapid.T) {
				wanted := rapid.MapOfN(rapid.IntRange(0, 4), rapid.SampledFrom([]string{"t1", "t2"}), 0, 4).Draw(t, "wanted")
				var known []VLAN
				for _, v := range stored {
					known = append(known, v)
				}
				change, err := ChangeVLANs("campus", wanted, known, Quarantine, now)
				if err != nil {
					return
				}
				for _, v := range change.Free {
					v.FreedAt = now
					stored[v.Tag] = v
				}
				for _, v := range change.Give {
					had, was := stored[v.Tag]
					if was && had.Tenant != v.Tenant && (had.FreedAt.IsZero() || now.Sub(had.FreedAt) < Quarantine) {
						t.Fatalf("VLAN %d went from %+v to %s at %v", v.Tag, had, v.Tenant, now)
					}
					stored[v.Tag] = v
				}
				for tag, v := range stored {
					if tenant, want := wanted[tag]; want != v.FreedAt.IsZero() || want && tenant != v.Tenant {
						t.Fatalf("VLAN %d is %+v, wanted %v", tag, v, wanted)
					}
				}
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 700).Draw(t, "seconds")) * time.Second)
			},
		})
	})
}
