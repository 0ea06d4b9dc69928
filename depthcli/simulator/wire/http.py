"""REST over one TCP connection, kept alive between requests."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import h11

from depthcli.simulator.faults.corruption import mistyped
from depthcli.simulator.wire.rest import Answer, failure

if TYPE_CHECKING:
    from depthcli.simulator.faults.faults import RestFault
    from depthcli.simulator.wire.service import Service


class HttpConnection:
    """Reads requests, applies faults, and writes the responses of the REST interface."""

    def __init__(self, service: Service, transport: asyncio.Transport) -> None:
        self._service = service
        self._transport = transport
        self._protocol = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._timer: asyncio.TimerHandle | None = None

    def receive(self, data: bytes) -> None:
        """Receive bytes from the network."""
        self._protocol.receive_data(data)
        self._proceed()

    def receive_end(self) -> None:
        """Receive the end of the client's data."""
        self._protocol.receive_data(b"")

    def lost(self) -> None:
        """Clean up after the connection has ended."""
        if self._timer:
            self._timer.cancel()

    def _proceed(self) -> None:
        while not self._transport.is_closing():
            try:
                event = self._protocol.next_event()
            except h11.RemoteProtocolError as error:
                self._send(failure(error.error_status_hint, -1000, str(error)))
                self._transport.close()
                return
            if isinstance(event, h11.Request):
                self._request = event
            elif isinstance(event, h11.EndOfMessage):
                self._respond()
            elif not isinstance(event, h11.Data):
                return

    def _respond(self) -> None:
        if self._request is None:
            return
        method = self._request.method.decode()
        target = self._request.target.decode("latin-1")
        service = self._service
        service.requests.append(f"{method} {target}")
        fault = service.faults.rest_fault(urlsplit(target).path)
        answer = service.rest.respond(
            method,
            target,
            service.clock(),
            fault.age if fault else 0,
            early=fault is not None and fault.kind == "early",
        )
        if fault is None or fault.kind in {"stale", "early"}:
            self._send(answer)
        else:
            self._misbehave(fault, answer)

    def _misbehave(self, fault: RestFault, answer: Answer) -> None:
        if fault.kind == "fail":
            code = -1000 if fault.code is None else fault.code
            message = fault.message or "An unknown error occurred while processing the request."
            wrong = failure(fault.status, code, message, fault.retry_after)
            self._send(Answer(wrong.status, wrong.body, answer.headers | wrong.headers))
        elif fault.kind == "mistyped" and answer.content_type.startswith("application/json"):
            self._send(Answer(answer.status, mistyped(answer.body), answer.headers))
        elif fault.kind == "truncate":
            self._send(answer, whole=False)
            self._transport.close()
        elif fault.kind == "hang":
            self._later(fault.seconds, None)
        elif fault.kind == "slow":
            self._later(fault.seconds, answer)
        else:
            self._send(answer)

    def _later(self, seconds: float, answer: Answer | None) -> None:
        loop = asyncio.get_running_loop()
        if answer is None:
            self._timer = loop.call_later(seconds, self._transport.close)
        else:
            self._timer = loop.call_later(seconds, self._send_late, answer)

    def _send_late(self, answer: Answer) -> None:
        self._send(answer)
        self._proceed()

    def _send(self, answer: Answer, *, whole: bool = True) -> None:
        protocol = self._protocol
        headers = {
            "date": formatdate(self._service.clock(), usegmt=True),
            "server": "depthcli-simulator",
            "content-type": answer.content_type,
            "content-length": str(len(answer.body)),
        }
        fields = [(name, value) for name, value in (headers | answer.headers).items()]
        head = protocol.send(h11.Response(status_code=answer.status, headers=fields)) or b""
        has_body = self._request is None or self._request.method != b"HEAD"
        body = answer.body if has_body else b""
        if not whole:
            self._transport.write(head + body[: len(body) // 2])
            return
        parts = [head, protocol.send(h11.Data(data=body)), protocol.send(h11.EndOfMessage())]
        self._transport.write(b"".join(filter(None, parts)))
        if protocol.our_state is h11.MUST_CLOSE:
            self._transport.close()
        elif protocol.their_state is h11.DONE:
            protocol.start_next_cycle()
