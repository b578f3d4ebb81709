"""An agent that answers questionnaires: a constrained choice among the labels, or a written answer."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from gymnasium import spaces

from quintain.agents.agent import Actor, Seat
from quintain.agents.games.labels import TOP_LOGPROBS, choose_label
from quintain.arguments import check_number
from quintain.engines import make_engine
from quintain.engines.engine import Engine, Reply, Request, record_decision
from quintain.errors import CapabilityError, ConfigurationError
from quintain.messages import Message, system, user

__all__ = ["Readout", "RespondentAgent"]

#: How an answer is read from the model.
Readout: TypeAlias = Literal["choice", "text"]


class RespondentAgent:
    """Answers the items of ``Questionnaire-v0`` with a language model.

    With the readout ``"choice"`` the model chooses among the labels alone: the probability of each whole label after
    the cue is computed, of however many tokens it is, and the likeliest is the answer. It cannot refuse. The record's
    ``decisions`` hold the log-probabilities of all labels, from which expected values, ties, and the mass on the labels
    are computed: little mass means that the model would not answer with a label at this place. With ``"text"`` the
    model writes, and the environment reads the answer.

    Args:
        engine: The language model, or its name, as :func:`~quintain.engines.registry.make_engine` takes it.
        readout: ``"choice"`` or ``"text"``. Default: ``"choice"``.
        temperature: Sampling temperature of written answers, >= 0; 0 is greedy decoding. Gupta et al. (2024, arXiv
            2309.08163) used 0.01. Default: 0.
        max_tokens: Maximum number of tokens of a written answer, >= 1. Default: 32.

    Raises:
        CapabilityError: If the engine cannot give probabilities of the labels; the message says what to do.
        ConfigurationError: If a setting is out of range.

    Example:
        >>> agent = RespondentAgent("scripted:A", readout="text")
    """

    def __init__(
        self, engine: Engine | str, readout: Readout = "choice", *, temperature: float = 0.0, max_tokens: int = 32
    ) -> None:
        if readout not in get_args(Readout):
            raise ConfigurationError(f"readout must be 'choice' or 'text', got {readout!r}")
        check_number("temperature", temperature, low=0)
        check_number("max_tokens", max_tokens, low=1, integer=True)
        self.engine = make_engine(engine)
        able = self.engine.capabilities
        if not {"chat", "prompt"} & able:
            raise CapabilityError(f"engine {self.engine.name!r} takes neither messages nor prompts")
        if readout == "choice" and not {"choices", "top_logprobs"} & able:
            raise CapabilityError(
                f"engine {self.engine.name!r} gives no log-probabilities of the labels, so there is nothing to choose "
                "by; read what it writes with readout='text' (on the command line: --readout text)"
            )
        self.readout, self.temperature, self.max_tokens = readout, temperature, max_tokens

    def begin(self, seat: Seat) -> Actor:
        """Return an actor for one item."""
        return _RespondentActor(self, seat)

    def check_seat(self, seat: Seat) -> None:
        """Check that the environment takes text.

        Raises:
            CapabilityError: If not.
        """
        if not isinstance(seat.action_space, spaces.Text):
            raise CapabilityError(
                f"a respondent answers in text, and {seat.env_id} takes actions of {seat.action_space}"
            )

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        written = {"temperature": self.temperature, "max_tokens": self.max_tokens} if self.readout == "text" else {}
        return {"agent": "RespondentAgent", "readout": self.readout, **written, "engine": self.engine.describe()}

    def request(self, observation: str, info: dict[str, Any], seed: int) -> Request:
        """Return the request of one item.

        Args:
            observation: The prompt of the item.
            info: The environment's ``info``: ``labels``, ``cue`` and ``system``.
            seed: Seed of the sampling, which greedy decoding ignores.

        Raises:
            CapabilityError: If the environment does not say what the labels are.
        """
        able = self.engine.capabilities
        cue, labels = str(info.get("cue", "")), info.get("labels")
        if self.readout == "choice" and not labels:
            raise CapabilityError(
                "the environment offers no labels to choose among (info['labels']), as a questionnaire does"
            )
        sampling: dict[str, Any] = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        continued = self.readout == "choice" and ("prefill" in able or "chat" not in able)
        if self.readout == "choice":
            sampling = {"temperature": 0.0, "max_tokens": 1}
            if "choices" in able:
                sampling["choices"] = tuple(f" {label}" if continued else label for label in labels or ())
            else:
                sampling["top_logprobs"] = TOP_LOGPROBS
        elif self.temperature and "seed" in able:
            sampling["seed"] = seed
        if "chat" not in able:
            return Request(prompt=f"{observation}\n{cue}", **sampling)
        persona = str(info.get("system", ""))
        opening: list[Message] = [system(persona)] if persona else []
        text = observation.removeprefix(persona).lstrip("\n") if persona else observation
        if self.readout == "choice" and not continued:
            text += f"\nReply with one of these and nothing else: {', '.join(labels or ())}"
        return Request(messages=[*opening, user(text)], prefill=cue if continued else "", **sampling)

    def read(self, reply: Reply, labels: list[str]) -> str:
        """Return the answer, and record the log-probabilities of a choice."""
        if self.readout == "text":
            return reply.text
        if reply.choice_logprobs is None and reply.top_logprobs:
            reply = choose_label(reply, labels)
        text = reply.text.strip()
        if reply.choice_logprobs is None:
            return text
        pairs = zip(labels, reply.choice_logprobs, strict=True)
        record_decision(
            {
                "method": "choice",
                "candidates": [{"text": label, "logprob": float(score)} for label, score in pairs],
                "chosen": labels.index(text) if text in labels else None,
            }
        )
        return text


class _RespondentActor:
    def __init__(self, agent: RespondentAgent, seat: Seat) -> None:
        self._agent = agent
        self._seed = int(seat.generator().integers(2**53))

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        """Ask the model, and return the label that it chose or what it wrote."""
        request = self._agent.request(observation, info, self._seed)
        ((reply,),) = await self._agent.engine.generate([request])
        return self._agent.read(reply, list(info.get("labels", ())))
