"""The commands of the program, by the words that call them.

Only the modules of the command that is called are loaded: all of them together take
most of a second, and a script calls ``lookup`` or ``log show`` in a loop.

Rules this module keeps: it imports no command; a command whose first words are unknown,
a group without its command, and whatever asks for all commands (help, completion, the
manual pages) see the whole table.

To add a command, write its function in the module of its group (or a new module) and
add one line to ``COMMANDS``; help shows commands in this order.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import typer

GROUPS: Final[Mapping[tuple[str, ...], str]] = {
    ("hashset",): "Import, list and remove hash sets; keep the reference set in order.",
    ("hashset", "known-good"): (
        "Keep corpora of harmless files, which no signed set may list."
    ),
    ("lookback",): "Look back at the files that an origin stores already.",
    ("log",): "Read the decision log, and prove a record of it.",
    ("report",): "Make a report of what the filter did.",
    ("config",): "Check the configuration, and show the settings in force.",
    ("api",): "Let applications ask the filter about uploads.",
    ("api", "token"): "Make, list and revoke the tokens of the scan API.",
    ("objection",): "Decide objections, write statements of reasons.",
    ("issuer",): "For those who make hash sets: build, sign, publish and withdraw.",
}
"""The words of each group of commands, and its help. A group stands after its own."""

COMMANDS: Final[Mapping[tuple[str, ...], str]] = {
    ("serve",): "serve:serve",
    ("init",): "init:init",
    ("doctor",): "doctor:doctor",
    ("backup",): "backup:backup",
    ("restore",): "backup:restore",
    ("scan",): "scan:scan",
    ("lookup",): "lookup:lookup",
    ("verify",): "verify.verify:verify_command",
    ("lookback", "scan"): "lookback:scan_command",
    ("lookback", "match"): "lookback:match_command",
    ("forms",): "forms:forms",
    ("hashset", "import"): "hashset.hashset:import_set",
    ("hashset", "enforce"): "hashset.enforcement:enforce_command",
    ("hashset", "list"): "hashset.hashset:list_command",
    ("hashset", "show"): "hashset.hashset:show_command",
    ("hashset", "remove"): "hashset.hashset:remove_command",
    ("hashset", "convert"): "hashset.converting:convert_command",
    ("hashset", "diff"): "hashset.differences:diff_command",
    ("hashset", "stats"): "hashset.stats:stats_command",
    ("hashset", "check"): "hashset.generations:check_command",
    ("hashset", "off"): "hashset.off:off_command",
    ("hashset", "on"): "hashset.off:on_command",
    ("hashset", "generations"): "hashset.generations:generations_command",
    ("hashset", "compact"): "hashset.generations:compact_command",
    ("hashset", "rollback"): "hashset.generations:rollback_command",
    ("hashset", "release"): "hashset.generations:release_command",
    ("hashset", "trust"): "hashset.signed:trust_command",
    ("hashset", "sync"): "hashset.signed:sync_command",
    ("hashset", "status"): "hashset.signed:status_command",
    ("hashset", "findings"): "hashset.findings:findings_command",
    ("hashset", "canary"): "hashset.canaries:canary_command",
    ("hashset", "feedback"): "issuer.feedback:feedback_command",
    ("hashset", "feedback-key"): "issuer.feedback:feedback_key_command",
    ("hashset", "known-good", "build"): "hashset.known:build_command",
    ("hashset", "known-good", "import"): "hashset.known:import_command",
    ("hashset", "known-good", "list"): "hashset.known:list_command",
    ("hashset", "known-good", "remove"): "hashset.known:remove_command",
    ("log", "totals"): "log.totals:totals_command",
    ("log", "space"): "log.space:space_command",
    ("log", "prove"): "log.proving:prove_command",
    ("log", "check-proof"): "log.proving:check_proof_command",
    ("log", "show"): "log.log:show",
    ("report", "make"): "report.making:report_command",
    ("config", "check"): "config:check",
    ("config", "presets"): "config:presets",
    ("config", "show"): "config:show",
    ("api", "token", "add"): "api:add_command",
    ("api", "token", "list"): "api:list_command",
    ("api", "token", "remove"): "api:remove_command",
    ("objection", "list"): "objections:list_command",
    ("objection", "show"): "objections:show_command",
    ("objection", "decide"): "objections:decide_command",
    ("objection", "statement"): "objections:statement_command",
    ("objection", "statements"): "objections:statements_command",
    ("issuer", "stage"): "issuer.proposing:stage_command",
    ("issuer", "propose"): "issuer.proposing:propose_command",
    ("issuer", "sign"): "issuer.issuer:sign_command",
    ("issuer", "publish"): "issuer.issuer:publish_command",
    ("issuer", "renew"): "issuer.issuer:renew_command",
    ("issuer", "withdraw"): "issuer.issuer:withdraw_command",
    ("issuer", "export"): "issuer.issuer:export_command",
    ("issuer", "status"): "issuer.issuer:status_command",
    ("issuer", "new"): "issuer.holders:new_command",
    ("issuer", "key"): "issuer.holders:key_command",
    ("issuer", "rotate"): "issuer.holders:rotate_command",
    ("issuer", "build"): "issuer.building:build_command",
    ("issuer", "feedback"): "issuer.feedback:issuer_feedback_command",
    ("issuer", "evidence-key"): "issuer.evidence:evidence_key_command",
    ("issuer", "open-evidence"): "issuer.evidence:open_evidence_command",
    ("issuer", "page"): "issuer.paging:page_command",
}
"""The words of each command, and its function: the module in this package, and the
name in it."""


USUAL: Final[Mapping[tuple[str, ...], str]] = {("report",): "make"}
"""Of a group, the command that is meant if an option follows the group's words."""

_HELP: Final = frozenset({"-h", "--help"})


def completed(words: Sequence[str]) -> list[str]:
    """Return a command line with the usual command of its group put in.

    Args:
        words: The command line after the program's name.
    """
    for group, command in USUAL.items():
        end = len(group)
        following = words[end : end + 1]
        is_option = bool(following) and following[0].startswith("-")
        if tuple(words[:end]) == group and is_option and following[0] not in _HELP:
            return [*words[:end], command, *words[end:]]
    return list(words)


def add_commands(program: typer.Typer, words: Sequence[str]) -> None:
    """Add the commands that a command line may call, with their groups.

    Args:
        program: The program, without commands.
        words: The command line after the program's name. Only if its first words are
            those of a command, that command is the only one.
    """
    called = _called(tuple(words))
    groups: dict[tuple[str, ...], typer.Typer] = {(): program}
    for path, function in COMMANDS.items():
        if called in (None, path):
            group = _group(path[:-1], groups)
            group.command(path[-1])(_loaded(function))


def _called(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the command that begins a command line; ``None`` if none does."""
    longest = max(len(path) for path in COMMANDS)
    starts = (words[:length] for length in range(1, longest + 1))
    return next((start for start in starts if start in COMMANDS), None)


def _group(
    path: tuple[str, ...], groups: dict[tuple[str, ...], typer.Typer]
) -> typer.Typer:
    """Return a group of commands; make it, and those above, if it is not there."""
    if path not in groups:
        groups[path] = typer.Typer(no_args_is_help=True, help=GROUPS[path])
        _group(path[:-1], groups).add_typer(groups[path], name=path[-1])
    return groups[path]


def _loaded(function: str) -> Callable[..., object]:
    """Return the function of a command; its module is loaded here."""
    module, _, name = function.partition(":")
    loaded: Callable[..., object] = getattr(
        importlib.import_module(f"uploadfilter.cli.{module}"), name
    )
    return loaded
