package hostlink

import "time"

// Protocol versions of the host link this build can speak: the handshake settles on the highest both sides have.
const (
	ProtocolMin = 1
	ProtocolMax = 1
)

// Path is where a Server is mounted: GET with a websocket upgrade links a host, POST enrols one.
const Path = "/hostlink"

const (
	maxHandshakeMessage = 16 << 10 // bytes; a hello or a proof is a few hundred
	maxTunnelMessage    = 1 << 20  // bytes; a chunk and a header are the largest this package sends
	maxEnrolBody        = 64 << 10 // bytes
	maxPendingDials     = 128      // handshakes in progress at once; more wait
	maxWaitingDials     = 4096     // more are told to come back
)

// Config tunes a link. The zero value of each field means its production default. What waits on the other side has patience:
// on a slow link with several uploads it may be long until one has its turn, and a dead link is noticed by its silence.
type Config struct {
	KeepAlive          time.Duration // between two pings; 10 s
	PongTimeout        time.Duration // silence beyond KeepAlive that ends the link; 4 s
	WriteTimeout       time.Duration // one write that waits for its turn; 2 min
	StreamOpenTimeout  time.Duration // a stream the other side does not take ends the link; 2 min
	StreamCloseTimeout time.Duration // a stream only one side closed is cut; 2 min
	HandshakeTimeout   time.Duration // from dialling to welcome; 10 s
	CloseTimeout       time.Duration // for saying goodbye before the connection is cut; 1 s
	DrainTimeout       time.Duration // for requests in flight when the agent stops; 5 s
	BulkIdle           time.Duration // without a request, then the bulk channel is closed; 60 s
	SeenEvery          time.Duration // between two Authority.Seen of a connected host; 60 s
	BackoffMin         time.Duration // upper bound of the first wait before dialling again; 250 ms
	BackoffMax         time.Duration // upper bound of any wait; 30 s, on loopback BackoffMin
	RefusedWait        time.Duration // about, before dialling again when only a person can undo the refusal; 5 min
	ControlWindow      uint32        // bytes in flight per control stream; 256 KiB, which is yamux's least
	BulkWindow         uint32        // bytes in flight per bulk stream; 4 MiB
}

// DetectWithin is the longest time a link may be dead without either side noticing.
func (c Config) DetectWithin() time.Duration {
	c = c.withDefaults()
	return c.KeepAlive + c.PongTimeout
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.KeepAlive, 10 * time.Second},
		{&c.PongTimeout, 4 * time.Second},
		{&c.WriteTimeout, 2 * time.Minute},
		{&c.StreamOpenTimeout, 2 * time.Minute},
		{&c.StreamCloseTimeout, 2 * time.Minute},
		{&c.HandshakeTimeout, 10 * time.Second},
		{&c.CloseTimeout, time.Second},
		{&c.DrainTimeout, 5 * time.Second},
		{&c.BulkIdle, 60 * time.Second},
		{&c.SeenEvery, 60 * time.Second},
		{&c.BackoffMin, 250 * time.Millisecond},
		{&c.BackoffMax, 30 * time.Second},
		{&c.RefusedWait, 5 * time.Minute},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if c.ControlWindow == 0 {
		c.ControlWindow = 256 << 10
	}
	if c.BulkWindow == 0 {
		c.BulkWindow = 4 << 20
	}
	return c
}

// pingEvery is shorter on bulk, where an answer may queue behind data.
func (c Config) pingEvery(channel Channel) time.Duration {
	if channel == Bulk {
		return c.KeepAlive / 2
	}
	return c.KeepAlive
}

// unsentLimit is how many bytes may wait in the kernel. On bulk 256 KiB costs a quarter of a download's throughput on a
// fast path, 1 MiB nothing that could be measured. On control a keystroke waits behind them.
func unsentLimit(channel Channel) int {
	if channel == Bulk {
		return 1 << 20
	}
	return 32 << 10
}

// chunk is the most bytes of one stream in one frame, so that streams take turns.
func chunk(channel Channel) int {
	if channel == Bulk {
		return 64 << 10
	}
	return 16 << 10
}

func (c Config) window(channel Channel) uint32 {
	if channel == Bulk {
		return c.BulkWindow
	}
	return c.ControlWindow
}
