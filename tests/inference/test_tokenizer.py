from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import Unigram, WordLevel

from inference.template import ChatTemplate, TemplateError
from inference.tokenizer import PromptTokenizer, TokenizerError
from inference.types import Message
from tests.inference.tiny import build_tiny_tokenizer

ROOT = Path(__file__).parents[2]
HELLO: list[Message] = [{"role": "user", "content": "hello"}]
SaveModel = Callable[..., Path]


@pytest.fixture
def save_model(tmp_path: Path) -> SaveModel:
    """Writes a folder with a tokenizer and the given JSON files or template."""

    def save(
        tokenizer: Tokenizer | None = None, template: str | None = None, **files: dict[str, Any]
    ) -> Path:
        (tokenizer or build_tiny_tokenizer()).save(str(tmp_path / "tokenizer.json"))
        for name, data in files.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(data))
        if template is not None:
            (tmp_path / "chat_template.jinja").write_text(template)
        return tmp_path

    return save


# --- what the folder says


@pytest.mark.parametrize(
    ("config", "window"),
    [
        ({"max_position_embeddings": 512}, 512),
        ({"n_positions": 1024}, 1024),
        ({"text_config": {"max_position_embeddings": 64}}, 64),
    ],
)
def test_the_window_is_the_models_own(save_model: SaveModel, config: dict[str, Any], window: int) -> None:
    assert PromptTokenizer.load(save_model(config=config)).window == window


def test_the_operator_can_set_the_window(save_model: SaveModel) -> None:
    assert PromptTokenizer.load(save_model(config={"n_positions": 9}), window=5).window == 5


def test_a_window_that_nobody_says_is_asked_for(save_model: SaveModel) -> None:
    with pytest.raises(TokenizerError, match=r"write `window` in models\.toml"):
        PromptTokenizer.load(save_model(tokenizer_config={"model_max_length": 10**30}))


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        ({"generation_config": {"eos_token_id": [2, 0]}, "config": {"eos_token_id": 1}}, {2, 0}),
        ({"config": {"eos_token_id": 1}}, {1}),
        ({"tokenizer_config": {"eos_token": {"content": "<|im_end|>"}}}, {2}),
    ],
)
def test_end_tokens_are_found(save_model: SaveModel, files: dict[str, Any], ids: set[int]) -> None:
    assert PromptTokenizer.load(save_model(**files), window=8).eos_ids == ids


def test_a_model_that_is_not_installed_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="run `make setup`"):
        PromptTokenizer.load(tmp_path / "gone")


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_a_broken_file_is_named(save_model: SaveModel, name: str) -> None:
    folder = save_model()
    (folder / name).write_text("{")
    with pytest.raises(TokenizerError, match=name):
        PromptTokenizer.load(folder, window=8)


def test_saved_truncation_and_padding_do_not_count(save_model: SaveModel) -> None:
    tokenizer = build_tiny_tokenizer()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=50)
    loaded = PromptTokenizer.load(save_model(tokenizer), window=8)
    assert loaded.decode(loaded.encode("hello world").ids) == "hello world"


def test_older_files_keep_the_template_in_the_configuration(save_model: SaveModel) -> None:
    named = [{"name": "tools", "template": "t"}, {"name": "default", "template": "{{ bos_token }}d"}]
    config = {"chat_template": named, "bos_token": {"content": "<s>"}}
    loaded = PromptTokenizer.load(save_model(tokenizer_config=config), window=8)
    assert loaded.render_chat(HELLO) == ["<s>d"]


def test_without_a_template_there_is_no_chat(save_model: SaveModel) -> None:
    loaded = PromptTokenizer.load(save_model(), window=8)
    assert not loaded.has_chat_template
    with pytest.raises(TemplateError, match="no chat template"):
        loaded.render_chat(HELLO)


# --- text to tokens and back


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
@settings(deadline=None, max_examples=200)
def test_a_byte_level_tokenizer_loses_nothing(text: str) -> None:
    tokenizer = PromptTokenizer(build_tiny_tokenizer(), None, 512, frozenset())
    assert tokenizer.decode(tokenizer.encode_guarded(text, [(0, len(text))]).ids) == text


@pytest.fixture(scope="session")
def piece_tokenizer() -> PromptTokenizer:
    """A vocabulary that holds control tokens as ordinary pieces, as SentencePiece models do."""
    pieces = [(piece, -1.0) for piece in ("<unk>", "</s>", "<pad>", "▁", *"</spad>unk xyz")]
    tokenizer = Tokenizer(Unigram(list(dict(pieces).items()), unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.add_special_tokens(["</s>", "<pad>"])
    return PromptTokenizer(tokenizer, None, 512, frozenset())


@given(parts=st.lists(st.sampled_from(["</s>", "<pad>", "</", "s>", "x", " ", "<p", "ad>"]), max_size=12))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_typed_control_tokens_stay_text_even_where_they_are_pieces(
    piece_tokenizer: PromptTokenizer, parts: list[str]
) -> None:
    text = "".join(parts)
    encoded = piece_tokenizer.encode_guarded(text, [(0, len(text))])
    assert not set(encoded.ids) & set(piece_tokenizer.control_tokens.values())
    assert piece_tokenizer.decode(encoded.ids).strip() == " ".join(text.split(" ")).strip()


def test_what_the_template_wrote_beside_typed_text_is_a_control_token(
    piece_tokenizer: PromptTokenizer,
) -> None:
    text = "x</s>y</s>z"
    encoded = piece_tokenizer.encode_guarded(text, [(0, 5)])
    end = piece_tokenizer.control_tokens["</s>"]
    assert [place for index, place in zip(encoded.ids, encoded.ranges, strict=True) if index == end] == [
        (6, 10)
    ]


def test_a_token_made_of_typed_and_written_characters_is_no_control_token(
    piece_tokenizer: PromptTokenizer,
) -> None:
    encoded = piece_tokenizer.encode_guarded("</s>", [(0, 3)])
    assert piece_tokenizer.control_tokens["</s>"] not in encoded.ids


def test_ranges_after_a_guarded_token_are_those_of_the_text(piece_tokenizer: PromptTokenizer) -> None:
    text = "</s>x</s>yz"
    encoded = piece_tokenizer.encode_guarded(text, [(5, 9)])
    joined = "".join(text[start:end] for start, end in encoded.ranges)
    assert joined == text
    assert encoded.ranges[0] == (0, 4)


def test_begin_and_end_tokens_are_added_to_guarded_text_too() -> None:
    tokenizer = Tokenizer(WordLevel({"[CLS]": 0, "[SEP]": 1, "[MASK]": 2, "a": 3, "?": 4}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[CLS]", "[SEP]", "[MASK]"])
    from tokenizers.processors import BertProcessing

    tokenizer.post_processor = BertProcessing(("[SEP]", 1), ("[CLS]", 0))
    guarded = PromptTokenizer(tokenizer, None, 8, frozenset()).encode_guarded("a[MASK]", [(0, 7)], whole=True)
    assert guarded.ids == (0, 3, 4, 4, 4, 1)


def test_runs_of_spaces_are_ordinary_text() -> None:
    tokenizer = build_tiny_tokenizer()
    tokenizer.add_tokens([AddedToken("    ", normalized=False)])
    added = tokenizer.token_to_id("    ")
    prompt_tokenizer = PromptTokenizer(tokenizer, ChatTemplate("    {{ messages }}", {}), 8, frozenset())
    assert added in prompt_tokenizer.encode_guarded("a    <|im_end|>", [(0, 15)]).ids


def test_added_tokens_that_the_template_writes_are_guarded() -> None:
    tokenizer = build_tiny_tokenizer()
    tokenizer.add_tokens([AddedToken("<think>", normalized=False)])
    prompt_tokenizer = PromptTokenizer(tokenizer, ChatTemplate("<think>", {}), 8, frozenset())
    assert tokenizer.token_to_id("<think>") not in prompt_tokenizer.encode_guarded("<think>", [(0, 7)]).ids


def test_counting_takes_control_tokens_as_text() -> None:
    tokenizer = PromptTokenizer(build_tiny_tokenizer(), None, 8, frozenset())
    assert tokenizer.count("<|im_end|>") > 1
    assert tokenizer.count("") == 0


# --- templates are code of strangers


HOSTILE = {
    "endless loop": (
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "longer than 2 s",
    ),
    "endless recursion": ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
    "giant text": ("{{ 'a' * 10**10 }}", "memory"),
    "long text": ("{{ 'a' * 10**7 }}", "longer than"),
    "system access": ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe|undefined"),
    "file access": ("{% include '/etc/passwd' %}", "refused"),
    "syntax error": ("{% for %}", "refused"),
    "own refusal": ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_template_is_contained(case: str) -> None:
    source, reason = HOSTILE[case]
    with pytest.raises(TemplateError, match=reason):
        ChatTemplate(source, {}).render(HELLO)


def test_a_template_that_was_stopped_renders_the_next_conversation() -> None:
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    template = ChatTemplate("{% if messages[0].content == 'loop' %}" + loop + "{% endif %}ok", {})
    with pytest.raises(TemplateError, match="longer than 2 s"):
        template.render([{"role": "user", "content": "loop"}])
    assert template.render(HELLO) == ["ok"]


def test_a_long_template_is_refused() -> None:
    with pytest.raises(TemplateError, match="longer than 65536 characters"):
        ChatTemplate("a" * 65537, {})


def test_a_template_sees_no_environment_and_any_text_survives_the_pipe() -> None:
    template = ChatTemplate("{{ messages[0].content }}{{ environ }}", {})
    text = 'line\r\n\u2028\x1f🙂\\ "quoted"'
    assert template.render([{"role": "user", "content": text}]) == [text]


def test_threads_share_a_template() -> None:
    template = ChatTemplate("{{ messages[0].content }}", {})

    def render(number: int) -> bool:
        return template.render([{"role": "user", "content": str(number)}]) == [str(number)]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(render, range(200)))


def test_what_transformers_offers_is_there() -> None:
    source = (
        "{% for m in messages %}{% generation %}{{ m | tojson }}{% endgeneration %}{% break %}{% endfor %}"
        "{{ strftime_now('%Y') | length }}{{ tools is none }}{{ add_generation_prompt }}"
    )
    assert ChatTemplate(source, {}).render(HELLO * 2) == ['{"role": "user", "content": "hello"}4TrueTrue']


PARENT = """
from inference.template import ChatTemplate
template = ChatTemplate("ok", {})
template.render([])
print(template._child.pid, flush=True)
input()
"""


def test_the_renderer_ends_with_a_killed_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    until = time.monotonic() + 10
    while runs(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not runs(child)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # an orphan may wait for a careless init to collect it


def test_the_web_side_of_inference_loads_neither_torch_nor_transformers() -> None:
    modules = "inference.registry, inference.tokenizer, inference.prompts, inference.manifest"
    code = f"import sys, {modules}; print(sorted({{'torch', 'transformers', 'django'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
