package hostapi

import (
	"encoding/json"
	"net/http"

	"trunkline/internal/fault"
)

func (s *server) switchTables(w http.ResponseWriter, r *http.Request) error {
	h, ok := s.host.(SwitchHost)
	if !ok {
		return fault.New(fault.Unsupported, "This compute host cannot show what its switches have learnt.")
	}
	view, err := h.Switch(r.Context(), r.PathValue("id"), r.PathValue("name"))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, view)
	return nil
}

// rates writes a JSON object a line until the caller hangs up.
func (s *server) rates(w http.ResponseWriter, r *http.Request) error {
	h, ok := s.host.(RatesHost)
	if !ok {
		return fault.New(fault.Unsupported, "This compute host does not measure what labs carry.")
	}
	samples, err := h.Rates(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jsonl")
	out := http.NewResponseController(w)
	out.Flush()
	lines := json.NewEncoder(w)
	for sample := range samples {
		if lines.Encode(sample) != nil || out.Flush() != nil {
			return nil // the caller is gone; the range ends with its context
		}
	}
	return nil
}
