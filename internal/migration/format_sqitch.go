package migration

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

var sqitch = &format{
	load:    loadSqitch,
	sending: sending{copyData: true},
	tx: txRule{
		TxNone, "sqitch leaves transactions to each script",
		"leave out BEGIN and COMMIT in the script",
	},
	bookkeeping: sqitchRegistry,
}

// sqitchConf is what a sqitch.conf says of directories.
type sqitchConf struct{ plan, deploy, revert, extension string }

var (
	iniSection = regexp.MustCompile(`^\s*\[\s*([\w.-]+)(?:\s+"([^"]*)")?\s*\]`)
	iniPair    = regexp.MustCompile(`^\s*([\w.-]+)\s*=\s*(.*?)\s*$`)
)

// readINI returns "section.sub.key" to value of a git-like configuration.
func readINI(text string) map[string]string {
	out := map[string]string{}
	prefix := ""
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if t := strings.TrimSpace(line); t == "" || t[0] == '#' || t[0] == ';' {
			continue
		}
		if m := iniSection.FindStringSubmatch(line); m != nil {
			prefix = strings.ToLower(m[1]) + "."
			if m[2] != "" {
				prefix += m[2] + "."
			}
		} else if m := iniPair.FindStringSubmatch(line); m != nil {
			out[prefix+strings.ToLower(m[1])] = strings.Trim(m[2], `"`)
		}
	}
	return out
}

func (l *loader) sqitchConf() (*sqitchConf, error) {
	conf := map[string]string{}
	if f := l.in("sqitch.conf"); l.exists(f) {
		text, err := l.read(f)
		if err != nil {
			return nil, err
		}
		conf = readINI(text)
	}
	get := func(key, fallback string) string {
		for _, k := range []string{"engine.pg." + key, "core.pg." + key, "core." + key} {
			if v := conf[k]; v != "" {
				return v
			}
		}
		return fallback
	}
	if e := conf["core.engine"]; e != "" && e != "pg" && conf["engine.pg.target"] == "" {
		return nil, fmt.Errorf("%s: the engine is %s, not pg: choose another directory with --dir", l.in("sqitch.conf"), e)
	}
	top := get("top_dir", ".")
	return &sqitchConf{
		plan:      l.in(get("plan_file", path.Join(top, "sqitch.plan"))),
		deploy:    l.in(get("deploy_dir", path.Join(top, "deploy"))),
		revert:    l.in(get("revert_dir", path.Join(top, "revert"))),
		extension: get("extension", "sql"),
	}, nil
}

func loadSqitch(l *loader) error {
	conf, err := l.sqitchConf()
	if err != nil {
		return err
	}
	text, err := l.read(conf.plan)
	if err != nil {
		return fmt.Errorf("%w: sqitch needs its plan there", err)
	}
	changes, err := parsePlan(conf.plan, text)
	if err != nil {
		return err
	}
	l.out.List = conf.plan
	for _, c := range changes {
		names := c.files()
		file := ""
		for _, n := range names {
			if f := path.Join(conf.deploy, n+"."+conf.extension); l.exists(f) {
				file = n
				break
			}
		}
		if file == "" {
			return fmt.Errorf("%s:%d: the change %q has no script %s", conf.plan, c.line, c.name, path.Join(conf.deploy, names[0]+"."+conf.extension))
		}
		u, err := l.unit(path.Join(conf.deploy, file+"."+conf.extension), c.version(), c.name)
		if err != nil {
			return err
		}
		u.script.psql, u.script.base = true, l.dir
		if err := l.withDown(u, path.Join(conf.revert, file+"."+conf.extension)); err != nil {
			return err
		}
		if u.down != nil {
			u.down.script = u.script
		}
		l.add(u)
	}
	return nil
}
