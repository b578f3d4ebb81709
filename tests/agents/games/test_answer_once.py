"""Equal questions are asked once, exactly, and everybody's record is whole."""

import asyncio

import pytest

from quintain.agents.games import AnswerOnce, LLMPlayer
from quintain.engines.engine import Engine, Reply, Request, record_exchanges
from quintain.engines.scripted import ScriptedEngine
from quintain.errors import CapabilityError, EngineError
from quintain.experiments.games import ScheduledMatch, play_matches


class Counting(Engine):
    """Answers with the number of the request; fails as often as told."""

    name = "counting"
    capabilities = frozenset({"prompt"})

    def __init__(self, failures=0):
        self.served, self.failures = 0, failures

    async def _generate(self, requests):
        await asyncio.sleep(0)
        self.served += len(requests)
        if self.served <= self.failures:
            raise EngineError("the provider is asleep")
        return [[Reply(str(self.served))] for _ in requests]


def ask(prompt="a", temperature=0.0):
    return Request(prompt=prompt, temperature=temperature)


def test_equal_requests_share_an_answer_whenever_they_come():
    engine = AnswerOnce(Counting())

    async def run():
        first = await asyncio.gather(engine.generate([ask(), ask("b"), ask()]), engine.generate([ask()]))
        return [reply.text for batch in (*first, await engine.generate([ask()])) for (reply,) in batch]

    a, b, *others = asyncio.run(run())
    assert others == [a, a, a]
    assert a != b
    assert (engine.asked, engine.answered) == (5, 2)
    assert asyncio.run(engine.complete(ask())).text == a  # in another event loop as well


def test_answers_that_are_drawn_are_drawn_anew():
    engine = AnswerOnce(Counting())
    replies = [asyncio.run(engine.complete(ask(temperature=1.0))).text for _ in range(2)]
    assert replies == ["1", "2"]


def test_a_failure_is_told_to_all_and_forgotten():
    engine = AnswerOnce(Counting(failures=1))

    async def run():
        failed = await asyncio.gather(*(engine.generate([ask()]) for _ in range(2)), return_exceptions=True)
        return failed, await engine.complete(ask())

    failed, reply = asyncio.run(run())
    assert [type(error) for error in failed] == [EngineError, EngineError]
    assert reply.text == "2"


def test_who_gives_up_does_not_take_the_answer_from_the_others():
    engine = AnswerOnce(Counting())

    async def run():
        first = asyncio.create_task(engine.complete(ask()))
        second = asyncio.create_task(engine.complete(ask()))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(run()).text == "1"


def test_what_the_engine_cannot_do_is_refused_as_before():
    with pytest.raises(CapabilityError, match="chat"):
        asyncio.run(AnswerOnce(Counting()).complete(Request(messages=[{"role": "user", "content": "?"}])))


def test_every_record_holds_every_exchange():
    engine = AnswerOnce(Counting())

    async def run():
        logs = []
        for _ in range(2):
            with record_exchanges() as log:
                await engine.complete(ask())
            logs.append([exchange.replies[0].text for exchange in log.exchanges])
        return logs

    assert asyncio.run(run()) == [["1"], ["1"]]


def test_matches_are_the_same_with_and_without_memory():
    def rule(request):
        said = request.choices[0] if len(request.choices) == 1 else request.choices["J and" in str(request.messages)]
        return Reply(said, "choice", completion_tokens=1)

    def run(wrap):
        engine = wrap(ScriptedEngine(rule))
        fixtures = [
            ScheduledMatch("prisoners_dilemma", ("model", other)) for other in ("grim", "tit-for-tat", "defect-once")
        ]
        matches = play_matches(fixtures, {"model": LLMPlayer(engine)}, env={"rounds": 4})
        return engine, [(m.moves.tolist(), m.traces, m.record.completion_tokens) for m in matches]

    engine, remembered = run(AnswerOnce)
    assert remembered == run(lambda engine: engine)[1]
    assert engine.answered < engine.asked


def test_the_record_says_so_and_closing_reaches_the_engine():
    closed = []
    inner = Counting()
    inner.close = lambda: closed.append(True)
    engine = AnswerOnce(inner)
    assert engine.describe() == {"engine": "counting", "answers_once": True}
    engine.close()
    assert closed == [True]
