"""Equal greedy requests reach the model once, errors are not cached, and every record is complete."""

import asyncio

import pytest

from quintain.agents.games import LLMPlayer
from quintain.engines.cached import CachedEngine
from quintain.engines.engine import Engine, Reply, Request, record_exchanges
from quintain.engines.scripted import ScriptedEngine
from quintain.errors import CapabilityError, EngineError
from quintain.experiments.games import ScheduledMatch, play_matches


class Counting(Engine):
    """Replies with the number of the request; the first ``failures`` requests fail."""

    name = "counting"
    capabilities = frozenset({"prompt"})

    def __init__(self, failures=0):
        self.served, self.failures = 0, failures

    async def _generate(self, requests):
        await asyncio.sleep(0)
        self.served += len(requests)
        if self.served <= self.failures:
            raise EngineError("503")
        return [[Reply(str(self.served))] for _ in requests]


def ask(prompt="a", temperature=0.0):
    return Request(prompt=prompt, temperature=temperature)


def test_equal_greedy_requests_share_one_reply():
    engine = CachedEngine(Counting())

    async def run():
        first = await asyncio.gather(engine.generate([ask(), ask("b"), ask()]), engine.generate([ask()]))
        return [reply.text for batch in (*first, await engine.generate([ask()])) for (reply,) in batch]

    a, b, *others = asyncio.run(run())
    assert others == [a, a, a]
    assert a != b
    assert (engine.hits, engine.misses) == (3, 2)
    assert asyncio.run(engine.complete(ask())).text == a  # in another event loop as well


def test_sampled_replies_are_not_cached():
    engine = CachedEngine(Counting())
    replies = [asyncio.run(engine.complete(ask(temperature=1.0))).text for _ in range(2)]
    assert replies == ["1", "2"]


def test_an_error_reaches_every_caller_and_is_not_cached():
    engine = CachedEngine(Counting(failures=1))

    async def run():
        failed = await asyncio.gather(*(engine.generate([ask()]) for _ in range(2)), return_exceptions=True)
        return failed, await engine.complete(ask())

    failed, reply = asyncio.run(run())
    assert [type(error) for error in failed] == [EngineError, EngineError]
    assert reply.text == "2"


def test_cancelling_one_caller_does_not_cancel_the_request_of_the_others():
    engine = CachedEngine(Counting())

    async def run():
        first = asyncio.create_task(engine.complete(ask()))
        second = asyncio.create_task(engine.complete(ask()))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(run()).text == "1"


def test_the_cache_has_the_capabilities_of_the_inner_engine():
    with pytest.raises(CapabilityError, match="chat"):
        asyncio.run(CachedEngine(Counting()).complete(Request(messages=[{"role": "user", "content": "?"}])))


def test_replies_from_the_cache_are_recorded_as_exchanges():
    engine = CachedEngine(Counting())

    async def run():
        logs = []
        for _ in range(2):
            with record_exchanges() as log:
                await engine.complete(ask())
            logs.append([exchange.replies[0].text for exchange in log.exchanges])
        return logs

    assert asyncio.run(run()) == [["1"], ["1"]]


def test_matches_are_the_same_with_and_without_the_cache():
    def rule(request):
        choice = request.choices[0] if len(request.choices) == 1 else request.choices["J and" in str(request.messages)]
        return Reply(choice, "choice", completion_tokens=1)

    def run(wrap):
        engine = wrap(ScriptedEngine(rule))
        fixtures = [
            ScheduledMatch("prisoners_dilemma", ("model", other)) for other in ("grim", "tit-for-tat", "defect-once")
        ]
        matches = play_matches(fixtures, {"model": LLMPlayer(engine)}, env={"rounds": 4})
        return engine, [(m.moves.tolist(), m.traces, m.record.completion_tokens) for m in matches]

    engine, cached = run(CachedEngine)
    assert cached == run(lambda engine: engine)[1]
    assert engine.hits > 0


def test_describe_names_the_cache_and_close_closes_the_inner_engine():
    closed = []
    inner = Counting()
    inner.close = lambda: closed.append(True)
    engine = CachedEngine(inner)
    assert engine.describe() == {"engine": "counting", "cached": True}
    engine.close()
    assert closed == [True]
