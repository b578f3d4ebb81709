"""The model's own time of calls and episodes: waiting in a queue or for others of a batch does not count."""

import asyncio
import time

import pytest

import quintain
from quintain.engines import CachedEngine, Request, ScriptedEngine, make_engine
from quintain.engines.engine import Reply
from quintain.evaluation.report import Report
from quintain.evaluation.summary import model_facts
from quintain.messages import user

ROWS = [{"question": f"{n}?", "answer": "x"} for n in range(6)]
SETTINGS = {"env_kwargs": {"tasks": ROWS}, "progress": False}


@pytest.mark.parametrize("concurrency", [1, 6])
def test_the_times_of_episodes_that_decode_together_add_up_to_the_time_of_the_model(tiny_folder, concurrency, tmp_path):
    """Added up over concurrent episodes, durations with waiting included exceed the run's, the model's times do not."""
    engine = make_engine("transformers", model=tiny_folder)
    try:
        agent = {"name": "chat", "engine": engine, "max_tokens": 60, "extract": False}
        start = time.perf_counter()
        report = quintain.evaluate("QuestionAnswering-v0", agent, concurrency=concurrency, out=tmp_path, **SETTINGS)
        wall = time.perf_counter() - start
    finally:
        engine.close()
    spent = [episode.model_s for episode in report.episodes]
    assert 0 < sum(spent) <= wall
    assert all(0 < one <= episode.wall_s for one, episode in zip(spent, report.episodes, strict=True))
    if concurrency == 6:
        assert sum(spent) < 0.6 * sum(episode.wall_s for episode in report.episodes)
    stored = Report.load(tmp_path)
    assert [episode.model_s for episode in stored.episodes] == spent
    assert f"model time {sum(spent):,.1f} s" in model_facts(stored)


def test_n_replies_share_the_time(tiny_folder):
    engine = make_engine("transformers", model=tiny_folder)
    try:
        ((one, two, three),) = asyncio.run(
            engine.generate([Request(messages=[user("a")], n=3, max_tokens=4, temperature=0)])
        )
    finally:
        engine.close()
    assert one.seconds == two.seconds == three.seconds > 0
    assert "seconds" not in one.to_dict()


def test_of_a_server_it_is_the_time_from_sending_to_the_answer(fake_server):
    def slow(request):
        time.sleep(0.2)
        return "<<<1>>>"

    fake_server.engine = ScriptedEngine(slow)
    engine = make_engine(f"openai:m@{fake_server.url}", dialect="openai", max_connections=1)
    agent = {"name": "chat", "engine": engine, "extract": False}
    try:
        report = quintain.evaluate("QuestionAnswering-v0", agent, concurrency=6, **SETTINGS)
    finally:
        engine.close()
    spent = sorted(episode.model_s for episode in report.episodes)
    assert spent[0] >= 0.2
    longest = max(episode.wall_s for episode in report.episodes)  # the last of six waits for the others
    assert spent[2] < longest / 2


def test_without_a_measurement_nothing_is_said():
    agent = {"name": "chat", "engine": "scripted:<<<1>>>"}
    report = quintain.evaluate("QuestionAnswering-v0", agent, **SETTINGS)
    assert {episode.model_s for episode in report.episodes} == {None}
    assert not any("model time" in fact for fact in model_facts(report))


def test_a_reply_from_the_cache_took_no_time():
    class Timed(ScriptedEngine):
        async def _generate(self, requests):
            return [[Reply("x", seconds=1.5)] for _ in requests]

    engine = CachedEngine(Timed("x"))
    request = Request(messages=[user("a")], temperature=0)
    assert [asyncio.run(engine.complete(request)).seconds for _ in range(2)] == [1.5, None]
