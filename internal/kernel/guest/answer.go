package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"time"

	"trunkline/internal/kernel/ask"
)

// handler does what a test asks. Errors are sentences with status 500.
func (b *boot) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /booted", once(func(r *http.Request) (ask.Booted, error) {
		select {
		case <-b.done:
		case <-r.Context().Done():
			return ask.Booted{}, r.Context().Err()
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.booted, b.err
	}))
	mux.HandleFunc("GET /clock", once(func(*http.Request) (ask.Moment, error) { return now(), nil }))
	mux.HandleFunc("POST /run", once(runCommand))
	mux.HandleFunc("POST /link", once(setLink))
	mux.HandleFunc("POST /frames", once(sendFrame))
	mux.HandleFunc("GET /frames", listen(openFrames, receiveFrame))
	mux.HandleFunc("GET /carrier", listen(openCarrier, receiveCarrier))
	return mux
}

func now() ask.Moment { return ask.Moment{At: time.Now().UnixNano()} }

func once[T any](do func(*http.Request) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := do(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // the test has gone: nobody to tell
	}
}

func runCommand(r *http.Request) (ran ask.Ran, err error) {
	var c ask.Command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		return ran, err
	}
	if len(c.Line) == 0 {
		return ran, errors.New("an empty command line")
	}
	var out, complaints bytes.Buffer
	command := exec.CommandContext(r.Context(), c.Line[0], c.Line[1:]...)
	command.Stdout, command.Stderr = &out, &complaints
	command.WaitDelay = time.Second
	// A process starts in the network namespace of the thread that starts it.
	if err := within(r.Context(), c.Node, command.Start); err != nil {
		return ran, err
	}
	err = command.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = nil
	}
	return ask.Ran{Code: command.ProcessState.ExitCode(), Out: out.String(), Err: complaints.String()}, err
}

func placeOf(r *http.Request) ask.Place {
	return ask.Place{Node: r.FormValue("node"), Interface: r.FormValue("interface")}
}

// lines answers with a JSON object a line, each at once.
type lines struct {
	encoder *json.Encoder
	control *http.ResponseController
}

// newLines sends the header at once: the test then knows that the guest listens.
func newLines(w http.ResponseWriter) (lines, error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	l := lines{json.NewEncoder(w), http.NewResponseController(w)}
	return l, l.control.Flush()
}

func (l lines) write(line any) error {
	return errors.Join(l.encoder.Encode(line), l.control.Flush())
}

// listen answers with what a socket in a node's namespace tells, until the test has heard enough. Receive gives nil for what is of no
// interest.
func listen(open func(ask.Place) (*socket, error), receive func(*socket) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		place := placeOf(r)
		var s *socket
		if err := within(r.Context(), place.Node, func() (err error) { s, err = open(place); return err }); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer s.Close()
		defer context.AfterFunc(r.Context(), func() { s.Close() })()
		out, err := newLines(w)
		for err == nil {
			var line any
			if line, err = receive(s); err == nil && line != nil {
				err = out.write(line)
			}
		}
		if r.Context().Err() == nil {
			fmt.Printf("guest: %s of %+v: %v\n", r.URL.Path, place, err)
		}
	}
}
