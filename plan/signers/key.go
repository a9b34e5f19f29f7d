package signers

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// weakestRSA is the shortest RSA key that counts, in bits.
const weakestRSA = 2048

// keyTypes are the types of key as they stand in a line; those with a text
// don't count, and the text says why.
func keyTypes() map[string]string {
	types := map[string]string{
		ssh.KeyAlgoED25519: "", ssh.KeyAlgoRSA: "", ssh.KeyAlgoECDSA256: "", ssh.KeyAlgoECDSA384: "", ssh.KeyAlgoECDSA521: "",
		ssh.KeyAlgoSKED25519: "", ssh.KeyAlgoSKECDSA256: "",
		"ssh-dss": "it signs with SHA-1, which doesn't count: make another with ssh-keygen -t ed25519",
	}
	for _, cert := range []string{
		ssh.CertAlgoRSAv01, "ssh-dss-cert-v01@openssh.com", ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoED25519v01, ssh.CertAlgoSKECDSA256v01, ssh.CertAlgoSKED25519v01,
	} {
		types[cert] = "it is a certificate, which is not supported: name the signer's own key"
	}
	return types
}

// parseKey reads a public key of the type that stands before it.
func parseKey(kind, encoded string) (ssh.PublicKey, error) {
	why, known := keyTypes()[kind]
	switch {
	case !known && kind == "":
		return nil, errors.New("there is none")
	case !known:
		return nil, fmt.Errorf("%q is no type of key", kind)
	case why != "":
		return nil, errors.New(why)
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, errors.New("it is damaged: it is no base64")
	}
	key, err := ssh.ParsePublicKey(blob)
	switch {
	case err != nil:
		return nil, fmt.Errorf("it is damaged: %w", err)
	case key.Type() != kind:
		return nil, fmt.Errorf("it is of type %s, but %s stands before it", key.Type(), kind)
	case !bytes.Equal(key.Marshal(), blob):
		return nil, errors.New("it is damaged: it isn't written as OpenSSH writes it")
	}
	return key, checkLength(key)
}

// checkLength refuses RSA keys that are too short.
func checkLength(key ssh.PublicKey) error {
	crypto, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return nil
	}
	if public, ok := crypto.CryptoPublicKey().(*rsa.PublicKey); ok && public.N.BitLen() < weakestRSA {
		return fmt.Errorf("an RSA key of %d bits is too short: %d or more count", public.N.BitLen(), weakestRSA)
	}
	return nil
}
