"""The recipes of CONTRIBUTING.md name every place, and the registries are complete."""

import re
from collections.abc import Collection

import pytest

from tests.pages import defined
from tests.repository import ROOT, first_cells, parse, section
from uploadfilter.decisions.records import records
from uploadfilter.hashsets import degenerate
from uploadfilter.model import EXACT_TYPES, PERCEPTUAL_TYPES, SignalType
from uploadfilter.pictures import opening
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.proxy.assembling import protocols
from uploadfilter.reference.entries import secret
from uploadfilter.reference.search.matching import THRESHOLD_LIMITS
from uploadfilter.signals import registry
from uploadfilter.web.routing.routes import UploadProtocol

PAGE = ROOT / "CONTRIBUTING.md"
TEXT = re.sub(r"\s+", " ", PAGE.read_text(encoding="utf-8"))
PATHS = sorted(
    set(re.findall(r"`((?:uploadfilter|tests|docs|deploy)/[\w/.-]*)`", TEXT))
)
NAMES = sorted(set(re.findall(r"`(\w+)` \(`(uploadfilter/[\w/]+\.py)`\)", TEXT)))

RECIPES = {
    "Add a signal type": {"SignalType", "_WIDTH_BYTES", "_TYPE_TAGS", "_FLAT"},
    "Add a protocol of uploads in pieces": {"UploadProtocol", "_PROTOCOLS"},
    "Add a field of a record, or a kind of record": {"FORMAT", "decision_record"},
    "Add a metric": {"Metrics"},
    "Add a command, or an event": {"COMMANDS", "DOCUMENTS"},
    "Add a picture format": {"FORMATS", "_OPENERS", "DECODER_ERRORS"},
    "Add a container": {"CONTAINERS"},
}
"""The registries that each recipe must name."""


@pytest.mark.parametrize("path", PATHS)
def test_place_that_a_recipe_names_is_there(path: str) -> None:
    """A file or folder that was renamed is named by its new name."""
    assert (ROOT / path).exists()


def test_heart_of_the_house_is_fifteen_modules() -> None:
    """The map of the modules that a new developer reads has files that are there."""
    text = section(ROOT / "docs" / "design.md", "The heart: fifteen modules")
    modules = first_cells(text)

    assert len(modules) == 15
    assert [path for path in modules if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize(("name", "path"), NAMES)
def test_name_that_a_recipe_gives_is_defined_there(name: str, path: str) -> None:
    """A registry that was moved is named at its new place."""
    body = parse(ROOT / path).body
    names = {it for node in body for it in defined(node)}
    classes = {getattr(node, "name", "") for node in body}

    assert name in names | classes


@pytest.mark.parametrize("title", RECIPES)
def test_recipe_names_its_registries(title: str) -> None:
    """Nobody has to find a registry by a test that fails."""
    named = set(re.findall(r"`(\w+)`", section(PAGE, title)))

    assert named >= RECIPES[title]


@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        pytest.param(secret._TYPE_TAGS, SignalType, id="tags"),  # noqa: SLF001
        pytest.param({*EXACT_TYPES, *PERCEPTUAL_TYPES}, SignalType, id="types"),
        pytest.param(THRESHOLD_LIMITS, PERCEPTUAL_TYPES, id="thresholds"),
        pytest.param(
            {*degenerate._FLAT, SignalType.PDQ},  # noqa: SLF001
            PERCEPTUAL_TYPES,
            id="flat",
        ),
        pytest.param(
            {it.type for it in registry.PERCEPTUAL_TYPES},
            PERCEPTUAL_TYPES,
            id="classes",
        ),
        pytest.param(
            opening._OPENERS,  # noqa: SLF001
            {it.name for it in FORMATS},
            id="openers",
        ),
        pytest.param(
            {*protocols._PROTOCOLS, UploadProtocol.FORMS},  # noqa: SLF001
            UploadProtocol,
            id="protocols",
        ),
    ],
)
def test_registry_has_every_member(
    registered: Collection[object], expected: Collection[object]
) -> None:
    """A new member that a registry lacks is found here, and not at an upload."""
    assert set(registered) == set(expected)


def test_every_field_after_the_first_release_has_a_default() -> None:
    """A line of an older version can be read."""
    fields = records.DecisionRecord.__struct_fields__
    defaults = records.DecisionRecord.__struct_defaults__

    assert len(defaults) >= len(fields) - fields.index("contents_omitted")
