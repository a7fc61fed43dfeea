from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from inference.convert import convert_gguf
from inference.gguf_tokenizer import ConversionError, build, special_ids
from inference.loader import LoadedModel
from tests.inference.gguf_file import build_tiny_gguf
from tests.inference.tiny import CHAT_TEMPLATE, build_tiny_tokenizer

TEXT = "The 3rd film of 2024, it's naïve…\n\n  東京 🙂 <|im_end|>"


def quiet(words: str) -> None:
    assert words


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    build_tiny_gguf(folder / "tiny.gguf")
    (folder / "model").mkdir()
    convert_gguf(folder / "tiny.gguf", folder / "model", quiet)
    return folder / "model"


def test_the_weights_are_those_of_the_file(converted: Path, tmp_path: Path) -> None:
    made = build_tiny_gguf(tmp_path / "tiny.gguf").state_dict()
    read = AutoModelForCausalLM.from_pretrained(converted).state_dict()
    assert made.keys() == read.keys()
    assert all(torch.equal(made[name], read[name]) for name in made)
    assert {weights.dtype for weights in read.values()} == {torch.bfloat16}


def test_the_tokenizer_is_the_original_one(converted: Path) -> None:
    made = Tokenizer.from_file(str(converted / "tokenizer.json"))
    assert made.encode(TEXT).ids == build_tiny_tokenizer().encode(TEXT).ids


def test_transformers_reads_the_same_tokenizer(converted: Path) -> None:
    wrapper = AutoTokenizer.from_pretrained(converted)
    assert wrapper(TEXT)["input_ids"] == build_tiny_tokenizer().encode(TEXT).ids
    assert wrapper.chat_template == CHAT_TEMPLATE


def test_every_end_token_stops_generation(converted: Path) -> None:
    for name in ("config.json", "generation_config.json"):
        assert json.loads((converted / name).read_text())["eos_token_id"] == [2, 0]


def test_nothing_tells_where_the_file_lay(converted: Path) -> None:
    for path in converted.glob("*.json"):
        assert str(converted.parent) not in path.read_text()


def metadata(**changes: object) -> dict[str, object]:
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": ["<|im_end|>", "1", "2", "12", "a", "<think>", "Ġ"],
        "tokenizer.ggml.token_type": [3, 1, 1, 1, 1, 4, 1],
        "tokenizer.ggml.merges": ["1 2"],
        **changes,
    }


@pytest.mark.parametrize(
    ("pre", "ids"), [("smollm", [1, 2]), ("gpt-2", [3]), ("qwen2", [1, 2]), ("llama-bpe", [3])]
)
def test_the_word_rule_decides_about_digits(pre: str, ids: list[int]) -> None:
    assert build(metadata(**{"tokenizer.ggml.pre": pre})).encode("12").ids == ids


def test_control_tokens_are_special_and_user_defined_ones_only_added() -> None:
    added = build(metadata()).get_added_tokens_decoder()
    assert {token.content: token.special for token in added.values()} == {
        "<|im_end|>": True,
        "<think>": False,
    }


def test_a_beginning_is_added_where_the_file_says_so() -> None:
    asked = metadata(**{"tokenizer.ggml.add_bos_token": True, "tokenizer.ggml.bos_token_id": 0})
    assert build(asked).encode("a").ids == [0, 4]
    assert build(metadata()).encode("a").ids == [4]


@pytest.mark.parametrize(("key", "kind"), [("model", "llama"), ("pre", "viking")])
def test_an_unknown_tokenizer_is_refused_in_one_sentence(key: str, kind: str) -> None:
    with pytest.raises(ConversionError, match=f"{kind!r} of this GGUF file"):
        build(metadata(**{f"tokenizer.ggml.{key}": kind}))


def test_a_file_without_an_end_token_is_refused() -> None:
    with pytest.raises(ConversionError, match="names no token that ends a text"):
        special_ids(metadata(**{"tokenizer.ggml.tokens": list("abcdefg")}))


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"not a model")
    with pytest.raises(ConversionError, match=r"x\.gguf is not a GGUF file"):
        convert_gguf(tmp_path / "x.gguf", tmp_path, quiet)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    build_tiny_gguf(tmp_path / "x.gguf")
    (tmp_path / "x.gguf").write_bytes((tmp_path / "x.gguf").read_bytes()[:-5000])
    with pytest.raises(ConversionError, match=r"x\.gguf"):
        convert_gguf(tmp_path / "x.gguf", tmp_path, quiet)


def test_missing_weights_are_refused_instead_of_made_up(tmp_path: Path) -> None:
    build_tiny_gguf(tmp_path / "x.gguf", leave_out="blk.1.attn_k.weight")
    with pytest.raises(ConversionError, match=r"no weights for model\.layers\.1\.self_attn\.k_proj"):
        convert_gguf(tmp_path / "x.gguf", tmp_path, quiet)


def test_a_stretched_window_is_refused_instead_of_ignored(tmp_path: Path) -> None:
    build_tiny_gguf(tmp_path / "x.gguf", extra={"rope_freqs.weight": torch.ones(8).numpy()})
    with pytest.raises(ConversionError, match="stretches its window"):
        convert_gguf(tmp_path / "x.gguf", tmp_path, quiet)


# --- the default model


def test_the_default_model_reads_digits_one_by_one(default_model: LoadedModel) -> None:
    assert default_model.tokenizer.encode("12345 a").tokens == ["1", "2", "3", "4", "5", "Ġa"]


def test_the_default_model_has_its_special_tokens(default_model: LoadedModel) -> None:
    encoding = default_model.tokenizer.encode("<|im_start|>user\nhi<|im_end|>")
    assert encoding.tokens == ["<|im_start|>", "user", "Ċ", "hi", "<|im_end|>"]
    assert (encoding.ids[0], encoding.ids[-1]) == (1, 2)


def test_the_default_model_learns_from_examples(
    default_model_folder: Path, default_model: LoadedModel
) -> None:
    shots = [("I loved it.", "positive"), ("What a waste of time.", "negative"), ("A joy!", "positive")]
    turns = [(role, text) for shot in shots for role, text in zip(("user", "assistant"), shot, strict=True)]
    turns = [("system", "Say positive or negative."), *turns, ("user", "Boring from start to end.")]
    wrapper = AutoTokenizer.from_pretrained(default_model_folder)
    messages = [{"role": role, "content": text} for role, text in turns]
    asked = wrapper.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    answer = default_model.model.generate(**asked, max_new_tokens=8, do_sample=False)
    assert wrapper.decode(answer[0][asked["input_ids"].shape[1] :]) == "negative<|im_end|>"
