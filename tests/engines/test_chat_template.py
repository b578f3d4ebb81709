"""Variables of a model's chat template: they reach the template, and are checked when the engine is made."""

import asyncio

import pytest

from quintain.engines import Request, make_engine
from quintain.errors import ConfigurationError
from quintain.messages import user

pytest.importorskip("torch")
TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
    "{% if limit is defined %}{{ limit + 1 }}{% endif %}"
)


class Tokenizer:
    """A tokenizer whose template has two variables."""

    chat_template = TEMPLATE

    def apply_chat_template(self, messages, **options):
        import jinja2

        return jinja2.Template(TEMPLATE).render(messages=messages, **options)

    def __call__(self, text, **options):
        return {"input_ids": list(text.encode())}


def rendered(**variables):
    from quintain.engines.codec import Codec

    prompt = Codec(Tokenizer(), variables).encode(Request(messages=[user("hi")]))
    return bytes(prompt.tokens).decode()


def test_variables_reach_the_template():
    pytest.importorskip("jinja2")
    assert rendered() == "user: hi\n"
    assert rendered(enable_thinking=False) == "user: hi\n<think></think>"
    assert rendered(limit=2) == "user: hi\n3"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"enable_thinkin": False}, "has no variable 'enable_thinkin'; did you mean 'enable_thinking'"),
        ({"limit": "many"}, "cannot be rendered with {'limit': 'many'}"),
        ({"messages": []}, "has no variable 'messages'"),
        ({"limit": {1, 2}}, "must be JSON-able"),
        ("enable_thinking", "must be a mapping"),
    ],
)
def test_variables_are_checked(variables, message):
    pytest.importorskip("jinja2")
    from quintain.engines.codec import check_template_kwargs

    with pytest.raises(ConfigurationError, match=message):
        check_template_kwargs(Tokenizer(), variables)
    check_template_kwargs(Tokenizer(), {"enable_thinking": False, "limit": 3})


def test_the_engine_takes_checks_and_records_them(tiny_folder, tmp_path):
    import shutil

    import transformers

    folder = tmp_path / "thinks"
    shutil.copytree(tiny_folder, folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    with pytest.raises(ConfigurationError, match="did you mean 'enable_thinking'"):
        make_engine("transformers", model=str(folder), chat_template_kwargs={"enable_thinkin": False})
    counts = []
    for variables in ({}, {"enable_thinking": False}):
        engine = make_engine("transformers", model=str(folder), chat_template_kwargs=variables)
        reply = asyncio.run(engine.complete(Request(messages=[user("hi")], max_tokens=1)))
        counts.append(reply.prompt_tokens)
        assert engine.describe().get("chat_template_kwargs", {}) == variables
        engine.close()
    assert counts[1] > counts[0]
