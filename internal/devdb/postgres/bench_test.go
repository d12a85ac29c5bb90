package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaydb/assay/internal/migration"
)

// BenchmarkRecord records every real history in full, and holds the time
// against psql sending the same files to the same server.
func BenchmarkRecord(b *testing.B) {
	ctx := context.Background()
	s := testServer(b, "")
	for _, name := range corpora(b) {
		b.Run(name, func(b *testing.B) {
			setup, dir := corpus(b, name)
			var record, psql time.Duration
			statements := 0
			for b.Loop() {
				b.StopTimer()
				d := testDatabase(b, s)
				prepare(b, d, setup, dir)
				plain, err := s.Clone(ctx, d) // roles of the setup are there once
				must(b, err)
				b.StartTimer()
				start := time.Now()
				statements = 0
				for _, m := range dir.Migrations {
					steps, err := d.Record(ctx, m)
					if err != nil {
						b.Skip("this server does not take the history: ", err)
					}
					statements += len(steps)
				}
				must(b, d.Finish(ctx))
				record += time.Since(start)
				b.StopTimer()
				psql += sendByPsql(b, plain, dir)
				must(b, plain.Close())
				must(b, d.Close())
				b.StartTimer()
			}
			b.ReportMetric(float64(len(dir.Migrations)), "migrations")
			b.ReportMetric(float64(statements), "statements")
			b.ReportMetric(record.Seconds()/float64(b.N), "record-s")
			if psql > 0 {
				b.ReportMetric(psql.Seconds()/float64(b.N), "psql-s")
				b.ReportMetric(record.Seconds()/psql.Seconds(), "×psql")
			}
		})
	}
}

// sendByPsql sends each file as one query on one session; 0 if that is not the
// same work: data that psql would load is not there.
func sendByPsql(b *testing.B, d *DB, dir *migration.Dir) time.Duration {
	program, err := exec.LookPath("psql")
	if err != nil {
		return 0
	}
	var script strings.Builder
	for _, m := range dir.Migrations {
		end := "\n\\;\n"
		if m.TxMode == migration.TxNone {
			end = "\n;\n"
		}
		for _, st := range m.Statements {
			switch st.Kind {
			case migration.Skip:
				return 0
			case migration.CopyData:
				end = "\n;\n"
			}
		}
		tool := m.TxMode == migration.TxFile || m.TxMode == migration.TxAll
		if tool {
			script.WriteString("BEGIN" + end)
		}
		for _, st := range m.Statements {
			script.WriteString(st.Text + end)
			if st.Kind == migration.CopyData {
				script.Write(st.Data)
				script.WriteString("\n\\.\n")
			}
		}
		if tool {
			script.WriteString("COMMIT")
		}
		script.WriteString("\n;\nDISCARD ALL;\n")
	}
	file := filepath.Join(b.TempDir(), "all.sql")
	must(b, os.WriteFile(file, []byte(script.String()), 0o600))
	cmd := exec.Command(program, "-X", "-q", "-o", os.DevNull, "-f", file, "-h", d.admin.Host, "-p", fmt.Sprint(d.admin.Port), "-U", d.admin.User, "-d", d.name, "-v", "ON_ERROR_STOP=1")
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if err != nil {
		b.Logf("psql: %v: %.300s", err, out)
		return 0
	}
	return took
}

// BenchmarkStart gets a database with a real history on it, for the first time
// and from what an earlier run kept, and records the last migration.
func BenchmarkStart(b *testing.B) {
	ctx := context.Background()
	for _, name := range corpora(b) {
		setup, dir := corpus(b, name)
		last := len(dir.Migrations) - 1
		cache := b.TempDir()
		var replay time.Duration
		refused := false
		run := func(b *testing.B, key string) {
			s, err := Open(ctx, Config{CacheDir: cache, Postgres: os.Getenv("ASSAY_TEST_POSTGRES")})
			must(b, err)
			defer s.Close()
			d, ok, err := s.Restore(ctx, key)
			must(b, err)
			if !ok {
				d, err = s.Create(ctx)
				must(b, err)
				prepare(b, d, setup, dir)
				start := time.Now()
				for _, m := range dir.Migrations[:last] {
					if err := d.Replay(ctx, m); err != nil {
						refused = true
						b.Skip("this server does not take the history: ", err)
					}
				}
				replay += time.Since(start)
				must(b, s.Snapshot(ctx, key, d))
			}
			_, err = d.Record(ctx, dir.Migrations[last])
			must(b, err)
		}
		b.Run(name+"/cold", func(b *testing.B) {
			run(b, "first") // initdb has been run
			replay = 0
			n, start := 0, time.Now()
			for b.Loop() {
				run(b, fmt.Sprint(b.N, n))
				n++
			}
			b.ReportMetric(time.Since(start).Seconds()/float64(n), "run-s")
			b.ReportMetric(replay.Seconds()/float64(n), "replay-s")
		})
		b.Run(name+"/warm", func(b *testing.B) {
			if refused {
				b.Skip("this server does not take the history")
			}
			n, start := 0, time.Now()
			for b.Loop() {
				run(b, "first")
				n++
			}
			b.ReportMetric(time.Since(start).Seconds()/float64(n), "run-s")
		})
	}
}
