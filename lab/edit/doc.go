// Package edit changes the text of a lab file, and nothing else of it than was asked for.
//
// The text is the one document: the drawing is read from it, and every change of the drawing is an Op that changes the bytes it
// must. Comments, order, quoting, blank lines and indentation stay everywhere else. Each Op has an exact inverse, which is how undo
// works. What two people did at the same time is merged where it fits together, and otherwise shown with both sides; nothing is
// ever lost.
//
// It knows YAML's text, what the fields of a lab file mean to an edit, and three-way merges. It refuses to know revisions, who
// edits, files on disk and whether the lab that comes out is valid: lab/format says that of the text.
package edit
