"""HTTP/2 by hand: what no honest client sends, and the least that shows what the server answers."""

from __future__ import annotations

import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS = 0x1, 0x4
ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, REFUSED_STREAM = 11, 6, 7


def frame(kind: int, flags: int, stream: int, body: bytes = b"", length: int | None = None) -> bytes:
    """One frame; `length` lies about the body."""
    count = len(body) if length is None else length
    return struct.pack(">I", count)[1:] + struct.pack(">BBI", kind, flags, stream) + body


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def text(value: bytes) -> bytes:
    """A string of HPACK, uncoded."""
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, out = len(value) - 127, bytearray([127])
    while rest >= 128:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out) + value


def literal(name: bytes, value: bytes, indexed: bool = False) -> bytes:
    return (b"\x40" if indexed else b"\x00") + text(name) + text(value)


def call_block(path: bytes) -> bytes:
    """The header block of a gRPC call."""
    return (
        b"\x83\x86\x04" + text(path) + b"\x01" + text(b"honest") + b"\x0f\x10"
        + text(b"application/grpc") + literal(b"te", b"trailers"))


def call(stream: int, path: bytes, message: bytes | None = None) -> bytes:
    """A call's head, and its only message if there is one."""
    head = frame(HEADERS, END_HEADERS, stream, call_block(path))
    if message is None:
        return head
    body = b"\0" + number(len(message)) + message
    return head + b"".join(
        frame(DATA, END_STREAM if at + 16384 >= len(body) else 0, stream, body[at:at + 16384])
        for at in range(0, len(body), 16384))


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(tag: int, value: bytes | int) -> bytes:
    """A field of a protobuf message."""
    if isinstance(value, int):
        return varint(tag << 3) + varint(value)
    return varint(tag << 3 | 2) + varint(len(value)) + value


class Wire:
    """A raw connection."""

    def __init__(self, port: int, source: str = "127.0.0.1", buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.is_over = False

    def greet(self, window: int | None = None) -> "Wire":
        """Preface and SETTINGS; `window` is what each stream may send to us."""
        pairs = b"" if window is None else struct.pack(">HI", 4, window)
        return self.send(PREFACE + frame(SETTINGS, 0, 0, pairs))

    def send(self, data: bytes, seconds: float = 5.0) -> "Wire":
        """Sends all of it, or as much as the server takes in that time."""
        deadline = time.monotonic() + seconds
        view = memoryview(data)
        while view and not self.is_over:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                view = view[self.socket.send(view):]
            except (TimeoutError, BlockingIOError):
                break
            except OSError:
                self.is_over = True
        self.unsent = len(view)
        return self

    def poll(self, seconds: float) -> bool:
        """Reads what there is, waiting at most that long; false if nothing came."""
        self.socket.settimeout(max(0.001, seconds))
        try:
            data = self.socket.recv(1 << 18)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError:
            data = b""
        if not data:
            self.is_over = True
            return False
        self.received += data
        return True

    def frames(self) -> list[tuple[int, int, int, bytes]]:
        """Whole frames read so far, as type, flags, stream, body."""
        found, at = [], 0
        while len(self.received) - at >= 9:
            count = int.from_bytes(self.received[at:at + 3], "big")
            if len(self.received) - at < 9 + count:
                break
            kind, flags, stream = struct.unpack(">BBI", self.received[at + 3:at + 9])
            found.append((kind, flags, stream, self.received[at + 9:at + 9 + count]))
            at += 9 + count
        return found

    def wait_end(self, seconds: float) -> bool:
        """Whether the server ends the connection in that time."""
        deadline = time.monotonic() + seconds
        while not self.is_over and time.monotonic() < deadline:
            self.poll(deadline - time.monotonic())
        return self.is_over

    def wait_for(self, kind: int, seconds: float, stream: int | None = None):
        """The first frame of that type, or None."""
        deadline = time.monotonic() + seconds
        while True:
            for found in self.frames():
                if found[0] == kind and stream in (None, found[2]):
                    return found
            if self.is_over or time.monotonic() >= deadline:
                return None
            self.poll(deadline - time.monotonic())

    def goaway(self) -> tuple[int, str] | None:
        """Code and words of the server's GOAWAY."""
        for kind, _, _, body in self.frames():
            if kind == GOAWAY:
                return int.from_bytes(body[4:8], "big"), body[8:].decode()
        return None

    def close(self) -> None:
        self.socket.close()
