"""The policy that a trainer of language models changes: a chat agent whose engine gives access to its weights."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from quintain.agents.language.chat import ChatAgent
from quintain.agents.registry import as_agent
from quintain.engines.engine import Engine, Request
from quintain.errors import ConfigurationError, require
from quintain.messages import system, user
from quintain.training.language.settings import LoraSettings
from quintain.training.trained import Trained

__all__ = [
    "as_policy",
    "at_temperature",
    "check_precision",
    "policy_weights",
    "with_adapters",
    "with_engine",
    "without_dropout",
]


def as_policy(policy: Any, max_tokens: int = 256) -> ChatAgent:
    """Return the chat agent to train.

    Args:
        policy: A chat agent, or what :func:`~quintain.agents.registry.as_agent` makes one of; what a trainer returned,
            which is trained on; or an engine, which a chat agent without a system prompt then asks.
        max_tokens: Maximum number of tokens of a reply, for an agent that is made of an engine. Default: 256.

    Raises:
        ConfigurationError: If it is not a chat agent.
        CapabilityError: If its engine gives no access to tokens and weights.
    """
    if isinstance(policy, Engine):
        policy.require({"training", "tokens"})
        return ChatAgent(policy, temperature=1.0, max_tokens=max_tokens, extract=False)
    agent = policy.policy if isinstance(policy, Trained) else as_agent(policy)
    if not isinstance(agent, ChatAgent):
        raise ConfigurationError(
            f"a chat agent can be trained, and {type(agent).__name__} is none; give an engine or a ChatAgent"
        )
    agent.engine.require({"training", "tokens"})
    return agent


def at_temperature(agent: ChatAgent, temperature: float) -> ChatAgent:
    """Return the same agent with another sampling temperature, and the whole distribution if it is above 0."""
    other = copy.copy(agent)
    sampling = dataclasses.replace(agent.settings.sampling, temperature=temperature, top_p=1.0)
    other.settings = dataclasses.replace(agent.settings, sampling=sampling)
    return other


def with_engine(agent: ChatAgent, engine: Engine) -> ChatAgent:
    """Return the same agent with another engine, which plays for the model that is trained.

    Raises:
        CapabilityError: If the engine's weights cannot be replaced, or it does not return tokens.
        ConfigurationError: If it reads other tokens than the agent's engine.
    """
    engine.require({"weights", "tokens"})
    probe = Request(messages=(system(agent.prompt or "probe"), user("1 + 1 = ?")))
    if engine.encode_turn(probe, "2") != agent.engine.encode_turn(probe, "2"):
        raise ConfigurationError(
            "the sampler reads other tokens than the engine that is trained: give it the same model, tokenizer and "
            "chat template"
        )
    other = copy.copy(agent)
    other.engine = engine
    return other


def policy_weights(model: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over the weights of a model in training, by their names in the model's own class; adapters are added.

    Args:
        model: A model of ``transformers``, or one with adapters of ``peft``. It is not changed.
    """
    adapted = {name: module for name, module in model.named_modules() if hasattr(module, "get_delta_weight")}
    for name, parameter in model.named_parameters():
        owner, _, _ = name.rpartition(".base_layer.")
        if "lora_" in name:
            continue
        value = parameter.detach()
        if owner in adapted and name.endswith(".weight"):
            value = value + adapted[owner].get_delta_weight("default").detach()
        yield name.removeprefix("base_model.model.").replace(".base_layer.", "."), value


def check_precision(engine: Any, adapters: bool) -> None:
    """Check that the model's weights are precise enough for the steps of an optimiser.

    Raises:
        ConfigurationError: If all weights are trained in 16 bits, where small steps round to nothing. Adapters are
            kept in 32 bits.
    """
    dtype = str(engine.model.dtype).removeprefix("torch.")
    if not adapters and dtype != "float32":
        raise ConfigurationError(
            f"the model's weights are {dtype}, in which small steps round to nothing: make the engine with "
            "dtype='float32', or train adapters with lora="
        )


@contextmanager
def with_adapters(model: Any, lora: LoraSettings | None, seed: int) -> Iterator[Any]:
    """Put adapters into a model for the time of a training, and merge them into its weights at the end.

    Args:
        model: A model of ``transformers``, which is changed in place.
        lora: Settings of the adapters; ``None`` trains all weights.
        seed: Seed of the adapters' first weights.

    Yields:
        The model to train.

    Raises:
        MissingDependencyError: Without the extra ``train``.
    """
    if lora is None:
        yield model
        return
    peft: Any = require("peft", "train", "training with adapters")
    target = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    config = peft.LoraConfig(r=lora.r, lora_alpha=lora.lora_alpha, target_modules=target, task_type="CAUSAL_LM")
    torch: Any = require("torch", "train", "training with adapters")
    trainable = {name: weight.requires_grad for name, weight in model.named_parameters()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapted = peft.get_peft_model(model, config)
    try:
        yield adapted
    finally:
        adapted.merge_and_unload()
        for name, weight in model.named_parameters():
            weight.requires_grad_(trainable.get(name, True))


@contextmanager
def without_dropout(model: Any) -> Iterator[None]:
    """Set a model's dropout rates to 0 for the time of a training, so that it computes what it played with.

    Otherwise the ratio of probabilities, which is 1 where the policy has not changed, would be noise.

    Args:
        model: A model of ``transformers``, perhaps with adapters.
    """
    torch: Any = require("torch", "train", "training")
    rates: list[tuple[Any, str, float]] = []
    for module in model.modules():
        known = ("p",) if isinstance(module, torch.nn.modules.dropout._DropoutNd) else ()
        names = [name for name, value in vars(module).items() if "dropout" in name and isinstance(value, float)]
        rates += [(module, name, getattr(module, name)) for name in (*known, *names)]
    try:
        for module, name, _ in rates:
            setattr(module, name, 0.0)
        yield
    finally:
        for module, name, rate in rates:
            setattr(module, name, rate)
