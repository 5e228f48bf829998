"""A DNS server with a few records, for one run: SRV and A over UDP."""

from __future__ import annotations

import socket
import struct
import threading

SRV, A, AAAA = 33, 1, 28


class NameServer:
    """Answers on a port of 127.0.0.1; unknown names do not exist.

    `services` is by name, such as `_etcd-client._tcp.example.test`: (priority, weight, port, target).
    """

    def __init__(self, services: dict[str, list[tuple[int, int, int, str]]],
                 hosts: dict[str, str], host: str = "127.0.0.1", port: int = 0) -> None:
        self.services = services
        self.hosts = hosts
        self.asked: list[str] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.port = self.socket.getsockname()[1]
        self.socket.settimeout(0.1)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self.socket.close()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                question, sender = self.socket.recvfrom(4096)
                self.socket.sendto(self.answer(question), sender)
            except TimeoutError:
                continue

    def answer(self, message: bytes) -> bytes:
        number, flags = struct.unpack(">HH", message[:4])
        name, place = _name(message, 12)
        kind = struct.unpack(">H", message[place:place + 2])[0]
        name = name.lower().rstrip(".")
        self.asked.append(name)
        records = []
        if kind == SRV:
            records = [struct.pack(">HHH", *one[:3]) + _wire(one[3])
                       for one in self.services.get(name, [])]
        elif kind == A and name in self.hosts:
            records = [socket.inet_aton(self.hosts[name])]
        is_known = name in self.services or name in self.hosts
        head = struct.pack(">HHHHHH", number, 0x8180 | (flags & 0x100) | (0 if is_known else 3), 1,
                           len(records), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
                        for data in records)
        return head + message[12:place + 4] + body


def _name(message: bytes, place: int) -> tuple[str, int]:
    labels = []
    while message[place]:
        size = message[place]
        labels.append(message[place + 1:place + 1 + size].decode())
        place += 1 + size
    return ".".join(labels), place + 1


def _wire(name: str) -> bytes:
    parts = [part.encode() for part in name.rstrip(".").split(".")]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
