"""Agents by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

from quintain.agents.adapt import POLICY_FILES, AgentLike, adapt, policy_loader
from quintain.agents.agent import Agent, RequiresSettings, is_interactive, is_oracle
from quintain.agents.foreign import FOREIGN_FILES, explain_file, explain_object
from quintain.arguments import argument_names, check_arguments
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.registry import Registry

__all__ = ["AGENTS", "AgentFacts", "agent_names", "arguments_of", "as_agent", "make_agent", "needs_engine",
           "plays_at_terminal", "register_agent", "settings_required_by"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What is known of an agent before it is made.

    Attributes:
        needs_engine: Whether it asks a language model: its first argument is an engine. Default: false.
        uses_solution: Whether it is an oracle, which is given right answers; see
            :class:`~quintain.agents.agent.UsesSolution`. Default: false.
        env_settings: Arguments of the environment that it requires, by name; see
            :class:`~quintain.agents.agent.RequiresSettings`.
        is_interactive: Whether it asks a person at the terminal; see :class:`~quintain.agents.agent.Interactive`.
            Default: false.
    """

    needs_engine: bool = False
    uses_solution: bool = False
    env_settings: Mapping[str, Any] = field(default_factory=dict)
    is_interactive: bool = False


class _AgentRegistry(Registry[Agent, AgentFacts]):
    def facts_of(self, target: Any) -> AgentFacts:
        """Read an object's facts: a class whose first argument is called ``engine`` needs one."""
        asks = isinstance(target, type) and argument_names(target)[:1] == ("engine",)
        return AgentFacts(
            needs_engine=getattr(target, "needs_engine", asks),
            uses_solution=is_oracle(target),
            env_settings=target.env_settings if isinstance(target, RequiresSettings) else {},
            is_interactive=is_interactive(target),
        )

    def unknown(self, name: str, also: str = "") -> UnknownNameError:
        """Return the error that says that there is no ``name``, and what other names there are."""
        from quintain.agents.games import strategy_names

        strategies = strategy_names()
        known = (
            f"{also}. Agents: {', '.join(self)}. Strategies of games: {', '.join(strategies)}. "
            f"Your own: module:Class or module:name; or a policy's file ({', '.join(POLICY_FILES)})"
        )
        return UnknownNameError("agent", name, [*self, *strategies], known)


#: Agents by name. Strategies of games have a registry of their own, :data:`quintain.agents.games.STRATEGIES`.
AGENTS: Registry[Agent, AgentFacts] = _AgentRegistry("agent", AgentFacts, "quintain.agents")
_CODE, _NO_CODE = {"code": True}, {"code": False}
_STYLES = "quintain.agents.language.styles"
AGENTS.add("chat", "quintain.agents.language.chat:ChatAgent", needs_engine=True)
AGENTS.add("all-text", f"{_STYLES}:AllTextAgent", needs_engine=True, env_settings=_NO_CODE)
AGENTS.add("all-code", f"{_STYLES}:AllCodeAgent", needs_engine=True, env_settings=_CODE)
AGENTS.add("code-interpreter", f"{_STYLES}:CodeInterpreterAgent", needs_engine=True, env_settings=_CODE)
AGENTS.add("codesteer", "quintain.agents.language.codesteer:CodeSteerAgent", needs_engine=True, env_settings=_CODE)
AGENTS.add("react", "quintain.agents.language.react:ReactAgent", needs_engine=True)
AGENTS.add(
    "tool-caller",
    "quintain.agents.language.tool_caller:ToolCallerAgent",
    needs_engine=True,
    env_settings={"rules": False},
)
_REASONING = "quintain.agents.reasoning"
for _name, _target in (
    ("self-consistency", "voting:SelfConsistencyAgent"),
    ("best-of-n", "voting:BestOfNAgent"),
    ("borda", "voting:BordaAgent"),
    ("weighted-vote", "voting:WeightedVoteAgent"),
    ("soft-self-consistency", "voting:SoftSelfConsistencyAgent"),
    ("universal-self-consistency", "universal:UniversalSelfConsistencyAgent"),
    ("fobar", "fobar:FobarAgent"),
    ("self-verification", "fobar:SelfVerificationAgent"),
    ("p-true", "p_true:PTrueAgent"),
    ("safe", "safe:SafeAgent"),
    ("self-refine", "refinement:SelfRefineAgent"),
    ("rci", "refinement:RCIAgent"),
    ("progressive-hints", "refinement:ProgressiveHintsAgent"),
    ("multi-agent-debate", "debate:MultiAgentDebateAgent"),
    ("dola", "dola:DolaAgent"),
    ("rcot", "rcot:RCoTAgent"),
    ("first-answer", "voting:FirstAnswerAgent"),
):
    AGENTS.add(_name, f"{_REASONING}.{_target}", needs_engine=True, env_settings=_NO_CODE)
_SEARCH = "quintain.agents.search.agent:MCTSStarAgent"
AGENTS.add("mcts-star", _SEARCH, needs_engine=True, env_settings=_NO_CODE)
AGENTS.add(
    "oracle-of-n",
    f"{_REASONING}.voting:OracleOfNAgent",
    needs_engine=True,
    uses_solution=True,
    env_settings=_NO_CODE,
)
AGENTS.add("respondent", "quintain.agents.language.respondent:RespondentAgent", needs_engine=True)
AGENTS.add("llm-player", "quintain.agents.games.llm_player:LLMPlayer", needs_engine=True)
AGENTS.add("repair-agent", "quintain.agents.search.swe.agent:RepairAgent", needs_engine=True)
AGENTS.add("swe-search", "quintain.agents.search.swe.agent:SWESearchAgent", needs_engine=True)
_CRITIC = "quintain.agents.search.critic_search:CriticSearchAgent"
AGENTS.add("critic-search", _CRITIC, needs_engine=True, env_settings=_NO_CODE)
_ONLINE = "quintain.agents.online"
AGENTS.add("hebbian-search", f"{_ONLINE}.hebbian.agent:HebbianSearchAgent")
AGENTS.add("d-star-lite", f"{_ONLINE}.grid:DStarLiteAgent")
AGENTS.add("count-exploration", f"{_ONLINE}.grid:CountExplorationAgent")
AGENTS.add("grid-q-learning", f"{_ONLINE}.grid:QLearningAgent")
AGENTS.add("random-walk", f"{_ONLINE}.walks:RandomWalkAgent")
AGENTS.add("rrt-walk", f"{_ONLINE}.walks:RRTWalkAgent")
AGENTS.add("oracle", "quintain.agents.scripted:OracleAgent", uses_solution=True)
AGENTS.add("susceptible", "quintain.agents.susceptible:SusceptibleAgent", uses_solution=True)
AGENTS.add("random", "quintain.agents.scripted:RandomAgent")
AGENTS.add("mistake-detector", "quintain.agents.anticipation.agent:MistakeDetector")
AGENTS.add("step-anticipator", "quintain.agents.anticipation.language:StepAnticipator", needs_engine=True)
AGENTS.add("online-classifier", "quintain.agents.online.homeostatic.agent:OnlineClassifier")
AGENTS.add("human", "quintain.agents.human:HumanAgent", is_interactive=True)
AGENTS.add("replay", "quintain.agents.replay:ReplayAgent")
AGENTS.add("recorded-replies", "quintain.agents.recorded:RecordedReplies")


def register_agent(
    name: str,
    entry_point: str,
    *,
    needs_engine: bool = False,
    uses_solution: bool = False,
    env_settings: Mapping[str, Any] | None = None,
) -> None:
    """Make an agent available by name.

    Args:
        name: The name, kebab-case by convention; an entry of that name is replaced.
        entry_point: ``"module:callable"``, imported when the agent is made.
        needs_engine: Whether the callable takes an engine as its first argument. Default: false.
        uses_solution: Whether the agent is an oracle; its class declares ``uses_solution = True`` as well. Default:
            false.
        env_settings: Arguments of the environment that it requires, by name; its class declares them as well. Default:
            none.
    """
    AGENTS.add(
        name,
        entry_point,
        needs_engine=needs_engine,
        uses_solution=uses_solution,
        env_settings=dict(env_settings or {}),
    )


def agent_names() -> tuple[str, ...]:
    """List the registered agents, in order of registration."""
    return AGENTS.names()


def needs_engine(name: str) -> bool:
    """Whether an agent asks a language model.

    Args:
        name: A name or path, as :func:`make_agent` takes it.

    Raises:
        UnknownNameError: If there is no such agent.
    """
    return _find(name).facts.needs_engine


def settings_required_by(agent: AgentLike) -> Mapping[str, Any]:
    """Return the arguments of the environment that an agent requires; see :class:`RequiresSettings`.

    Args:
        agent: An agent, or the name or description of one, as :func:`as_agent` takes it.

    Raises:
        UnknownNameError: If there is no agent of that name.
    """
    name = agent.get("name") if isinstance(agent, Mapping) else agent
    if isinstance(name, str):
        return _find(name).facts.env_settings
    return agent.env_settings if isinstance(agent, RequiresSettings) else {}


def plays_at_terminal(agent: AgentLike) -> bool:
    """Whether an agent asks a person at the terminal; see :class:`~quintain.agents.agent.Interactive`.

    Args:
        agent: An agent, or the name or description of one, as :func:`as_agent` takes it.

    Raises:
        UnknownNameError: If there is no agent of that name.
    """
    name = agent.get("name") if isinstance(agent, Mapping) else agent
    return _find(name).facts.is_interactive if isinstance(name, str) else is_interactive(agent)


def arguments_of(name: str) -> tuple[str, ...]:
    """List the names of an agent's own arguments, without the engine.

    Args:
        name: A name or path, as :func:`make_agent` takes it.

    Raises:
        UnknownNameError: If there is no such agent.
    """
    found = _find(name)
    return argument_names(found.factory, skip=len(found.leading) + found.facts.needs_engine)


def make_agent(name: str, *, engine: Any = None, **options: Any) -> Agent:
    """Make an agent by name.

    Args:
        name: One of :func:`agent_names`; a strategy of :func:`quintain.agents.games.strategy_names`; or your own as
            ``"module:name"``, where the module registers the name, or defines it: a class, which is called with
            ``options`` (and with an engine first, if its first argument is ``engine``), or anything that
            :func:`as_agent` takes; or the path of a trained policy (``.zip``, ``.pt``, ``.onnx``, ``.npz``).
        engine: For agents that ask a language model: an engine; or its name, such as ``"transformers"`` (the default)
            or ``"replay:runs/first"``; or a mapping of its ``"name"`` and options.
        options: The agent's own arguments; see :func:`arguments_of`.

    Raises:
        UnknownNameError: If there is no such agent.
        ConfigurationError: If an option does not exist, or an engine is given to an agent that has no use for it.

    Example:
        >>> agent = make_agent("oracle", through_code=True)
    """
    found = _find(name)
    leading = found.leading
    if not found.facts.needs_engine:
        if engine is not None:
            raise ConfigurationError(f"agent {name!r} asks no language model; leave out engine={engine!r}")
        check_arguments("agent", name, found.factory, leading, options)
        return cast(Agent, found.factory(*leading, **options))
    from quintain.engines import make_engine

    settings = dict(engine) if isinstance(engine, Mapping) else {"name": engine or "transformers"}
    made_by = settings.pop("name", "transformers")
    _check_for_engine_options(name, found, made_by, options)
    check_arguments("agent", name, found.factory, (*leading, made_by), options)  # before a model is loaded
    return cast(Agent, found.factory(*leading, make_engine(made_by, **settings), **options))


def as_agent(source: AgentLike) -> Agent:
    """Convert a name, description, model or function to an agent.

    Args:
        source: An agent (returned as it is); what :func:`make_agent` takes: a name, or the path of a
            Stable-Baselines3 (``.zip``), TorchScript (``.pt``), ONNX (``.onnx``) or saved (``.npz``, of
            ``save_policy``) policy; a mapping of its arguments, ``{"name": ..., "engine": ..., ...}``; a
            Stable-Baselines3 model; or a plain function of the observation.

    Raises:
        UnknownNameError: If there is no agent of that name.
        ConfigurationError: If ``source`` is none of these.
    """
    if isinstance(source, (str, Path)):
        return make_agent(str(source))
    if isinstance(source, Mapping):
        if (error := explain_object(source)) is not None:
            raise error
        if "name" not in source:
            raise ConfigurationError(f"an agent's description needs a 'name', got {dict(source)!r}")
        return make_agent(**source)
    return adapt(source)


def _check_for_engine_options(name: str, found: _Found, engine: Any, options: Mapping[str, Any]) -> None:
    """Raise if an option of the engine was given to the agent."""
    from quintain.engines.registry import ENGINES

    kind = engine.partition(":")[0] if isinstance(engine, str) else ""
    if kind not in ENGINES:
        return
    own = argument_names(found.factory, skip=len(found.leading) + 1)
    for option in options.keys() & set(argument_names(ENGINES.load(kind))) - set(own):
        raise ConfigurationError(
            f"agent {name!r}: {option!r} is an option of its engine; give it as "
            f"engine={{'name': {kind!r}, {option!r}: ...}} (on the command line: "
            f"{'--model' if option == 'model' else f'--engine-arg {option}=...'})"
        )


class _Found(NamedTuple):
    """What makes an agent: a callable, what is known of the agent, and the arguments before its engine."""

    factory: Callable[..., Any]
    facts: AgentFacts = AgentFacts()
    leading: tuple[Any, ...] = ()


def _find(name: str) -> _Found:
    if name in AGENTS:
        return _Found(AGENTS.load(name), AGENTS.facts(name))
    if name.endswith(POLICY_FILES):
        return _Found(policy_loader(name), leading=(name,))
    if name.endswith(FOREIGN_FILES):
        raise explain_file(name)
    from quintain.agents.games import is_strategy, strategy

    if is_strategy(name):
        return _Found(partial(strategy, name))
    target, facts = AGENTS.load(name), AGENTS.facts(name)
    if isinstance(target, type) or name.partition(":")[2] in AGENTS:
        return _Found(target, facts)
    return _Found(lambda: as_agent(target), replace(facts, needs_engine=False))
