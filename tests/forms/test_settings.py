"""Tests of uploadfilter.forms.settings: what is refused at the start."""

from typing import Any

import pytest

from uploadfilter.forms.settings import FormsSettings, NoticeSettings, ObjectionSettings

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


@pytest.mark.parametrize(
    ("table", "values", "message"),
    [
        (FormsSettings, {"listen": "inherited"}, "listen must be"),
        (FormsSettings, {"review": "127.0.0.1:1"}, "reviewer_header is needed"),
        (FormsSettings, {"reviewer_header": "a b"}, "reviewer_header must be"),
        (FormsSettings, {"smtp": "mail"}, "smtp must be"),
        (FormsSettings, {"mail_from": "Me <a@b.example>"}, "mail_from must be"),
        (ObjectionSettings, {"public_url": "ftp://a.example/o"}, "public_url must be"),
        (ObjectionSettings, {"public_url": "https://a.example/o?x"}, "without a query"),
        (ObjectionSettings, {"deadline_days": 0}, "deadline_days must be"),
        (ObjectionSettings, {"keep_days": 4000}, "keep_days must be"),
        (
            ObjectionSettings,
            {"outcomes_to": "https://a.example/"},
            "outcomes_secret must",
        ),
        (ObjectionSettings, {"outcomes_to": "http://a.example/"}, "outcomes_to must"),
        (ObjectionSettings, {"outcomes_to": "mailto:a b"}, "outcomes_to must be"),
        (NoticeSettings, {"public_url": "https://a.example/n"}, "hotline is needed"),
        (NoticeSettings, {"hotline": "a@b.example"}, "hotline must be"),
    ],
)
def test_mistakes_are_refused(table: Any, values: dict[str, Any], message: str) -> None:  # noqa: ANN401 - each table has other keys
    """Each names the key."""
    with pytest.raises(ValueError, match=message):
        table(**values)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (FormsSettings, {"review": "unix:/run/review"}),
        (FormsSettings, {"review": "127.0.0.1:1", "reviewer_header": "X-Remote-User"}),
        (ObjectionSettings, {"outcomes_to": "mailto:a@b.example"}),
        (ObjectionSettings, {"outcomes_to": "http://[::1]/", "outcomes_secret": KEY}),
    ],
)
def test_usual_settings_are_taken(table: Any, values: dict[str, Any]) -> None:  # noqa: ANN401 - as above
    """With a way to know the reviewer, and a recipient that nobody overhears."""
    assert table(**values) is not None
