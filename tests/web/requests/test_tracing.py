"""The trace of a request in the operational log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import get_contextvars

from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.web.requests.tracing import (
    Traced,
    decided_as,
    trace_id,
    trace_of,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
FIELD = f"00-{TRACE}-{PARENT}-01".encode()


def head(*headers: tuple[bytes, bytes]) -> RequestHead:
    """Return the head of an upload with these headers."""
    framing = (b"Content-Length", b"1")
    return RequestHead(method="PUT", target="/", headers=(framing, *headers))


@pytest.mark.parametrize(
    ("value", "trace"),
    [
        pytest.param(FIELD, TRACE, id="of-the-specification"),
        pytest.param(f"00-{TRACE}-{PARENT}-00".encode(), TRACE, id="not-sampled"),
        pytest.param(f"00-{TRACE}-{PARENT}-ff".encode(), TRACE, id="unknown-flags"),
        pytest.param(f"cc-{TRACE}-{PARENT}-01".encode(), TRACE, id="later-version"),
        pytest.param(
            f"cc-{TRACE}-{PARENT}-01-what".encode(), TRACE, id="later-with-more"
        ),
        pytest.param(f"00-{TRACE}-{PARENT}-01-what".encode(), None, id="more"),
        pytest.param(f"cc-{TRACE}-{PARENT}-01what".encode(), None, id="no-dash"),
        pytest.param(f"ff-{TRACE}-{PARENT}-01".encode(), None, id="no-version"),
        pytest.param(f"00-{'0' * 32}-{PARENT}-01".encode(), None, id="no-trace"),
        pytest.param(f"00-{TRACE}-{'0' * 16}-01".encode(), None, id="no-parent"),
        pytest.param(FIELD.upper(), None, id="capitals"),
        pytest.param(FIELD[:-1], None, id="short"),
        pytest.param(FIELD + b"\n", None, id="newline"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_trace_id_table(value: bytes, trace: str | None) -> None:
    """Only a well-formed field names a trace."""
    assert trace_id(value) == trace


@given(value=st.binary(max_size=80))
def test_trace_id_is_hex_or_nothing(value: bytes) -> None:
    """Of any value, only 32 hex digits are returned, or nothing."""
    found = trace_id(value)

    assert found is None or (len(found) == 32 and set(found) <= set("0123456789abcdef"))


def test_names_of_fields_have_no_case() -> None:
    """``TraceParent`` is the same field."""
    assert trace_of(head((b"Host", b"a"), (b"TraceParent", b" " + FIELD))) == TRACE


def test_two_fields_name_no_trace() -> None:
    """It is unknown which of them is meant."""
    assert trace_of(head((b"traceparent", FIELD), (b"traceparent", FIELD))) is None


def test_events_of_a_request_carry_trace_and_decision() -> None:
    """Events within a request name both ids, and later events name none."""
    with Traced(head((b"traceparent", FIELD))):
        decided_as("20261125-00")
        within = get_contextvars()

    assert within == {"trace": TRACE, "decision": "20261125-00"}
    assert get_contextvars() == {}


def test_request_without_a_body_leaves_no_trace() -> None:
    """Its connection is used again, by a request that may have no trace."""
    without = RequestHead(method="GET", target="/", headers=((b"traceparent", FIELD),))
    with Traced(without):
        within = get_contextvars()

    assert within == {"trace": TRACE}
    assert get_contextvars() == {}


def test_request_without_a_trace_names_none() -> None:
    """No trace is made up."""
    with Traced(head()):
        within = get_contextvars()

    assert within == {}
