//go:build !linux

package postgres

// restrictThread restricts nothing here: the server has the rights of its user.
func (o *own) restrictThread(bool) ([]string, error) { return nil, nil }

func limitProcess(int) []string { return nil }

// stopped is not known here; the server's silence says it later.
func stopped(int) bool { return false }
