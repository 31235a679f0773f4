"""A route names the protocol of its uploads in pieces."""

from uploadfilter.proxy.assembling import protocols
from uploadfilter.proxy.routing.routes import UploadProtocol


def test_each_protocol_has_a_walk() -> None:
    """A name in the configuration without code would end every request."""
    assert protocols._WALKS.keys() == set(UploadProtocol)  # noqa: SLF001 - the table itself
