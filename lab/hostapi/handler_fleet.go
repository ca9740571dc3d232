package hostapi

import (
	"net/http"
	"strconv"

	"trunkline/internal/fault"
)

type peersBody struct {
	Peers []Peer `json:"peers"`
}

type reachedBody struct {
	Stages map[string][]string `json:"stages"`
}

type logBody struct {
	Lines []string `json:"lines"`
}

// fleet is the host as one that knows of others.
func (s *server) fleet() (FleetHost, error) {
	if f, ok := s.host.(FleetHost); ok {
		return f, nil
	}
	return nil, fault.New(fault.Unsupported, "This compute host takes no part in labs on several hosts.")
}

func (s *server) putPeers(w http.ResponseWriter, r *http.Request) error {
	f, err := s.fleet()
	if err != nil {
		return err
	}
	var body peersBody
	if err := decode(w, r, &body); err != nil {
		return err
	}
	if body.Peers == nil {
		return fault.New(fault.Invalid, "The request must list the peers, even when there are none.")
	}
	if err := f.SetPeers(r.Context(), body.Peers); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) reached(w http.ResponseWriter, r *http.Request) error {
	f, err := s.fleet()
	if err != nil {
		return err
	}
	var body reachedBody
	if err := decode(w, r, &body); err != nil {
		return err
	}
	if err := f.Reached(r.Context(), r.PathValue("id"), body.Stages); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) log(w http.ResponseWriter, r *http.Request) error {
	f, err := s.fleet()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.URL.Query().Get("lines"))
	if err != nil || n < 1 || n > MaxLogLines {
		return fault.New(fault.Invalid, "The number of log lines must be 1 to %d.", MaxLogLines)
	}
	lines, err := f.Log(r.Context(), n)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, logBody{Lines: append([]string{}, lines...)})
	return nil
}
