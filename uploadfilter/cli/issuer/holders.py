"""``uploadfilter issuer init | key | rotate``: the holders of a signed set's keys."""

from pathlib import Path
from typing import Annotated

import typer

from uploadfilter.cli.issuer.issuer import DEFAULT_FOLDER, FolderOption
from uploadfilter.cli.issuer.passphrases import (
    PassphraseFDOption,
    PassphraseFileOption,
    PKCS11Option,
    read_key_file,
    read_passphrase,
)
from uploadfilter.cli.options import JSONOption, present_s
from uploadfilter.cli.output import print_json, say
from uploadfilter.errors import UsageError
from uploadfilter.issuing import holding, keyfiles
from uploadfilter.issuing.folder import IssuerFolder, SetSettings
from uploadfilter.issuing.keys import made_key, public_key
from uploadfilter.issuing.published import Published, published
from uploadfilter.issuing.tokens import PIV_SIGNATURE, token_key
from uploadfilter.signedsets.metadata import Holders, with_holders
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

ONLINE = "online"
"""The word for the machine's roles, which one key holds."""

_KEYS_HELP = "The public key of a holder of this role; give the option once for each."


def init_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The new folder.")],
    *,
    name: Annotated[
        str, typer.Option("--set", metavar="NAME", help="The name of the set.")
    ],
    issuer: Annotated[
        str, typer.Option(metavar="TEXT", help="The issuer: a unit, not a person.")
    ],
    root: Annotated[
        list[Path],
        typer.Option(
            "--root",
            metavar="PUB",
            help="The public key of a holder of the root; give one option for each.",
        ),
    ],
    analyst: Annotated[
        list[Path], typer.Option("--analyst", metavar="PUB", help=_KEYS_HELP)
    ],
    duty: Annotated[list[Path], typer.Option("--duty", metavar="PUB", help=_KEYS_HELP)],
    online: Annotated[
        list[Path], typer.Option("--online", metavar="PUB", help="The machine's key.")
    ],
    root_threshold: Annotated[
        int, typer.Option(min=1, max=64, help="How many holders of the root must sign.")
    ] = 2,
    analyst_threshold: Annotated[
        int, typer.Option(min=1, max=64, help="How many analysts must sign.")
    ] = 2,
    courier: Annotated[
        bool,
        typer.Option(
            "--courier",
            help="The set travels on USB sticks: signatures last three weeks.",
        ),
    ] = False,
) -> None:
    """Make an issuer's folder, and propose the holders of each role.

    Nothing is published until the holders of the root have signed the proposal.

    **Example**

        uploadfilter issuer init unit7 --set unit7 --issuer "Police unit 7"
        --root a.pub --root b.pub --root c.pub --analyst d.pub --analyst e.pub
        --duty f.pub --online machine.pub
    """
    top = _holders(root, root_threshold)
    machine = _holders(online, 1)
    holders = {
        ROOT: top,
        TARGETS: top,
        HASHSET: _holders(analyst, analyst_threshold),
        REVOKE: _holders(duty, 1),
        GATHERED: machine,
        TIMESTAMP: machine,
    }
    holding.check_all(holders)
    lifetimes = COURIER if courier else Lifetimes()
    settings = SetSettings(set=name, issuer=issuer, lifetimes=lifetimes)
    it = IssuerFolder.create(folder, settings)
    with it.locked():
        holding.propose_holders(it, Published(), holders, epoch_s=present_s())
    say(f"made {str(folder)!r}", style="green")
    if root_threshold == 1 or analyst_threshold == 1:
        say("a single person can change which uploads are rejected", style="yellow")
    say("next: stage entries, propose, and have it signed", style="dim")


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
            metavar="LABEL",
            help="Use the key in this token instead of making one.",
            show_default=False,
        ),
    ] = None,
    token_number: Annotated[
        int,
        typer.Option(
            "--token-key", metavar="N", min=0, help="The id of the key in the token."
        ),
    ] = PIV_SIGNATURE,
    pkcs11: PKCS11Option = None,
    passphrase_file: PassphraseFileOption = None,
    passphrase_fd: PassphraseFDOption = None,
    json: JSONOption = False,
) -> None:
    """Make a key, encrypted with a passphrase. FILE.pub is the public part.

    With --token, the key stays in a token: FILE only names it.

    **Examples**

        uploadfilter issuer key ann.key --name ann

        uploadfilter issuer key dora.key --name dora --token D --pkcs11 LIBRARY
    """
    keyfiles.check_new(file)
    if token is None:
        passphrase = read_passphrase(
            f"the new key of {name}", file=passphrase_file, fd=passphrase_fd, twice=True
        )
        private, public = made_key(name, passphrase)
    else:
        library = _library(pkcs11)
        pin = read_passphrase(
            f"the token {token!r}", file=passphrase_file, fd=passphrase_fd, what="PIN"
        )
        private, public = token_key(
            name, library, label=token, number=token_number, pin=pin
        )
    keyfiles.keep(file, private, public)
    public_file = keyfiles.public_file_of(file)
    if json:
        print_json({"private": str(file), "public": str(public_file), "name": name})
    else:
        say(f"made {str(file)!r}; give {str(public_file)!r} away", style="green")


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
        int | None,
        typer.Option(
            min=1, max=64, help="How many holders must sign.", show_default=False
        ),
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


def _holders(files: list[Path], threshold: int) -> Holders:
    keys = tuple(public_key(read_key_file(path)) for path in files)
    return Holders(keys=keys, threshold=threshold)
