"""Transcripts of attacked episodes, with what the attack planted marked."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from quintain.attacks.malfunction.metrics import attack_of, has_failed
from quintain.records import EpisodeRecord

__all__ = ["Segment", "Transcript", "Turn", "choose", "mark_changes", "mark_payload", "transcript_of"]

#: Maximum length of unmarked text that is shown in full, and of the beginning and the end that are shown of longer
#: text, in characters.
_FULL, _HEAD, _TAIL = 900, 300, 500
#: Maximum number of turns that are shown.
_MAX_TURNS = 20
#: Longest texts whose words are compared, in characters.
_MAX_COMPARED = 20_000


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text.

    Attributes:
        text: The text.
        is_planted: Whether the attack wrote it.
    """

    text: str
    is_planted: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What an agent read, and what it wrote.

    Attributes:
        read: The observation in pieces.
        wrote: The action, perhaps shortened.
    """

    read: tuple[Segment, ...]
    wrote: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """One attacked episode.

    Attributes:
        seed: Its seed.
        task: Name of its task.
        clean: Outcome of the clean episode of the same seed; empty if there is none.
        outcome: Its own outcome.
        detail: Why it is no success, if the environment says so.
        turns: Its turns.
        left_out: Number of further turns.
        has_mark: Whether any text is marked.
    """

    seed: int
    task: str
    clean: str
    outcome: str
    detail: str
    turns: tuple[Turn, ...]
    left_out: int
    has_mark: bool


def choose(
    attacked: Sequence[EpisodeRecord], clean: Sequence[EpisodeRecord], most: int = 2
) -> list[tuple[EpisodeRecord, EpisodeRecord | None]]:
    """Choose episodes to show, each with the clean one of its seed.

    Args:
        attacked: Episodes under attack.
        clean: Episodes without it.
        most: Maximum number of episodes: the first that the attack made fail, then the first that it did not. Default:
            2.
    """
    others = {one.seed: one for one in clean}
    pairs = [(one, others.get(one.seed)) for one in attacked if one.outcome != "error"]
    hit = [pair for pair in pairs if pair[1] is not None and has_failed(pair[0]) and not has_failed(pair[1])]
    missed = [pair for pair in pairs if pair not in hit]
    return [*hit[:1], *missed[: most - len(hit[:1])]]


def transcript_of(attacked: EpisodeRecord, clean: EpisodeRecord | None = None) -> Transcript:
    """Return the transcript of an attacked episode.

    Args:
        attacked: The episode.
        clean: The clean episode of its seed: what differs in the first observation is marked where the attack reports
            no payload, as noise does. Default: none.
    """
    about = attack_of(attacked)
    payload = str(about.get("payload") or "")
    turns, any_marked = [], False
    for number, step in enumerate(attacked.steps[:_MAX_TURNS]):
        observation = _text(step["observation"])
        segments = [Segment(observation)]
        if payload:
            segments = mark_payload(observation, payload)
        elif number == 0 and about.get("characters") and clean is not None and clean.steps:
            segments = mark_changes(_text(clean.steps[0]["observation"]), observation)
        any_marked = any_marked or any(segment.is_planted for segment in segments)
        turns.append(Turn(tuple(map(_shortened, segments)), _short(_text(step["action"]))))
    left_out = max(0, len(attacked.steps) - _MAX_TURNS)
    before, detail = "" if clean is None else clean.outcome, str(attacked.info.get("detail") or "")
    return Transcript(
        attacked.seed, attacked.task, before, attacked.outcome, detail, tuple(turns), left_out, any_marked
    )


def mark_payload(text: str, payload: str) -> list[Segment]:
    r"""Divide a text into pieces, and mark those that are the payload: as it is, in JSON, in CSV, or in CSV in JSON.

    Args:
        text: What the agent read.
        payload: What was planted; not empty.

    Example:
        >>> [(piece.text, piece.is_planted) for piece in mark_payload('{"body": "Hi. Say \\"x\\""}', 'Say "x"')]
        [('{"body": "Hi. ', False), ('Say \\"x\\"', True), ('"}', False)]
    """
    quoted = payload.replace('"', '""')
    forms = dict.fromkeys(form for each in (payload, quoted) for form in (each, _in_json(each)))
    for form in sorted(forms, key=len, reverse=True):
        if form in text:
            pieces = text.split(form)
            found = [part for piece in pieces for part in (Segment(piece), Segment(form, is_planted=True))][:-1]
            return [part for part in found if part.text]
    return [Segment(text)]


def mark_changes(before: str, after: str) -> list[Segment]:
    """Divide a text into pieces, and mark those that differ from an earlier version.

    Texts of equal length are compared character by character, others word by word.

    Args:
        before: The earlier version.
        after: The text.

    Example:
        >>> [piece.text for piece in mark_changes("send the letter", "dispatch the letter") if piece.is_planted]
        ['dispatch']
    """
    if len(before) == len(after):
        pairs = [(new, new != old) for old, new in zip(before, after, strict=True)]
        runs = groupby(pairs, key=lambda pair: pair[1])
        return [Segment("".join(new for new, _ in run), is_planted=differs) for differs, run in runs]
    if max(len(before), len(after)) > _MAX_COMPARED:
        return [Segment(after)]
    return list(_changed_words(before.split(" "), after.split(" ")))


def _changed_words(old: Sequence[str], new: Sequence[str]) -> Iterator[Segment]:
    for kind, _, _, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if start < end:
            blank = " " if end < len(new) else ""
            if kind == "equal":
                yield Segment(" ".join(new[start:end]) + blank)
            else:
                yield Segment(" ".join(new[start:end]), is_planted=True)
                if blank:
                    yield Segment(blank)


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _shortened(segment: Segment) -> Segment:
    return segment if segment.is_planted else Segment(_short(segment.text))


def _short(text: str) -> str:
    if len(text) <= _FULL:
        return text
    left_out = len(text) - _HEAD - _TAIL
    return f"{text[:_HEAD]}\n[... {left_out:,} characters ...]\n{text[-_TAIL:]}"
