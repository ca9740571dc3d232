package lab

import "strings"

// Nearest returns the candidate a person most likely meant by word, or "" when none is close: at most a third of its
// letters differ, letter case ignored. It serves the "did you mean" of complaints.
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

// distance counts the letters to insert, delete, replace or swap with their neighbour to get from a to b, in bytes
// (optimal string alignment). Long texts are simply far apart.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before, last, row [65]int
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
