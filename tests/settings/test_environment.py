"""Which exchange a command's options and the environment variables name."""

import pytest
import typer
from typer.testing import CliRunner

from depthcli.commands.caching_client import client_of
from depthcli.commands.context import environment_of
from depthcli.commands.options import RestUrl, Testnet, Tld, WsUrl
from depthcli.core.markets import MARKETS, OPTIONS, SPOT
from depthcli.errors import UsageError
from depthcli.exchange.client import AsyncClient
from depthcli.settings.environment import Environment

app = typer.Typer()
chosen: list[Environment] = []


@app.command()
def choose(
    context: typer.Context,
    rest_url: RestUrl = None,
    ws_url: WsUrl = None,
    testnet: Testnet = False,
    tld: Tld = None,
) -> None:
    chosen.append(environment_of(context))


def environment(*arguments: str, variables: bool = False) -> Environment:
    own = {"DEPTHCLI_REST_URL": "http://127.0.0.1:1", "DEPTHCLI_WS_URL": "ws://127.0.0.1:1"}
    ended = CliRunner().invoke(app, arguments, env=own if variables else dict.fromkeys(own))
    if isinstance(ended.exception, UsageError):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return chosen.pop()


async def origins(environment: Environment) -> tuple[str, str]:
    async with client_of(environment) as client:
        return client.rest_origin(SPOT), client.websocket_origin(SPOT)


@pytest.mark.parametrize(
    ("arguments", "variables", "rest", "title"),
    [
        ((), False, "https://api.binance.com", ""),
        (("--testnet",), False, "https://testnet.binance.vision", "testnet"),
        (("--tld", "us"), False, "https://api.binance.us", "binance.us"),
        (("--tld", "vision"), False, "https://data-api.binance.vision", "market data only"),
        ((), True, "http://127.0.0.1:1", "127.0.0.1:1"),
        (("--testnet",), True, "https://testnet.binance.vision", "testnet"),
        (("--tld", "com"), True, "https://api.binance.com", ""),
        (
            ("--rest-url", "http://h:2/", "--ws-url", "ws://h:2"), True, "http://h:2", "h:2",
        ),
    ],
)  # fmt: skip
async def test_an_option_wins_over_the_variables(monkeypatch, arguments, variables, rest, title):
    if variables:
        monkeypatch.setenv("DEPTHCLI_REST_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("DEPTHCLI_WS_URL", "ws://127.0.0.1:1")
    named = environment(*arguments, variables=variables)
    found, sockets = await origins(named)
    assert found == named.rest_origin(SPOT) == rest
    assert sockets.startswith("wss://") == rest.startswith("https://")
    assert named.title == title


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--testnet", "--tld", "us"), "--testnet and --tld exclude"),
        (("--testnet", "--rest-url", "http://h"), "--testnet and --rest-url exclude"),
        (("--tld", "com", "--ws-url", "ws://h"), "--tld and --ws-url exclude"),
    ],
)
def test_two_exchanges_at_once_are_refused(arguments, words):
    for variables in (False, True):
        with pytest.raises(UsageError, match=words):
            environment(*arguments, variables=variables)


@pytest.mark.parametrize("market", MARKETS.values(), ids=str)
@pytest.mark.parametrize(
    "options", [{}, {"testnet": True}, {"tld": "us"}, {"tld": "vision"}, {"rest_url": "http://h/"}]
)
async def test_the_origin_is_the_clients(market, options):
    async with AsyncClient(**options, ws_url="") as client:
        try:
            expected: str | None = client.rest_origin(market)
        except UsageError:
            expected = None
    assert Environment(**options).rest_origin(market) == expected
    if market is OPTIONS and "rest_url" not in options:
        assert (expected is None) == ("tld" in options)
