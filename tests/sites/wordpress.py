"""WordPress as Debian packages it, on PHP-FPM behind nginx, with MariaDB.

Nothing of the machine is changed: every server runs on files and sockets in one folder,
as the user that runs the tests.
"""

import contextlib
import os
import secrets
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.ports import free_port
from tests.repository import ROOT, code_lines
from tests.sites.differential import Ask, ask
from tests.sites.programs import SEARCHED, debian, missing, run, server

PAGE = ROOT / "docs" / "sites.md"
"""The guide for operators; the program in it is installed as it says."""

SOURCE = Path("/usr/share/wordpress")
"""Where Debian puts WordPress."""

USER = "keeper"
"""The name of the site's administrator."""

_IS_ROOT = os.geteuid() == 0

_NGINX = Template("""\
daemon off;
pid $folder/nginx.pid;
error_log $folder/nginx-error.log;
worker_processes 1;
$user
events { worker_connections 64; }
http {
    include /etc/nginx/mime.types;
    log_format uploads escape=json '{"bytes":"$$http_content_length",'
        '"via":"$$http_via","decision":"$$http_uploadfilter_decision"}';
    access_log $folder/requests.jsonl uploads;
    client_body_temp_path $folder/nginx-body;
    fastcgi_temp_path $folder/nginx-fastcgi;
    proxy_temp_path $folder/nginx-proxy;
    uwsgi_temp_path $folder/nginx-uwsgi;
    scgi_temp_path $folder/nginx-scgi;
    client_max_body_size 64m;
    gzip on;
    gzip_proxied any;
    gzip_types text/css application/javascript;
    server {
        listen 127.0.0.1:$port;
        root $folder/site;
        index index.php;
        location / { try_files $$uri $$uri/ /index.php?$$args; }
        location ~ \\.php$$ {
            include /etc/nginx/fastcgi.conf;
            fastcgi_param HTTP_HOST $$http_host;
            fastcgi_pass unix:$folder/php.sock;
        }
    }
}
""")

_FPM = Template("""\
[global]
error_log = $folder/php.log
daemonize = no
[www]
$user
listen = $folder/php.sock
pm = static
pm.max_children = 3
clear_env = yes
php_admin_value[upload_max_filesize] = 64M
php_admin_value[post_max_size] = 64M
php_admin_value[upload_tmp_dir] = $folder/incoming
php_admin_value[sendmail_path] = /bin/true
php_admin_value[error_log] = $folder/php-errors.log
""")

_CONFIG = Template("""\
<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'wordpress');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:$folder/db.sock');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
$salts
$$table_prefix = 'wp_';
define('WP_HOME', 'http://' . $$_SERVER['HTTP_HOST']);
define('WP_SITEURL', WP_HOME);
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('FS_METHOD', 'direct');
define('WP_ENVIRONMENT_TYPE', 'local');
if (!defined('ABSPATH')) { define('ABSPATH', __DIR__ . '/'); }
require_once ABSPATH . 'wp-settings.php';
""")
"""The address of the site is that by which it is asked, so that it is the same site
straight and through the proxy. It asks nobody else, and does nothing by itself. Where
it is ``local`` it lets programs in with a password of their own without TLS."""

_SALTS = ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE")


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPress:
    """A running WordPress.

    Attributes:
        origin: Its URL.
        content: Where it keeps what it is sent (``wp-content``).
        folder: Where everything is.
        password: Of ``USER``.
    """

    origin: str
    content: Path
    folder: Path
    password: str


@contextlib.contextmanager
def wordpress(folder: Path) -> Iterator[WordPress]:
    """Install WordPress and run it for the length of the block.

    Args:
        folder: For everything; with a short path, since there are sockets in it.
    """
    php = _php_fpm()
    nginx = debian("nginx", package="nginx")
    if not SOURCE.exists():
        missing("WordPress", cure="apt: wordpress")
    port = free_port()
    _prepare(folder, port)
    with (
        _mariadb(folder),
        server(
            [php, "--nodaemonize", "--fpm-config", folder / "fpm.conf", *_as_root()],
            log=folder / "php.out",
            ready=folder / "php.sock",
        ),
        server(
            [nginx, "-e", folder / "nginx-error.log", "-c", folder / "nginx.conf"],
            log=folder / "nginx.out",
            ready=port,
        ),
    ):
        password = secrets.token_hex(12)
        _install(port, password)
        sql(
            folder,
            "UPDATE wp_options SET option_value = '/%postname%/'"
            " WHERE option_name = 'permalink_structure';"
            "UPDATE wp_options SET option_value = ''"
            " WHERE option_name = 'rewrite_rules';",
        )
        yield WordPress(
            origin=f"http://127.0.0.1:{port}",
            content=folder / "site" / "wp-content",
            folder=folder,
            password=password,
        )


def _php_fpm() -> str:
    """Return the path of PHP-FPM, whose name holds its version."""
    folders = (Path(name) for name in SEARCHED.split(os.pathsep))
    found = sorted(path for f in folders for path in f.glob("php-fpm[0-9]*"))
    return (
        str(found[-1]) if found else missing("php-fpm", cure="apt: php-fpm php-mysql")
    )


def _as_root() -> list[str]:
    """PHP-FPM asks root whether it means it."""
    return ["--allow-to-run-as-root"] if _IS_ROOT else []


def _prepare(folder: Path, port: int) -> None:
    """Write everything but what MariaDB keeps."""
    shutil.copytree(SOURCE, folder / "site")
    (folder / "site" / ".htaccess").unlink(missing_ok=True)
    (folder / "site" / "wp-content" / "uploads").mkdir()
    (folder / "incoming").mkdir()
    extras = folder / "site" / "wp-content" / "mu-plugins"
    extras.mkdir()
    # The page has it indented, and all before its first mark would be printed.
    program = textwrap.dedent("\n".join(code_lines(PAGE, "php")))
    (extras / "uploadfilter.php").write_text(program)
    salts = "".join(
        f"define('{name}_{kind}', '{secrets.token_hex(32)}');\n"
        for name in _SALTS
        for kind in ("KEY", "SALT")
    )
    texts = {
        "nginx.conf": (_NGINX, "user root;" if _IS_ROOT else ""),
        "fpm.conf": (_FPM, "user = root\ngroup = root" if _IS_ROOT else ""),
        "site/wp-config.php": (_CONFIG, ""),
    }
    for name, (template, user) in texts.items():
        text = template.substitute(folder=folder, port=port, user=user, salts=salts)
        (folder / name).write_text(text)


@contextlib.contextmanager
def _mariadb(folder: Path) -> Iterator[None]:
    """Run MariaDB with one empty schema, on a socket and on no port."""
    daemon = debian("mariadbd", package="mariadb-server")
    maker = debian("mariadb-install-db", package="mariadb-server")
    data, socket = folder / "db", folder / "db.sock"
    user = ["--user=root"] if _IS_ROOT else []
    run(
        *(maker, "--no-defaults", f"--datadir={data}", "--skip-test-db", *user),
        "--auth-root-authentication-method=normal",
    )
    # Nothing here has to outlive the machine, so it need not wait for the disk.
    options = ("--skip-networking", "--innodb-flush-log-at-trx-commit=0", *user)
    with server(
        [daemon, "--no-defaults", f"--datadir={data}", f"--socket={socket}", *options],
        log=folder / "db.log",
        ready=socket,
    ):
        sql(
            folder,
            "CREATE DATABASE wordpress CHARACTER SET utf8mb4;"
            "CREATE USER wordpress@localhost;"
            "GRANT ALL ON wordpress.* TO wordpress@localhost;",
            schema="mysql",
        )
        yield


def sql(folder: Path, statements: str, *, schema: str = "wordpress") -> bytes:
    """Run statements in MariaDB, and return what they print."""
    client = debian("mariadb", package="mariadb-server")
    where = f"--socket={folder / 'db.sock'}"
    words = (client, "--no-defaults", "--batch", "--user=root", where, schema)
    return run(*words, data=statements.encode()).stdout


def _install(port: int, password: str) -> None:
    """Fill in the form by which a WordPress is installed."""
    form = (
        "weblog_title=Lakes&user_name=keeper&admin_email=keeper%40site.example"
        f"&admin_password={password}&admin_password2={password}&pw_weak=1&Submit=1"
    )
    done = ask(
        port,
        Ask(
            method="POST",
            target="/wp-admin/install.php?step=2",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=form.encode(),
        ),
    )
    if b"Success!" not in done.body:
        raise RuntimeError(f"WordPress was not installed: {done.body!r}")
