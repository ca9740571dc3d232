package tenancy

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"trunkline/internal/fault"
)

// AuditExportProof is what an export was found to hold.
type AuditExportProof struct {
	Events int64       `json:"events"`
	Gaps   int         `json:"gaps"` // places where events are left out: those of other workspaces, those that a filter did not choose, or ones that somebody took away
	First  AuditMark   `json:"first"`
	Last   AuditMark   `json:"last"`
	Broken *AuditBreak `json:"broken,omitempty"` // the first event that is not what was written
}

// mostLine is longer than any line of an export: two details and a dozen short texts.
const mostLine = 1 << 20

// VerifyAuditLines checks each line of an export against its hash, and each that comes next after another against that one's. known are marks that were noted down
// earlier. Code: invalid (a line is no event).
func VerifyAuditLines(lines io.Reader, known ...AuditMark) (AuditExportProof, error) {
	var proof AuditExportProof
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(nil, mostLine)
	for scanner.Scan() {
		link, previous, err := ReadAuditLine(scanner.Bytes())
		if err != nil {
			return proof, fault.Wrap(err, fault.Invalid, "Line %d is no event of the audit. Give a file that trunkline audit export wrote.", proof.Events+1)
		}
		before := AuditMark{link.Number - 1, previous}
		switch {
		case proof.Events == 0:
		case link.Number <= proof.Last.Number:
			proof.Broken = &AuditBreak{link.Number, fmt.Sprintf("Event %d comes after event %d.", link.Number, proof.Last.Number)}
		case before.Number != proof.Last.Number:
			proof.Gaps++
		case before != proof.Last:
			proof.Broken = &AuditBreak{link.Number, fmt.Sprintf("Event %d does not follow from event %d.", link.Number, proof.Last.Number)}
		}
		if proof.Broken == nil {
			_, proof.Broken = before.Follow(link)
		}
		if proof.Broken == nil {
			proof.Broken = notNoted(link.AuditMark, known)
		}
		if proof.Broken != nil {
			return proof, nil
		}
		if proof.Events == 0 {
			proof.First = link.AuditMark
		}
		proof.Last = link.AuditMark
		proof.Events++
	}
	if err := scanner.Err(); errors.Is(err, bufio.ErrTooLong) {
		return proof, fault.Wrap(err, fault.Invalid, "Line %d is no event of the audit. Give a file that trunkline audit export wrote.", proof.Events+1)
	} else if err != nil {
		return proof, fault.Wrap(err, fault.Unavailable, "The export cannot be read to its end.")
	}
	return proof, nil
}

func notNoted(mark AuditMark, known []AuditMark) *AuditBreak {
	for _, k := range known {
		if k.Number == mark.Number && k.Hash != mark.Hash {
			return &AuditBreak{mark.Number, fmt.Sprintf("Event %d is not the one that was noted down.", mark.Number)}
		}
	}
	return nil
}
