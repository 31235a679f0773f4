"""Read the configuration again while the service runs, as SIGHUP asks for.

Rules this module keeps: a configuration that cannot be used changes nothing, and the
operator is told everything that is wrong with it; what cannot change while the service
runs is named; and however often it is asked for, one reading follows the other: what is
asked for meanwhile is done once, afterwards.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from uploadfilter import config
from uploadfilter.errors import ConfigError, UploadFilterError
from uploadfilter.notify import Manager
from uploadfilter.proxy.counting.labels import Reload
from uploadfilter.proxy.requests.live import InForce

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Reloader:
    """Reads the configuration again when it is asked to.

    Args:
        started: What the service was started with.
        read: Reads the configuration anew; it is called in a thread.
        in_force: The live settings.
        manager: Who wants to be told that settings are read.
        tell: Told what came of it each time.
        note: Told what has changed, for the record.
        asked: Set when it is to be read; by a signal handler, too.
    """

    def __init__(
        self,
        started: config.Loaded,
        *,
        read: Callable[[], config.Loaded],
        in_force: InForce,
        manager: Manager,
        tell: Callable[[Reload], None],
        note: Callable[[Mapping[str, object]], None],
        asked: asyncio.Event,
    ) -> None:
        self._started = started
        self._last = started
        self._read = read
        self._in_force = in_force
        self._manager = manager
        self._tell = tell
        self._note = note
        self._asked = asked

    async def keep(self) -> None:
        """Read the configuration whenever it is asked for, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.reload()

    async def reload(self) -> Reload:
        """Read the configuration again, and apply what can change now."""
        self._manager.reloading()
        result = Reload.REFUSED
        try:
            loaded = await asyncio.to_thread(self._read)
            await self._apply(loaded)
            result = Reload.APPLIED
        except UploadFilterError as exc:
            _say_refused(exc)
        finally:
            # Whatever happens: a service manager waits for it.
            self._manager.ready(f"settings {result}; {self._last.settings.mode}")
            self._tell(result)
        return result

    async def _apply(self, loaded: config.Loaded) -> None:
        changed = config.differences(self._last, loaded)
        live = loaded.settings.live
        if live != self._in_force.settings or self._names_files:
            await self._in_force.replace(live)
        self._record(self._last, loaded)
        self._last = loaded
        log.info("reload_applied", keys=[key for key in changed if config.is_live(key)])
        waiting = config.differences(self._started, loaded)
        keys = [key for key in waiting if not config.is_live(key)]
        if keys:
            log.warning(
                "reload_needs_restart",
                keys=keys,
                hint="These keys keep their values until the service is restarted.",
            )

    def _record(self, before: config.Loaded, after: config.Loaded) -> None:
        """Have what has changed put on record, and what waits for a restart."""
        details = config.changed(before, after)
        if details:
            waiting = config.differences(self._started, after)
            keys = [key for key in waiting if not config.is_live(key)]
            self._note({**details, "after_restart": keys})

    @property
    def _names_files(self) -> bool:
        """Whether origins name files, which may have changed under their names."""
        origins = self._in_force.settings.origins.values()
        return any(it.ca_file or it.client_certificate for it in origins)


def _say_refused(error: UploadFilterError) -> None:
    """Tell everything that is wrong, as the command line does."""
    problems = error.problems if isinstance(error, ConfigError) else ()
    log.error(
        "reload_refused",
        problems=[{"problem": str(item), "hint": item.hint} for item in problems]
        or [{"problem": str(error), "hint": error.hint}],
        hint="The settings that were in force stay in force. Try the file with "
        "'uploadfilter config check'.",
    )
