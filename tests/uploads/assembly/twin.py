"""A slow twin of ``Assembly``: every byte in a ``bytearray``, and which are held."""

from uploadfilter.uploads.assembly.assembly import Assembly, Compare, Keep, Refuse


class Twin:
    """The bytes of an upload, one by one."""

    def __init__(self, total: int) -> None:
        self.data = bytearray(total)
        self.is_held = bytearray(total)

    def takes(self, at: int, data: bytes, *, is_sequential: bool) -> bool:
        """Take a piece, or change nothing and return false."""
        end = at + len(data)
        whole = all(self.is_held)
        if whole or end > len(self.data):
            return False
        if is_sequential and at != self.offset:
            return False
        for index, value in enumerate(data, at):
            if self.is_held[index] and self.data[index] != value:
                return False
        self.data[at:end] = data
        self.is_held[at:end] = b"\1" * len(data)
        return True

    @property
    def offset(self) -> int:
        """Bytes held from 0 on."""
        missing = self.is_held.find(b"\0")
        return len(self.is_held) if missing < 0 else missing


class File:
    """The file of an upload, as ``proxy/assembling/store.py`` keeps it."""

    def __init__(self) -> None:
        self.data = b""

    def takes(
        self, assembly: Assembly, at: int, data: bytes, *, cut: int | None = None
    ) -> bool:
        """Put one piece into an assembly, in two parts if ``cut`` says where."""
        if assembly.begin(at, len(data)) is not None:
            return False
        place = assembly.tail
        parts = (data,) if cut is None else (data[:cut], data[cut:])
        for part in parts:
            for action in assembly.receive(part):
                match action:
                    case Keep():
                        self.data = self.data[:place] + action.data
                        place += len(action.data)
                    case Compare():
                        end = action.place + len(action.data)
                        if self.data[action.place : end] != action.data:
                            assembly.drop()
                            return False
                    case Refuse():
                        assembly.drop()
                        return False
        assembly.end()
        return True

    def whole(self, assembly: Assembly) -> bytes:
        """Return the upload in its order."""
        return b"".join(
            self.data[span.place : span.place + span.length] for span in assembly.spans
        )
