package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	files "github.com/assaydb/assay/internal/project"
)

// The files that teach a coding agent, and the lines between which assay's
// section of the first one stands.
const (
	agentsFile  = "AGENTS.md"
	skillFile   = ".agents/skills/assay/SKILL.md"
	agentsBegin = "<!-- assay: begin -->"
	agentsEnd   = "<!-- assay: end -->"
)

// agentFiles are the texts of the files for coding agents, by name, without those
// that are right as they are. It refuses before anything is written.
func (a *app) agentFiles(force bool) (map[string]string, error) {
	out := map[string]string{}
	section, err := starterTexts.ReadFile("starter/agents.md")
	if err != nil {
		return nil, fmt.Errorf("reading the section for %s: %w", agentsFile, err)
	}
	skill, err := starterTexts.ReadFile("starter/skill.md")
	if err != nil {
		return nil, fmt.Errorf("reading the skill: %w", err)
	}
	old, err := a.existing(agentsFile)
	if err != nil {
		return nil, err
	}
	text, err := withSection(old, string(section))
	if err != nil {
		return nil, usagef("%s: %w", agentsFile, err)
	}
	if text != old {
		out[agentsFile] = text
	}
	switch old, err := a.existing(skillFile); {
	case err != nil:
		return nil, err
	case old == string(skill):
	case old != "" && !force:
		return nil, usagef("%s exists and has another text: --force overwrites it", skillFile)
	default:
		out[skillFile] = string(skill)
	}
	return out, nil
}

// existing is the text of a file of the project, empty if there is none.
func (a *app) existing(name string) (string, error) {
	file := filepath.Join(a.dir, filepath.FromSlash(name))
	text, err := files.ReadNamed(file)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(file); err == nil {
			return "", usagef("%s is a link to a file that does not exist: remove it", name)
		}
		return "", nil
	}
	if err != nil {
		return "", usagef("reading %s: %w", name, err)
	}
	return string(text), nil
}

// withSection puts a section between its lines, at the end if the text has none.
func withSection(text, section string) (string, error) {
	eol := "\n"
	if strings.Contains(text, "\r\n") {
		eol = "\r\n"
	}
	block := strings.ReplaceAll(agentsBegin+"\n"+section+agentsEnd, "\n", eol)
	begin, end := strings.Index(text, agentsBegin), strings.Index(text, agentsEnd)
	switch {
	case strings.Count(text, agentsBegin) > 1 || strings.Count(text, agentsEnd) > 1:
		return "", fmt.Errorf("the lines %s and %s are there more than once: leave one pair", agentsBegin, agentsEnd)
	case begin < 0 && end < 0:
		if text = strings.TrimRight(text, "\r\n"); text != "" {
			text += eol + eol
		}
		return text + block + eol, nil
	case end < 0:
		return "", fmt.Errorf("the line %s has no %s after it: remove it, or add the other", agentsBegin, agentsEnd)
	case begin < 0 || end < begin:
		return "", fmt.Errorf("the line %s has no %s before it: remove it, or add the other", agentsEnd, agentsBegin)
	}
	return text[:begin] + block + text[end+len(agentsEnd):], nil
}
