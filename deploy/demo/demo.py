"""``make run``: show the filter at work, with real processes and real HTTP.

    python -m deploy.demo.demo          # fixed ports, stays up until Ctrl-C
    python -m deploy.demo.demo --once   # free ports, exit code 0 if all was right

It makes pictures, signs their signals as an issuer would, trusts the public root in
``hashsets/demo``, and syncs the signed set with the program's own commands. Then it
starts the small upload site and the proxy in ``ENFORCE`` in front of it, sends the
uploads of ``cases.py``, and shows for each the client's answer, the new files at the
origin and the decision record. At the end it asks the scan API about two of them, as an
application would. All of its files lie in ``.demo/``.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.json import JSON
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deploy.demo import running
from deploy.demo.cases import Case, cases
from deploy.demo.running import Answer, DemoError
from hashsets.demo.make_demo import write_demo
from hashsets.demo.make_signed import ROOT_FILE, SET, write_signed

FOLDER = Path(".demo")
"""All files that the demo leaves; git ignores it."""

SITE_PORT = 8080
ORIGIN_PORT = 8081
API_PORT = 8082
CATEGORY = "demo"
ASKED = 2
"""Cases that the scan API is asked about, too: a picture that passes, a listed one."""
REFUSED = frozenset({403, 415})
"""The statuses that name a decision: by policy, and of what a route does not take."""

console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)


CONFIGURATION = """\
[policy]
altered = "reject"

[[routes]]
name = "avatars"
path = "/avatars"
accept = ["pictures"]
"""

SHOWN_CONTENTS = 6
"""Contents of a record that are printed; the record itself has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The running demo.

    Attributes:
        state: State directory of the filter.
        site: URL that clients use: the proxy.
        origin: URL of the site behind the proxy.
        api: URL of the scan API.
        token: Token for it.
    """

    state: Path
    site: str
    origin: str
    api: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One upload that was sent.

    Attributes:
        case: The upload, and its right outcome.
        answer: The answer to the client.
        published: New files that the origin shows: SHA-256 to the id of the decision
            that came with each.
    """

    case: Case
    answer: Answer
    published: dict[str, str]

    @property
    def decision(self) -> str | None:
        """Id of the decision, as the client or the origin received it."""
        if self.answer.status in REFUSED:
            problem = self.answer.json()
            return problem.get("decision") if isinstance(problem, dict) else None
        return next(iter(self.published.values()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one upload.

    Attributes:
        sent: The upload and its answer.
        record: The decision record; empty if there is none.
        wrong: The differences from the right outcome, in words.
    """

    sent: Sent
    record: dict[str, Any]
    wrong: tuple[str, ...]


def shown(stage: Stage) -> dict[str, str]:
    """Return the files that the origin shows: SHA-256 to decision."""
    listing = running.request(f"{stage.origin}/files").json()
    if not isinstance(listing, list):
        raise DemoError(f"the origin's list of files is {listing!r}")
    return {file["sha256"]: file["decision"] for file in listing}


def send(stage: Stage, case: Case) -> Sent:
    """Send one upload, and find the new files at the origin."""
    before = shown(stage)
    answer = running.request(
        stage.site + case.path,
        method=case.method,
        body=case.body,
        headers={"Content-Type": case.content_type, "Accept": "application/json"},
    )
    after = shown(stage)
    news = {digest: after[digest] for digest in after.keys() - before.keys()}
    return Sent(case=case, answer=answer, published=news)


def decisions(stage: Stage) -> dict[str, dict[str, Any]]:
    """Return every decision record by its id, as ``log show`` prints them."""
    arguments = ("log", "show", "--json", "--records", "decision")
    # Exit code 1 without output means that there is no record yet.
    done = running.run_program(*arguments, state=stage.state, may_fail=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return {record["id"]: record for record in records}


def judged(sent: Sent, records: dict[str, dict[str, Any]]) -> Outcome:
    """Compare the result of an upload with the right one."""
    record = records.get(sent.decision or "", {})
    return Outcome(sent=sent, record=record, wrong=tuple(faults(sent, record)))


def faults(sent: Sent, record: dict[str, Any]) -> Iterator[str]:
    """Yield all differences between the result of an upload and the right one."""
    case = sent.case
    if sent.answer.status != case.status:
        yield f"the client got {sent.answer.status}, not {case.status}"
    wanted = {hashlib.sha256(case.body).hexdigest()} if case.published else set()
    if sent.published.keys() != wanted:
        yield f"the origin shows {len(sent.published)} new files, not the right ones"
    if not record:
        yield "there is no record of the decision"
        return
    for key in ("verdict", "effect", "reason"):
        if record[key] != getattr(case, key):
            yield f"the {key} is {record[key]}, not {getattr(case, key)}"
    found = {match["signal_type"] for match in record["matches"]}
    if not found.intersection(case.signal_types) and found | {*case.signal_types}:
        yield f"matched by {sorted(found)}, not by one of {list(case.signal_types)}"


def show(number: int, outcome: Outcome) -> None:
    """Print the result of one upload."""
    sent, case = outcome.sent, outcome.sent.case
    console.print()
    console.rule(Text(f"{number}. {case.title}"), align="left", style="dim")
    grid = Table.grid(padding=(0, 2))
    grid.add_row("sent", Text(f"{case.method} {case.path}, {len(case.body):,} bytes"))
    grid.add_row("client got", client_got(sent.answer))
    names = ", ".join(digest[:12] for digest in sent.published)
    news = f"1 new file, SHA-256 {names}..." if names else "nothing new"
    grid.add_row("origin shows", news)
    console.print(Padding(grid, (0, 0, 0, 3)))
    console.print("   decision record", style="bold")
    record = JSON.from_data(_shortened(outcome.record), indent=None).text
    record.no_wrap = False
    console.print(Padding(record, (0, 0, 0, 3)))
    for fault in outcome.wrong:
        console.print(Text(f"   WRONG: {fault}", style="bold red"))
    if not outcome.wrong:
        console.print(Text("   right", style="bold green"))


def _shortened(record: dict[str, Any]) -> dict[str, Any]:
    """Leave out most contents of a record that has very many: a bomb has thousands."""
    contents = record.get("contents", [])
    if len(contents) <= SHOWN_CONTENTS:
        return record
    more = f"... and {len(contents) - SHOWN_CONTENTS} more"
    return {**record, "contents": [*contents[:SHOWN_CONTENTS], more]}


def client_got(answer: Answer) -> Text:
    """Return an answer in one line or, if it is short JSON, with its body."""
    line = Text(f"{answer.status} {http.client.responses.get(answer.status, '')}")
    if "json" in answer.headers.get("content-type", ""):
        line.append(f"  {answer.body.decode().strip()}", style="dim")
    return line


def ask(stage: Stage, case: Case) -> bool:
    """Ask the scan API about an upload; tell whether it says what the proxy did."""
    answer = running.request(
        f"{stage.api}/v1/scan",
        method="POST",
        body=case.body,
        headers={
            "Content-Type": case.content_type,
            "Authorization": f"Bearer {stage.token}",
        },
    )
    found = answer.json()
    is_right = isinstance(found, dict) and found.get("effect") == case.effect
    line = Text(f"   {case.title}: ")
    if isinstance(found, dict):
        line.append(f"{found.get('verdict')}, {found.get('effect')}  ")
    line.append("right" if is_right else "wrong", "green" if is_right else "bold red")
    console.print(line)
    return is_right


def summarise(outcomes: list[Outcome]) -> None:
    """Print one line for each upload."""
    table = Table(
        title="Result of each upload",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for heading in ("upload", "client", "at the origin", "verdict", "by"):
        table.add_column(heading, header_style="bold")
    table.add_column("ms", header_style="bold", justify="right")
    table.add_column()
    for outcome in outcomes:
        table.add_row(
            outcome.sent.case.title,
            str(outcome.sent.answer.status),
            "yes" if outcome.sent.published else "no",
            str(outcome.record.get("verdict")),
            evidence(outcome),
            milliseconds(outcome),
            Text("wrong", "bold red") if outcome.wrong else Text("right", "green"),
        )
    console.print()
    console.print(table)


def evidence(outcome: Outcome) -> str:
    """Return the basis of a verdict: the nearest match that counts, or the reason."""
    record, types = outcome.record, outcome.sent.case.signal_types
    matches = record.get("matches") or ()
    match = next((item for item in matches if item["signal_type"] in types), None)
    if match is None:
        return str(record.get("reason") or "")
    words = [match["signal_type"], f"distance {match['distance']}"]
    if match["view"] not in (None, "stored"):
        words.append(match["view"])
    if match["variant"] not in (None, "upright"):
        words.append(match["variant"])
    if match["kind"] != "within":
        words += [match["kind"], f"by chance {match['chance']:.0e}"]
    return ", ".join(words)


def milliseconds(outcome: Outcome) -> str:
    """Return the duration of the decision; empty if there is none."""
    duration_ms = outcome.record.get("duration_ms")
    return "" if duration_ms is None else f"{duration_ms:,.0f}"


def build_reference(folder: Path) -> Path:
    """Make and sign the demo set, and sync it; return the state directory.

    Raises:
        DemoError: A command failed.
    """
    state = folder / "state"
    hash_set, signed = folder / "demo.jsonl", folder / "signed"
    count = write_demo(hash_set, folder=folder / "pictures")
    console.print(f"made {count} pictures and {hash_set} with their signals")
    # Signed now, so that no signature of the demo can have expired.
    now_s = time.time()  # noqa: TID251 - the program looks at this clock
    write_signed(hash_set, signed, epoch_s=now_s)
    console.print(f"signed them as the set {SET!r}: {signed}")
    digest = hashlib.sha256(ROOT_FILE.read_bytes()).hexdigest()
    named = ("--name", SET, "--from", str(signed), "--digest", digest)
    for arguments in (
        ("init",),
        ("hashset", "trust", str(ROOT_FILE), *named, "--category", CATEGORY),
        ("hashset", "list"),
    ):
        console.print(Text(f"$ uploadfilter {' '.join(arguments)}", style="bold"))
        done = running.run_program(*arguments, state=state)
        console.print(Text((done.stdout + done.stderr).decode().rstrip(), style="dim"))
    return state


def configured(folder: Path) -> Path:
    """Write a configuration file: altered copies are rejected."""
    file = folder / "demo.toml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    return file


@contextlib.contextmanager
def stage(
    folder: Path, *, site_port: int = 0, origin_port: int = 0, api_port: int = 0
) -> Iterator[Stage]:
    """Build the reference set, then run the site and the proxy in front of it.

    Args:
        folder: Folder for all files.
        site_port: Port of the proxy; 0 picks a free one.
        origin_port: Port of the site behind it; 0 picks a free one.
        api_port: Port of the scan API; 0 picks a free one.

    Yields:
        The stage, when everything answers.

    Raises:
        DemoError: Something did not start.
    """
    state = build_reference(folder)
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(
            running.origin(
                folder / "uploads", log=folder / "origin.log", port=origin_port
            )
        )
        proxy = stack.enter_context(
            running.proxy(
                origin,
                state=state,
                log=folder / "proxy.log",
                port=site_port,
                options=(
                    *("--mode", "enforce", "--config", str(configured(folder))),
                    *("--api", f"127.0.0.1:{api_port}"),
                ),
            )
        )
        console.print(f"the site is up at {origin}, the proxy before it at {proxy.url}")
        (listening,) = proxy.events("listening")
        token = running.run_program("api", "token", "demo", state=state)
        yield Stage(
            state=state,
            site=proxy.url,
            origin=origin,
            api=f"http://{listening['api']}",
            token=token.stdout.decode().strip(),
        )


def play(on: Stage) -> bool:
    """Send every upload and show its result; return whether all were right."""
    sent = []
    for case in cases():
        console.print(Text(f"sending {case.title} ..."))
        sent.append(send(on, case))
    records = decisions(on)
    outcomes = [judged(item, records) for item in sent]
    for number, outcome in enumerate(outcomes, start=1):
        show(number, outcome)
    summarise(outcomes)
    console.print("\nAn application asks: POST /v1/scan", style="bold")
    asked = [ask(on, case) for case in cases()[:ASKED]]
    return all(asked) and not any(outcome.wrong for outcome in outcomes)


def run_once() -> bool:
    """Run the demo on free ports in a new folder; return whether all was right."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=FOLDER, prefix="once-") as name,
        stage(Path(name)) as on,
    ):
        return play(on)


def run_and_stay() -> bool:
    """Run the demo on the usual ports and stay up until Ctrl-C."""
    folder = FOLDER / "run"
    for port in (SITE_PORT, ORIGIN_PORT, API_PORT):
        refuse_busy(port)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with stage(
        folder, site_port=SITE_PORT, origin_port=ORIGIN_PORT, api_port=API_PORT
    ) as on:
        right = play(on)
        console.print(
            f"\n[bold]The site, through the proxy:[/]  {on.site}/"
            f"\n[bold]What the origin shows:[/]        {on.origin}/gallery"
            f"\n[bold]The scan API:[/]                {on.api}/v1/scan, with "
            f"'Authorization: Bearer {on.token}'"
            f"\nThe listed pictures to try are in {folder / 'pictures'}. "
            "Ctrl-C ends the demo."
        )
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
        console.print("\nstopping")
    return right


def refuse_busy(port: int) -> None:
    """Check that no process listens on a port.

    Raises:
        DemoError: A process listens on it.
    """
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as exc:
        raise DemoError(
            f"port {port} is not free ({os.strerror(exc.errno or 0).lower()}); end "
            "the process that uses it, or run `make run ONCE=1`, which takes free ports"
        ) from exc


def main() -> None:
    """Run the demo: exit 0 if every outcome was the right one, 1 if not."""
    parser = argparse.ArgumentParser(description="Show the filter at work.")
    parser.add_argument("--once", action="store_true", help="check everything and end")
    once = parser.parse_args().once
    # If this process ends by SIGTERM, the origin and the proxy must end as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        right = run_once() if once else run_and_stay()
    except DemoError as exc:
        console.print(Text(f"demo: {exc}", style="bold red"))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
