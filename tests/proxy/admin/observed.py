"""The facts that the operator's page shows of a proxy."""

from uploadfilter.proxy.admin.facts import Facts, gather
from uploadfilter.proxy.admin.watched import Watched


async def facts_of(proxy: Watched) -> Facts:
    """Look at a proxy once."""
    health = proxy.health()
    await health.look()
    return gather(proxy, health, proxy.history())
