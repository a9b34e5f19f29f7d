// Package signers reads OpenSSH's allowed_signers files and SSH signatures, and
// says whose a signature is. It is never looser than ssh-keygen -Y verify: what
// OpenSSH refuses, it refuses too, and where OpenSSH reads a line in a way that
// few would expect, the line is an error with its number.
//
// It does no I/O and has no clock. Start reading at [Parse], then at [List.Signer].
// The grammar is that of ssh-keygen(1), "ALLOWED SIGNERS", and of OpenSSH 9.2's
// sshsig.c; signatures are those of its PROTOCOL.sshsig.
package signers
