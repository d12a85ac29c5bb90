package integrations

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"
)

// HTTPClient makes the client that hosts are spoken to with: through the
// environment's proxy, trusting the system's authorities and those of the PEM
// file ca ("" for none), and never carrying a token to another host.
func HTTPClient(ca string) (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate authorities: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the certificate authorities: %s has no certificate in PEM form", ca)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: t, Timeout: 30 * time.Second, CheckRedirect: sameHost}, nil
}

// sameHost refuses redirects to another host, and of anything but reading: a
// POST would arrive as a GET, and libraries send the token along.
func sameHost(next *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > 5 || next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme || first.Method != http.MethodGet {
		return fmt.Errorf("the server redirects to %s://%s, which is not followed: give the address it moved to", next.URL.Scheme, next.URL.Host)
	}
	return nil
}

// Guarded returns c, or a default client, with the redirects that could carry
// a token away refused.
func Guarded(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{Timeout: 30 * time.Second}
	}
	own := *c
	own.CheckRedirect = sameHost
	return &own
}
