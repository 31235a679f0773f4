"""The front end sends each upload in pieces to one proxy: the recipes, as printed."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.repository import ROOT
from tests.sites.programs import debian

pytestmark = pytest.mark.e2e

PAGE = ROOT / "docs" / "operating" / "front-end.md"

_NGINX = """
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ }}
http {{
    access_log off;
    {recipe}
    server {{
        listen 127.0.0.1:1;
        location / {{ proxy_pass http://uploadfilter; }}
    }}
}}
"""
_HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend site
    bind 127.0.0.1:1
    default_backend uploadfilter
{recipe}
"""


def recipe(language: str) -> str:
    """Return what the section about uploads in pieces prints for a program."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.split("\n## Several proxies, and uploads in pieces\n")[1]
    (found,) = re.findall(
        rf"^```{language}\n(.*?)^```",
        section.split("\n## ")[0],
        re.DOTALL | re.MULTILINE,
    )
    return str(found)


def checked(*command: str) -> None:
    """Have a program read its configuration."""
    done = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nginx_takes_the_recipe(tmp_path: Path) -> None:
    """Hashing by id, by folder and by client."""
    config = tmp_path / "nginx.conf"
    config.write_text(_NGINX.format(folder=tmp_path, recipe=recipe("nginx")))
    checked(debian("nginx", package="nginx"), "-t", "-q", "-c", str(config))


def test_haproxy_takes_the_recipe(tmp_path: Path) -> None:
    """The same, in its words."""
    config = tmp_path / "haproxy.cfg"
    config.write_text(_HAPROXY.format(recipe=recipe("haproxy")))
    checked(debian("haproxy", package="haproxy"), "-c", "-f", str(config))
