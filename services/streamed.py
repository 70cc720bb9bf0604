"""What is sent while it is made."""

from __future__ import annotations

import io


class Parts(io.RawIOBase):
    """What zipfile writes, to be handed on in parts."""

    def __init__(self) -> None:
        self.held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.held.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data, self.held = b"".join(self.held), []
        return data
