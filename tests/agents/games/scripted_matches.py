"""Matches of language models that a rule replaces."""

import quintain
from quintain.engines.engine import Reply
from quintain.engines.scripted import ScriptedEngine
from quintain.envs.games import RepeatedGame


def question(request):
    """Return the text to which a request wants a reply."""
    return request.messages[-1]["content"] if request.messages else request.prompt


def scripted(rule):
    """An engine whose choice is ``rule(text, choices)``: a choice, or log-probabilities of all of them."""

    def serve(request):
        if len(request.choices) == 1:  # the request that checks the labels
            return Reply(request.choices[0], "choice", completion_tokens=1)
        choice = rule(question(request), request.choices)
        if isinstance(choice, str):
            return Reply(choice, "choice", completion_tokens=1)
        best = max(range(len(choice)), key=choice.__getitem__)
        return Reply(request.choices[best], "choice", completion_tokens=1, choice_logprobs=tuple(choice))

    return ScriptedEngine(serve)


class KeepsActor:
    """Wraps an agent and stores its actor, whose trace the tests read."""

    def __init__(self, agent):
        self.agent = agent

    def begin(self, seat):
        self.actor = self.agent.begin(seat)
        return self.actor


def match(player, opponent="defect-once", game="prisoners_dilemma", seat=0, rounds=10, seed=0, **options):
    """Play one match; return the player's moves, its trace, and the returns of both."""
    keep = KeepsActor(player)
    agents = {f"player_{seat}": keep, f"player_{1 - seat}": opponent}
    env = RepeatedGame(game, rounds=rounds, **options)
    report = quintain.play(env, agents, seed=seed)
    assert report.errors == 0, report.episodes[0].error
    return [joint[seat] for joint in env.history], keep.actor.trace, report.episodes[0].returns
