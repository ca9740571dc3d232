package lab

import "strings"

// Nearest returns the candidate a person most likely meant by word, or "" when none is close: at most a third of its
// letters differ (Levenshtein, letter case ignored). It serves the "did you mean" of complaints.
func Nearest(word string, candidates []string) string {
	best, limit := "", max(1, len(word)/3)+1
	word = strings.ToLower(word)
	for _, c := range candidates {
		if abs(len(c)-len(word)) >= limit {
			continue
		}
		if d := distance(word, strings.ToLower(c)); d < limit {
			best, limit = c, d
		}
	}
	return best
}

// DidYouMean is " Did you mean X?" for the nearest candidate, or "".
func DidYouMean(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return " Did you mean " + near + "?"
	}
	return ""
}

// distance is the Levenshtein distance of two short strings, in bytes.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		previous := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := previous
			if a[i-1] != b[j-1] {
				cost++
			}
			previous = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
