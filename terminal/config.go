package terminal

import (
	"log/slog"
	"time"
)

// Config bounds what sessions cost. Zero values mean the defaults.
type Config struct {
	Grace        time.Duration // how long a session lives without a viewer; 10 min
	Idle         time.Duration // how long a session lives without input and output; 0: for ever
	Linger       time.Duration // how long an ended session can still be attached to learn why; 1 min
	Replay       int           // bytes of output kept for each session; 256 KiB, at least 128 KiB
	Window       int           // bytes in flight to one viewer; 128 KiB
	Stall        time.Duration // a viewer that takes nothing for so long no longer holds the program back; 2 s
	Ping         time.Duration // interval of pings, and how long an answer may take; 15 s
	PerTenant    int           // sessions of one tenant; 50
	Total        int           // sessions of all tenants; 2000
	Viewers      int           // viewers of one session; 32
	Unattended   int           // bytes a second read from a program when no viewer takes them; 2 MiB
	PendingInput int           // bytes typed or pasted that the program has not read yet; 1 MiB

	Now func() time.Time // the clock; time.Now
	Log *slog.Logger     // slog.Default
}

// backlog is how far a session reads ahead of its quickest viewer, and readSize how much it takes at once.
const (
	backlog  = 64 << 10
	readSize = 32 << 10
)

func (c Config) withDefaults() Config {
	duration := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	count := func(n *int, otherwise int) {
		if *n <= 0 {
			*n = otherwise
		}
	}
	duration(&c.Grace, 10*time.Minute)
	duration(&c.Linger, time.Minute)
	duration(&c.Stall, 2*time.Second)
	duration(&c.Ping, 15*time.Second)
	count(&c.Replay, 256<<10)
	c.Replay = max(c.Replay, 2*backlog) // or the quickest viewer would fall out of it
	count(&c.Window, 128<<10)
	count(&c.PerTenant, 50)
	count(&c.Total, 2000)
	count(&c.Viewers, 32)
	count(&c.Unattended, 2<<20)
	c.Unattended = max(c.Unattended, readSize)
	count(&c.PendingInput, 1<<20)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}
