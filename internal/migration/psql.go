package migration

import (
	"fmt"
	"slices"
	"strings"
)

// ignored are the psql commands that change only what psql shows.
var ignored = words(`a C conninfo echo encoding errverbose f H html o out p print pset qecho
	restrict unrestrict s t T timing warn x copyright h help ? cd`)

// shows are the first letters of the psql commands that describe objects (\d, \dt+, \l, \sf, \z …).
var shows = []string{"d", "l", "sf", "sv", "z"}

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// command is a psql meta-command.
type command struct {
	name string
	at   int  // of the backslash
	args span // what follows the name on the line
	pos  Position
}

func (c command) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: \\%s: %w", c.pos.Path, c.pos.Line, c.name, fmt.Errorf(format, args...))
}

// meta does what psql would do at a backslash, or says that it was not done.
func (in *reading) meta(e event) error {
	c := in.command(e.start)
	if !in.options.psql {
		in.out.notices = append(in.out.notices, Notice{
			Kind: "psql-command", Pos: c.pos, Refused: RefusedStatement,
			Text: fmt.Sprintf("\\%s is a command of psql: the tool sends it to PostgreSQL, which refuses the query", c.name),
		})
		in.split.lex.pos = c.args.end
		return nil
	}
	if c.name == "" {
		return fmt.Errorf("%s:%d: a backslash that begins no psql command", c.pos.Path, c.pos.Line)
	}
	if handled, err := in.conditional(c); handled || err != nil {
		return err
	}
	if !in.active() {
		in.split.lex.pos = in.args(c).next
		return nil
	}
	switch c.name {
	case "i", "include", "ir", "include_relative":
		return in.includeCommand(c)
	case "copy":
		in.split.lex.pos = c.args.end
		return in.copyCommand(c)
	case "!":
		in.split.lex.pos = c.args.end
		in.skip(c, c.args.end, "assay runs no programs")
		return nil
	case ";":
		in.split.lex.pos = c.args.start
		return in.chainStatement()
	case "g", "gx", "gdesc", "gset", "crosstabview":
		return in.send(c)
	case "set", "unset", "prompt", "getenv":
		return in.setCommand(c)
	case "q", "quit":
		in.split.reset()
		in.split.segments, in.split.lex.pos = nil, in.split.lex.end
		return nil
	case "r", "reset":
		in.split.lex.pos = in.args(c).next
		in.split.reset()
		return nil
	case "c", "connect", "password", "lo_import", "lo_unlink":
		in.notice(c, "skipped: everything runs on assay's own database")
		in.pass(c, c.args.end)
		return nil
	}
	if !ignored[c.name] && !slices.ContainsFunc(shows, func(s string) bool { return strings.HasPrefix(c.name, s) }) {
		return c.errorf("assay cannot do what this psql command does: write the SQL that it stands for, or take the file out of the migrations")
	}
	a := in.args(c)
	if len(a.values) > 0 && strings.HasPrefix(a.values[0], "|") {
		in.notice(c, "skipped: assay runs no programs")
		a.next = c.args.end
	}
	in.pass(c, a.next)
	return nil
}

// command reads the name of the command at an offset.
func (in *reading) command(at int) command {
	c := command{at: at, pos: in.pos(at)}
	end := in.split.lex.end
	p := at + 1
	for p < end && isWordPart(in.text[p]) {
		p++
	}
	if p < end && p == at+1 && !isBlank(in.text[p]) {
		p++ // \! \; \?
	}
	c.name = in.text[at+1 : p]
	c.args = span{p, p}
	if i := strings.IndexByte(in.text[p:end], '\n'); i >= 0 {
		c.args.end = p + i
	} else {
		c.args.end = end
	}
	return c
}

// pass goes on behind a command; in the middle of a statement it is cut out.
func (in *reading) pass(c command, next int) {
	in.split.lex.pos = next
	if in.split.start >= 0 {
		in.split.cuts = append(in.split.cuts, span{c.at, next})
	}
}

func (in *reading) notice(c command, text string) {
	in.out.notices = append(in.out.notices, Notice{Kind: "skipped-meta-command", Pos: c.pos, Text: fmt.Sprintf("\\%s %s", c.name, text)})
}

// skip gives out a statement that is never run. In the middle of another one
// there is only the notice.
func (in *reading) skip(c command, end int, why string) {
	in.out.notices = append(in.out.notices, Notice{
		Kind: "skipped-meta-command", Pos: c.pos, Text: fmt.Sprintf("\\%s was not run: %s", c.name, why),
	})
	if in.split.start >= 0 {
		in.split.cuts = append(in.split.cuts, span{c.at, end})
		return
	}
	text := strings.TrimRight(in.text[c.at:end], " \t\r")
	e := event{span: span{c.at, c.at + len(text)}}
	in.give(e, &Statement{Kind: Skip, Text: text, Pos: c.pos, End: in.end(e.end), SkipReason: why})
}

// send ends the statement so far, as \g does.
func (in *reading) send(c command) error {
	a := in.args(c)
	in.split.lex.pos = a.next
	switch {
	case c.name == "gset":
		in.notice(c, "takes no values from the result: give the variables it sets under values: in assay.yaml")
	case len(a.values) > 0 && strings.HasPrefix(a.values[0], "|"):
		in.notice(c, "sends the result to no program")
		in.split.lex.pos = c.args.end
	}
	if in.split.start < 0 {
		return nil
	}
	return in.statement(in.split.flush())
}

// chainStatement ends a statement at \;: psql sends it together with the next one.
func (in *reading) chainStatement() error {
	if in.split.start < 0 {
		return nil
	}
	if in.chain == 0 {
		in.reader.batches++
		in.chain = in.reader.batches
	}
	e := in.split.flush()
	e.batch = in.chain
	return in.statement(e)
}

func (in *reading) setCommand(c command) error {
	a := in.args(c)
	in.pass(c, a.next)
	if len(a.values) == 0 {
		return nil
	}
	name := a.values[0]
	switch _, given := in.options.values[name]; {
	case c.name == "unset":
		delete(in.vars, name)
	case c.name == "prompt":
		in.notice(c, "asks nobody: give the variable under values: in assay.yaml")
	case c.name == "getenv" && !given:
		in.notice(c, fmt.Sprintf("does not read the environment: give %q under values: in assay.yaml", name))
	case c.name == "getenv" || given && a.program:
	case a.program:
		in.notice(c, fmt.Sprintf("runs no program: give %q under values: in assay.yaml", name))
	default:
		in.vars[name] = strings.Join(a.values[1:], "")
	}
	return nil
}

// condition is one open \if.
type condition struct {
	active  bool // this branch is read
	done    bool // some branch was, or the whole is inside one that is not
	outside bool // what surrounds it is read
}

func (in *reading) active() bool {
	return len(in.conditions) == 0 || in.conditions[len(in.conditions)-1].active
}

// conditional handles \if, \elif, \else and \endif.
func (in *reading) conditional(c command) (bool, error) {
	was := in.active()
	n := len(in.conditions) - 1
	switch c.name {
	case "if":
		on, err := in.truth(c, was)
		if err != nil {
			return true, err
		}
		in.conditions = append(in.conditions, condition{active: was && on, done: !was || on, outside: was})
	case "elif", "else", "endif":
		if n < 0 {
			return true, c.errorf("there is no \\if before it")
		}
		top := &in.conditions[n]
		switch {
		case c.name == "endif":
			in.conditions = in.conditions[:n]
		case top.done:
			top.active = false
		case c.name == "else":
			top.active, top.done = true, true
		default:
			on, err := in.truth(c, true)
			if err != nil {
				return true, err
			}
			top.active, top.done = on, on
		}
	default:
		return false, nil
	}
	next := in.args(c).next
	s := in.split
	switch is := in.active(); {
	case was && is:
		in.pass(c, next)
	case was:
		in.inactiveAt = c.at
		s.lex.pos = next
	case is && s.start >= 0 && s.start < in.inactiveAt:
		s.lex.pos = next
		s.cuts = append(s.cuts, span{in.inactiveAt, next})
	default:
		s.lex.pos = next
		s.reset()
	}
	return true, nil
}

// truth evaluates the expression of \if as psql does: one boolean word.
func (in *reading) truth(c command, needed bool) (bool, error) {
	if !needed {
		return false, nil
	}
	a := in.args(c)
	if a.missing != "" {
		return false, missingValue(c.pos, a.missing, ":"+a.missing)
	}
	switch v := strings.ToLower(strings.Join(a.values, " ")); v {
	case "true", "on", "1", "yes", "t", "y":
		return true, nil
	case "false", "off", "0", "no", "f", "n":
		return false, nil
	default:
		return false, c.errorf("%q is neither true nor false: set values: in assay.yaml", v)
	}
}
