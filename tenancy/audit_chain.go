package tenancy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"trunkline/internal/fault"
)

// AuditOrigin is the hash before the first event.
var AuditOrigin = strings.Repeat("0", 2*sha256.Size)

// AuditMark is a place in the chain: everything up to it is fixed by its hash.
type AuditMark struct {
	Number int64  `json:"number"` // of the event; 0: before the first
	Hash   string `json:"hash"`
}

// String is how a person notes it down.
func (m AuditMark) String() string { return fmt.Sprintf("%d:%s", m.Number, m.Hash) }

// ParseAuditMark reads what String wrote.
func ParseAuditMark(text string) (AuditMark, error) {
	number, hash, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if _, hexErr := hex.DecodeString(hash); err != nil || n < 0 || hexErr != nil || len(hash) != 2*sha256.Size {
		return AuditMark{}, fault.New(fault.Invalid, "%.80q is no mark of the audit: give NUMBER:HASH as `trunkline audit verify` prints it.", text)
	}
	return AuditMark{n, hash}, nil
}

// AuditLink is an event in the chain: its number, and the hash that follows from the one before and from all that it says.
type AuditLink struct {
	SealedEvent
	AuditMark
}

// auditLine is an event as it is hashed, and as a line of an export holds it beside number, previous and hash. Every name is there always.
type auditLine struct {
	At        string          `json:"at"`
	Actor     AuditPerson     `json:"actor"`
	Behind    AuditPerson     `json:"behind"`
	Token     string          `json:"token"`
	Tenant    string          `json:"tenant"`
	Verb      AuditVerb       `json:"verb"`
	Object    AuditObject     `json:"object"`
	Before    json.RawMessage `json:"before"`
	After     json.RawMessage `json:"after"`
	Address   string          `json:"address"`
	RequestID string          `json:"request"`
	Number    int64           `json:"number"`
}

// auditTime has always six digits of a second, so that an event has one form.
const auditTime = "2006-01-02T15:04:05.000000Z"

// canonical is the text that is hashed. Details that are not canonical themselves were not written by us: equal values are one text only.
func (s SealedEvent) canonical(number int64) (string, error) {
	for _, detail := range []string{s.Before, s.After} {
		if again, err := canonicalJSON([]byte(orNull(detail)), nil); err != nil || detail != "" && again != detail {
			return "", errors.Join(errors.New("a detail is not as it was written"), err)
		}
	}
	line, err := json.Marshal(auditLine{
		At: s.At.UTC().Format(auditTime), Actor: s.Actor, Behind: s.Behind, Token: s.TokenID, Tenant: s.Tenant, Verb: s.Verb, Object: s.Object,
		Before: orNull(s.Before), After: orNull(s.After), Address: s.Address, RequestID: s.RequestID, Number: number,
	})
	if err != nil {
		return "", err
	}
	return canonicalJSON(line, nil)
}

func orNull(text string) json.RawMessage {
	if text == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(text)
}

// Next puts the event into the chain after the mark: sha256 over the previous hash, in letters, and the canonical event.
func (m AuditMark) Next(event SealedEvent) (AuditLink, error) {
	text, err := event.canonical(m.Number + 1)
	if err != nil {
		return AuditLink{}, fault.Wrap(err, fault.Invalid, "Event %d of the audit holds something that is no JSON.", m.Number+1)
	}
	return AuditLink{event, AuditMark{m.Number + 1, chained(m.Hash, text)}}, nil
}

func chained(previous, canonical string) string {
	sum := sha256.Sum256([]byte(previous + canonical))
	return hex.EncodeToString(sum[:])
}

// AuditBreak is where the chain is not what was written.
type AuditBreak struct {
	Number int64  `json:"number"`
	Why    string `json:"why"`
}

// Follow checks that the link comes next after the mark, and returns its mark. nil means that it does.
func (m AuditMark) Follow(link AuditLink) (AuditMark, *AuditBreak) {
	if link.Number != m.Number+1 {
		return m, &AuditBreak{m.Number + 1, fmt.Sprintf("Event %d is missing: event %d comes after event %d.", m.Number+1, link.Number, m.Number)}
	}
	want, err := m.Next(link.SealedEvent)
	if err != nil || want.Hash != link.Hash {
		return m, &AuditBreak{link.Number, fmt.Sprintf("Event %d was changed, or the events before it were: its hash does not follow from what it says.", link.Number)}
	}
	return link.AuditMark, nil
}

// Line is the link as one line of an export, without a line break: the canonical event, then previous and hash. Whoever takes these two away again has the text that
// was hashed after the previous hash.
func (l AuditLink) Line(previous string) (string, error) {
	text, err := l.canonical(l.Number)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "Event %d of the audit holds something that is no JSON.", l.Number)
	}
	return fmt.Sprintf(`%s,"previous":"%s","hash":"%s"}`, strings.TrimSuffix(text, "}"), previous, l.Hash), nil
}

// ReadAuditLine reads a line of an export and the hash before it. The link is of what the line says: Follow tells whether it is what was written.
func ReadAuditLine(text []byte) (link AuditLink, previous string, err error) {
	var line struct {
		auditLine
		Previous string `json:"previous"`
		Hash     string `json:"hash"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&line); err != nil {
		return link, "", fault.Wrap(err, fault.Invalid, "A line of the export cannot be read.")
	}
	at, err := time.Parse(auditTime, line.At)
	if err != nil {
		return link, "", fault.Wrap(err, fault.Invalid, "A line of the export has no time that can be read.")
	}
	return AuditLink{
		SealedEvent: SealedEvent{
			AuditEvent: AuditEvent{At: at, Actor: line.Actor, Behind: line.Behind, TokenID: line.Token, Tenant: line.Tenant, Verb: line.Verb, Object: line.Object,
				Address: line.Address, RequestID: line.RequestID},
			Before: fromNull(line.Before), After: fromNull(line.After),
		},
		AuditMark: AuditMark{line.Number, line.Hash},
	}, line.Previous, nil
}

func fromNull(text json.RawMessage) string {
	if string(text) == "null" {
		return ""
	}
	return string(text)
}
