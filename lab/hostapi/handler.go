package hostapi

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"trunkline/internal/fault"
)

// maxJSON bounds what a request may make the agent hold in memory: a spec of 10,000 nodes is about 10 MiB.
const maxJSON = 64 << 20

// Handler serves h. It trusts its caller: the host link authenticates the session, and nothing listens on a port.
func Handler(h Host) http.Handler {
	s := &server{host: h}
	mux := http.NewServeMux()
	routes := map[string]func(http.ResponseWriter, *http.Request) error{
		"PUT /v1/labs/{id}":                    s.putLab,
		"DELETE /v1/labs/{id}":                 s.deleteLab,
		"GET /v1/labs/{id}":                    s.getLab,
		"POST /v1/synced":                      s.synced,
		"GET /v1/observe":                      s.observe,
		"POST /v1/blobs/missing":               s.missingBlobs,
		"PUT /v1/blobs/{hash}":                 s.putBlob,
		"POST /v1/labs/{id}/nodes/{name}/exec": s.exec,
		"PUT /v1/labs/{id}/nodes/{name}/file":  s.putFile,
		"GET /v1/labs/{id}/nodes/{name}/file":  s.getFile,
		"HEAD /v1/labs/{id}/nodes/{name}/file": s.statFile,
		"GET /v1/info":                         s.info,
		"GET /v1/images":                       s.images,
		"GET /v1/leftovers":                    s.leftovers,
		"PUT /v1/peers":                        s.putPeers,
		"POST /v1/labs/{id}/reached":           s.reached,
		"GET /v1/log":                          s.log,
		"GET /v1/labs/{id}/switches/{name}":    s.switchTables,
		"GET /v1/labs/{id}/rates":              s.rates,
	}
	for pattern, handle := range routes {
		mux.Handle(pattern, adapt(handle))
	}
	mux.Handle("/", adapt(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.Unsupported, "This compute host does not know that request. Bring the agent to the controller's version.")
	}))
	return mux
}

type server struct{ host Host }

// adapt checks the version, runs the handler, and answers and logs its error once.
func adapt(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(VersionHeader, Version)
		err := checkVersion(r.Header.Get(VersionHeader))
		if err == nil {
			err = handle(w, r)
		}
		if err == nil {
			return
		}
		if r.Context().Err() != nil {
			return // nobody listens any more
		}
		public := fault.Public(err)
		if public.Code == fault.Internal {
			slog.Error("host request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		}
		answer(w, fault.Status(public.Code), public)
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func decode(w http.ResponseWriter, r *http.Request, v any) error {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJSON)).Decode(v)
	if err == nil {
		return nil
	}
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return fault.Wrap(err, fault.Exhausted, "The request is larger than %d MiB.", maxJSON>>20)
	}
	return fault.Wrap(err, fault.Invalid, "The request is not readable JSON.")
}

func (s *server) putLab(w http.ResponseWriter, r *http.Request) error {
	var spec LabSpec
	if err := decode(w, r, &spec); err != nil {
		return err
	}
	if id := r.PathValue("id"); spec.ID != id {
		return fault.New(fault.Invalid, "The lab in the address is %s and the one in the body is %s.", id, spec.ID)
	}
	if err := s.host.Apply(r.Context(), spec); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) deleteLab(w http.ResponseWriter, r *http.Request) error {
	if err := s.host.Remove(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) getLab(w http.ResponseWriter, r *http.Request) error {
	status, err := s.host.Lab(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, status)
	return nil
}

type syncedRequest struct {
	Labs []string `json:"labs"`
}

func (s *server) synced(w http.ResponseWriter, r *http.Request) error {
	var body syncedRequest
	if err := decode(w, r, &body); err != nil {
		return err
	}
	if body.Labs == nil {
		return fault.New(fault.Invalid, "The request must list the labs wanted here, even when there are none.")
	}
	if err := s.host.Synced(r.Context(), body.Labs); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// observe writes a JSON object a line, each flushed, until the caller hangs up or the host shuts down.
func (s *server) observe(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/jsonl")
	out := http.NewResponseController(w)
	out.Flush()
	lines := json.NewEncoder(w)
	for o := range s.host.Observe(r.Context()) {
		if lines.Encode(o) != nil || out.Flush() != nil {
			return nil // the caller is gone; the range ends with its context
		}
	}
	return nil
}

type blobsRequest struct {
	Hashes []string `json:"hashes"`
}

func (s *server) missingBlobs(w http.ResponseWriter, r *http.Request) error {
	var body blobsRequest
	if err := decode(w, r, &body); err != nil {
		return err
	}
	missing, err := s.host.MissingBlobs(r.Context(), body.Hashes)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, blobsRequest{Hashes: missing})
	return nil
}

func (s *server) putBlob(w http.ResponseWriter, r *http.Request) error {
	if err := s.host.PutBlob(r.Context(), r.PathValue("hash"), r.Body); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) info(w http.ResponseWriter, r *http.Request) error {
	info, err := s.host.Info(r.Context())
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, info)
	return nil
}

type imagesAnswer struct {
	Images []Image `json:"images"`
}

func (s *server) images(w http.ResponseWriter, r *http.Request) error {
	images, err := s.host.Images(r.Context())
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, imagesAnswer{images})
	return nil
}

type leftoversAnswer struct {
	Leftovers []string `json:"leftovers"`
}

func (s *server) leftovers(w http.ResponseWriter, r *http.Request) error {
	list, err := s.host.Leftovers(r.Context())
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, leftoversAnswer{list})
	return nil
}

// putFile reads the description from FileHeader and the content from the body.
func (s *server) putFile(w http.ResponseWriter, r *http.Request) error {
	put := PutFile{Size: -1}
	if err := fromHeader(r.Header, &put); err != nil {
		return err
	}
	if put.Path != r.URL.Query().Get("path") {
		return fault.New(fault.Invalid, "The path in the address and the one in the header differ.")
	}
	if put.Size < 0 {
		put.Size = r.ContentLength
	}
	if err := s.host.PutFile(r.Context(), r.PathValue("id"), r.PathValue("name"), put, r.Body); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) getFile(w http.ResponseWriter, r *http.Request) error {
	content, info, err := s.host.GetFile(r.Context(), r.PathValue("id"), r.PathValue("name"), r.URL.Query().Get("path"))
	if err != nil {
		return err
	}
	defer content.Close()
	setFile(w.Header(), info)
	w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(w, content); err != nil {
		panic(http.ErrAbortHandler) // the status is sent: breaking the stream is the only way left to say that it is not whole
	}
	return nil
}

func (s *server) statFile(w http.ResponseWriter, r *http.Request) error {
	info, err := s.host.StatFile(r.Context(), r.PathValue("id"), r.PathValue("name"), r.URL.Query().Get("path"))
	if err != nil {
		// A HEAD answer has no body, so its error rides in the header.
		w.Header().Set(FileHeader, toHeader(fault.Public(err)))
		w.WriteHeader(fault.Status(fault.CodeOf(err)))
		return nil
	}
	setFile(w.Header(), info)
	w.WriteHeader(http.StatusOK)
	return nil
}
