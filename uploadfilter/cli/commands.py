"""The commands of the program, by the words that call them.

A command's module is loaded when the command is called: all of them together take more
than a second, and a script calls ``lookup`` or ``log show`` in a loop.

To add a command, write its function in the module of its group (or a new module) and
add one entry to ``COMMANDS``; help shows commands in this order.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Final, cast

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup, TyperOption
from typing_extensions import override

from uploadfilter.cli.structs import spread

GROUPS: Final[Mapping[str, str]] = {
    "hashset": "Import, list and remove hash sets; keep the reference set in order.",
    "lookback": "Look back at the files that an origin stores already.",
    "log": "Read the decision log, and prove a record of it.",
    "api": "Let applications ask the filter about uploads.",
    "objection": "Decide objections, write statements of reasons.",
    "issuer": "For those who make hash sets: build, sign, publish and withdraw.",
}
"""The words of each group of commands, and its help. A group stands after its own."""

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "serve": (
        "serve:serve",
        "Run the upload proxy in front of an origin, or answer who asks about uploads.",
    ),
    "init": (
        "init:init",
        "Make the state directory with a key and an empty reference set.",
    ),
    "config": (
        "config:config_command",
        "Show every setting that would be in force, or find all mistakes.",
    ),
    "doctor": (
        "doctor:doctor",
        "Check the whole installation when anything is odd, and say what to do.",
    ),
    "backup": (
        "backup:backup",
        "Write a backup of the whole state directory, also while the service runs.",
    ),
    "restore": (
        "backup:restore",
        "Restore the whole state from a backup, into an empty state directory.",
    ),
    "scan": ("scan:scan", "Check files and folders against the reference set."),
    "lookup": ("lookup:lookup", "Look signals up in the reference set."),
    "verify": (
        "verify.verify:verify_command",
        "Check that no record was changed, lost, added or moved, and no report lies.",
    ),
    "report": (
        "report.making:report_command",
        "Make a report of what the filter did, out of the logs of all proxies.",
    ),
    "lookback scan": (
        "lookback:scan_command",
        "Compute the signals of stored files, once, into a folder of Parquet files.",
    ),
    "lookback match": (
        "lookback:match_command",
        "Match stored signals with the reference set in force.",
    ),
    "forms": (
        "forms:forms",
        "Run the forms for objections and notices, and the page of reviewers.",
    ),
    "hashset import": (
        "hashset.hashset:import_set",
        "Import a hash set from a file; the new set replaces one of the same name.",
    ),
    "hashset enforce": (
        "hashset.enforcement:enforce_command",
        "Let the matches of a hash set reject uploads, from now on.",
    ),
    "hashset list": (
        "hashset.listing:list_command",
        "List the hash sets in force, or what else the reference set holds.",
    ),
    "hashset remove": (
        "hashset.hashset:remove_command",
        "Remove a hash set from the reference set, or a known-good corpus.",
    ),
    "hashset convert": (
        "hashset.converting:convert_command",
        "Write the allowed entries of a file as JSON lines, or as a list of one type.",
    ),
    "hashset diff": (
        "hashset.differences:diff_command",
        "List the files that would begin or cease to match if B replaced A.",
    ),
    "hashset off": (
        "hashset.off:off_command",
        "Switch entries off for a while, for example because they are wrong.",
    ),
    "hashset on": (
        "hashset.off:on_command",
        "Switch entries on again that operator, gate or tripwire switched off.",
    ),
    "hashset rollback": (
        "hashset.generations:rollback_command",
        "Return to an older generation, without the entries withdrawn since then.",
    ),
    "hashset trust": (
        "hashset.signed:trust_command",
        "Trust the root of a signed set, once, and take the set from its source.",
    ),
    "hashset sync": (
        "hashset.signed:sync_command",
        "Update signed sets to the newest numbers of their issuers.",
    ),
    "hashset feedback": (
        "issuer.feedback:feedback_command",
        "Write for the issuer of a set which entries matched, by day, and sign it.",
    ),
    "hashset known-good": (
        "hashset.known:build_command",
        "Compute the signals of harmless pictures, for a known-good corpus.",
    ),
    "log totals": (
        "log.totals:totals_command",
        "Show the counts of each day, and their sums.",
    ),
    "log prove": (
        "log.proving:prove_command",
        "Prove that a decision is in the log, by its signed checkpoint.",
    ),
    "log show": (
        "log.log:show",
        "Show decisions as a table on a terminal, else all records as JSON lines.",
    ),
    "api token": (
        "api:token_command",
        "Make a token for the scan API, and print it once; or revoke it, or list all.",
    ),
    "objection review": (
        "objections:review_command",
        "List the objections that wait, the oldest first; show one, or decide it.",
    ),
    "objection statement": (
        "objections:statement_command",
        "Print the statement of reasons of a rejection, or those of a period.",
    ),
    "issuer propose": (
        "issuer.proposing:propose_command",
        "Add entries to the proposal, or remove some, and show its effects.",
    ),
    "issuer sign": (
        "issuer.issuer:sign_command",
        "Show the proposal, and sign it with one key, or with several at one table.",
    ),
    "issuer publish": (
        "issuer.issuer:publish_command",
        "Publish the proposal, if it has enough signatures; or confirm the newest.",
    ),
    "issuer withdraw": (
        "issuer.issuer:withdraw_command",
        "Withdraw entries at once, with the key of one duty officer.",
    ),
    "issuer export": (
        "issuer.issuer:export_command",
        "Copy the signed set for a courier, or write its entries as JSON lines.",
    ),
    "issuer status": (
        "issuer.issuer:status_command",
        "Show what is published, staged and proposed, the signers, and the expiry.",
    ),
    "issuer new": (
        "issuer.holders:new_command",
        "Make an issuer's folder, the keys of its holders, and propose who holds what.",
    ),
    "issuer key": (
        "issuer.holders:key_command",
        "Make a key, encrypted with a passphrase. FILE.pub is the public part.",
    ),
    "issuer rotate": (
        "issuer.holders:rotate_command",
        "Propose other holders of a role: a key was lost, or a person joins or leaves.",
    ),
    "issuer build": (
        "issuer.building:build_command",
        "Compute the signals of all pictures of a folder, for a hash set.",
    ),
    "issuer feedback": (
        "issuer.feedback:issuer_feedback_command",
        "Verify feedback of operators, and add it up by entry.",
    ),
    "issuer open-evidence": (
        "issuer.evidence:open_evidence_command",
        "Open sealed evidence, and record the opening in the issuer's folder.",
    ),
    "issuer page": (
        "issuer.paging:page_command",
        "Serve the issuer's steps as a page, for a browser on this machine.",
    ),
}
"""The words of each command; the module in this package and the function in it; and the
first paragraph of its help, so that a list of commands loads none of them."""

MARKUP: Final = "markdown"
"""The language of the help texts."""

SETTINGS: Final[Mapping[str, Any]] = {"help_option_names": ["-h", "--help"]}
"""Settings of every command and group."""


class ListedCommand(TyperCommand):
    """A command in a list of commands; calling it, or asking it for help, loads it."""

    def __init__(self, words: str) -> None:
        self._function, first = COMMANDS[words]
        name = words.rpartition(" ")[2]
        super().__init__(name, help=first, rich_markup_mode=MARKUP)

    def load(self) -> TyperCommand:
        """Return the command itself, with its parameters."""
        module, _, name = self._function.partition(":")
        function = getattr(importlib.import_module(f"uploadfilter.cli.{module}"), name)
        alone = typer.Typer(add_completion=False, rich_markup_mode=MARKUP)
        alone.command(self.name, context_settings=dict(SETTINGS))(spread(function))
        command = cast("TyperCommand", typer.main.get_command(alone))
        hide_types_of_flags(command)
        return command

    @override
    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Begin a call of the command itself."""
        return self.load().make_context(info_name, args, parent, **extra)


def add_commands(program: TyperGroup) -> None:
    """Add all groups and commands to the program; none is loaded."""
    groups = {"": program}
    for words, text in GROUPS.items():
        groups[words] = TyperGroup(
            name=words.rpartition(" ")[2],
            help=text,
            no_args_is_help=True,
            rich_markup_mode=MARKUP,
            context_settings=dict(SETTINGS),
        )
        hide_types_of_flags(groups[words])
    for words in COMMANDS:
        groups[words.rpartition(" ")[0]].add_command(ListedCommand(words))
    for words in GROUPS:
        groups[words.rpartition(" ")[0]].add_command(groups[words])


def load_commands(group: TyperGroup) -> None:
    """Load all commands of a group, for those who read the parameters of each."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            load_commands(command)
        elif isinstance(command, ListedCommand):
            group.commands[name] = command.load()


def hide_types_of_flags(command: TyperCommand | TyperGroup) -> None:
    """Remove typer's ``<bool>`` from the help of flags: a flag takes no value."""
    context = typer.Context(command, **SETTINGS)
    for parameter in (*command.params, command.get_help_option(context)):
        if isinstance(parameter, TyperOption) and parameter.is_flag:
            parameter.metavar = ""
