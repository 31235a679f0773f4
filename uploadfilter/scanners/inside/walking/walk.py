"""Walk through one content and all that is in it.

Combines ``contents`` and ``signals``; runs inside a scanner process, but does not need
one. The order of the rules is the order of the code in ``_visit``:

1. An empty content: complete. A video: frames of it.
2. A picture by its first bytes or by its declared type: decoded; if that gives no view,
  it gets the decoder's reason. Then each picture that more tolerant readers may see: a
  nested content if it decodes, and nothing otherwise.
3. A container: each member is a nested content.
4. A text that a site may read: each file encoded in it is a nested content.
5. A content of any other kind, since a picture with a page in it may be read as a page:
  the same, as a part of the *search* (``accounts.py``).
6. Carving of any content, as a part of the search: a picture at any other offset is a
  nested content that has only views. Magic occurs by chance, so a candidate that does
  not decode is dropped.

All findings count: a content that falls short keeps its views. The search ends by its
own account, and the walk goes on; only a budget of the content itself ends the walk.
"""

from collections.abc import Generator, Iterator

from uploadfilter.contents import carving, coded, containers
from uploadfilter.contents.carriers import packets
from uploadfilter.contents.kinds import magic, proposals
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Container, Member
from uploadfilter.contents.scandata import outside_pixels
from uploadfilter.contents.source import MemorySource, PartSource, Source
from uploadfilter.contents.texts.files import EncodedFile
from uploadfilter.contents.texts.search import find_files
from uploadfilter.model import Reason
from uploadfilter.pictures import formats
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.frame import Omission
from uploadfilter.scanners.inside.walking import chance, passing, videowalk
from uploadfilter.scanners.inside.walking.accounts import Ended
from uploadfilter.scanners.inside.walking.besides import Besides, besides
from uploadfilter.scanners.inside.walking.holding import (
    Covered,
    HeldChunks,
    icon_entries,
    is_nonsense,
    is_nothing,
)
from uploadfilter.scanners.inside.walking.readings import StringPictures
from uploadfilter.scanners.inside.walking.sent import is_read_as_text
from uploadfilter.scanners.inside.walking.spans import digests_of, open_file
from uploadfilter.scanners.inside.walking.tree import Node, nesting
from uploadfilter.scanners.inside.walking.wanted import (
    NeedsProcess,
    WalkSettings,
    accounts_of,
    carving_limits_of,
    chance_limits_of,
    limits_of,
    meter_of,
)
from uploadfilter.scanners.wire.messages import ProcessKind
from uploadfilter.signals.views import views_of


class Walk:
    """One walk through one content.

    Args:
        settings: What to look for, and the limits.
        content_bytes: Length of the content.
    """

    def __init__(self, settings: WalkSettings, *, content_bytes: int) -> None:
        budgets = settings.budgets
        self._settings = settings
        self._budgets = budgets
        self._decoded = formats.decoded(settings.also)
        self._most_contents = budgets.contents_for(content_bytes)
        self._limits = limits_of(budgets, settings.process)
        self._carving_limits = carving_limits_of(budgets, settings.process)
        self._chance_limits = chance_limits_of(budgets, settings.process)
        self._meter = meter_of(budgets, content_bytes)
        self._searched_in_vain: set[tuple[object, ...]] = set()
        self._sent: set[int] = set()  # bodies without coding, walked through
        self.accounts = accounts_of(settings, content_bytes)

    def steps(
        self,
        source: Source,
        root: Node,
        *,
        declared: str = "",
        coding: str | None = None,
    ) -> Iterator[None]:
        """Walk through a content; add the findings to ``root``.

        Args:
            source: Its bytes.
            root: Its node.
            declared: Its declared type in small letters; may be empty.
            coding: See ``ContentSpan``.

        Yields:
            Nothing; before each step that may end this process.

        Raises:
            NeedsProcess: See ``ScanRequest.process``.
            MemoryError: The address space of the process is too small.
        """
        root.is_sent = True
        try:
            if coding is not None:
                body = coded.CodedBody(coding=coding, declared=declared)
                yield from self.unpack(body, source, root, Covered(), depth=0)
                if not body.is_looked_at:
                    return
                root.undone = body.undone
                declared = body.claim_of_raw(source, Kind(root.kind))
            yield from self._visit(source, root, declared=declared, depth=0)
        except Ended as ended:
            root.fall_short(ended.reason)

    def _visit(
        self, source: Source, node: Node, *, depth: int, declared: str = ""
    ) -> Iterator[None]:
        kind = Kind(node.kind)
        # This comes first: thousands of members without bytes are sent in parts, too.
        yield from self.pause()
        if kind is Kind.EMPTY or (depth and source.size < chance.least_bytes(kind)):
            return
        look = self._look(source, node, kind, declared=declared)
        # Programs contain thousands of icons, too small to be recognised.
        is_search = depth and not node.is_sent and chance.is_icon(source, kind)
        yield from self.accounts.searching(look, node.fall_short) if is_search else look
        covered = Covered()
        claims = (node.path, declared)
        spans = outside_pixels(source)
        also = besides(source, kind, claims=claims, decoded=self._decoded, spans=spans)
        yield from self._propose(source, node, also, covered, is_nested=depth > 0)
        container = containers.container_for(kind)
        if container is None and magic.is_container(kind):
            node.fall_short(Reason.NOT_INSPECTED)
        for each in (container, *also.containers):
            if each is not None and each not in node.undone:
                yield from self.unpack(
                    each, source, node, covered, depth=depth, is_sure=each is container
                )
        is_text = node.is_sent and is_read_as_text(kind, declared)
        if is_text:
            yield from self.decode_strings(source, node, kind, set(), depth=depth)
        if kind is Kind.ICO:
            covered.note_starts(source, icon_entries(source))
        known = (*(each.value for each in node.exact[-1:]), kind, depth, is_text)
        if known in self._searched_in_vain:
            return
        tally = node.tally
        rest = self.find(
            source, node, covered, has_strings=not is_text, depth=depth, spans=spans
        )
        yield from self.accounts.searching(rest, node.fall_short)
        if node.exact and node.tally == tally:
            self._searched_in_vain.add(known)

    def find(
        self,
        source: Source,
        node: Node,
        covered: Covered,
        *,
        has_strings: bool,
        depth: int,
        spans: tuple[range, ...] | None = None,
    ) -> Iterator[None]:
        """Search a content: in its encoded strings, and at every offset."""
        kind = Kind(node.kind)
        seen: set[int] = set()
        header_bytes = spans[0].stop if spans and spans[0] else source.size
        packet = None
        if magic.is_picture(kind):
            packet = packets.packet_of(source, header_bytes=header_bytes)
        if packet is not None:
            yield from self.decode_strings(packet, node, Kind.XML, seen, depth=depth)
        if has_strings:
            rest = source if kind in magic.STRINGS else covered.rest(source)
            yield from self.decode_strings(rest, node, kind, seen, depth=depth)
        yield from self._carve(source, node, covered, spans=spans)

    def pause(self) -> Iterator[None]:
        """Let the findings be sent; end the walk if no time is left."""
        yield
        self.accounts.check_time()

    # --- Pictures ------------------------------------------------------------------

    def _look(
        self, source: Source, node: Node, kind: Kind, *, declared: str
    ) -> Iterator[None]:
        is_declared = magic.declares_picture(declared)
        if magic.is_drawing(kind) or (magic.is_unread(kind) and not is_declared):
            # A program that draws it can show any picture.
            node.fall_short(Reason.NOT_INSPECTED)
        elif kind is Kind.VIDEO:
            yield from videowalk.look(source, node, self._settings, self.accounts)
        elif kind.value in self._decoded | node.also:
            yield from self._show(source, node, frozenset({kind.value}), self._limits)
        elif magic.is_picture(kind):
            # Other programs see a picture, and no decoder here does: it never passes by
            # default.
            node.fall_short(Reason.UNDECODABLE)
        elif is_declared:
            yield from self._show(source, node, self._decoded, self._limits)

    def _propose(
        self,
        source: Source,
        node: Node,
        also: Besides,
        covered: Covered,
        *,
        is_nested: bool,
    ) -> Iterator[None]:
        # No program shows a picture after stray bytes in a member of an archive.
        if also.is_unread:
            node.fall_short(Reason.NOT_INSPECTED)
        for item in also.pictures:
            yield from self.pause()
            is_stray = is_nested and item.offset > 0
            if is_stray and not self.accounts.has_patience:
                node.fall_short(Reason.SEARCH_UNFINISHED)
                continue
            begun_s = self._settings.clock()
            limits = None if item.offset else self._limits  # separate: in any size
            sure = frozenset() if item.offset else chance.SURE_AT_FIRST
            if (yield from self._try(source, node, item, limits=limits, sure=sure)):
                covered.note_starts(source, (item.offset,))
            elif is_stray:
                self.accounts.waste(self._settings.clock() - begun_s)

    def _show(
        self, source: Source, node: Node, names: frozenset[str], limits: DecodeLimits
    ) -> Iterator[None]:
        if self._settings.is_common and not names <= formats.COMMON:
            raise NeedsProcess(ProcessKind.ALONE)
        is_usual = chance.is_usual_photo(source, names)
        views = views_of(
            open_file(source),
            formats=formats.formats_named(names),
            limits=limits,
            most_views=self._budgets.max_views,
            most_signals=self._budgets.max_signals,
            types=self._settings.types,
            windows=self._settings.windows,
        )
        for view in views:
            if isinstance(view, Omission):
                if view.is_large:
                    raise NeedsProcess(ProcessKind.LARGE)
                node.fall_short(view.reason)
                continue
            self.accounts.count_signals(view.signal_count)
            node.add_view(view)
            if not is_usual:
                yield from self.pause()

    # --- Nested contents -----------------------------------------------------------

    def _nested(self, parent: Node, name: str, kind: Kind, size: int) -> Node:
        self.accounts.count_content()
        return parent.child(name, kind, size)

    def _enter(
        self,
        source: Source,
        parent: Node,
        name: str,
        *,
        depth: int,
        reason: Reason | None = None,
        sent_as: str | None = None,
    ) -> Generator[None, None, Node]:
        """Walk through a nested content; its ``reason`` is that bytes are missing."""
        kind = proposals.kind_of(source)
        node = self._nested(parent, name, kind, source.size)
        parent.nest(node)
        if reason is None:
            node.exact = digests_of(source)
        else:
            node.fall_short(reason)
        node.is_sent |= sent_as is not None
        yield from self._visit(source, node, depth=depth, declared=sent_as or "")
        node.close()
        return node

    def unpack(
        self,
        container: Container,
        source: Source,
        node: Node,
        covered: Covered,
        *,
        depth: int,
        is_sure: bool = True,
    ) -> Iterator[None]:
        """Walk through the members of a container; note their places in ``covered``.

        What is not surely a container falls short only after a first member.
        """
        if self._settings.is_common and not coded.is_common(container):
            raise NeedsProcess(ProcessKind.ALONE)
        if depth >= self._budgets.max_depth:
            if is_sure or chance.holds_something(container, source, self._meter):
                node.fall_short(Reason.TOO_DEEP)
            return
        for number, item in enumerate(container.members(source, self._meter), start=1):
            if isinstance(item, Member):
                if is_nothing(item):
                    self.accounts.pass_over()
                    is_sure = True
                    continue
                name = item.name or str(number)
                steps = self.member(
                    item, node, name, covered, depth=depth + 1, is_sure=is_sure
                )
                is_sure = (yield from steps) or is_sure
            elif is_sure or item.reason in chance.NO_CHANCE:
                node.fall_short(item.reason)

    def member(
        self,
        member: Member,
        parent: Node,
        name: str,
        covered: Covered,
        *,
        depth: int,
        is_sure: bool = True,
    ) -> Generator[None, None, bool]:
        """Walk through a member of a container; return whether it was read rightly."""
        depth = depth if (sent_as := member.sent_as) is None else 0
        if not isinstance(part := member.content, Iterator):
            if member.is_drawn:
                node = self._nested(parent, name, Kind.BMP, part.size)
                parent.nest(node)
                yield from self._look(part, node, Kind.BMP, declared="")
                node.close()
                return True
            covered.note(part)
            yield from self._enter(part, parent, name, depth=depth, sent_as=sent_as)
            return True
        held = HeldChunks(part, most=self._budgets.max_held_bytes)
        if held.has_more:
            kind = magic.sniff(held.source.read(0, magic.HEAD_BYTES))
            node = self._nested(parent, name, kind, held.source.size)
            node.is_sent |= sent_as is not None
            parent.nest(node)
            yield from passing.member(self, held, node, depth=depth)
            node.close()
            return True
        is_chance = not is_sure and is_nonsense(held)
        if is_chance and not held.source.size:
            parent.drop(most=self._most_contents)
            return False
        reason = None if is_chance else held.reason
        if reason is None and not held.source.size:
            self.accounts.pass_over()
            return True
        if sent_as is not None:
            self._sent.add(hash((False, held.source.data)))
        node = yield from self._enter(
            held.source, parent, name, depth=depth, reason=reason, sent_as=sent_as
        )
        if magic.is_picture(Kind(node.kind)):
            # No other content can be carved in addition.
            covered.note(held.source)
        return not is_chance

    def decode_strings(
        self, source: Source, node: Node, kind: Kind, seen: set[int], *, depth: int
    ) -> Iterator[None]:
        """Walk through the contents encoded in a text, except those seen before."""
        found = find_files(
            source,
            kind=kind,
            most=self._most_contents,
            held_bytes=self._budgets.max_held_bytes,
        )
        readings = StringPictures(node, most_dropped=self._most_contents)
        try:
            for item in found:
                if isinstance(item, carving.TooMany):
                    raise self.accounts.end(Reason.TOO_MANY_CONTENTS)
                if isinstance(item, carving.Unfinished):
                    node.fall_short(Reason.SEARCH_UNFINISHED)
                    return
                known = hash((item.is_carved, item.data))
                if known not in seen and known not in self._sent:
                    seen.add(known)
                    yield from self._read(item, kind, readings, depth=depth)
        finally:
            readings.settle()

    def _read(
        self, item: EncodedFile, kind: Kind, readings: StringPictures, *, depth: int
    ) -> Iterator[None]:
        node = readings.parent
        decoded = MemorySource(item.data)
        begins_as = magic.sniff(decoded.read(0, magic.HEAD_BYTES))
        packed = containers.container_for(begins_as) if item.is_carved else None
        if packed is not None:
            inner = self._nested(node, item.name, begins_as, decoded.size)
            steps = self.unpack(
                packed, decoded, inner, Covered(), depth=depth + 1, is_sure=False
            )
            is_nested = yield from nesting(steps, inner, node.nest)
            readings.add_packed(inner, is_nested=is_nested)
        elif item.is_carved or chance.may_be_chance(item, kind, begins_as):
            yield from self._carve(decoded, node, Covered(), start=0)
        elif depth >= self._budgets.max_depth:
            node.fall_short(Reason.TOO_DEEP)
        elif magic.is_picture(begins_as):
            picture = self._nested(node, item.name, begins_as, decoded.size)
            picture.exact = digests_of(decoded)
            steps = self._visit(decoded, picture, depth=depth + 1)
            is_nested = yield from nesting(steps, picture, node.nest)
            readings.add(picture, item, is_nested=is_nested)
        elif begins_as is Kind.SVG:
            drawing = self._nested(node, item.name, begins_as, decoded.size)
            readings.add_drawing(drawing, decoded)
        else:
            yield from self._enter(decoded, node, item.name, depth=depth + 1)

    # --- Carving -------------------------------------------------------------------

    def _carve(
        self,
        source: Source,
        node: Node,
        covered: Covered,
        *,
        start: int = 1,
        spans: tuple[range, ...] | None = None,
    ) -> Iterator[None]:
        """Try every offset from ``start`` on at which a picture may begin."""
        self.accounts.carve(source.size)
        for item in carving.candidates(
            source, start=start, most=chance.MOST_CANDIDATES, spans=spans
        ):
            if isinstance(item, carving.TooMany) or not self.accounts.has_patience:
                node.fall_short(Reason.SEARCH_UNFINISHED)
                return
            if item.kind.value not in self._decoded or covered.hold(source, item):
                continue
            yield from self.pause()
            begun_s = self._settings.clock()
            is_found = yield from self._try(source, node, item)
            count = self.accounts.found if is_found else self.accounts.waste
            count(self._settings.clock() - begun_s)

    def _try(
        self,
        source: Source,
        parent: Node,
        item: carving.PictureStart,
        *,
        limits: DecodeLimits | None = None,
        sure: frozenset[Kind] = chance.SURE,
    ) -> Generator[None, None, bool]:
        """Nest a candidate in its parent if it decodes, or drop it; return which.

        Args:
            source: The bytes from its beginning on.
            parent: The content around it.
            item: The candidate.
            limits: The limits of a separate content, if all of its bytes may be that
                picture.
            sure: Kinds that give a reason even if no view of them is made.
        """
        if not self.accounts.has_room:
            raise self.accounts.end(Reason.TOO_MANY_CONTENTS)
        word = "thumb" if item.is_thumbnail else "embedded"
        size = min(source.size - item.offset, chance.most_bytes(source, item))
        node = Node(path=parent.path_of_embedded(word), kind=item.kind.value, size=size)
        part = PartSource(source, item.offset, size)
        names = frozenset({item.kind.value})
        is_sure = item.kind in chance.SURE_TO_BE_LARGE
        limits = limits or (self._carving_limits if is_sure else self._chance_limits)
        steps = self._show(part, node, names, limits)
        is_nested = yield from nesting(steps, node, parent.nest_embedded)
        node.close()
        is_meant = is_nested or (
            item.kind in sure and not chance.is_little(part, item.kind)
        )
        node.forget(chance.CHANCE if is_meant else frozenset(Reason))
        if node.reason is not None and not is_nested:
            parent.nest_embedded(node)
            is_nested = True
        if is_nested:
            self.accounts.count_content()
        else:
            parent.drop(most=self._most_contents)
        return is_nested
