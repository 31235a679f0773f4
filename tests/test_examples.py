"""The values that everybody meets have examples in their docstrings, which are run."""

import doctest
import importlib

import pytest

VALUES = {
    "Signal": "uploadfilter.model",
    "Entry": "uploadfilter.model",
    "SignalRow": "uploadfilter.model",
    "Scan": "uploadfilter.model",
    "Match": "uploadfilter.model",
    "Policy": "uploadfilter.decisions.policy",
    "Judgement": "uploadfilter.decisions.judgement",
    "RequestHead": "uploadfilter.uploads.head.request",
    "Route": "uploadfilter.web.routing.routes",
    "Thresholds": "uploadfilter.reference.search.matching",
}
"""The module of each value."""


@pytest.mark.parametrize("name", VALUES)
def test_example_of_a_value_is_right(name: str) -> None:
    """A docstring shows how a value is made, and what it answers."""
    module = importlib.import_module(VALUES[name])
    kind = getattr(module, name)
    tests = doctest.DocTestFinder(recurse=False).find(
        kind, name, module=module, globs=dict(vars(module))
    )
    examples = [it for test in tests for it in test.examples]
    runner = doctest.DocTestRunner()
    failed = [runner.run(test).failed for test in tests]

    assert examples
    assert sum(failed) == 0
