// Command devserver shows the pages on a world in memory: no Docker, no Open vSwitch, no root. Sign in as admin with the
// password that it prints, or by its link.
//
// It knows how to fill that world with labs in every state. It refuses to know anything of real hosts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/web"
	"trunkline/web/webtest"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8099", "address to listen on")
	empty := flag.Bool("empty", false, "begin without labs")
	hosts := flag.Int("hosts", 5, "how many compute hosts to show")
	flag.Parse()
	if err := run(*listen, *empty, *hosts); err != nil {
		fmt.Fprintln(os.Stderr, "devserver:", err)
		os.Exit(1)
	}
}

func run(listen string, empty bool, hosts int) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	defer listener.Close() // the server has closed it already when it ran
	var wrong error
	site, err := webtest.NewSite(slog.New(slog.NewTextHandler(os.Stderr, nil)), func(c *web.Config) {
		c.PublicURL = "http://" + listener.Addr().String()
		c.SSO, wrong = organisations(c)
	})
	if err := errors.Join(err, wrong); err != nil {
		return err
	}
	defer site.Close()
	site.World.Pace = 120 * time.Millisecond
	addFleet(site.World, hosts)
	if !empty {
		if err := fill(ctx, site.World); err != nil {
			return err
		}
		if err := limit(ctx, site.Quota); err != nil {
			return err
		}
	}
	fmt.Printf("http://%s/sign-in/first\nadmin, mia or otto with the password %q\n", listener.Addr(), webtest.Password)
	server := &http.Server{Handler: site.Web.Handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	<-ctx.Done()
	site.Web.Close()
	if err := server.Close(); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// fill makes a lab of each example, in different states.
func fill(ctx context.Context, w *webtest.World) error {
	admin := w.Actor("admin")
	pace := w.Pace
	w.Pace = 0
	defer func() { w.Pace = pace }()
	ids := map[string]string{}
	for _, name := range []string{"vlans-router-on-a-stick", "internet-access", "nlan-ospf", "ring-100", "nlan-bgp", "ospf-triangle"} {
		id, err := w.AddExample(admin, name)
		if err != nil {
			return err
		}
		ids[name] = id
	}
	for _, name := range []string{"nlan-bgp", "ring-100", "vlans-router-on-a-stick"} {
		if err := w.Deploy(ctx, admin, ids[name]); err != nil {
			return err
		}
	}
	for name, id := range ids {
		if err := untilSettled(ctx, w, id); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	w.SetNode(ids["nlan-bgp"], "ce2", hostapi.NodePaused, "")
	w.SetLab(ids["nlan-ospf"], control.Failed, "The image trunkline/router is on no host. Build it with \"make images\" and deploy again.", 0, 0)
	w.SetLab(ids["internet-access"], control.Stopped, "", 0, 0)
	return nil
}

// untilSettled waits for a deploy to end, by the lab's own events.
func untilSettled(ctx context.Context, w *webtest.World, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	events, err := w.WatchLab(ctx, w.Actor("admin"), id)
	if err != nil {
		return err
	}
	for {
		d, err := w.Get(ctx, w.Actor("admin"), id)
		if err != nil {
			return err
		}
		if d.State != control.Planning && d.State != control.Deploying {
			return nil
		}
		if _, open := <-events; !open {
			return ctx.Err()
		}
	}
}
