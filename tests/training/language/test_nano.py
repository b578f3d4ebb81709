import pytest

from quintain.engines import Request, make_engine
from quintain.errors import ConfigurationError
from quintain.messages import assistant, user
from quintain.training.language.nano import CHARACTERS, SIZES, make_nano, nano_tokenizer

pytest.importorskip("transformers")


def test_every_character_is_one_token_and_survives():
    tokenizer = nano_tokenizer()
    ids = tokenizer(CHARACTERS)["input_ids"]
    assert len(ids) == len(set(ids)) == len(CHARACTERS)
    assert tokenizer.decode(ids) == CHARACTERS
    assert tokenizer.decode(tokenizer("\u00e9")["input_ids"]) == "<unknown>"


def test_words_are_one_token_each():
    tokenizer = nano_tokenizer(["12", "13"])
    assert len(tokenizer("12+13=25")["input_ids"]) == 6
    assert tokenizer.decode(tokenizer("12+13=25")["input_ids"]) == "12+13=25"


def test_the_template_marks_roles_and_ends():
    text = nano_tokenizer().apply_chat_template(
        [user("q"), assistant("a"), user("r")], tokenize=False, add_generation_prompt=True
    )
    assert text == "<user>q<end><assistant>a<end><user>r<end><assistant>"


@pytest.mark.parametrize("size", SIZES)
def test_sizes_are_what_their_names_say(size, tmp_path):
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(make_nano(tmp_path, size))
    assert model.num_parameters() / 1e6 == pytest.approx(float(size[:-1]), rel=0.25)


def test_equal_seeds_give_equal_models_and_the_engine_serves_them(tmp_path):
    import asyncio

    first, second, third = (make_nano(tmp_path / str(k), "0.1M", seed=s) for k, s in enumerate((1, 1, 2)))
    weights = [(folder / "model.safetensors").read_bytes() for folder in (first, second, third)]
    assert weights[0] == weights[1] != weights[2]
    engine = make_engine("transformers", model=str(first))
    reply = asyncio.run(engine.complete(Request(messages=[user("7+5=")], max_tokens=4, tokens=True)))
    assert engine.tokenizer.decode(reply.prompt_token_ids) == "<user>7+5=<end><assistant>"
    assert len(reply.token_ids) == len(reply.logprobs) <= 4
    engine.close()


def test_an_unknown_size_names_the_others(tmp_path):
    with pytest.raises(ConfigurationError, match=r"0\.3M"):
        make_nano(tmp_path, "0.4M")
