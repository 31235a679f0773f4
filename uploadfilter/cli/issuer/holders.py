"""``uploadfilter issuer new | key | rotate``: the holders of a signed set's keys."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from msgspec import UNSET, Struct, UnsetType

from uploadfilter.cli.issuer.issuer import DEFAULT_FOLDER, FolderOption, show
from uploadfilter.cli.issuer.passphrases import (
    PassphraseFDOption,
    PassphraseFileOption,
    PKCS11Option,
    read_key_file,
    read_passphrase,
)
from uploadfilter.cli.options import JSONOption, present_s
from uploadfilter.cli.output import say
from uploadfilter.errors import UsageError
from uploadfilter.issuing import holding
from uploadfilter.issuing.acts import keep_key
from uploadfilter.issuing.evidence import made_evidence_key
from uploadfilter.issuing.folder import IssuerFolder, SetSettings
from uploadfilter.issuing.keys import check_new, made_key, public_file_of, public_key
from uploadfilter.issuing.published import Published, published
from uploadfilter.issuing.tokens import PIV_SIGNATURE, token_key
from uploadfilter.signedsets.metadata import Holders, check_name, with_holders
from uploadfilter.signedsets.roles import (
    COURIER,
    GATHERED,
    HASHSET,
    REVOKE,
    ROOT,
    TARGETS,
    TIMESTAMP,
    Lifetimes,
)


class KeyJSON(Struct):
    """The files of a new key."""

    private: str
    public: str
    name: str
    recipient: str | UnsetType = UNSET


ONLINE = "online"
"""The word for the machine's roles, which one key holds."""

MACHINE = "machine"
"""The name of the machine's key, if no option names another one."""

_HOLDERS_HELP = (
    "A holder of this role: a name, for whom a key is made, or the file of a public "
    "key; give the option once for each."
)
_MOST_THRESHOLD = 64

HoldersOption = Annotated[
    list[str] | None, typer.Option(metavar="HOLDER", help=_HOLDERS_HELP)
]
ThresholdOption = Annotated[
    int, typer.Option(min=1, max=_MOST_THRESHOLD, help="How many of them must sign.")
]
NewKeysOption = Annotated[
    Path,
    typer.Option(
        "--keys",
        metavar="DIR",
        help="Where new keys are written: NAME.key and NAME.pub.  [default: the "
        "current folder]",
        show_default=False,
    ),
]
PassphrasesOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrases",
        metavar="DIR",
        help="Read the passphrase of each new key from DIR/NAME.txt.  [default: "
        "ask for each]",
    ),
]
CourierOption = Annotated[
    bool,
    typer.Option(
        "--courier", help="The set travels on USB sticks: signatures last three weeks."
    ),
]
SetNameOption = Annotated[
    str | None, typer.Option("--set", metavar="NAME", help="The name of the set.")
]
IssuerNameOption = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The issuer: a unit, not a person.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstHolders:
    """The options that say who holds the first keys."""

    root: HoldersOption = None
    analyst: HoldersOption = None
    duty: HoldersOption = None
    online: HoldersOption = None
    root_threshold: ThresholdOption = 2
    analyst_threshold: ThresholdOption = 2

    def people(self) -> dict[str, list[str]]:
        """Return the holders of each role; ask for those of whom nobody is named."""
        return {
            ROOT: self.root or _asked_names("--root", "Holders of the root keys"),
            HASHSET: self.analyst or _asked_names("--analyst", "Analysts"),
            REVOKE: self.duty or _asked_names("--duty", "Officers on duty"),
            ONLINE: self.online or [MACHINE],
        }


def new_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The new folder.")],
    *,
    name: SetNameOption = None,
    issuer: IssuerNameOption = None,
    first: FirstHolders,
    courier: CourierOption = False,
    keys: NewKeysOption = DEFAULT_FOLDER,
    passphrases: PassphrasesOption = None,
) -> None:
    """Make an issuer's folder, the keys of its holders, and propose who holds what.

    On a terminal it asks for missing options. Nothing is published until the holders
    of the root have signed the proposal.

    **Examples**

        uploadfilter issuer new unit7

        uploadfilter issuer new unit7 --set unit7 --issuer "Police unit 7"
        --root ann --root bob --analyst dora --analyst eve --duty fay
    """
    name = name or _asked("--set", "Name of the set")
    issuer = issuer or _asked("--issuer", "Issuer: a unit, not a person")
    people = first.people()
    lifetimes = COURIER if courier else Lifetimes()
    settings = SetSettings(set=name, issuer=issuer, lifetimes=lifetimes)
    IssuerFolder.check_new(folder, settings)
    made = _made_keys(people, keys, passphrases)
    thresholds = {ROOT: first.root_threshold, HASHSET: first.analyst_threshold}
    holders = _first_holders(people, thresholds, made)
    for who, (private, data) in made.items():
        file = keys / f"{who}.key"
        keep_key(file, who, private, data)
        say(f"made {str(file)!r}, which stays with its holder", style="green")
    it = IssuerFolder.create(folder, settings)
    with it.locked():
        holding.propose_holders(it, Published(), holders, epoch_s=present_s())
    say(f"made {str(folder)!r}", style="green")
    if 1 in thresholds.values():
        say("a single person can change which uploads are rejected", style="yellow")
    say(f"next: uploadfilter issuer propose PICTURES --folder {folder}", style="dim")


def _asked(option: str, question: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            f"{option} is missing", hint="Without a terminal, give all options."
        )
    typed: str = typer.prompt(question, err=True)
    return typed.strip()


def _asked_names(option: str, question: str) -> list[str]:
    return _asked(option, f"{question}, with blanks between the names").split()


def _made_keys(
    people: Mapping[str, Iterable[str]], keys: Path, passphrases: Path | None
) -> dict[str, tuple[bytes, bytes]]:
    """Make a key for each holder without one; nothing is written yet."""
    names = {it: None for whos in people.values() for it in whos if not _is_file(it)}
    for who in names:
        check_name(who)
        file = keys / f"{who}.key"
        if file.exists():
            raise UsageError(
                f"{who} has a key already: {str(file)!r} exists",
                hint=f"To take it, name its public half in place of {who!r}: "
                f"{public_file_of(file)}",
            )
        check_new(file)
    made = {}
    for who in names:
        text = None if passphrases is None else passphrases / f"{who}.txt"
        passphrase = read_passphrase(f"the new key of {who}", file=text, twice=True)
        made[who] = made_key(who, passphrase)
    return made


def _first_holders(
    people: Mapping[str, Iterable[str]],
    thresholds: Mapping[str, int],
    made: Mapping[str, tuple[bytes, bytes]],
) -> dict[str, Holders]:
    """Return the holders of all roles; ``thresholds`` names those above 1."""
    found = {
        role: Holders(
            keys=tuple(
                public_key(made[who][1] if who in made else read_key_file(Path(who)))
                for who in whos
            ),
            threshold=thresholds.get(role, 1),
        )
        for role, whos in people.items()
    }
    machine = found.pop(ONLINE)
    found |= {TARGETS: found[ROOT], GATHERED: machine, TIMESTAMP: machine}
    holding.check_all(found)
    return found


def _is_file(holder: str) -> bool:
    return holder.endswith(".pub")


def key_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The new file, which is private.")
    ],
    *,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="The key's holder: account or initials.")
    ],
    token: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL", help="Use the key in this token instead of making one."
        ),
    ] = None,
    token_number: Annotated[
        int,
        typer.Option(
            "--token-key", metavar="N", min=0, help="The id of the key in the token."
        ),
    ] = PIV_SIGNATURE,
    evidence: Annotated[
        bool,
        typer.Option(
            "--evidence",
            help="Make a key that opens sealed evidence; FILE.pub is for operators.",
        ),
    ] = False,
    pkcs11: PKCS11Option = None,
    passphrase_file: PassphraseFileOption = None,
    passphrase_fd: PassphraseFDOption = None,
    json: JSONOption = False,
) -> None:
    """Make a key, encrypted with a passphrase. FILE.pub is the public part.

    With --token, the key stays in a token: FILE only names it. With --evidence,
    operators put the line of FILE.pub into 'recipients' of [sealed_evidence].

    **Examples**

        uploadfilter issuer key ann.key --name ann

        uploadfilter issuer key dora.key --name dora --token D --pkcs11 LIBRARY

        uploadfilter issuer key unit7.key --name unit7 --evidence
    """
    if evidence and token is not None:
        raise UsageError(
            "a key in a token opens no evidence", hint="Omit --token or --evidence."
        )
    check_new(file)
    if token is None:
        passphrase = read_passphrase(
            f"the new key of {name}", file=passphrase_file, fd=passphrase_fd, twice=True
        )
        made = made_evidence_key if evidence else made_key
        private, public = made(name, passphrase)
    else:
        library = _library(pkcs11)
        pin = read_passphrase(
            f"the token {token!r}", file=passphrase_file, fd=passphrase_fd, what="PIN"
        )
        private, public = token_key(
            name, library, label=token, number=token_number, pin=pin
        )
    done = keep_key(file, name, private, public)
    if evidence:
        line = public.decode().strip()
        hint = (
            f"For operators: {line}. Keep a copy of {str(file)!r}: without it, files "
        )
        done = replace(
            done,
            hint=f"{hint}that are sealed to it stay sealed.",
            facts={**done.facts, "recipient": line},
        )
    show(done, json=json)


def rotate_command(
    role: Annotated[
        str,
        typer.Argument(
            metavar="ROLE", help="root, targets, hashset, revoke, or online."
        ),
    ],
    *,
    add: Annotated[
        list[Path] | None,
        typer.Option("--add", metavar="PUB", help="The public key of a new holder."),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", metavar="NAME", help="A holder to remove."),
    ] = None,
    threshold: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many holders must sign.")
    ] = None,
    folder: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Propose other holders of a role: a key was lost, or a person joins or leaves.

    Without options, the validity of root or targets is extended.

    **Example**

        uploadfilter issuer rotate hashset --remove dora --add gus.pub
    """
    known = {ROOT, TARGETS, HASHSET, REVOKE, ONLINE}
    if role not in known:
        raise UsageError(
            f"there is no role {role!r}", hint=f"Roles: {', '.join(sorted(known))}."
        )
    it = IssuerFolder(folder)
    with it.locked():
        now = published(it)
        if not add and not remove and threshold is None:
            holding.propose_longer(it, now, _lasting(role), epoch_s=present_s())
        else:
            holders = holding.holders_now(now)
            for part in (GATHERED, TIMESTAMP) if role == ONLINE else (role,):
                holders[part] = with_holders(
                    holders[part],
                    add=[public_key(read_key_file(path)) for path in add or ()],
                    remove=remove or [],
                    threshold=threshold,
                )
            holding.check_all(holders)
            holding.propose_holders(it, now, holders, epoch_s=present_s())
    say("next: the holders of the root sign with 'uploadfilter issuer sign'")


def _library(path: Path | None) -> Path:
    if path is None:
        raise UsageError(
            "--token needs the library of the token's manufacturer",
            hint="For example --pkcs11 /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so.",
        )
    return path


def _lasting(role: str) -> tuple[str, ...]:
    if role not in {ROOT, TARGETS}:
        raise UsageError(
            f"no change of {role!r} was asked for",
            hint="Give --add, --remove or --threshold.",
        )
    return (role,)
