"""Certificates for tests: an authority, an origin and a client, valid for a century.

The keys are here for everybody to see and guard nothing. They are elliptic (P-256),
made once with the library ``cryptography``; the certificate of the origin is for
``origin.example`` and for no address.
"""

from dataclasses import dataclass
from pathlib import Path

ORIGIN_NAME = "origin.example"

AUTHORITY = """\
-----BEGIN CERTIFICATE-----
MIIBozCCAUmgAwIBAgIUTEq5v5PRHRVXab7XExEp8exBxwgwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTYXV0aG9yaXR5IGZvciB0ZXN0czAgFw0yMDAxMDEwMDAwMDBa
GA8yMTIwMDEwMTAwMDAwMFowHjEcMBoGA1UEAwwTYXV0aG9yaXR5IGZvciB0ZXN0
czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABO0VBd7ODbjI8u8Ii2UVyKqE53JD
8H44EQLdW1mV3f9DwUTL6BdbR1y5jIunNsTZqCaAlaDFph6OC5Mjge1TFb2jYzBh
MA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFBzw7QyZr7KVZcFWD/Nfi29H1BiU
MB8GA1UdIwQYMBaAFBzw7QyZr7KVZcFWD/Nfi29H1BiUMA4GA1UdDwEB/wQEAwIB
hjAKBggqhkjOPQQDAgNIADBFAiEAgStowZ7nP+7u31aRAIRrpPMn9mMD+GLt5Kn0
nmzGUTkCIF9fMSQZfyFG1lp4imyVOsFBNkcmr6WLqRCfTOn6BbuQ
-----END CERTIFICATE-----
"""

ORIGIN = """\
-----BEGIN CERTIFICATE-----
MIIBvDCCAWKgAwIBAgIUGMGcfyWIL5co18V00lLUZc2U0/cwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTYXV0aG9yaXR5IGZvciB0ZXN0czAgFw0yMDAxMDEwMDAwMDBa
GA8yMTIwMDEwMTAwMDAwMFowGTEXMBUGA1UEAwwOb3JpZ2luLmV4YW1wbGUwWTAT
BgcqhkjOPQIBBggqhkjOPQMBBwNCAATxVTODzH6VEqR/V1JFInmf49WM0UIU/7Z6
hDoc0eXHRdx3MQTNN6XfCxNolr3AGLUWCRUdXf1gemqNQ9n2j231o4GAMH4wDAYD
VR0TAQH/BAIwADAdBgNVHQ4EFgQUlZ7398Xa7JMD8UJpmd3J1hAIa+UwHwYDVR0j
BBgwFoAUHPDtDJmvspVlwVYP81+Lb0fUGJQwGQYDVR0RBBIwEIIOb3JpZ2luLmV4
YW1wbGUwEwYDVR0lBAwwCgYIKwYBBQUHAwEwCgYIKoZIzj0EAwIDSAAwRQIhALNR
qeX7Ck6blTwik9BFAyivn24SV4HUIZrudZqkoilnAiBcCUBYzxnLs2NP5nZr1Z8M
i6k3ttd4BZ1IArWaPLQlZQ==
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpuz8yQgzsdNwHQxm
+GbLF4GMHCU/+j7FQW9+Ds7GE16hRANCAATxVTODzH6VEqR/V1JFInmf49WM0UIU
/7Z6hDoc0eXHRdx3MQTNN6XfCxNolr3AGLUWCRUdXf1gemqNQ9n2j231
-----END PRIVATE KEY-----
"""

CLIENT = """\
-----BEGIN CERTIFICATE-----
MIIBnjCCAUSgAwIBAgIUNkrCeXPtA+wN9yGO82RuBxXVMzkwCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTYXV0aG9yaXR5IGZvciB0ZXN0czAgFw0yMDAxMDEwMDAwMDBa
GA8yMTIwMDEwMTAwMDAwMFowFzEVMBMGA1UEAwwMdXBsb2FkZmlsdGVyMFkwEwYH
KoZIzj0CAQYIKoZIzj0DAQcDQgAEalpBYzE/5lFKXwqc7ch3mzSTLntjjqPYcbOk
ARNefJ7he38K1RjtpIi676wTtvkNOwFwrtFs8RSDmGMtVw8oH6NlMGMwDAYDVR0T
AQH/BAIwADAdBgNVHQ4EFgQUN10B1gfHMM4663AuuriSCC91F20wHwYDVR0jBBgw
FoAUHPDtDJmvspVlwVYP81+Lb0fUGJQwEwYDVR0lBAwwCgYIKwYBBQUHAwIwCgYI
KoZIzj0EAwIDSAAwRQIhAJxzy6d89bWAuNQ22SRrY5TGb6G6lpG/huBjkH+t+6mY
AiB4JJtmR2M+nZL7jBI29YwFKa845JE6OMMP0U9C+Op2FA==
-----END CERTIFICATE-----
"""

CLIENT_KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAEAfzwOQ94k8AxAh
9FYWxBbe1HpL2eLFdv4ZaWgj9yuhRANCAARqWkFjMT/mUUpfCpztyHebNJMue2OO
o9hxs6QBE158nuF7fwrVGO2kiLrvrBO2+Q07AXCu0WzxFIOYYy1XDygf
-----END PRIVATE KEY-----
"""

LOCKED_KEY = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBDlkg+5LQy4lYpNvnlA
lkYjAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQHeid5+w5sAzgJRJj
ZEph2gSBkEQwUi58SohrABsAWMKg0HY0cU2q+GR19dM7QQdHNmITfdKQZZeVoIyJ
tvqRzQjAToTmNBRH3OpZMzyRoaEwpqsddrtajSF5/a5emU6BamooRU5ITSeEYQW3
zyz353PRrMYkj/3qmc2D1EcAHRRrTHca97lZl8xjvRgidfLyiARM6QPMNtvwLaoL
ycM/RXAqVQ==
-----END ENCRYPTED PRIVATE KEY-----
"""
"""The client's key under a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Paths of all that, written to files."""

    authority: str
    origin: str
    client: str
    client_key: str
    locked_key: str


def written(folder: Path) -> Certificates:
    """Write the certificates and keys into a folder."""
    paths = {}
    for name, text in (
        ("authority", AUTHORITY),
        ("origin", ORIGIN),
        ("client", CLIENT),
        ("client_key", CLIENT_KEY),
        ("locked_key", LOCKED_KEY),
    ):
        path = folder / f"{name}.pem"
        path.write_text(text, encoding="ascii")
        paths[name] = str(path)
    return Certificates(**paths)
