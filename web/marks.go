package web

import (
	"slices"

	"trunkline/lab"
	"trunkline/lab/ipam"
)

// marksOf are the conflicts of a lab's addresses, with the interfaces that they are about.
func marksOf(l *lab.Lab) []mapMark {
	var marks []mapMark
	for _, m := range ipam.Marks(l) {
		one := mapMark{Sentence: m.Sentence}
		for _, e := range m.Ends {
			one.Ends = append(one.Ends, mapEnd{e.Node, e.Interface})
		}
		marks = append(marks, one)
	}
	return marks
}

// marksAt are the sentences about one interface.
func marksAt(marks []mapMark, node, name string) []string {
	var sentences []string
	for _, m := range marks {
		if slices.Contains(m.Ends, mapEnd{node, name}) {
			sentences = append(sentences, m.Sentence)
		}
	}
	return sentences
}
