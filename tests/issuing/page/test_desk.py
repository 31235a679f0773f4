"""The page over HTTP: which browser is admitted, and the result of each form."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from tests.corpus import pictures
from tests.issuing.offices import Office, line_of
from tests.issuing.page.opening import PASSPHRASE, Browser, Keys, office_of, opened
from tests.issuing.softhsm import LIBRARY, PIN, WRONG_PIN, Drawer, drawer
from uploadfilter.issuing import signing
from uploadfilter.issuing.keys import opened_key
from uploadfilter.issuing.page import work
from uploadfilter.issuing.page.door import COOKIE
from uploadfilter.issuing.page.rendering import STATIC
from uploadfilter.issuing.steps import Act
from uploadfilter.issuing.tokens import token_key
from uploadfilter.knowngood import corpus as corpora
from uploadfilter.signedsets.metadata import name_of
from uploadfilter.web.serving import POLICY

__all__ = ["drawer"]

WRONG = "another one"
PAGES = (
    "/",
    "/withdraw",
    "/stick",
    "/status",
    "/keys",
    "/choose",
    "/work",
    "/progress.json",
)
TWENTY = tuple(line_of(f"p-{n}", n) for n in range(20))
INLINE = (" style=", " onclick=", "<style", "javascript:", "http://", "https://")
NAME = "name-that-nobody-sees"


@pytest.fixture(scope="module")
def keys() -> Keys:
    """Make the keys of all tests of this file."""
    return Keys()


@pytest.fixture
def office(tmp_path: Path, keys: Keys) -> Office:
    """Return an issuer's folder in which nothing is published."""
    return office_of(tmp_path / "o", keys)


def picture_folder(path: Path, *, count: int = 3) -> Path:
    """Make a folder of pictures by category, with one that is broken."""
    for category in ("1", "2"):
        (path / category).mkdir(parents=True)
    photo = b""
    for seed in range(count):
        photo = pictures.png(pictures.photograph(seed, width=96, height=72))
        (path / str(1 + seed % 2) / f"{NAME}-{seed}.png").write_bytes(photo)
    (path / "1" / f"{NAME}-broken.png").write_bytes(photo[:40])
    return path


async def build(browser: Browser, folder: Path) -> str:
    """Choose a folder, and have its pictures read; return the page shown then."""
    await browser.open()
    await browser.send("/choose/pictures")
    await browser.send("/choose/typed", path=str(folder))
    await browser.send("/choose/take")
    return (await browser.send("/act/build", naming="folders")).text


async def begun(browser: Browser) -> None:
    """Wait until some of the work is done."""
    async with asyncio.timeout(20):
        while '"done":0' in (await browser.ask("GET", "/progress.json")).html:
            pass


async def publish(browser: Browser, office: Office) -> None:
    """Publish twenty entries, signed by all that are needed."""
    office.stage(*TWENTY)
    office.propose()
    await browser.sign("ann", "bob", "dora", "eve", "fay")
    shown = await browser.use_key("/act/publish", "machine", "machine")
    assert shown.notes[0].startswith("good: Number 1 is published."), shown.notes


async def test_link_lets_one_browser_in_once(office: Office, keys: Keys) -> None:
    """A browser without a cookie sees nothing, and the link is used up."""
    async with opened(office, keys) as browser:
        before = await browser.open()
        wrong = await browser.open("/enter/wrong")
        path = browser.link.removeprefix(browser.site)
        first = await browser.open(path)
        inside = await browser.open()
        second = await browser.open(path)

    assert (before.status, wrong.status, second.status) == (403, 403, 403)
    assert "did not open the link" in before.text
    assert "was used already" in second.text
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Max-Age" not in cookie
    assert inside.status == 200


async def test_stranger_learns_nothing_but_why(office: Office, keys: Keys) -> None:
    """This holds on every page, beside the one browser."""
    evil = "evil.example"
    async with opened(office, keys) as browser:
        await browser.enter()
        browser.forget()
        for path in PAGES:
            shown = await browser.ask("GET", path, Cookie=f"{COOKIE}=wrong")
            named = await browser.ask("GET", path, Host=evil)
            posted = await browser.ask("POST", path, data={}, Origin=f"http://{evil}")

            assert (shown.status, named.status, posted.status) == (403, 421, 403), path
            for told in (shown, named, posted):
                assert "unit7" not in told.html


async def test_form_is_one_of_our_page(office: Office, keys: Keys) -> None:
    """With cookie and origin, but from elsewhere, it changes nothing."""
    office.stage(*TWENTY)
    async with opened(office, keys) as browser:
        await browser.enter()
        browser.html = ""
        refused = await browser.send("/act/propose")
        lying = await browser.ask(
            "POST", "/act/propose", data={"form": "x"}, Origin=browser.site
        )
        odd = await browser.ask("DELETE", "/")
        await browser.open()
        nowhere = await browser.send("/act/stop")
        lost = await browser.open("/nowhere")

    assert (refused.status, lying.status, odd.status) == (403, 403, 405)
    assert (nowhere.status, lost.status) == (404, 404)
    assert "earlier page" in refused.text
    assert not any(
        it.role == "hashset" for it in signing.pending(office.folder, office.now)
    )


async def test_what_is_not_offered_is_refused(office: Office, keys: Keys) -> None:
    """A form that was made by hand can do only what the page offers."""
    refused = set()
    async with opened(office, keys) as browser:
        await browser.enter()
        for act in set(Act) - {Act.STOP}:
            shown = await browser.send(f"/act/{act}")
            if "cannot be done now" in shown.notes[0]:
                refused.add(act)

    # The holders of roles wait for signatures from the beginning.
    assert set(Act) - refused == {Act.STOP, Act.BUILD, Act.SIGN, Act.KEY}


async def test_form_that_is_none_is_said(office: Office, keys: Keys) -> None:
    """It is too large, lacks a length, or has another media type."""
    async with opened(office, keys) as browser:
        await browser.enter()
        large = await browser.ask(
            "POST", "/act/sign", data=b"x" * (300 << 10), Origin=browser.site
        )
        text = await browser.ask("POST", "/act/sign", data="x", Origin=browser.site)

    assert "at most 256 KiB" in large.notes[0]
    assert "did not send a form of this page" in text.notes[0]


async def test_nothing_is_inline_or_from_elsewhere(office: Office, keys: Keys) -> None:
    """The policy comes with every answer, and no page needs another source."""
    async with opened(office, keys) as browser:
        await browser.enter()
        for path in (*PAGES, *(f"/static/{name}" for name in STATIC)):
            shown = await browser.open(path)

            assert shown.status == 200, path
            assert shown.headers["Content-Security-Policy"] == POLICY
            assert shown.headers["Server"] == "uploadfilter"
            assert shown.headers["Referrer-Policy"] == "same-origin"
            is_kept = path.startswith("/static/")
            assert ("no-store" in shown.headers["Cache-Control"]) != is_kept
            for inline in INLINE:
                html = shown.html.replace("http://www.w3.org/2000/svg", "")
                assert inline not in html, path


async def test_from_pictures_to_a_proposal_only_what_is_left_out_is_named(
    office: Office, keys: Keys, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No picture of an entry is named on a page, in the folder, or on the terminal."""
    folder = picture_folder(tmp_path / NAME / os.fsdecode(b"\xff <b>"))
    rows = ("1", "gone"), ("2", f"{NAME}-1"), *(("1", f"{NAME}-{n}") for n in (0, 2))
    table = "".join(f"{c}/{name}.png,cat-{c}\n" for c, name in rows)
    (tmp_path / NAME / "table.csv").write_text(f"path,category\n{table}")
    async with opened(office, keys) as browser:
        await browser.enter()
        await browser.send("/choose/pictures")
        shown = await browser.send("/choose/typed", path=str(folder.parent))
        here = shown.html.partition('name="here" value="')[2].partition('"')[0]
        await browser.send("/choose/0", here=here)
        await browser.send("/choose/take")
        form = {"naming": "table", "table": str(tmp_path / NAME / "table.csv")}
        built = (await browser.send("/act/build", **form)).text
        pages = [await browser.open(path) for path in PAGES if path != "/choose"]
        await browser.open()
        proposed = await browser.send("/act/propose", extent="more")
    texts = [it.html for it in pages]
    list_of_files = office.folder.path / "left-out.csv"
    files = [path for path in office.folder.path.rglob("*") if path.is_file()]
    files.remove(list_of_files)
    named = list_of_files.read_bytes()

    assert "Entries 3 Left out 1" in built
    assert "cat-1 2 cat-2 1" in built
    assert "1 in no row of the table" in built
    assert "1 row of the table has no picture." in built
    assert "3 entries are added" in proposed.text
    assert "needs 2 signatures of dora, eve, gus" in proposed.text
    assert f"{NAME}-broken.png" in built
    assert f"{NAME}-broken.png".encode() in named
    for number in range(3):
        assert not any(f"{NAME}-{number}" in text for text in texts)
        assert f"{NAME}-{number}".encode() not in named
    assert not any(NAME in str(path.relative_to(tmp_path)) for path in files)
    assert not any(NAME.encode() in path.read_bytes() for path in files)
    assert NAME not in "".join(capfd.readouterr())


async def test_damaged_and_known_good_pictures_are_named(
    office: Office, keys: Keys, tmp_path: Path
) -> None:
    """Known-good ones are left out if the form says so, with the name of the corpus."""
    folder = picture_folder(tmp_path / "in", count=2)
    (folder / "1" / "notes.txt").write_text("look again")
    known = (folder / "1" / f"{NAME}-0.png").read_bytes()
    corpus = tmp_path / "kg" / "stock.corpus"
    head = corpora.Head(format=corpora.FORMAT, digests={"md5": 1})
    md5 = hashlib.md5(known, usedforsecurity=False).digest()
    corpora.write(corpus, head, values=b"", qualities=b"", digests={"md5": [md5]})
    async with opened(office, keys) as browser:
        await browser.enter()
        with_all = await build(browser, folder)
        await browser.send("/act/discard")
        await browser.send("/choose/pictures")
        await browser.send("/choose/typed", path=str(folder))
        await browser.send("/choose/take")
        form = {"naming": "folders", "leave_out": "yes", "corpus": str(corpus)}
        without = (await browser.send("/act/build", **form)).text

    assert "Entries 2 Left out 2" in with_all
    assert "Entries 1 Left out 3" in without
    assert f"{NAME}-0.png" not in with_all
    damaged = "left out: a picture that is damaged, or could not be decoded"
    places = [
        without.index(f"{NAME}-broken.png {damaged}"),
        without.index(f"{NAME}-0.png left out: like a picture or file that is known"),
        without.index("notes.txt left out: not a picture"),
    ]
    assert places == sorted(places)
    assert f"({corpus})" in without


async def test_build_that_is_stopped_can_go_on(
    office: Office, keys: Keys, tmp_path: Path
) -> None:
    """The page says so, the results are kept, and no other work begins meanwhile."""
    folder = picture_folder(tmp_path / "in", count=1)
    first = folder / "1" / f"{NAME}-0.png"
    for number in range(400):
        (folder / "2" / f"{number}.png").write_bytes(first.read_bytes())
    async with opened(office, keys) as browser:
        await browser.enter()
        building = asyncio.ensure_future(build(browser, folder))
        await begun(browser)
        busy = await browser.ask("GET", "/status")
        browser.html = busy.html
        other = await browser.post("/act/export")
        await browser.post("/stop")
        await building
        after = await browser.open()
    (part,) = (office.folder.path / "builds").glob("*.done")

    assert "Reading the pictures" in busy.text
    assert (other.path, busy.path) == ("/work", "/work")
    assert "were not read to the end" in after.text
    assert 0 < len(part.read_text().splitlines()) < 402


@pytest.mark.parametrize(
    "patience_s", [work.PATIENCE_S, pytest.param(0.0, marks=pytest.mark.slow)]
)
async def test_proposal_needs_every_signature(
    office: Office, keys: Keys, patience_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the threshold nothing goes out, and the same key counts once.

    However slow the machine is: results are not shown on the page that shows work.
    """
    monkeypatch.setattr(work, "PATIENCE_S", patience_s)
    office.stage(*TWENTY)
    office.propose()
    async with opened(office, keys) as browser:
        await browser.enter()
        early = await browser.use_key("/act/publish", "machine", "machine")
        wrong = await browser.use_key("/act/sign", "key", "dora", passphrase=WRONG)
        none = await browser.send("/act/sign", key_passphrase=WRONG)
        public = await browser.send(
            "/act/sign", key=keys.public_file("dora"), key_passphrase=WRONG
        )
        first = await browser.sign("dora")
        twice = await browser.sign("dora")
        stranger = await browser.sign("machine")
        await browser.sign("eve", "ann", "bob")
        last = await browser.sign("fay")
        other = await browser.use_key("/act/publish", "machine", "fay")
        done = await browser.use_key("/act/publish", "machine", "machine")

    assert "cannot be done now" in early.notes[0]
    assert "<title>Not done: Signatures" in early.html
    assert "<title>Signatures" in first.html
    assert "passphrase of the key of 'dora' is wrong" in wrong.notes[0]
    assert "no key was chosen" in none.notes[0].lower()
    assert "no private key" in public.notes[0]
    assert "dora has signed. Now somebody else has to sign." in first.notes[0]
    assert "needs 1 more signature of eve, gus (has 1: dora)" in first.text
    assert "somebody else has to sign" in twice.notes[0]
    assert "may not sign any part" in stranger.notes[0]
    assert "It can go out now." in last.notes[0]
    assert "may not sign that this is the newest" in other.notes[0]
    assert "good: Number 1 is published." in done.notes[0]
    assert office.ids() == {f"p-{n}" for n in range(20)}


async def test_what_was_not_shown_is_not_signed(office: Office, keys: Keys) -> None:
    """Somebody makes another proposal while the officer reads this one."""
    office.stage(line_of("a", 1))
    office.propose()
    async with opened(office, keys) as browser:
        await browser.enter()
        office.stage(line_of("b", 2))
        office.propose()
        shown = await browser.use_key("/act/sign", "key", "dora")
        now = await browser.sign("dora")

    assert "not the one that was shown" in shown.notes[0]
    assert "nobody yet" in shown.text
    assert "dora has signed" in now.notes[0]


async def test_one_officer_withdraws_within_a_bound(office: Office, keys: Keys) -> None:
    """Its effect is shown first; an unknown id, and too many ids, are refused."""
    async with opened(office, keys) as browser:
        await browser.enter()
        before = await browser.open("/withdraw")
        await publish(browser, office)
        page = await browser.open("/withdraw")
        strange = await browser.send("/withdraw", ids="x-1")
        many = await browser.send("/withdraw", ids="p-1 p-2 p-3")
        asked = await browser.send("/withdraw", ids="p-1")
        nothing = await browser.send("/withdraw", back="1")
        await browser.send("/withdraw", ids="p-1")
        fields = {"ids": "p-1", "machine_passphrase": PASSPHRASE}
        files = {"key": keys.file("fay"), "machine": keys.file("machine")}
        form = "/act/withdraw"
        wrong = await browser.send(form, **fields, **files, key_passphrase=WRONG)
        done = await browser.send(form, **fields, **files, key_passphrase=PASSPHRASE)
        files["key_passphrase"] = PASSPHRASE.encode()
        renewed = await browser.send(form, machine_passphrase=PASSPHRASE, **files)
        status = await browser.open("/status")

    assert "Nothing is published yet" in before.text
    assert (
        "may withdraw 2 entries a day, of 20 entries, and 2 entries more today"
        in page.text
    )
    assert "no entry 'x-1'" in strange.notes[0]
    assert "more than the 2 that one person may withdraw" in many.notes[0]
    assert "1 entry is of category 1." in asked.text
    assert "Ids of the entries" in nothing.text
    assert "is wrong" in wrong.notes[0]
    assert "1 entry is withdrawn." in done.notes[0]
    assert "The list of withdrawals is renewed: 1 entry." in renewed.notes[0]
    assert "Withdrawn 1" in status.text
    assert "needs 1 signature of fay" in status.text


async def test_what_ends_soon_is_said_with_what_to_do(
    office: Office, keys: Keys
) -> None:
    """It is reported in the last week of a month, and when the month is over."""
    async with opened(office, keys) as browser:
        await browser.enter()
        await publish(browser, office)
        fresh = await browser.open("/status")
    later = {}
    for days in (0.9, 25, 400):
        async with opened(office, keys, days=days) as browser:
            await browser.enter()
            later[days] = (await browser.open("/status")).text

    digest = hashlib.sha256(office.root).hexdigest()
    assert digest in fresh.text.replace(" ", "")
    assert "Due now" not in fresh.text
    assert "The newest version: confirm it below" in later[0.9]
    assert "propose a longer validity on the page 'New set'" not in later[0.9]
    assert "The set: propose a longer validity on the page 'New set'" in later[25]
    assert "renew the list on the page 'Withdraw'" in later[25]
    assert "The root keys: those who look after" in later[400]


async def test_published_set_is_copied_renewed_and_made_smaller(
    office: Office, keys: Keys, tmp_path: Path
) -> None:
    """This is done on the other pages, when there is something to copy."""
    stick = tmp_path / "stick"
    stick.mkdir()
    async with opened(office, keys) as browser:
        await browser.enter()
        await publish(browser, office)
        await browser.open("/stick")
        early = await browser.send("/act/export")
        await browser.send("/choose/stick")
        await browser.send("/choose/typed", path=str(stick))
        chosen = await browser.send("/choose/take")
        copied = await browser.send("/act/export")
        await browser.open("/status")
        renewed = await browser.use_key("/act/renew", "machine", "machine")
        await browser.open()
        strange = await browser.send("/act/remove", ids="x-9")
        removed = await browser.send("/act/remove", ids="p-1\np-2")
        forgotten = await browser.send("/act/forget")

    assert "no folder was chosen" in early.notes[0].lower()
    assert (chosen.path, str(stick) in chosen.text) == ("/stick", True)
    assert "good: Number 1 is in" in copied.notes[0]
    assert (stick / "metadata" / "timestamp.json").is_file()
    assert "confirmed as the newest" in renewed.notes[0]
    assert "no entry 'x-9'" in strange.notes[0]
    assert "2 entries are removed" in removed.text
    assert "Which pictures?" in forgotten.text
    assert "deleted" in forgotten.notes[0]


async def test_officer_makes_a_key_on_a_stick(
    office: Office, keys: Keys, tmp_path: Path
) -> None:
    """The key is made once, with a repeated passphrase, and only in that folder."""
    async with opened(office, keys) as browser:
        await browser.enter()
        form = {"name": "gus", "passphrase": PASSPHRASE, "again": PASSPHRASE}
        unchosen = await browser.send("/act/key", **form)
        await browser.send("/choose/keys")
        await browser.send("/choose/typed", path=str(tmp_path))
        await browser.send("/choose/take")
        differ = await browser.send("/act/key", **form | {"again": WRONG})
        short = await browser.send(
            "/act/key", **form | {"passphrase": "x", "again": "x"}
        )
        outside = await browser.send("/act/key", **form | {"name": "../gus"})
        made = await browser.send("/act/key", **form)
        twice = await browser.send("/act/key", **form)

    files = await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
    assert "No folder was chosen" in unchosen.notes[0]
    assert "The two passphrases differ" in differ.notes[0]
    assert "fewer than 12 characters" in short.notes[0]
    assert "a holder of a key cannot have the name" in outside.notes[0].lower()
    assert "good: The key of gus is made. gus.key stays" in made.notes[0]
    assert "exists already" in twice.notes[0]
    assert {path.name for path in files} == {"gus.key", "gus.pub", "o"}
    key = opened_key((tmp_path / "gus.key").read_bytes(), PASSPHRASE)
    assert name_of(key.public_key) == "gus"


async def test_key_in_a_token_signs_with_its_pin(
    office: Office, keys: Keys, drawer: Drawer
) -> None:
    """The page must have been started with a library: no form ever names one."""
    drawer.plug_in("of dora")
    file, _ = token_key("dora", LIBRARY, label="of dora", number=2, pin=PIN)
    office.stage(*TWENTY)
    office.propose()
    async with opened(office, keys) as browser:
        await browser.enter()
        without = await browser.send("/act/sign", key=file, key_passphrase=PIN)
    async with opened(office, keys, library=LIBRARY) as browser:
        page = await browser.enter()
        wrong = await browser.send("/act/sign", key=file, key_passphrase=WRONG_PIN)
        seen = page.html.partition('name="seen" value="')[2].partition('"')[0]
        stranger = await browser.send(
            "/act/sign", key=file, key_passphrase=PIN, seen=seen
        )

    assert "in the token 'of dora'" in without.notes[0]
    assert "issuer page --pkcs11" in without.notes[0]
    assert "PIN of the token" in page.text
    assert "changed" in wrong.notes[0]
    assert "may not sign any part of the proposal" in stranger.notes[0]


async def test_folder_is_chosen_by_its_number_or_its_path(
    office: Office, keys: Keys, tmp_path: Path
) -> None:
    """The name of a folder need not be text; a missing folder is reported."""
    odd = tmp_path / "in" / os.fsdecode(b"\xff <b>")
    odd.mkdir(parents=True)
    async with opened(office, keys) as browser:
        await browser.enter()
        unchosen = await browser.send("/act/build", naming="folders")
        await browser.send("/choose/pictures")
        gone = await browser.send("/choose/typed", path=str(tmp_path / "gone"))
        shown = await browser.send("/choose/typed", path=str(tmp_path / "in"))
        stale = await browser.send("/choose/0", here="other")
        here = shown.html.partition('name="here" value="')[2].partition('"')[0]
        into = await browser.send("/choose/0", here=here)
        taken = await browser.send("/choose/take")
        wrong = await browser.send("/act/build", naming="one", category="a\x07")
        tableless = await browser.send("/act/build", naming="table", table="/nope")
        folder = await browser.send("/act/build", naming="table", table="/etc")
        odd.rmdir()
        vanished = await browser.send("/act/build", naming="one", category="7b")

    assert "No folder was chosen" in unchosen.notes[0]
    assert "No such file or directory" in gone.notes[0]
    assert "The list has changed" in stale.notes[0]
    assert r"\xff &lt;b&gt;" in into.html
    assert r"\xff &lt;b&gt;" in taken.html
    assert "cannot be a category" in wrong.notes[0]
    assert "No such file" in tableless.notes[0]
    assert "is not a file" in folder.notes[0]
    assert "is the stick still there?" in vanished.notes[0]


async def test_folder_that_is_in_use_is_said(office: Office, keys: Keys) -> None:
    """Another command is working on it; the remedy is to try again."""
    async with opened(office, keys) as browser:
        await browser.enter()
        with office.folder.locked():
            shown = await browser.open()
        again = await browser.open()

    assert shown.status == 503
    assert "another command is working" in shown.notes[0].lower()
    assert again.status == 200
