"""Questionnaire-v0: one item of a questionnaire an episode, in a chosen wording and order of options."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym

from quintain.arguments import check_bool, check_number
from quintain.envs.questionnaires.instrument import Item, pole_of
from quintain.envs.questionnaires.library import load_instrument
from quintain.envs.questionnaires.orders import check_order, order_name
from quintain.envs.questionnaires.reading import read_choice
from quintain.envs.questionnaires.templates import load_template, template_names
from quintain.envs.vector import text_vector
from quintain.errors import ConfigurationError
from quintain.spaces import UnicodeText

__all__ = ["MAX_ACTION_CHARS", "QuestionnaireEnv", "make_vec"]

#: Maximum length of a prompt and of an answer, in characters.
MAX_OBSERVATION_CHARS, MAX_ACTION_CHARS = 20_000, 20_000


class QuestionnaireEnv(gym.Env[str, str]):
    """Answer one item of a questionnaire.

    ## Description
    An episode poses one item of an instrument, such as a personality test, with its options in a chosen order, and ends
    with the answer. There are no right answers: what is measured is which option is chosen, and whether that depends on
    the wording, the order of the options or the labels, which an answer about oneself should not.

    ## Observation
    ``UnicodeText``: the item in the words of a template, with the labelled options; behind the description of a persona
    if there is one.

    ## Action
    ``UnicodeText``: the label of an option, its text, or any answer that names one of them.

    ## Reward
    One term, ``answered``: 1 if the answer names one option, else 0.

    ## Episode end
    Terminated by the answer. A step beyond the end raises ``ResetNeeded``.

    ## Info
    Always ``task_id``, ``task_hash`` (of the item, whatever its wording and order), ``task`` and ``trait`` (the trait),
    ``item`` (its number), ``template``, ``order``, ``labels`` (by position), ``cue`` (beginning of the answer) and
    ``system`` (the persona with which the observation begins; empty without one), ``success`` (whether an option was
    named), ``reward_terms``, ``parse_error`` and ``invalid_action``. After the answer also ``option`` (number of the
    chosen option in the instrument), ``position`` (its place in the list, from 0), ``value`` (its score, the key
    applied), ``pole`` (``"high"``, ``"low"`` or ``None`` in the middle), all ``None`` without an option, and
    ``refused`` (whether the answer declines).

    ## Arguments
    - ``instrument``: name of an instrument (``"ipip-100"`` ...), path of a JSON file, published files
      (``"trait:PATH"``, ``"table:PATH.csv"``), or the fields of an instrument.
    - ``template``: name of a template, or its fields; ``None`` takes the first one for this kind of instrument.
    - ``order``: ``"forward"``, ``"reversed"``, or a permutation: ``order[p]`` is the option at position ``p``.
    - ``flip``: whether the ends of a numeric scale are exchanged (1 for the first option instead of the last).
    - ``paraphrase``: whether the paraphrase of the item is posed.
    - ``persona``: ``"high:TRAIT"`` or ``"low:TRAIT"``: the respondent is asked to be such a person; ``None`` for none.
    - ``traits``: the traits whose items are posed; ``None`` for all.
    - ``per_trait``: maximum number of items of a trait, >= 1: the first ones; ``None`` for all.

    ``reset(options={"item": k})`` poses item ``k``. Without it, the seed draws an item.

    ## Determinism
    Same seed and same item, same episode.

    ## Source
    Lee et al. 2025, arXiv 2406.14703 (TRAIT: scenario items, three templates, two orders) and Gupta et al. 2024,
    arXiv 2309.08163 (templates and orders of self-reports). Items and templates are not those of the papers: see the
    ``source`` of each instrument.

    ## Version history
    - v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(
        self,
        instrument: str | Mapping[str, Any] = "ipip-100",
        template: str | Mapping[str, Any] | None = None,
        order: str | Sequence[int] = "forward",
        flip: bool = False,
        paraphrase: bool = False,
        persona: str | None = None,
        traits: Sequence[str] | None = None,
        per_trait: int | None = None,
    ) -> None:
        check_bool("flip", flip)
        check_bool("paraphrase", paraphrase)
        if per_trait is not None:
            check_number("per_trait", per_trait, low=1, integer=True)
        self.instrument = load_instrument(instrument).part(traits, per_trait)
        kind = self.instrument.kind
        self.template = load_template(template or template_names(kind)[0], kind)
        self.order = check_order(order, kind, self.instrument.options)
        self._flip, self._paraphrase = flip, paraphrase
        self._persona = persona
        self._system = self._described(persona)
        if paraphrase and not self.instrument.has_paraphrases:
            raise ConfigurationError(f"{self.instrument.name} has items without a paraphrase")
        self.template.labels_of(self.instrument.items[0], self.order, flip)
        self.observation_space = UnicodeText(MAX_OBSERVATION_CHARS)
        self.action_space = UnicodeText(MAX_ACTION_CHARS)
        self._hashes: dict[int, str] = {}
        self._done = True

    def _described(self, persona: str | None) -> str:
        if persona is None:
            return ""
        pole, _, trait = persona.partition(":")
        return self.instrument.persona(trait, pole)

    @property
    def item_count(self) -> int:
        """Number of items; see :class:`~quintain.envs.protocols.FiniteEnv`."""
        return len(self.instrument.items)

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for a run's record: the instrument with its checksum, and how items are posed."""
        found = self.instrument
        return {
            "instrument": found.name,
            "items": len(found.items),
            "data": found.sha256,
            "licence": found.licence,
            "template": self.template.name,
            "order": order_name(self.order, found.kind),
            "prompts": self._prompt_hash(),
            "report_by": ["trait"],
        }

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Pose an item.

        Args:
            seed: Seed of this environment's generator.
            options: ``{"item": k}`` poses item ``k``.

        Raises:
            ConfigurationError: If there is no such item.
        """
        super().reset(seed=seed)
        number = int(self.np_random.integers(self.item_count))
        if options and "item" in options:
            number = options["item"]
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < self.item_count:
                raise ConfigurationError(f"item must be an integer in [0, {self.item_count}), got {number!r}")
        self._number, self._item = number, self.instrument.items[number]
        self._labels = self.template.labels_of(self._item, self.order, self._flip)
        self._done = False
        return self._shown(self._item), self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take the answer. Any object is accepted as an action; what is not a string of allowed length is invalid.

        Raises:
            ResetNeeded: If no episode is under way.
        """
        if self._done:
            raise gym.error.ResetNeeded("the episode has ended; call reset() before the next step()")
        self._done = True
        if action not in self.action_space:
            why = f"expected text of at most {MAX_ACTION_CHARS:,} characters, got {type(action).__name__!r}"
            return "", 0.0, True, False, self._info(**_NOTHING, parse_error=why, invalid_action=True)
        listed = [self._item.options[k].text for k in self.order]
        reading = read_choice(action, self._labels, listed, self.template.cue)
        if reading.position is None:
            found = {**_NOTHING, "parse_error": reading.detail, "refused": reading.refused}
            return "", 0.0, True, False, self._info(**found)
        option = self.order[reading.position]
        return "", 1.0, True, False, self._info(
            success=True,
            reward_terms={"answered": 1.0},
            option=option,
            position=reading.position,
            value=self._item.options[option].value,
            pole=pole_of(self._item, option),
            refused=False,
        )  # fmt: skip

    def read_answer(self, reply: str) -> str | None:
        """Return the text of the option that a reply names; ``None`` if it names none."""
        listed = [self._item.options[k].text for k in self.order]
        position = read_choice(reply, self._labels, listed, self.template.cue).position
        return None if position is None else listed[position]

    def _shown(self, item: Item) -> str:
        prompt = self.template.fill(item, self.order, flip=self._flip, paraphrase=self._paraphrase)
        return f"{self._system}\n\n{prompt}" if self._system else prompt

    def _prompt_hash(self) -> str:
        """Hash every prompt of this wording and order."""
        texts = [self._shown(item) for item in self.instrument.items]
        return hashlib.blake2b(json.dumps(texts).encode(), digest_size=8).hexdigest()

    def _hash(self) -> str:
        if self._number not in self._hashes:
            item = self._item
            content = json.dumps([item.text, item.trait, item.key, [option.text for option in item.options]])
            self._hashes[self._number] = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
        return self._hashes[self._number]

    def _info(self, **changes: Any) -> dict[str, Any]:
        return {
            "task_id": f"{self.instrument.name}/{self._item.id}",
            "task_hash": self._hash(),
            "task": self._item.trait,
            "trait": self._item.trait,
            "item": self._number,
            "template": self.template.name,
            "order": order_name(self.order, self.instrument.kind),
            "labels": list(self._labels),
            "cue": self.template.cue,
            "system": self._system,
            "success": False,
            "reward_terms": {"answered": 0.0},
            "parse_error": None,
            "invalid_action": False,
        } | changes


#: The fields of an answer without an option.
_NOTHING: dict[str, Any] = {"option": None, "position": None, "value": None, "pole": None, "refused": False}

make_vec = text_vector(QuestionnaireEnv)
