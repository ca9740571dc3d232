package web

import (
	"net/http"
	"strings"

	"trunkline/lab/control"
	"trunkline/templates"
	"trunkline/tenancy"
)

// versionsDialog lists the versions of the lab's file.
func (s *Server) versionsDialog(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	list, err := s.Editing.Revisions(r.Context(), r.Actor, detail.ID)
	if err != nil {
		return err
	}
	view := templates.Versions{LabID: detail.ID, LabName: detail.Name, CanEdit: mayOn(r.Actor, tenancy.EditLab, detail.LabView)}
	for _, one := range list {
		view.List = append(view.List, versionOf(one))
	}
	return r.Fragment(http.StatusOK, view)
}

// versionCompared says what has changed since a version.
func (s *Server) versionCompared(r *Request) error {
	number, err := revisionNumber(r.Param("revision"))
	if err != nil {
		return err
	}
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	c, err := s.Editing.CompareRevisions(r.Context(), r.Actor, detail.ID, number, detail.Revision)
	if err != nil {
		return err
	}
	view := templates.VersionCompared{LabID: detail.ID, From: versionOf(c.From), To: versionOf(c.To), CanEdit: mayOn(r.Actor, tenancy.EditLab, detail.LabView)}
	for _, line := range c.Lines {
		view.Lines = append(view.Lines, templates.VersionLine{Sign: line.Sign, Text: strings.TrimRight(line.Text, "\r\n"), Word: map[string]string{"-": "removed:", "+": "added:"}[line.Sign]})
	}
	for _, step := range c.Steps {
		view.Steps = append(view.Steps, templates.PlanStep{Object: step.Object, Reason: string(step.Verb) + ", " + step.Reason})
	}
	return r.Fragment(http.StatusOK, view)
}

func versionOf(v control.RevisionView) templates.Version {
	return templates.Version{
		Number: v.Number, At: v.At, Author: v.Author, Words: v.Words, Note: v.Note, Nodes: v.NodeCount, Links: v.LinkCount, Newest: v.Newest, Deployed: v.Deployed,
	}
}
