"""Look at the frames of a video.

Rules this module keeps: a video has budgets of its own, so that a long one is never
rejected for its cost: frames that were not reached have a reason of its own, with the
share of seconds that was seen.
"""

from collections.abc import Iterator
from typing import Final

from uploadfilter.contents.source import Source
from uploadfilter.model import PERCEPTUAL_TYPES, VARIANTS, Geometry, Reason, SignalType
from uploadfilter.pictures.moments import MOST_INTRA
from uploadfilter.pictures.readers.videos import IS_THERE, Video
from uploadfilter.scanners.inside.walking.accounts import Accounts
from uploadfilter.scanners.inside.walking.spans import open_file
from uploadfilter.scanners.inside.walking.tree import Node
from uploadfilter.scanners.inside.walking.wanted import NeedsProcess, WalkSettings
from uploadfilter.scanners.wire.budgets import VIDEO_VIEWS
from uploadfilter.scanners.wire.messages import ProcessKind
from uploadfilter.signals.videoviews import views_of_video
from uploadfilter.signals.views import ALWAYS

_SIGNAL_SHARE: Final = 2
"""One part in how many of the signals that are left a video may use."""


def look(
    source: Source,
    node: Node,
    settings: WalkSettings,
    accounts: Accounts,
) -> Iterator[None]:
    """Look at a video, and note why not all of it was seen.

    Args:
        source: Its bytes.
        node: Its node.
        settings: Those of the walk.
        accounts: Those of the walk.

    Yields:
        Nothing, after each frame.

    Raises:
        NeedsProcess: See ``ScanRequest.process``.
    """
    if not IS_THERE:
        # The video of a motion photo is no file that anybody sent.
        if not node.is_in_picture:
            node.fall_short(Reason.NOT_INSPECTED)
        return
    if settings.is_common:
        raise NeedsProcess(ProcessKind.ALONE)
    begun_s = settings.clock()
    most = accounts.signals_left // (_SIGNAL_SHARE * _signals_of_view(settings.types))
    most_views = min(VIDEO_VIEWS, most)
    video = Video(
        open_file(source),
        clock=settings.clock,
        until_s=accounts.video_until_s,
        most_intra=min(MOST_INTRA, most_views // 2),
    )
    for view in views_of_video(video, types=settings.types, most_views=most_views):
        if view is not None:
            accounts.count_signals(view.signal_count)
            node.add_view(view)
        yield
        accounts.check_time()
    accounts.count_video(settings.clock() - begun_s)
    node.note_seen(video.percent)
    for reason in video.lacks:
        # Bytes behind a picture that no player opens are no video.
        if reason is not Reason.NOT_INSPECTED or not node.is_in_picture:
            node.fall_short(reason)


def look_past(node: Node) -> None:
    """Note that a video is too long to be held, so that no frame of it is seen."""
    node.fall_short(Reason.VIDEO_UNFINISHED if IS_THERE else Reason.NOT_INSPECTED)


def _signals_of_view(types: frozenset[SignalType]) -> int:
    made = sum(1 for each in PERCEPTUAL_TYPES if each in types | ALWAYS)
    return len(VARIANTS) * (made - 1 + len(Geometry))
