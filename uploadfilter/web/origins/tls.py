"""The settings of TLS towards the origin: which certificates are trusted.

A certificate is always verified, against the system's authorities or those of a file.
There is no switch to turn that off: operators whose origin uses a self-signed
certificate name that certificate as ``ca_file``.
"""

import ssl

from uploadfilter.errors import ServiceError


def tls_context(
    *, ca_file: str, client_certificate: str, client_key: str
) -> ssl.SSLContext:
    """Read the certificates and keys for connections to an origin.

    Args:
        ca_file: Authorities in PEM instead of the system's; empty for the system's.
        client_certificate: The filter's own certificate in PEM, followed by its chain;
            empty for none.
        client_key: Its key, in PEM and without a password; empty if it stands in
            ``client_certificate``.

    Returns:
        A context that verifies certificate and name, and speaks HTTP/1.1.

    Raises:
        ServiceError: A file cannot be read, or its content is wrong.
    """
    context = _authorities(ca_file)
    context.set_alpn_protocols(["http/1.1"])
    if client_certificate:
        _show(context, client_certificate, client_key)
    return context


def _authorities(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except ssl.SSLError as exc:
        raise ServiceError(
            f"no certificate can be read from ca_file {ca_file!r}",
            hint="It must hold the certificates of authorities in PEM.",
        ) from exc
    except OSError as exc:
        raise _unreadable("ca_file", ca_file, exc) from exc


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        context.load_cert_chain(certificate, key or None, password=_refuse_password)
    except ssl.SSLError as exc:
        both = f"client_certificate {certificate!r}"
        both += f" and client_key {key!r}" if key else " without a client_key"
        raise ServiceError(
            f"{both} cannot be used",
            hint="Certificate and key must be PEM and belong together, and the key "
            "must "
            "have no password.",
        ) from exc
    except OSError as exc:
        where = f"{certificate} or {key}" if key else certificate
        raise _unreadable("client_certificate or client_key", where, exc) from exc


def _refuse_password() -> str:
    """Raise an error instead of letting OpenSSL ask for a password on the terminal."""
    return ""


def _unreadable(key: str, path: str, exc: OSError) -> ServiceError:
    return ServiceError(
        f"cannot read {key} {path!r}: {exc.strerror or exc}",
        hint="Check the path and that this user may read the file.",
    )
