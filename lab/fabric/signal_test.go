package fabric

import (
	"encoding/hex"
	"net/netip"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestSignalsAreReadAsTheyWereWritten(t *testing.T) {
	peer := netip.MustParseAddr("192.0.2.7")
	rapid.Check(t, func(t *rapid.T) {
		p := probeSignal{rapid.Uint64().Draw(t, "instance"), rapid.Uint32().Draw(t, "sequence"), rapid.IntRange(smallest, mtuLargest).Draw(t, "size")}
		frame := p.encode(peer)
		if len(frame) != etherHeader+p.size {
			t.Fatalf("a probe of %d bytes has %d", p.size, len(frame)-etherHeader)
		}
		if got, _, err := decodeSignal(frame); err != nil || *got != p {
			t.Fatalf("%+v became %+v, %v", p, got, err)
		}
		if _, _, err := decodeSignal(frame[:len(frame)-1]); err == nil {
			t.Fatal("a probe that lost a byte on its way is taken for whole")
		}
		s := stateSignal{instance: p.instance, sequence: p.sequence, hears: rapid.Bool().Draw(t, "hears"), parts: rapid.IntRange(1, 255).Draw(t, "parts")}
		s.part = rapid.IntRange(0, s.parts-1).Draw(t, "part")
		for range rapid.IntRange(0, cablesPerFrame).Draw(t, "cables") {
			s.cables = append(s.cables, cableCarrier{rapid.Uint32Range(0, maxVNI).Draw(t, "vni"), rapid.Bool().Draw(t, "up")})
		}
		frame = s.encode(peer)
		if _, got, err := decodeSignal(frame); err != nil || !reflect.DeepEqual(*got, s) {
			t.Fatalf("%+v became %+v, %v", s, got, err)
		}
		if len(frame) > 1200 {
			t.Fatalf("a state has %d bytes", len(frame))
		}
	})
}

func FuzzSignalsOfAnyBytesAreRefusedOrRead(f *testing.F) {
	peer := netip.MustParseAddr("192.0.2.7")
	f.Add(probeSignal{1, 2, 46}.encode(peer))
	f.Add(stateSignal{instance: 1, sequence: 2, hears: true, parts: 1, cables: []cableCarrier{{5000, true}, {5001, false}}}.encode(peer))
	f.Add(stateSignal{parts: 3, part: 2}.encode(peer))
	f.Add(must(hex.DecodeString("0274720000030275c0000207" + "88b5" + "544c0102ffff")))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, frame []byte) {
		probe, state, err := decodeSignal(frame)
		switch {
		case err != nil && (probe != nil || state != nil), err == nil && (probe == nil) == (state == nil):
			t.Fatalf("%v, %v, %v", probe, state, err)
		case probe != nil && (probe.size > len(frame)-etherHeader):
			t.Fatalf("a probe of %d bytes came in %d", probe.size, len(frame))
		case state != nil:
			if len(state.cables)*cableState > len(frame) || state.part >= state.parts {
				t.Fatalf("%+v came in %d bytes", state, len(frame))
			}
			if again, ok := (&voice{}).take(state), true; ok && again == nil {
				t.Fatal("a first state is not heeded")
			}
		}
	})
}

func TestAStateCountsAsAWholeOnceAllItsPartsCame(t *testing.T) {
	v := &voice{}
	part := func(sequence uint32, part, parts int, cables ...cableCarrier) *stateNews {
		return v.take(&stateSignal{instance: 7, sequence: sequence, part: part, parts: parts, cables: cables})
	}
	if n := part(5, 1, 2, cableCarrier{1, true}); n.all || len(n.cables) != 1 {
		t.Errorf("one part of two: %+v", n)
	}
	if n := part(5, 0, 2, cableCarrier{2, false}); !n.all || len(n.cables) != 2 {
		t.Errorf("both parts: %+v", n)
	}
	if n := part(4, 0, 1); n != nil {
		t.Errorf("an older one that came late: %+v", n)
	}
	if n := part(6, 0, 1); n == nil || !n.all || len(n.cables) != 0 {
		t.Errorf("a newer one: %+v", n)
	}
	if n := v.take(&stateSignal{instance: 8, sequence: 1, parts: 1}); n == nil {
		t.Error("the first of a new run isn't heeded")
	}
	if n := part(9, 0, 1); n != nil {
		t.Error("a late one of the run before is heeded")
	}
}
