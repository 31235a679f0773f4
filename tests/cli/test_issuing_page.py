"""``docs/issuing.md`` is a day of an analyst: each command is run as it stands."""

import contextlib
import re
import shlex
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from deploy.demo import running
from deploy.demo.cases import form_of
from tests.cli.running import Terminal, json_lines
from tests.corpus import pictures
from tests.repository import ROOT
from uploadfilter.cli import output
from uploadfilter.cli.issuer import holders, passphrases
from uploadfilter.issuing.keys import made_key

PAGE = (ROOT / "docs" / "issuing.md").read_text(encoding="utf-8")
PASSPHRASE = "four words of mine"  # noqa: S105 - of a test


def blocks(heading: str) -> list[list[str]]:
    """Return the commands below a heading."""
    _, _, text = PAGE.partition(f"\n## {heading}\n")
    text, _, _ = text.partition("\n## ")
    found = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line) for block in found for line in block.splitlines()]


Type = Callable[[list[str]], int]


@pytest.fixture
def typed(tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Return a function that types a command, and answers its questions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    # A key costs half a second at its usual price.
    monkeypatch.setattr(holders, "made_key", partial(made_key, cost=16))

    def passphrase(*_: object, **__: object) -> str:
        return PASSPHRASE

    monkeypatch.setattr(holders, "read_passphrase", passphrase)
    monkeypatch.setattr(passphrases, "read_passphrase", passphrase)
    for module in ("issuer.issuer", "hashset.signed"):
        monkeypatch.setattr(f"uploadfilter.cli.{module}.confirm", _yes)
    return lambda words: terminal.run(*words)


def _yes(*_: object, **__: object) -> None:
    """Answer yes."""


SITE = "http://127.0.0.1:8000"


class Day:
    """Types the commands of the page; a provider's site and proxy are real processes.

    Args:
        typed: Runs a command of the program.
        folder: Where everything is.
        stack: Ends the processes.
    """

    def __init__(self, typed: Type, folder: Path, stack: contextlib.ExitStack) -> None:
        self._typed = typed
        self._folder = folder
        self._stack = stack
        self._site = ""
        self.statuses: list[int] = []
        """The answers to the uploads of the page, in order."""

    def types(self, heading: str, **meant: str) -> None:
        """Type the commands below a heading, with values for some words."""
        for words in blocks(heading):
            known = [meant.get(word, word) for word in words]
            if known[:2] == ["uploadfilter", "serve"]:
                self._serve(known)
            elif known[0] == "curl":
                self._upload(known)
            else:
                self.type(known)

    def type(self, words: list[str]) -> None:
        """Type one command of the program."""
        assert words[0] == "uploadfilter"
        assert self._typed(words[1:]) == output.OK, words

    def _serve(self, words: list[str]) -> None:
        """Start the servers, at free ports."""
        assert words[2:6] == ["--origin", SITE, "--listen", "127.0.0.1:8080"]
        here = self._folder
        site = running.origin(here / "uploads", log=here / "origin.log")
        proxy = running.proxy(
            self._stack.enter_context(site),
            state=here / "state",
            log=here / "proxy.log",
            options=words[6:],
        )
        self._site = self._stack.enter_context(proxy).url

    def _upload(self, words: list[str]) -> None:
        """Send what ``curl -F file=@NAME URL`` would."""
        _, option, field, url = words
        name, _, file = field.partition("=@")
        assert option == "-F"
        body = (self._folder / file).read_bytes()
        content_type, form = form_of([(name, file, body)])
        before = self.statuses[-1:]

        def status() -> int | None:
            """Return the answer when it differs from the one before."""
            answer = running.request(
                url.replace("http://127.0.0.1:8080", self._site),
                method="POST",
                body=form,
                headers={"Content-Type": content_type, "Accept": "application/json"},
            )
            return None if [answer.status] == before else answer.status

        # A running proxy takes a change up within two seconds.
        self.statuses.append(running.wait_for(status, what="another answer"))


@pytest.fixture
def day(typed: Type, tmp_path: Path) -> Iterator[Day]:
    """Return a person who types the commands of the page."""
    with contextlib.ExitStack() as stack:
        yield Day(typed, tmp_path, stack)


def test_day_of_an_analyst(
    day: Day, typed: Type, tmp_path: Path, terminal: Terminal
) -> None:
    """From a folder of pictures to a rejected upload, its release, and a new holder."""
    for category, seed in (("1", 7), ("1", 8), ("2", 9)):
        folder = tmp_path / "pictures" / category
        folder.mkdir(parents=True, exist_ok=True)
        made = pictures.photograph(seed, width=160, height=120)
        (folder / f"{seed}.png").write_bytes(pictures.png(made))
    # A copy, in another format.
    photo = pictures.photograph(7, width=160, height=120)
    (tmp_path / "copy.jpg").write_bytes(pictures.jpeg(photo))
    day.types("The first set: four commands")
    day.types("What the provider does")
    folder = tmp_path / "pictures" / "2"
    (folder / "10.png").write_bytes(pictures.png(pictures.photograph(10)))
    day.types("Each next set: three commands")
    terminal.read()

    assert typed(["issuer", "status", "--json", "--folder", "unit7"]) == output.OK
    (status,) = json_lines(terminal.read().out)
    assert (status["sequence"], status["entries"]) == (2, 4)

    assert typed(["log", "show", "--json", "--verdict", "match"]) == output.OK
    (record,) = json_lines(terminal.read().out)
    (entry,) = {match["entry"] for match in record["matches"]}
    (tmp_path / "ids.txt").write_text(f"{entry}\n")
    day.types("At night: withdraw", ENTRY=entry)
    day.types("When a key is lost, or somebody leaves")

    assert day.statuses == [403, 201]


@pytest.mark.parametrize(
    ("heading", "count"),
    [("The first set: four commands", 4), ("Each next set: three commands", 3)],
)
def test_a_set_takes_few_commands(heading: str, count: int) -> None:
    """It was 17 to the first set, and 7 for each next one; headings say the number."""
    assert len(blocks(heading)) == count


def test_steps_can_be_typed_one_by_one(day: Day, tmp_path: Path) -> None:
    """For those who look at each result before they go on."""
    folder = tmp_path / "pictures" / "1"
    folder.mkdir(parents=True)
    (folder / "7.png").write_bytes(pictures.png(pictures.photograph(7)))
    (create, *_) = blocks("The first set: four commands")
    day.type(create)
    day.types("In a browser, or step by step")

    assert (tmp_path / "unit7" / "proposal" / "hashset.json").exists()


def test_page_is_two_pages() -> None:
    """An analyst reads it."""
    assert len(PAGE.splitlines()) <= 150
