package integrations

import (
	"context"
	"errors"
	"time"
)

// patience is how long a question waits for a host that is busy or broken.
const patience = 20 * time.Second

// Ask asks the host a question that changes nothing, again while it is busy or
// broken.
func Ask[T any](ctx context.Context, question func() (T, error)) (T, error) {
	left, wait := patience, time.Second
	for {
		answer, err := question()
		var f *Failure
		if err == nil || !errors.As(err, &f) || f.Reason != Busy && f.Reason != Broken {
			return answer, err
		}
		pause := max(wait, f.After)
		if left -= pause; left < 0 {
			return answer, err
		}
		if err := sleep(ctx, pause); err != nil {
			return answer, err
		}
		wait *= 2
	}
}
