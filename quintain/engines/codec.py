"""Render and tokenise requests, and decode generated tokens."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quintain.arguments import nearest
from quintain.engines.choices import split_choices
from quintain.engines.engine import Request
from quintain.engines.stops import cut_at_stop
from quintain.engines.tool_calls import function_tools, template_message
from quintain.errors import ConfigurationError, EngineError
from quintain.messages import assistant

__all__ = ["Codec", "EncodedPrompt", "check_template_kwargs"]

#: Arguments of ``apply_chat_template`` that are not variables of the template, or that the engine sets.
_RESERVED = frozenset(
    {"add_generation_prompt", "chat_template", "continue_final_message", "conversation", "documents", "messages"}
    | {"padding", "return_dict", "return_tensors", "tokenize", "tokenizer_kwargs", "tools", "truncation", "max_length"}
)


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """The tokenised prompt of a request.

    Attributes:
        tokens: Token ids of the prompt, prefill included. With choices: only the leading part that all choices share.
        branches: For each choice, the token ids that follow; empty without choices.
        length: Number of tokens of the whole prompt.
    """

    tokens: list[int]
    branches: list[list[int]]
    length: int


class Codec:
    """Applies the chat template, tokenises, and decodes.

    Not thread-safe, as tokenizers are not.

    Args:
        tokenizer: A tokenizer of ``transformers``; a copy of it is used.
        template_kwargs: Variables of the chat template; see :func:`check_template_kwargs`. Default: none.
    """

    def __init__(self, tokenizer: Any, template_kwargs: Mapping[str, Any] | None = None) -> None:
        self._tokenizer = copy.deepcopy(tokenizer)
        self._template_kwargs = dict(template_kwargs or {})

    def encode(self, request: Request) -> EncodedPrompt:
        """Tokenise the prompt, and each choice together with the prompt.

        Raises:
            EngineError: If the model's chat template refuses the messages.
        """
        text = self._render(request)
        # A chat template adds the special tokens itself.
        tokens = self._tokens(text, add_special_tokens=request.prompt is not None)
        branches: list[list[int]] = []
        shared = len(tokens)
        if request.choices is not None:
            whole = [self._tokens(text + c, add_special_tokens=request.prompt is not None) for c in request.choices]
            shared, branches = split_choices(tokens, whole)
        trunk = tokens[:shared] or [self._start_token()]
        return EncodedPrompt(trunk, branches, max(len(tokens), 1))

    def encode_turn(
        self, request: Request, reply: str, end_tokens: Collection[int] = ()
    ) -> tuple[list[int], list[int]]:
        """Tokenise a request's prompt, and a reply to it with the end token, as if the model had written it.

        Args:
            request: A request without choices.
            reply: The text of the reply.
            end_tokens: Token ids that end a reply. Where the chat template ends replies with one of them, it is the
                end token; otherwise that of the tokenizer is.

        Raises:
            EngineError: If the model's chat template refuses the messages.
        """
        rendered, special = self._render(request), request.prompt is not None
        prompt = self._tokens(rendered, add_special_tokens=special)
        whole = self._tokens(rendered + reply, add_special_tokens=special)
        # Where a token spans the border of prompt and reply, the model could not have written it.
        apart = whole[: len(prompt)] == prompt
        written = whole[len(prompt) :] if apart else self._tokens(reply, add_special_tokens=False)
        end = self._end_token(request, reply, [*prompt, *written], end_tokens)
        return prompt, [*written, *([] if end is None else [end])]

    def _end_token(
        self, request: Request, reply: str, tokens: Sequence[int], end_tokens: Collection[int]
    ) -> int | None:
        """Return the token after a reply in a conversation that goes on, if it ends replies, or the tokenizer's."""
        own = None if self._tokenizer.eos_token_id is None else int(self._tokenizer.eos_token_id)
        if request.messages is None or set(end_tokens) <= {own}:
            return own
        later = Request(messages=(*request.messages, assistant(request.prefill + reply)))
        whole = self._tokens(self._render(later), add_special_tokens=False)
        follows = whole[len(tokens) : len(tokens) + 1] if whole[: len(tokens)] == list(tokens) else []
        return follows[0] if follows and follows[0] in end_tokens else own

    def text(self, last_prompt_token: int, generated: Sequence[int]) -> str:
        """Decode generated tokens in the context of the prompt, without special tokens."""
        # Some tokenizers drop a leading blank; decoding after the prompt's last token keeps it.
        before = self._decode([last_prompt_token])
        whole = self._decode([last_prompt_token, *generated])
        return whole[len(before) :] if whole.startswith(before) else self._decode(generated)

    def ends_with_stop(self, generated: Sequence[int], stop: Sequence[str]) -> bool:
        """Return whether the newest token may have completed a stop string; only the last tokens are decoded."""
        if not stop:
            return False
        # A token is at least one byte, so a string that ends in the newest token lies within this many tokens.
        reach = max(len(s.encode()) for s in stop) + 4
        return cut_at_stop(self._decode(generated[-reach:]), stop)[1] is not None

    def _render(self, request: Request) -> str:
        if request.prompt is not None:
            return request.prompt + request.prefill
        try:
            text = self._tokenizer.apply_chat_template(
                [template_message(m) for m in request.messages or ()],
                tokenize=False,
                add_generation_prompt=True,
                **({"tools": function_tools(request.tools)} if request.tools else {}),
                **self._template_kwargs,
            )
        except Exception as error:  # templates are programs by the model's authors and may raise anything
            raise EngineError(f"the model's chat template refused the messages: {error}") from error
        return str(text) + request.prefill

    def _tokens(self, text: str, *, add_special_tokens: bool) -> list[int]:
        text = text.encode("utf-8", "replace").decode("utf-8")  # tokenizers reject lone surrogates
        return list(self._tokenizer(text, add_special_tokens=add_special_tokens, verbose=False)["input_ids"])

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _start_token(self) -> int:
        """Return the token that replaces an empty prompt, from which generation must start."""
        for token in (self._tokenizer.bos_token_id, self._tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0


def check_template_kwargs(tokenizer: Any, template_kwargs: Mapping[str, Any]) -> None:
    """Check variables of a chat template, such as ``enable_thinking``.

    Args:
        tokenizer: The tokenizer that has the template.
        template_kwargs: The variables, by name; JSON-able.

    Raises:
        ConfigurationError: If they are no such mapping, the template does not mention one of them, or it cannot be
            rendered with them.
    """
    if not isinstance(template_kwargs, Mapping):
        raise ConfigurationError(f"chat_template_kwargs must be a mapping of names to values, got {template_kwargs!r}")
    try:
        json.dumps(dict(template_kwargs))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"chat_template_kwargs must be JSON-able: {error}") from None
    if not template_kwargs:
        return
    if not tokenizer.chat_template:
        raise ConfigurationError("chat_template_kwargs are for models with a chat template, and this one has none")
    named = set(re.findall(r"[A-Za-z_]\w*", str(tokenizer.chat_template))) - _RESERVED
    for name in template_kwargs:
        if name not in named:
            raise ConfigurationError(f"the model's chat template has no variable {name!r}{nearest(name, named)}")
    try:
        messages = [{"role": "user", "content": "Hello"}]
        tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **template_kwargs)
    except Exception as error:  # templates are programs by the model's authors and may raise anything
        raise ConfigurationError(
            f"the model's chat template cannot be rendered with {dict(template_kwargs)!r}: {error}"
        ) from error
