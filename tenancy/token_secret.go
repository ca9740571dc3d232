package tenancy

import (
	"crypto/rand"
	"hash/crc32"
	"math/big"
	"strings"
)

// TokenPrefix starts every API token, so that secret scanners know one when they see it.
const TokenPrefix = "tlk_"

// A token is the prefix, 43 letters and digits with 256 random bits, and 6 with their checksum: tlk_[0-9A-Za-z]{49}. Tokens of earlier builds are the prefix and 43
// characters of URL-safe base64 without a checksum; they work until they are revoked.
const (
	tokenRandom   = 43
	tokenChecksum = 6
	base62        = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newTokenSecret makes one.
func newTokenSecret() string {
	random := make([]byte, tokenRandom)
	most := big.NewInt(int64(len(base62)))
	for i := range random {
		n, err := rand.Int(rand.Reader, most)
		if err != nil {
			panic(err) // crypto/rand never fails
		}
		random[i] = base62[n.Int64()]
	}
	return TokenPrefix + string(random) + checksum(string(random))
}

// checksum is CRC-32 (IEEE 802.3) of the random part, in base 62 with leading zeros: whoever finds something like a token can tell one from anything else without
// asking us.
func checksum(random string) string {
	sum := crc32.ChecksumIEEE([]byte(random))
	digits := []byte("000000")
	for i := len(digits) - 1; sum > 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return string(digits)
}

// LooksLikeToken tells a token, also a revoked one, from anything else.
func LooksLikeToken(secret string) bool {
	body, ok := strings.CutPrefix(secret, TokenPrefix)
	switch {
	case !ok:
		return false
	case len(body) == tokenRandom: // of an earlier build
		return true
	case len(body) != tokenRandom+tokenChecksum:
		return false
	}
	return checksum(body[:tokenRandom]) == body[tokenRandom:]
}
