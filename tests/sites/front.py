"""nginx as the front end that ends TLS before the proxy."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from string import Template

from tests.ports import free_port
from tests.sites.programs import debian, run, server

_CONFIG = Template("""\
daemon off;
pid $folder/front.pid;
error_log $folder/front-error.log;
worker_processes 1;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $folder/front-body;
    proxy_temp_path $folder/front-proxy;
    fastcgi_temp_path $folder/front-fastcgi;
    uwsgi_temp_path $folder/front-uwsgi;
    scgi_temp_path $folder/front-scgi;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $folder/front.crt;
        ssl_certificate_key $folder/front.key;
        location / {
            proxy_pass $proxy;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            client_max_body_size 0;
            proxy_set_header Host $$http_host;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $$remote_addr;
            proxy_set_header X-Forwarded-Proto $$scheme;
        }
    }
}
""")


@contextlib.contextmanager
def tls_front(folder: Path, proxy: str) -> Iterator[str]:
    """Run nginx before the proxy for the length of the block.

    Args:
        folder: For its files.
        proxy: URL of the proxy.

    Yields:
        Its URL; the certificate is its own.
    """
    nginx = debian("nginx", package="nginx")
    openssl = debian("openssl", package="openssl")
    port = free_port()
    run(
        *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt"),
        *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=front"),
        *("-keyout", folder / "front.key", "-out", folder / "front.crt"),
    )
    text = _CONFIG.substitute(folder=folder, port=port, proxy=proxy)
    (folder / "front.conf").write_text(text)
    command = [nginx, "-e", f"{folder}/front-error.log", "-c", f"{folder}/front.conf"]
    with server(command, log=folder / "front.out", ready=port):
        yield f"https://127.0.0.1:{port}"
