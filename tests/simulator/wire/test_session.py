from __future__ import annotations

import json
from typing import Any

import pytest

from depthcli.core.markets import SPOT, USDM
from depthcli.simulator.wire.session import Session, parse_target


def ask(session: Session, **request: Any) -> Any:
    return json.loads(session.handle(json.dumps(request)))


def test_subscriptions_are_added_listed_and_removed() -> None:
    session = Session(SPOT, combined=False, streams=["a@depth"])
    added = ask(session, method="SUBSCRIBE", params=["b@depth", "a@depth"], id=1)
    assert added == {"result": None, "id": 1}
    assert ask(session, method="LIST_SUBSCRIPTIONS", id="x")["result"] == ["a@depth", "b@depth"]
    assert ask(session, method="UNSUBSCRIBE", params=["a@depth", "nobody@depth"], id=None) == {
        "result": None,
        "id": None,
    }
    assert list(session.streams) == ["b@depth"]


def test_the_combined_property_is_kept() -> None:
    session = Session(SPOT, combined=False, streams=[])
    assert ask(session, method="SET_PROPERTY", params=["combined", True], id=1)["result"] is None
    assert ask(session, method="GET_PROPERTY", params=["combined"], id=2)["result"] is True
    assert session.combined


@pytest.mark.parametrize(
    "request_",
    [
        [],
        7,
        {},
        {"method": "SUBSCRIBE", "id": 1},
        {"method": "SUBSCRIBE", "params": "a@depth", "id": 1},
        {"method": "SUBSCRIBE", "params": [1], "id": 1},
        {"method": "subscribe", "params": [], "id": 1},
        {"method": "LIST_SUBSCRIPTIONS", "id": 1.5},
        {"method": "LIST_SUBSCRIPTIONS", "id": True},
        {"method": "LIST_SUBSCRIPTIONS", "id": 2**63},
        {"method": "LIST_SUBSCRIPTIONS", "id": "x" * 37},
        {"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1},
        {"method": "GET_PROPERTY", "params": ["other"], "id": 1},
    ],
)
def test_wrong_requests_get_code_2_and_change_nothing(request_: Any) -> None:
    spot = Session(SPOT, combined=False, streams=["a@depth"])
    assert json.loads(spot.handle(json.dumps(request_)))["code"] == 2
    futures = Session(USDM, combined=False, streams=["a@depth"])
    assert json.loads(futures.handle(json.dumps(request_)))["error"]["code"] == 2
    assert list(spot.streams) == ["a@depth"]
    assert not spot.combined


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe", "[" * 100_000])
def test_what_is_not_json_gets_code_3(text: str | bytes) -> None:
    assert json.loads(Session(SPOT, combined=False, streams=[]).handle(text))["code"] == 3


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("/ws", ("", False, [])),
        ("/ws/", ("", False, [])),
        ("/ws/a@depth/b@depth@100ms", ("", False, ["a@depth", "b@depth@100ms"])),
        ("/stream", ("", True, [])),
        ("/stream?streams=a@depth/a@depth/b@depth", ("", True, ["a@depth", "b@depth"])),
        ("/public/ws/a@depth", ("/public", False, ["a@depth"])),
        ("/public/stream?streams=a@depth", ("/public", True, ["a@depth"])),
        ("/ws/%E5%B8%81usdt@depth", ("", False, ["币usdt@depth"])),
        ("/market/ws", None),
        ("/wss", None),
        ("/", None),
    ],
)
def test_addresses_say_what_to_begin_with(target: str, asked: object) -> None:
    assert parse_target(target) == asked
