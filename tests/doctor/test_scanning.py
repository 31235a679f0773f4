"""Scanning a harmless picture of each kind."""

from uploadfilter.doctor.results import Grade
from uploadfilter.doctor.scanning import examine_scanners
from uploadfilter.pictures.readers.videos import IS_THERE
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.budgets import Budgets


async def test_every_kind_is_read_in_the_sandbox() -> None:
    """The result names the kinds, with those that the operator switched on."""
    settings = ScannerSettings(workers=1, formats=("jp2", "tga"))
    found, *others = await examine_scanners(settings)

    assert found.grade is Grade.OK
    for kind in ("jpeg", "heic", "avif", "jxl", "pdf", "zip", "jp2", "tga"):
        assert kind in found.text
    assert ("video" in found.text) is IS_THERE
    assert [it.grade for it in others] == ([] if IS_THERE else [Grade.WARNING])


async def test_kinds_that_are_not_read_are_named() -> None:
    """A budget in which no picture fits makes every kind fail, each with its reason."""
    settings = ScannerSettings(
        workers=1, budgets=Budgets(max_pixels=1000, large_address_space=0)
    )
    found = await examine_scanners(settings)

    assert {it.grade for it in found} - {Grade.WARNING} == {Grade.FAILED}
    assert any("a harmless jpeg was not read" in it.text for it in found)


async def test_scanner_that_cannot_start_is_a_failure() -> None:
    """The error of the pool becomes a result with its remedy."""
    settings = ScannerSettings(workers=1, module="tests.doctor.no_such_module")
    (found,) = await examine_scanners(settings)

    assert found.grade is Grade.FAILED
    assert found.hint
