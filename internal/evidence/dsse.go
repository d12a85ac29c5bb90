package evidence

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
)

// PayloadType is what a DSSE envelope says of in-toto statements.
const PayloadType = "application/vnd.in-toto+json"

// Envelope is a DSSE envelope (version 1.0.2 of its specification).
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // base64
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an envelope.
type Signature struct {
	KeyID string `json:"keyid,omitempty"`
	Sig   string `json:"sig"` // base64
}

// encoded is what is signed: the type and the payload, each with its length.
func encoded(kind string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
}

// Signer signs statements. A nil one leaves them unsigned.
type Signer struct {
	key crypto.Signer
	id  string
}

// ParseSigner reads a private key: PKCS #8 in PEM, of type Ed25519 or ECDSA, as
// `openssl genpkey` writes it.
func ParseSigner(text []byte) (*Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("it is no private key in PEM: make one with `openssl genpkey -algorithm ed25519`")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("it is no private key of PKCS #8: %w", err)
	}
	s, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	v, err := newVerifier(s.Public())
	if err != nil {
		return nil, err
	}
	return &Signer{s, v.id}, nil
}

func (s *Signer) sign(message []byte) ([]byte, error) {
	if _, ok := s.key.(ed25519.PrivateKey); ok {
		return s.key.Sign(rand.Reader, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return s.key.Sign(rand.Reader, sum[:], crypto.SHA256)
}

// Verifier checks signatures. A nil one takes none.
type Verifier struct {
	key crypto.PublicKey
	id  string
}

// ParseVerifier reads a public key: PKIX in PEM, as `openssl pkey -pubout` and cosign write it.
func ParseVerifier(text []byte) (*Verifier, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("it is no public key in PEM: write one with `openssl pkey -in key.pem -pubout`")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("it is no public key: %w", err)
	}
	return newVerifier(key)
}

func newVerifier(key crypto.PublicKey) (*Verifier, error) {
	switch key.(type) {
	case ed25519.PublicKey, *ecdsa.PublicKey:
	default:
		return nil, fmt.Errorf("keys of type %T are not supported: use Ed25519 or ECDSA", key)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	return &Verifier{key, hex.EncodeToString(sum[:])}, nil
}

// made reports whether the key signed the message.
func (v *Verifier) made(message, sig []byte) bool {
	switch key := v.key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, sig)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(message)
		return ecdsa.VerifyASN1(key, sum[:], sig)
	}
	return false
}

// Write writes statements as an in-toto bundle: a JSON object a line, each an
// envelope if there is a signer, else the bare statement.
func Write(w io.Writer, statements []Statement, s *Signer) error {
	for _, st := range statements {
		line, err := json.Marshal(st)
		if err != nil {
			return fmt.Errorf("writing evidence: %w", err)
		}
		if s != nil {
			sig, err := s.sign(encoded(PayloadType, line))
			if err != nil {
				return fmt.Errorf("signing evidence: %w", err)
			}
			e := Envelope{PayloadType, base64.StdEncoding.EncodeToString(line), []Signature{{s.id, base64.StdEncoding.EncodeToString(sig)}}}
			if line, err = json.Marshal(e); err != nil {
				return fmt.Errorf("writing evidence: %w", err)
			}
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("writing evidence: %w", err)
		}
	}
	return nil
}

// longest bounds a line of a bundle, in bytes.
const longest = 32 << 20

// Read reads the reviews of a bundle: bare statements, DSSE envelopes, or the
// bundles that the attestation services of Git hosts give out, a JSON object a
// line. Statements of other types are passed over. name is for messages.
func Read(name string, text []byte, v *Verifier) ([]Claim, error) {
	var out []Claim
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(make([]byte, 0, 1<<16), longest)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		place := fmt.Sprintf("%s:%d", name, n)
		c, err := readLine(line, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		if c != nil {
			c.Source = place
			out = append(out, *c)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return out, nil
}

// readLine gives the review of a line, nil if it is about something else.
func readLine(line []byte, v *Verifier) (*Claim, error) {
	var x struct {
		Envelope
		Statement
		Bundled *Envelope `json:"dsseEnvelope"` // of a Sigstore bundle
	}
	if err := json.Unmarshal(line, &x); err != nil {
		return nil, fmt.Errorf("it is no in-toto bundle, a JSON object a line: %w", err)
	}
	signed, text := false, line
	if x.Bundled != nil {
		x.Envelope = *x.Bundled
	}
	if x.Payload != "" {
		if x.PayloadType != PayloadType {
			return nil, nil
		}
		var err error
		if text, err = base64.StdEncoding.DecodeString(x.Payload); err != nil {
			return nil, fmt.Errorf("the payload of the envelope is no base64: %w", err)
		}
		for _, s := range x.Signatures {
			sig, err := base64.StdEncoding.DecodeString(s.Sig)
			signed = signed || err == nil && v != nil && v.made(encoded(x.PayloadType, text), sig)
		}
		x.Statement = Statement{}
		if err := json.Unmarshal(text, &x.Statement); err != nil {
			return nil, fmt.Errorf("the payload of the envelope is no statement: %w", err)
		}
	}
	if x.Type != StatementType || x.PredicateType != ReviewType {
		return nil, nil
	}
	c := &Claim{Subject: x.Subject, Signed: signed}
	if err := json.Unmarshal(x.Predicate, &c.Review); err != nil {
		return nil, fmt.Errorf("the review cannot be read: %w", err)
	}
	return c, nil
}
