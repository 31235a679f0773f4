"""Lists of NCMEC's hash-sharing service."""

from collections.abc import Iterator
from itertools import chain

from tests.conformance.foreign import Subject, rows
from uploadfilter.hashsets.foreign.ncmec import NCMEC
from uploadfilter.hashsets.tally import Problem

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
TWO = "e131dd02c5e6eec4693d9a0698aff95c"
SHA1 = f"{ONE}01234567"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"
NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
START = f'<queryResult xmlns="{NAMESPACE}">'


def entry(
    number: int, prints: str, *, kind: str = "image", more: str = "", group: str = "A1"
) -> str:
    """Return the element of an entry."""
    return (
        f'<{kind}><member id="42">secret member</member><id>e{number}</id>'
        f"<timestamp>2017-10-24T15:00:00Z</timestamp>{group and '<classification>'}"
        f"{group}{group and '</classification>'}<fingerprints>{prints}</fingerprints>"
        f"{more}</{kind}>"
    )


FEEDBACK = (
    '<feedback><affirmativeFeedback type="Md5"><members/></affirmativeFeedback>'
    "{}</feedback>"
)

NEGATIVE = '<negativeFeedback type="Sha1"><reasons/></negativeFeedback>'

FILE = "\r\n".join(
    [
        f'{START}<images count="5"><!-- a remark -->',
        entry(
            1,
            f"<md5> {ONE.upper()}\n</md5><sha1>{SHA1}</sha1><pdna>secret</pdna>"
            f"<pdq>{PDQ}</pdq><md5>{TWO}</md5>",
            more=FEEDBACK.format(""),
        ),
        entry(2, f"<md5>{TWO}</md5>", more=FEEDBACK.format(NEGATIVE)),
        entry(3, '<pdna>x</pdna><tmkPdqf href="secret-link"/>'),
        entry(4, f"<md5>{TWO}</md5>", group=""),
        '<deletedImage><member id="43">M</member><id>e5</id></deletedImage></images>',
        '<videos count="2">',
        entry(6, f"<md5>{TWO}</md5><pdq>{PDQ}</pdq>", kind="video", group="B2"),
        '<deletedVideo><member id="43">M</member><id>e7</id></deletedVideo></videos>',
        "<paging><next>/v2/secret-page</next></paging></queryResult>",
    ]
)


def many_entries(count: int) -> Iterator[bytes]:
    """Yield an answer with a number of entries."""
    entries = (
        entry(number, f"<md5>{digits}</md5>").encode()
        for number, digits in enumerate(rows(count))
    )
    return chain([f"{START}<images>".encode()], entries, [b"</images></queryResult>"])


SUBJECTS = {
    "ncmec": Subject(
        form=NCMEC,
        file=FILE.encode(),
        entries=[
            {
                "id": "42-e1",
                "category": "A1",
                "md5": ONE,
                "sha1": SHA1,
                "pdq": PDQ,
                "signals": [{"type": "md5", "value": TWO}],
            },
            {"id": "42-e6", "category": "B2", "md5": TWO},
        ],
        left_out={
            Problem.DISPUTED: 1,
            Problem.NOT_COMPARED: 1,
            Problem.CATEGORY: 1,
            Problem.WITHDRAWN: 2,
        },
        not_compared={"PhotoDNA": 2, "TMK, which is of videos": 1, "pdq": 1},
        private=("secret member", "secret-link", "secret-page"),
        many=many_entries,
    ),
}
