"""Reload the configuration while the service runs, after SIGHUP.

Rules this module keeps: an invalid configuration changes nothing, and all of its
mistakes are logged; changed keys that need a restart are named; reloads never overlap:
requests that arrive during a reload lead to one more reload.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from uploadfilter import config
from uploadfilter.errors import ConfigError, UploadFilterError
from uploadfilter.service.notify import Manager
from uploadfilter.web.counting.labels import Reload
from uploadfilter.web.requests.live import InForce

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Reloader:
    """Reloads the configuration on request.

    Args:
        read: Reads the configuration anew; it is called in a thread.
        asked: Set to request a reload; also by a signal handler.
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
        """Reload the configuration at each request, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.reload()

    async def reload(self) -> Reload:
        """Reload the configuration, and apply the keys that can change now."""
        self._manager.reloading()
        result = Reload.REFUSED
        try:
            loaded = await asyncio.to_thread(self._read)
            await self._apply(loaded)
            result = Reload.APPLIED
        except UploadFilterError as exc:
            _say_refused(exc)
        finally:
            # Always, because a service manager waits for it.
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
        details = config.changed(before, after)
        if details:
            waiting = config.differences(self._started, after)
            keys = [key for key in waiting if not config.is_live(key)]
            self._note({**details, "after_restart": keys})

    @property
    def _names_files(self) -> bool:
        """Return whether origins name files, whose content may have changed."""
        origins = self._in_force.settings.origins.values()
        return any(it.ca_file or it.client_certificate for it in origins)


def _say_refused(error: UploadFilterError) -> None:
    problems = error.problems if isinstance(error, ConfigError) else ()
    log.error(
        "reload_refused",
        problems=[{"problem": str(item), "hint": item.hint} for item in problems]
        or [{"problem": str(error), "hint": error.hint}],
        hint="The settings that were in force stay in force. Try the file with "
        "'uploadfilter config --check'.",
    )
