"""Raw gRPC calls: code, details and message of each answer, nothing retried or renamed."""

from __future__ import annotations

import queue
import threading
from typing import Any

import grpc
from google.protobuf.message import Message

from canonical import Names, canonical
from protocol import METHODS, message_class

CALL_SECONDS = 15.0
OPTIONS = [
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.max_reconnect_backoff_ms", 500),
]


class Failure:
    """An answer that is a gRPC status other than OK."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self.code = code.name
        self.details = details or ""

    def show(self, names: Names) -> dict[str, Any]:
        if self.details.startswith("Stream removed (") and self.code == "UNAVAILABLE":
            return {"code": self.code, "details": "<connection lost>"}
        return {"code": self.code, "details": names.text(self.details)}


def show(answer: Message | Failure, names: Names) -> dict[str, Any]:
    """An answer in its comparable form."""
    return answer.show(names) if isinstance(answer, Failure) else canonical(answer, names)


class Client:
    """One channel to one endpoint."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.channel = grpc.insecure_channel(endpoint, options=OPTIONS)

    def call(self, method: str, request: Message, metadata=(), seconds: float = CALL_SECONDS):
        """One unary call of the table: the response message or a `Failure`."""
        entry = METHODS[method]
        data = request.SerializeToString()
        return self.raw(entry.path, data, entry.response, metadata, seconds)

    def raw(self, path: str, data: bytes, response: str, metadata=(), seconds=CALL_SECONDS):
        """One unary call with any path and any bytes."""
        stub = self.channel.unary_unary(path, bytes, message_class(response).FromString)
        try:
            return stub(data, timeout=seconds, metadata=list(metadata), wait_for_ready=True)
        except grpc.RpcError as error:
            return Failure(error.code(), error.details())

    def start(self, method: str, request: Message) -> grpc.Future:
        """Start a unary call; `finish` waits for it."""
        entry = METHODS[method]
        response = message_class(entry.response)
        stub = self.channel.unary_unary(entry.path, bytes, response.FromString)
        return stub.future(request.SerializeToString(), timeout=CALL_SECONDS)

    def stream(self, method: str, metadata=()) -> "Stream":
        """Open a stream to any method of the table."""
        return Stream(self.channel, method, metadata)

    def close(self) -> None:
        self.channel.close()


def finish(future: grpc.Future) -> Message | Failure:
    """The answer of a call made by `Client.start`."""
    try:
        return future.result()
    except grpc.RpcError as error:
        return Failure(error.code(), error.details())


class Stream:
    """A streaming call; answers are collected by a thread and read with a deadline."""

    def __init__(self, channel: grpc.Channel, method: str, metadata) -> None:
        entry = METHODS[method]
        self._requests: queue.Queue = queue.Queue()
        self._answers: queue.Queue = queue.Queue()
        response = message_class(entry.response)
        stub = channel.stream_stream(entry.path, bytes, response.FromString)
        self._call = stub(iter(self._requests.get, None), metadata=list(metadata))
        threading.Thread(target=self._collect, daemon=True).start()

    def send(self, request: Message | bytes) -> None:
        data = request if isinstance(request, bytes) else request.SerializeToString()
        self._requests.put(data)

    def half_close(self) -> None:
        """End our side; the server may still answer."""
        self._requests.put(None)

    def read(self, seconds: float) -> Message | Failure | str:
        """The next answer; `closed` at a clean end, `nothing` after the deadline."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return "nothing"

    def cancel(self) -> None:
        self._requests.put(None)
        self._call.cancel()

    def _collect(self) -> None:
        try:
            for answer in self._call:
                self._answers.put(answer)
            self._answers.put("closed")
        except grpc.RpcError as error:
            self._answers.put(Failure(error.code(), error.details()))
