"""An issuer's page that runs, and a browser of few words that uses it."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.issuing.offices import HOLDERS, NOW_S, Office
from uploadfilter.issuing.acts import Acts
from uploadfilter.issuing.keys import made_key, public_key
from uploadfilter.issuing.page.orders import Orders
from uploadfilter.issuing.page.serving import PageSettings, serve
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.signedsets.metadata import Holders, name_of

PASSPHRASE = "four words of mine"  # noqa: S105 - of a test
SETTINGS = PageSettings(idle_s=600)

_FORM = re.compile(r'name="form" value="([^"]+)"')
_SEEN = re.compile(r'name="seen" value="([^"]+)"')
_NOTE = re.compile(r'<div class="note (good|bad)".*?</div>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


class Keys:
    """The keys of an office, as files; cheaply sealed, and made once for each name."""

    def __init__(self) -> None:
        names = {name_of(key) for held in HOLDERS.values() for key in held.keys}
        self._made = {name: made_key(name, PASSPHRASE, cost=16) for name in names}

    def file(self, name: str) -> bytes:
        """Return the file of a private key."""
        return self._made[name][0]

    def public_file(self, name: str) -> bytes:
        """Return the file of a public key."""
        return self._made[name][1]

    @property
    def roles(self) -> dict[str, Holders]:
        """The holders of roles, as in every office of tests, with these keys."""
        return {
            role: Holders(
                keys=tuple(public_key(self._made[name_of(k)][1]) for k in held.keys),
                threshold=held.threshold,
            )
            for role, held in HOLDERS.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The page that the browser shows.

    Attributes:
        status: Of the answer, after redirects.
        headers: Of the answer.
        path: Where it ended.
        html: The page.
    """

    status: int
    headers: dict[str, str]
    path: str
    html: str

    @property
    def text(self) -> str:
        """The text that people read."""
        return _read(self.html)

    @property
    def notes(self) -> list[str]:
        """The notes for people: good or bad, and the words."""
        return [f"{found[1]}: {_read(found[0])}" for found in _NOTE.finditer(self.html)]


def _read(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())


class Browser:
    """Opens pages, and sends forms of the page that it shows."""

    def __init__(self, client: aiohttp.ClientSession, link: str, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self.link = link
        self.site = link.partition("/enter/")[0]
        self.html = ""

    async def ask(
        self, method: str, path: str, *, data: object = None, **headers: str
    ) -> Shown:
        """Ask for something, with these fields of the head."""
        async with self._client.request(
            method, self.site + path, data=data, headers=headers
        ) as answer:
            text = await answer.text()
            return Shown(
                status=answer.status,
                headers=dict(answer.headers),
                path=answer.url.path,
                html=text,
            )

    async def open(self, path: str = "/") -> Shown:
        """Open a page, and wait until it has read the folder."""
        shown = await self.ask("GET", path)
        if path != "/work":
            shown = await self._ended(shown)
        self.html = shown.html
        return shown

    def forget(self) -> None:
        """Forget the cookie."""
        self._client.cookie_jar.clear()

    async def enter(self) -> Shown:
        """Use the link."""
        await self.open(self.link.removeprefix(self.site))
        return await self.open()

    async def post(self, to: str, /, **fields: str | bytes) -> Shown:
        """Send a form of the page that is shown; bytes are files."""
        number = _FORM.search(self.html)
        data = aiohttp.FormData(default_to_multipart=True)
        data.add_field("form", number[1] if number else "")
        for name, value in fields.items():
            filename = "k" if isinstance(value, bytes) else None
            data.add_field(name, value, filename=filename)
        return await self.ask("POST", to, data=data, Origin=self.site)

    async def send(self, to: str, /, **fields: str | bytes) -> Shown:
        """Send a form, and wait for the end of the work that it begins."""
        shown = await self._ended(await self.post(to, **fields))
        self.html = shown.html
        return shown

    async def _ended(self, shown: Shown) -> Shown:
        """Wait for the end of work, and return the page that is shown then."""
        while shown.path == "/work":
            # As people look at it, or half of the work would be to show it.
            await asyncio.sleep(0.01)
            shown = await self.ask("GET", "/work")
        return shown

    async def use_key(
        self, path: str, field: str, name: str, *, passphrase: str = PASSPHRASE
    ) -> Shown:
        """Send a form with a key, for the proposal that is shown."""
        seen = _SEEN.search(self.html)
        fields: dict[str, str | bytes] = {
            field: self._keys.file(name),
            f"{field}_passphrase": passphrase,
            "seen": seen[1] if seen else "",
        }
        return await self.send(path, **fields)

    async def sign(self, *names: str) -> Shown:
        """Sign the proposal that is shown."""
        shown = await self.open()
        for name in names:
            shown = await self.use_key("/act/sign", "key", name)
        return shown


@asynccontextmanager
async def opened(
    office: Office,
    keys: Keys,
    settings: PageSettings = SETTINGS,
    *,
    days: float = 0,
    library: Path | None = None,
) -> AsyncIterator[Browser]:
    """Run a page of an office for the length of the block; yield a browser.

    Args:
        office: Whose folder.
        keys: Of its officers.
        settings: Of the page.
        days: How long after the office began.
        library: Of tokens.
    """
    acts = Acts(office.folder, clock=lambda: NOW_S + 86_400 * days)
    orders = Orders(acts, ScannerSettings(workers=1), library)
    link: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    page = asyncio.ensure_future(serve(orders, settings, announce=link.set_result))
    try:
        both: list[asyncio.Future[Any]] = [page, link]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if page.done():
            page.result()
        jar = aiohttp.CookieJar(unsafe=True)  # which are cookies of an address
        async with aiohttp.ClientSession(cookie_jar=jar) as client:
            yield Browser(client, link.result(), keys)
    finally:
        page.cancel()
        await asyncio.wait([page])


def office_of(path: Path, keys: Keys) -> Office:
    """Make an issuer's folder whose holders have these keys."""
    return Office(path, roles=keys.roles)
