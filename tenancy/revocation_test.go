package tenancy

import "testing"

func TestARevocationIsHeardByWhomItConcerns(t *testing.T) {
	var bell Revocations
	adaPhysics, stop := bell.Listen(Actor{UserID: "ada", TenantID: "physics"}, "s1")
	adaMaths, stopMaths := bell.Listen(Actor{UserID: "ada", TenantID: "maths"}, "s2")
	bob, stopBob := bell.Listen(Actor{UserID: "bob", TenantID: "physics"}, "s3")
	defer stopMaths()
	defer stopBob()
	listeners := map[string]<-chan Revocation{"ada in physics": adaPhysics, "ada in maths": adaMaths, "bob": bob}
	for _, c := range []struct {
		tells Revocation
		hear  []string
	}{
		{Revocation{UserID: "ada", TenantID: "physics", Reason: "removed"}, []string{"ada in physics"}},
		{Revocation{UserID: "ada"}, []string{"ada in physics", "ada in maths"}},
		{Revocation{TenantID: "physics"}, []string{"ada in physics", "bob"}},
		{Revocation{SessionID: "s3"}, []string{"bob"}},
		{Revocation{UserID: "bob", TenantID: "maths"}, nil},
	} {
		bell.Publish(c.tells)
		bell.Publish(c.tells) // who is slow misses nothing: it asks anew
		for name, heard := range listeners {
			want := false
			for _, n := range c.hear {
				want = want || n == name
			}
			select {
			case got := <-heard:
				if !want || got != c.tells {
					t.Errorf("%+v: %s hears %+v", c.tells, name, got)
				}
			default:
				if want {
					t.Errorf("%+v: %s hears nothing", c.tells, name)
				}
			}
		}
	}
	stop()
	bell.Publish(Revocation{})
	select {
	case got := <-adaPhysics:
		t.Errorf("who stopped hears %+v", got)
	default:
	}
}

func TestNoBellIsNeverRung(t *testing.T) {
	var bell *Revocations
	heard, stop := bell.Listen(Actor{}, "")
	bell.Publish(Revocation{})
	stop()
	if heard != nil {
		t.Error("a bell that is not there can be heard")
	}
}
