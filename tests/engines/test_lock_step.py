"""Requests of live episodes that are served together, whatever their timing."""

import asyncio

from quintain.engines import Engine, Reply, Request
from quintain.engines.lock_step import in_lock_step
from quintain.errors import EngineError


class Counting(Engine):
    """Records which prompts it was asked together; fails the prompts that say so."""

    capabilities = frozenset({"prompt"})

    def __init__(self):
        self.batches = []

    async def _generate(self, requests):
        if any(r.prompt.endswith("fail") for r in requests):
            raise EngineError("as asked")
        return [[Reply(r.prompt.upper())] for r in requests]

    async def _generate_each(self, batches):
        self.batches.append([r.prompt for batch in batches for r in batch])
        return await super()._generate_each(batches)


async def _episode(lock_step, engine, number, turns, delay=0.0):
    replies = []
    with lock_step.member(number):
        for turn in range(turns):
            await asyncio.sleep(delay)
            replies.append((await engine.complete(Request(prompt=f"{number}.{turn}"))).text)
    return replies


def _play(engine, episodes):
    async def main():
        with in_lock_step() as lock_step:
            return await asyncio.gather(*(_episode(lock_step, engine, *e) for e in episodes))

    return asyncio.run(main())


def test_every_live_episode_is_in_the_batch_in_the_order_of_their_numbers():
    engine = Counting()
    replies = _play(engine, [(2, 1, 0.0), (0, 3, 0.02), (1, 2, 0.01)])  # the first to ask is the last in the batch
    assert engine.batches == [["0.0", "1.0", "2.0"], ["0.1", "1.1"], ["0.2"]]
    assert replies == [["2.0"], ["0.0", "0.1", "0.2"], ["1.0", "1.1"]]


def test_two_seats_of_one_episode_are_served_together():
    engine = Counting()

    async def main():
        with in_lock_step() as lock_step, lock_step.member(0):
            asked = (engine.complete(Request(prompt=seat)) for seat in "ab")
            return await asyncio.gather(*asked)

    asyncio.run(main())
    assert engine.batches == [["a", "b"]]


def test_one_episode_that_fails_does_not_fail_the_others():
    engine = Counting()

    async def ask(lock_step, number, prompt):
        with lock_step.member(number):
            return await engine.complete(Request(prompt=prompt))

    async def main():
        with in_lock_step() as lock_step:
            return await asyncio.gather(ask(lock_step, 0, "a"), ask(lock_step, 1, "b fail"), return_exceptions=True)

    good, bad = asyncio.run(main())
    assert good.text == "A"
    assert isinstance(bad, EngineError)


def test_a_cancelled_episode_does_not_hold_up_the_others():
    engine = Counting()

    async def main():
        with in_lock_step() as lock_step:
            slow = asyncio.ensure_future(_episode(lock_step, engine, 1, 1, delay=60))
            quick = asyncio.ensure_future(_episode(lock_step, engine, 0, 1))
            await asyncio.sleep(0.05)
            assert not quick.done()  # it waits for the slow one
            slow.cancel()
            assert await asyncio.wait_for(quick, 30) == ["0.0"]

    asyncio.run(main())


def test_requests_outside_of_episodes_are_served_at_once():
    engine = Counting()

    async def main():
        with in_lock_step():
            return await engine.complete(Request(prompt="x"))

    assert asyncio.run(main()).text == "X"
    assert engine.batches == []


def test_outside_lock_step_nothing_waits():
    engine = Counting()
    assert asyncio.run(engine.complete(Request(prompt="x"))).text == "X"
    assert engine.batches == []


def test_a_worker_that_takes_its_next_episode_is_waited_for():
    """With fewer workers than episodes, batches do not depend on when a worker is given the next one."""
    from quintain.evaluation.loop import play_jobs

    def batches():
        engine = Counting()

        async def play(job):
            for turn in range(1 + job % 2):
                await engine.complete(Request(prompt=f"{job}.{turn}"))
            return job

        async def main():
            with in_lock_step():
                await play_jobs(iter(range(9)), 3, lambda: play, lambda record: None)

        asyncio.run(main())
        return engine.batches

    first = batches()
    assert first[0] == ["0.0", "1.0", "2.0"]
    assert first[1] == ["1.1", "3.0", "4.0"]
    assert all(batches() == first for _ in range(20))
