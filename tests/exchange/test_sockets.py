"""Streams over shared connections, against the simulator over real WebSockets."""

from __future__ import annotations

import asyncio
import functools
import json
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from websockets.asyncio.server import serve

from depthcli import AsyncClient, BinanceSocketManager
from depthcli.core import handover as handover_module
from depthcli.core.backoff import Backoff
from depthcli.core.markets import OPTIONS, SPOT, USDM
from depthcli.errors import ClosedError, UsageError
from depthcli.exchange import connection as connection_module, stream_pool as stream_pool_module
from depthcli.simulator import Simulator, source_for
from depthcli.simulator.faults.corruption import CORRUPTIONS

STREAM = "bnbbtc@depth@100ms"
OTHER = "ethbtc@depth@100ms"
PATIENCE = 20.0


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Waits that users know as seconds are shortened, not left out."""
    monkeypatch.setattr(
        stream_pool_module, "Backoff", functools.partial(Backoff, step=0.1, most=0.2)
    )


class Listening:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.reasons: list[str] = []
        self.ids: list[int] = []
        self.changed = asyncio.Event()

    @property
    def events(self) -> int:
        return len(self.ids)

    def _note(self, what: str, *reasons: str) -> None:
        self.told.append(what)
        self.reasons.extend(reasons)
        self.changed.set()

    def opened(self) -> None:
        self._note("opened")

    def receive(self, event, now) -> None:
        self.ids.append(event.last_update_id)
        self.changed.set()

    def refuse(self, why: str) -> None:
        self._note("refused")

    def lost(self, reason) -> None:
        self._note("lost", reason)

    def gone(self, reason) -> None:
        self._note("gone", reason)

    async def until(self, condition) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def until_more(self, count=2) -> None:
        enough = self.events + count
        await self.until(lambda: self.events >= enough)


@asynccontextmanager
async def sockets(market="spot", symbols=("BNBBTC", "ETHBTC"), **options):
    async with (
        Simulator(source_for(market, symbols)) as simulator,
        await AsyncClient.create(rest_url=simulator.rest_url, ws_url=simulator.ws_url) as client,
    ):
        manager = BinanceSocketManager(client, **options)
        yield simulator, manager
        await manager.close()


async def settled(condition) -> None:
    """Wait for something that nobody tells."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110, the simulator has no event for it
            await asyncio.sleep(0.01)


async def test_streams_share_a_connection_and_later_ones_join_it():
    async with sockets() as (simulator, manager):
        one, two = Listening(), Listening()
        first = manager.subscribe(SPOT, STREAM, float, one)
        await one.until_more()
        second = manager.subscribe(SPOT, OTHER, float, two)
        await two.until(lambda: two.told == ["opened"])
        assert simulator.subscriptions == [STREAM, OTHER]
        await two.until_more()
        assert one.told == two.told == ["opened"]
        assert manager.connection_count == simulator.connections == 1
        first.close()
        await settled(lambda: simulator.subscriptions == [OTHER])
        count = one.events
        await two.until_more()
        assert one.events == count
        second.close()
        await settled(lambda: not simulator.connections and not manager.connection_count)


async def test_two_listeners_share_a_stream_until_the_last_one_goes():
    async with sockets() as (simulator, manager):
        stays, goes, other = Listening(), Listening(), Listening()
        manager.subscribe(SPOT, OTHER, float, other)
        last = manager.subscribe(SPOT, STREAM, float, stays)
        await stays.until_more()
        first = manager.subscribe(SPOT, STREAM, float, goes)
        assert goes.told == ["opened"]
        await goes.until_more()
        assert goes.ids == stays.ids[-goes.events :]
        first.close()
        await stays.until_more()
        assert simulator.subscriptions == [STREAM, OTHER]
        last.close()
        await settled(lambda: simulator.subscriptions == [OTHER])


async def test_a_listener_that_goes_while_it_is_told_takes_nothing_from_the_next_one():
    class Going(Listening):
        def receive(self, event, now) -> None:
            super().receive(event, now)
            subscription.close()

    async with sockets() as (_, manager):
        going, staying = Going(), Listening()
        subscription = manager.subscribe(SPOT, STREAM, float, going)
        manager.subscribe(SPOT, STREAM, float, staying)
        await staying.until_more()
        assert going.ids == staying.ids[:1]


async def test_a_stream_that_is_wanted_just_when_the_last_one_was_closed_is_opened():
    async with sockets() as (_, manager):
        first, second = Listening(), Listening()
        subscription = manager.subscribe(SPOT, STREAM, float, first)
        await first.until_more()
        subscription.close()
        manager.subscribe(SPOT, OTHER, float, second)
        await second.until_more()


async def test_other_numbers_and_other_markets_need_another_connection():
    async with sockets() as (simulator, manager):
        listeners = [Listening() for _ in range(3)]
        for listener, number in zip(listeners, (float, float, Decimal), strict=True):
            manager.subscribe(SPOT, STREAM, number, listener)
        for listener in listeners:
            await listener.until_more()
        assert manager.connection_count == simulator.connections == 2
        manager.subscribe(USDM, "btcusdt@depth", float, Listening())
        assert manager.connection_count == 3


async def test_what_one_connection_may_not_carry_goes_over_a_second_one():
    async with sockets("usdm", ["BTCUSDT"]) as (simulator, manager):
        listeners = [Listening() for _ in range(USDM.streams_per_connection + 1)]
        for number, listener in enumerate(listeners):
            manager.subscribe(USDM, f"coin{number}usdt@depth@100ms", float, listener)
        for listener in listeners:
            await listener.until(lambda listener=listener: listener.told == ["opened"])
        assert manager.connection_count == simulator.connections == 2
        assert len(simulator.subscriptions) == len(listeners)


async def test_hundreds_of_streams_are_subscribed_within_the_exchanges_pace():
    async with sockets() as (simulator, manager):
        listeners = [Listening() for _ in range(850)]  # nine requests, of which one is the URL
        for number, listener in enumerate(listeners):
            manager.subscribe(SPOT, f"coin{number}btc@depth", float, listener)
        await listeners[-1].until(lambda: "opened" in listeners[-1].told)
        assert all(listener.told == ["opened"] for listener in listeners)
        assert simulator.connections == 1


async def test_of_many_that_come_and_go_those_that_stay_are_subscribed():
    async with sockets() as (simulator, manager):
        stays = Listening()
        manager.subscribe(SPOT, STREAM, float, stays)
        await stays.until_more(1)
        for number in range(30):
            listener = Listening()
            hold = manager.subscribe(SPOT, f"coin{number}btc@depth", float, listener)
            await asyncio.sleep(0)
            if number % 3:
                hold.close()
        wanted = sorted([STREAM, *(f"coin{number}btc@depth" for number in range(0, 30, 3))])
        await settled(lambda: simulator.subscriptions == wanted)
        await stays.until_more(1)
        assert stays.told == ["opened"]


@pytest.mark.parametrize("kind", [kind for kind in CORRUPTIONS if kind != "truncated-frame"])
async def test_a_bad_frame_ends_nothing(kind):
    async with sockets() as (simulator, manager):
        damaged, other = Listening(), Listening()
        manager.subscribe(SPOT, STREAM, float, damaged)
        manager.subscribe(SPOT, OTHER, float, other)
        await damaged.until_more(1)
        simulator.faults.corrupt_next(kind, STREAM, count=2)
        await damaged.until(lambda: simulator.faults.log["corrupt"] == 2)
        await damaged.until_more()
        await other.until_more()
        assert other.told == ["opened"]
        assert set(damaged.told) <= {"opened", "refused"}
        if kind in {"nan", "negative", "wrong-types"}:
            assert damaged.told == ["opened", "refused", "refused"]


@pytest.mark.parametrize(
    ("fault", "arguments", "reason"),
    [
        ("abort_connections", (), "socket lost: the connection broke off"),
        ("close_connections", (1001,), "closed with code 1001"),
        ("close_connections", (1008,), "closed with code 1008"),
        ("corrupt_next", ("truncated-frame",), "socket lost"),
    ],
)
async def test_a_lost_connection_is_told_and_made_anew_at_once_with_all_its_streams(
    fault, arguments, reason
):
    async with sockets() as (simulator, manager):
        listeners = one, two = Listening(), Listening()
        manager.subscribe(SPOT, STREAM, float, one)
        manager.subscribe(SPOT, OTHER, float, two)
        for listener in listeners:
            await listener.until_more(1)
        getattr(simulator.faults, fault)(*arguments)
        for listener in listeners:
            await listener.until(lambda told=listener.told: told == ["opened", "lost", "opened"])
            assert reason in listener.reasons[0]
            assert "next try in" not in listener.reasons[0]
            await listener.until_more()
        await settled(lambda: simulator.subscriptions == [STREAM, OTHER])


async def test_a_connection_that_pretends_to_be_alive_can_be_given_up():
    async with sockets() as (_, manager):
        listener = Listening()
        subscription = manager.subscribe(SPOT, STREAM, float, listener)
        await listener.until_more(1)
        heard = subscription.last_frame
        subscription.suspect("silent, while the book moved on")
        await listener.until(lambda: listener.told == ["opened", "lost", "opened"])
        assert listener.reasons == ["socket lost: silent, while the book moved on"]
        await listener.until_more(1)
        assert subscription.last_frame > heard


async def test_an_exchange_that_refuses_for_a_while_is_tried_again_after_longer_and_longer():
    async with sockets(max_reconnects=None) as (simulator, manager):
        simulator.faults.refuse_connections(count=7)
        listener = Listening()
        manager.subscribe(SPOT, STREAM, float, listener)
        await listener.until(lambda: "opened" in listener.told)
        assert listener.told == ["lost"] * 7 + ["opened"]
        assert all("next try in" in reason for reason in listener.reasons[1:])


async def test_a_stream_is_gone_after_so_many_tries_in_a_row_and_that_is_told_once():
    async with sockets(max_reconnects=2) as (simulator, manager):
        listener = Listening()
        manager.subscribe(SPOT, STREAM, float, listener)
        for _ in range(4):  # tries that succeed aren't counted
            await listener.until_more(1)
            simulator.faults.abort_connections()
            losses = listener.told.count("lost")
            await listener.until(lambda losses=losses: listener.told.count("lost") > losses)
        await listener.until_more(1)
        simulator.faults.refuse_connections(seconds=60)
        simulator.faults.abort_connections()
        await listener.until(lambda: "gone" in listener.told)
        assert listener.told[-4:] == ["opened", "lost", "lost", "gone"]
        assert "socket lost for good" in listener.reasons[-1]
        await settled(lambda: not manager.connection_count)


async def test_where_nobody_listens_the_reason_says_so():
    async with AsyncClient(rest_url="http://127.0.0.1:9", ws_url="ws://127.0.0.1:9") as client:
        manager = BinanceSocketManager(client, max_reconnects=0)
        listener = Listening()
        manager.subscribe(SPOT, STREAM, float, listener)
        await listener.until(lambda: listener.told == ["gone"])
        (reason,) = listener.reasons
        assert reason.startswith("socket lost for good: 127.0.0.1:9: connection refused; ")
        await manager.close()


async def test_a_gone_stream_can_be_subscribed_anew():
    async with sockets(max_reconnects=0) as (simulator, manager):
        first, second = Listening(), Listening()
        manager.subscribe(SPOT, STREAM, float, first)
        await first.until_more(1)
        simulator.faults.abort_connections()
        await first.until(lambda: first.told == ["opened", "gone"])
        manager.subscribe(SPOT, STREAM, float, second)
        await second.until_more(1)


async def test_closing_leaves_nothing_behind_and_tells_nobody():
    before = asyncio.all_tasks()
    async with sockets() as (simulator, manager):
        running = asyncio.all_tasks()
        listeners = one, two = Listening(), Listening()
        manager.subscribe(SPOT, STREAM, float, one)
        manager.subscribe(SPOT, STREAM, Decimal, two)
        for listener in listeners:
            await listener.until_more(1)
        await manager.close()
        assert (one.told, two.told) == (["opened"], ["opened"])
        assert manager.connection_count == 0
        await settled(lambda: not simulator.connections)
        assert asyncio.all_tasks() <= running
    assert asyncio.all_tasks() <= before


async def test_closing_while_it_waits_for_the_next_try_leaves_nothing_behind(monkeypatch):
    monkeypatch.setattr(stream_pool_module, "Backoff", functools.partial(Backoff, first=60))
    async with sockets() as (simulator, manager):
        running = asyncio.all_tasks()
        simulator.faults.refuse_connections(seconds=60)
        listener = Listening()
        manager.subscribe(SPOT, STREAM, float, listener)
        await listener.until(lambda: listener.told == ["lost"])
        await manager.close()
        assert asyncio.all_tasks() <= running


async def test_a_closed_manager_takes_no_more_streams():
    async with sockets() as (_, manager):
        await manager.close()
        with pytest.raises(ClosedError, match="make a new one"):
            manager.subscribe(SPOT, STREAM, float, Listening())


async def test_a_market_that_the_environment_lacks_is_refused_at_once(monkeypatch):
    monkeypatch.delenv("DEPTHCLI_REST_URL", raising=False)
    monkeypatch.delenv("DEPTHCLI_WS_URL", raising=False)
    async with AsyncClient(tld="us") as client:
        manager = BinanceSocketManager(client)
        with pytest.raises(UsageError, match="European options"):
            manager.subscribe(OPTIONS, "btc-261225-110000-c@depth@100ms", float, Listening())
        assert manager.connection_count == 0


async def test_a_stream_closed_and_subscribed_again_at_once_opens():
    async with sockets() as (_, manager):
        first, again, other = Listening(), Listening(), Listening()
        manager.subscribe(SPOT, OTHER, float, other)
        subscription = manager.subscribe(SPOT, STREAM, float, first)
        await first.until_more(1)
        subscription.close()
        manager.subscribe(SPOT, STREAM, float, again)
        await again.until(lambda: "opened" in again.told)


@pytest.fixture
def short_lived(monkeypatch):
    """Connections are replaced after half a second rather than after 23 hours."""
    monkeypatch.setattr(stream_pool_module, "LIFETIME", 0.5)
    monkeypatch.setattr(handover_module, "QUIET", 0.4)


def replacements(caplog) -> int:
    return caplog.text.count("the new connection took over")


async def test_a_connection_that_grows_old_is_replaced_and_nobody_notices(short_lived, caplog):
    caplog.set_level("INFO", logger="depthcli")
    async with sockets() as (simulator, manager):
        one, quiet, late = Listening(), Listening(), Listening()
        manager.subscribe(SPOT, STREAM, float, one)
        manager.subscribe(SPOT, "nosuch@depth", float, quiet)
        await one.until(lambda: replacements(caplog) >= 1)
        manager.subscribe(SPOT, OTHER, float, late)
        await one.until(lambda: replacements(caplog) >= 3)
        await late.until_more(1)
        assert one.told == quiet.told == late.told == ["opened"]
        assert one.ids == sorted(set(one.ids))
        await settled(lambda: simulator.connections == manager.connection_count == 1)


async def test_a_connection_that_the_exchange_wants_to_end_is_replaced_before(caplog):
    caplog.set_level("INFO", logger="depthcli")
    async with sockets() as (simulator, manager):
        listener = Listening()
        manager.subscribe(SPOT, STREAM, float, listener)
        await listener.until_more(1)
        simulator.faults.announce_shutdown()
        await listener.until(lambda: replacements(caplog) == 1)
        await listener.until_more()
        assert listener.told == ["opened"]


async def test_a_successor_that_fails_is_tried_again_and_nobody_notices(short_lived, caplog):
    caplog.set_level("INFO", logger="depthcli")
    async with sockets() as (simulator, manager):
        listener = Listening()
        manager.subscribe(SPOT, STREAM, float, listener)
        await listener.until_more(1)
        simulator.faults.refuse_connections(count=1)
        await listener.until(lambda: replacements(caplog) >= 1)
        assert "the new connection failed" in caplog.text
        await listener.until_more()
        assert listener.told == ["opened"]


async def test_where_both_connections_break_off_that_is_told(short_lived, caplog, monkeypatch):
    monkeypatch.setattr(handover_module, "QUIET", 60)
    caplog.set_level("INFO", logger="depthcli")
    async with sockets() as (simulator, manager):
        quiet = Listening()
        manager.subscribe(SPOT, "nosuch@depth", float, quiet)
        await settled(lambda: simulator.connections == 2)
        simulator.faults.abort_connections()
        await quiet.until(lambda: quiet.told[:3] == ["opened", "lost", "opened"])


async def test_closing_in_the_middle_of_a_handover_leaves_nothing_behind(short_lived, monkeypatch):
    monkeypatch.setattr(handover_module, "QUIET", 60)
    async with sockets() as (simulator, manager):
        running = asyncio.all_tasks()
        manager.subscribe(SPOT, "nosuch@depth", float, Listening())
        await settled(lambda: simulator.connections == 2)
        await manager.close()
        await settled(lambda: not simulator.connections)
        assert asyncio.all_tasks() <= running


@asynccontextmanager
async def replying(reply):
    """A server that carries what the address names and answers requests as a test wants."""

    async def handler(websocket):
        async for text in websocket:
            request = json.loads(text)
            answer = reply(request)
            if answer is not None:
                await websocket.send(json.dumps({**answer, "id": request["id"]}))

    async with (
        serve(handler, "127.0.0.1", 0) as server,
        AsyncClient(
            rest_url="http://127.0.0.1:9",
            ws_url=f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        ) as client,
    ):
        manager = BinanceSocketManager(client)
        yield manager
        await manager.close()


async def test_a_stream_that_the_exchange_refuses_is_gone_and_not_asked_for_again():
    asked = []

    def reply(request):
        asked.append((request["method"], request["params"]))
        refused = request["method"] == "SUBSCRIBE" and OTHER in request["params"]
        return {"error": {"code": 2, "msg": "Not \x1b[2Jthis."}} if refused else {"result": None}

    async with replying(reply) as manager:
        stays, refused, later = Listening(), Listening(), Listening()
        manager.subscribe(SPOT, STREAM, float, stays)
        await stays.until(lambda: stays.told == ["opened"])
        manager.subscribe(SPOT, OTHER, float, refused)
        await refused.until(lambda: refused.told == ["gone"])
        assert refused.reasons[0].startswith("the exchange refused the stream: Not ")
        assert refused.reasons[0].isprintable()
        manager.subscribe(SPOT, "ltcbtc@depth", float, later)
        await later.until(lambda: later.told == ["opened"])
        assert asked == [("SUBSCRIBE", [OTHER]), ("SUBSCRIBE", ["ltcbtc@depth"])]
        assert stays.told == ["opened"]


async def test_a_stream_that_cannot_be_given_up_is_left_alone():
    def reply(request):
        refused = request["method"] == "UNSUBSCRIBE"
        return {"error": {"code": 2, "msg": "No."}} if refused else {"result": None}

    async with replying(reply) as manager:
        stays, goes, later = Listening(), Listening(), Listening()
        manager.subscribe(SPOT, STREAM, float, stays)
        leaving = manager.subscribe(SPOT, OTHER, float, goes)
        await goes.until(lambda: goes.told == ["opened"])
        leaving.close()
        manager.subscribe(SPOT, "ltcbtc@depth", float, later)
        await later.until(lambda: later.told == ["opened"])
        assert (stays.told, goes.told) == (["opened"], ["opened"])


async def test_a_connection_that_does_not_reply_is_made_anew(monkeypatch):
    monkeypatch.setattr(connection_module, "TOTAL_TIMEOUT", 0.3)
    async with replying(lambda request: None) as manager:
        first, second = Listening(), Listening()
        manager.subscribe(SPOT, STREAM, float, first)
        await first.until(lambda: first.told == ["opened"])
        manager.subscribe(SPOT, OTHER, float, second)
        # The new connection names both in its address, for which no reply is needed.
        await second.until(lambda: second.told == ["lost", "opened"])
        assert "no reply to SUBSCRIBE" in second.reasons[0]
