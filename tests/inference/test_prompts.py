from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from inference import placeholders
from inference.detokenizer import TokenTexts
from inference.prompts import Layout, PromptError, PromptParts, RenderedPrompt, Shot, render
from inference.template import ChatTemplate
from inference.tokenizer import PromptTokenizer
from tests.inference.tiny import CHAT_TEMPLATE, build_tiny_tokenizer
from tests.inference.tokenizer_kinds import KINDS

PARTS = PromptParts(
    layout="chat",
    instruction="Say positive or negative.",
    shots=(Shot((("review", "I loved it."),), "positive"), Shot((("review", "Cold soup."),), "negative")),
    input=(("review", "A joy."),),
    output_name="sentiment",
)
PLAIN = replace(PARTS, layout="plain")
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHAT_TEMPLATE
)
DROPS_SYSTEM = CHAT_TEMPLATE.replace(
    "%}<", "%}{% if message.role == 'system' %}{% continue %}{% endif %}<", 1
)

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
with_control = st.lists(words | st.sampled_from([*CONTROL, "<|im_", "end|>", "\nuser\n"]), max_size=6).map(
    "".join
)


def parts_of(texts: st.SearchStrategy[str]) -> st.SearchStrategy[PromptParts]:
    values = st.tuples(st.tuples(st.just("review"), texts), st.tuples(st.just("stars"), texts))
    fields = st.sampled_from([1, 2])
    given_values = st.builds(lambda pair, count: pair[:count], values, fields)
    shots = st.lists(st.builds(Shot, given_values, texts), max_size=3).map(tuple)
    layouts: st.SearchStrategy[Layout] = st.sampled_from(["chat", "plain"])
    return st.builds(PromptParts, layouts, texts, shots, given_values, st.just("sentiment"))


def tiny(template: str | None = CHAT_TEMPLATE) -> PromptTokenizer:
    chat = ChatTemplate(template, {}) if template is not None else None
    return PromptTokenizer(build_tiny_tokenizer(), chat, 512, frozenset({2}))


TINY = tiny()


@pytest.fixture(scope="session")
def real(default_model_folder: Path) -> PromptTokenizer:
    return PromptTokenizer.load(default_model_folder)


@pytest.fixture(scope="session")
def reference(default_model_folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(default_model_folder)


def content(values: tuple[tuple[str, str], ...]) -> str:
    return values[0][1] if len(values) == 1 else "\n".join(f"{name}: {text}" for name, text in values)


def messages(parts: PromptParts) -> list[dict[str, str]]:
    made = [{"role": "system", "content": parts.instruction}] if parts.instruction else []
    for shot in parts.shots:
        made.append({"role": "user", "content": content(shot.values)})
        made.append({"role": "assistant", "content": shot.output})
    return [*made, {"role": "user", "content": content(parts.input)}]


def text_of(rendered: RenderedPrompt, part: str) -> str:
    return "|".join(rendered.text[span.start : span.end] for span in rendered.spans if span.part == part)


# --- the ids are those of transformers


@given(parts=parts_of(words))
@settings(deadline=None, max_examples=60)
def test_chat_is_what_transformers_makes(real: PromptTokenizer, reference: Any, parts: PromptParts) -> None:
    rendered = render(real, replace(parts, layout="chat"))
    expected = reference.apply_chat_template(messages(parts), add_generation_prompt=True, return_dict=False)
    assert list(rendered.ids) == expected


@given(parts=parts_of(words))
@settings(deadline=None, max_examples=60)
def test_plain_is_what_transformers_makes(real: PromptTokenizer, reference: Any, parts: PromptParts) -> None:
    rendered = render(real, replace(parts, layout="plain"))
    assert list(rendered.ids) == reference(rendered.text)["input_ids"]


def test_the_default_prompt_of_the_model_is_in_the_text_but_nobodys_part(real: PromptTokenizer) -> None:
    rendered = render(real, replace(PARTS, instruction="", shots=()))
    assert "You are a helpful AI assistant" in text_of(rendered, "format")
    assert set(rendered.count_by_part()) == {"input", "format"}


# --- what must hold for any text


@given(parts=parts_of(with_control))
@settings(deadline=None, max_examples=150)
def test_parts_sum_up_and_nothing_is_lost(parts: PromptParts) -> None:
    rendered = render(TINY, parts)
    assert sum(rendered.count_by_part().values()) == len(rendered.ids) == len(rendered.tokens)
    assert tuple(token.id for token in rendered.tokens) == rendered.ids
    assert TINY.decode(rendered.ids) == rendered.text
    assert "".join(token.text for token in rendered.tokens) == rendered.text


FOREIGN = "\u202eשלום\u202c, مرحبا e\u0301\u0323 न\u093f 👩‍👩‍👧 \u200b  \n"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["chat", "plain"])
def test_counts_add_up_where_tokens_cross_the_parts(kind: str, layout: Layout) -> None:
    """Texts that end in spaces and marks invite a vocabulary to join them with what follows."""
    tokenizer = PromptTokenizer(
        KINDS[kind], ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}", {}), 512, frozenset()
    )
    shots = (Shot((("review", FOREIGN),), " "), Shot((("review", "e"),), "\u0301"))
    rendered = render(
        tokenizer,
        replace(PARTS, layout=layout, instruction=FOREIGN, shots=shots, input=(("review", FOREIGN),)),
    )
    assert sum(rendered.count_by_part().values()) == len(rendered.ids) == len(rendered.parts)
    assert [token.part for token in rendered.tokens] == list(rendered.parts)
    assert rendered.text.count(FOREIGN) == 3


@pytest.mark.parametrize("kind", ["byte level", "byte level, split"])
@given(parts=parts_of(words | st.sampled_from(["<s>", " <|user|> ", "a<|end|>", "    ", "\n\n", "🙂\u0301"])))
@settings(deadline=None, max_examples=60)
def test_the_ids_have_exactly_the_bytes_of_the_text(kind: str, parts: PromptParts) -> None:
    template = ChatTemplate(CHAT_TEMPLATE.replace("<|im_start|>", "<s>").replace("<|im_end|>", "</s>"), {})
    tokenizer = PromptTokenizer(KINDS[kind], template, 512, frozenset())
    rendered = render(tokenizer, parts)
    shown = map(TokenTexts(KINDS[kind]).__getitem__, rendered.ids)
    data = re.sub(rb"<0x(..)>", lambda byte: bytes.fromhex(byte[1].decode()), "".join(shown).encode())
    assert data == rendered.text.encode()
    assert tokenizer.decode(rendered.ids) == rendered.text


@given(parts=parts_of(with_control))
@settings(deadline=None, max_examples=150)
def test_spans_cover_the_text_without_gaps(parts: PromptParts) -> None:
    rendered = render(TINY, parts)
    ends = [0, *(span.end for span in rendered.spans)]
    assert [span.start for span in rendered.spans] == ends[:-1]
    assert ends[-1] == len(rendered.text)


@given(parts=parts_of(with_control))
@settings(deadline=None, max_examples=150)
def test_typed_control_tokens_are_never_control_ids(parts: PromptParts) -> None:
    rendered = render(TINY, parts)
    turns = len(messages(parts)) if parts.layout == "chat" else 0
    # Each turn opens and closes once, and the answer's turn is opened.
    assert [rendered.ids.count(index) for index in range(3)] == [0, turns + (turns > 0), turns]
    assert {token.part for token in rendered.tokens if token.special} <= {"format"}


@given(parts=parts_of(with_control))
@settings(deadline=None, max_examples=60)
def test_the_text_holds_what_people_typed_to_the_letter(parts: PromptParts) -> None:
    rendered = render(TINY, replace(parts, layout="chat"))
    assert text_of(rendered, "instruction") == parts.instruction
    assert text_of(rendered, "input") == content(parts.input)


# --- fields in the instruction


TRANSLATE = replace(
    PARTS, instruction="To {{ language }}: {{text}}!", input=(("language", "French"), ("text", "hello"))
)


def in_instruction(instruction: str, **values: str) -> str:
    parts = replace(PLAIN, shots=(), instruction=instruction, input=tuple(values.items()))
    return render(TINY, parts).text.split("\n\n")[0]


@pytest.mark.parametrize("layout", ["chat", "plain"])
def test_a_field_in_the_instruction_is_the_value_of_the_input_and_counts_as_input(layout: Layout) -> None:
    rendered = render(TINY, replace(TRANSLATE, layout=layout))
    assert "To French: hello!" in rendered.text
    assert text_of(rendered, "instruction") == "To |: |!"
    assert text_of(rendered, "input").startswith("French|hello|language: French\ntext: hello")


@pytest.mark.parametrize("template", [NO_SYSTEM, DROPS_SYSTEM])
def test_fields_are_filled_in_without_a_system_role_too(template: str) -> None:
    rendered = render(tiny(template), TRANSLATE)
    assert rendered.text.startswith("<|im_start|>user\nTo French: hello!\n\n")
    assert text_of(rendered, "instruction") == "To |: |!"


def test_a_value_is_not_filled_in_again() -> None:
    assert in_instruction("{{a}}{{b}}", a="{{b}}", b="{{a}}") == "{{b}}{{a}}"


def test_braces_around_anything_else_are_text() -> None:
    text = "{{c}} {a} {{A}} {{ a b }} {{7*7}} {% a %} {{{{}} {{a"
    assert in_instruction(text, a="1") == text


def test_fields_may_have_any_name() -> None:
    values = {"größe ✓": "1", "a.b|c": "2", "x}": "3", "x": "4", "{": "5", "اسم": "6", " ": "7"}
    text = "{{größe ✓}}{{a.b|c}}{{x}}}{{ x }}{{{}}{{اسم}}{{ }}"
    assert in_instruction(text, **values) == "1234567"


def test_an_instruction_of_empty_values_is_no_instruction() -> None:
    rendered = render(TINY, replace(TRANSLATE, instruction="{{text}}", input=(("text", ""),), shots=()))
    assert rendered.text == "<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n"


def test_a_search_for_fields_takes_no_time_to_speak_of() -> None:
    text = "{{" + " " * 200_000 + "{{" * 100_000
    started = time.monotonic()
    assert "".join(cut for cut, _ in placeholders.split(text, [" ", "  "])) == text
    assert time.monotonic() - started < 2


@given(parts=parts_of(with_control | st.sampled_from(["{{review}}", "{{ stars }}", "{{sentiment}}"])))
@settings(deadline=None, max_examples=100)
def test_tokens_add_up_with_fields_in_the_instruction(parts: PromptParts) -> None:
    rendered = render(TINY, parts)
    assert "".join(token.text for token in rendered.tokens) == rendered.text
    assert sum(rendered.count_by_part().values()) == len(rendered.ids)
    assert TINY.decode(rendered.ids) == rendered.text


# --- plain layout


def test_plain_shows_names_and_ends_at_the_colon() -> None:
    assert render(TINY, PLAIN).text == (
        "Say positive or negative.\n\nreview: I loved it.\nsentiment: positive\n\n"
        "review: Cold soup.\nsentiment: negative\n\nreview: A joy.\nsentiment:"
    )


def test_plain_without_instruction_begins_with_the_first_shot() -> None:
    assert render(TINY, replace(PLAIN, instruction="")).text.startswith("review: I loved it.")


def test_plain_parts_are_whole_blocks() -> None:
    rendered = render(TINY, PLAIN)
    assert text_of(rendered, "example:1") == "review: Cold soup.\nsentiment: negative"
    assert text_of(rendered, "input") == "review: A joy.\nsentiment:"
    assert text_of(rendered, "format") == "\n\n|\n\n|\n\n"


def test_plain_with_several_fields_has_a_line_for_each() -> None:
    rendered = render(TINY, replace(PLAIN, shots=(), input=(("a", "1"), ("b", "2")), instruction=""))
    assert rendered.text == "a: 1\nb: 2\nsentiment:"


# --- chat layout and templates with a will of their own


def test_chat_asks_several_fields_as_lines() -> None:
    rendered = render(TINY, replace(PARTS, input=(("a", "1"), ("b", "2"))))
    assert text_of(rendered, "input") == "a: 1\nb: 2"


@pytest.mark.parametrize("template", [NO_SYSTEM, DROPS_SYSTEM])
def test_without_a_system_role_the_instruction_opens_the_first_turn(template: str) -> None:
    rendered = render(tiny(template), PARTS)
    assert rendered.text.startswith("<|im_start|>user\nSay positive or negative.\n\nI loved it.<|im_end|>")
    assert text_of(rendered, "instruction") == PARTS.instruction


def test_a_template_that_trims_is_followed() -> None:
    template = CHAT_TEMPLATE.replace("message['content']", "message['content'] | trim")
    parts = replace(PARTS, instruction="  Say it. ", input=(("review", "\n A joy.\t"),), shots=())
    rendered = render(tiny(template), parts)
    assert text_of(rendered, "instruction") == "Say it."
    assert text_of(rendered, "input") == "A joy."


def test_trimming_reaches_into_the_merged_turn() -> None:
    template = NO_SYSTEM.replace("message['content']", "message['content'] | trim")
    parts = replace(PARTS, instruction="  ", input=(("review", " A joy. "),), shots=())
    rendered = render(tiny(template), parts)
    assert text_of(rendered, "input") == "A joy."
    assert "instruction" not in rendered.count_by_part()


def test_a_template_that_changes_letters_is_followed() -> None:
    template = CHAT_TEMPLATE.replace("message['content']", "message['content'] | upper")
    assert text_of(render(tiny(template), PARTS), "input") == "A JOY."


def test_empty_texts_make_empty_turns() -> None:
    rendered = render(
        TINY, replace(PARTS, instruction="", shots=(Shot((("review", ""),), ""),), input=(("r", ""),))
    )
    assert set(rendered.count_by_part()) == {"format"}


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (None, "has no chat template; choose the plain layout"),
        (
            CHAT_TEMPLATE.replace("message['content']", "message['content'][:3]"),
            "rewrites messages",
        ),
        ("{{ messages[-1].content }}", "leaves out text of the instruction"),
        ("{{ raise_exception('never') }}", "never"),
    ],
)
def test_a_template_that_cannot_serve_is_refused(template: str | None, reason: str) -> None:
    with pytest.raises(PromptError, match=reason):
        render(tiny(template), PARTS)


def test_private_use_characters_of_people_are_text() -> None:
    text = "".join(map(chr, range(0xF0000, 0xF0200)))
    rendered = render(TINY, replace(PARTS, input=(("review", text),)))
    assert text_of(rendered, "input") == text


@pytest.mark.parametrize("layout", ["chat", "plain"])
@pytest.mark.parametrize(
    ("text", "reason"), [("a\0b", "NUL"), ("a\ud83d", "lone surrogate\\) at position 1")]
)
def test_what_cannot_be_encoded_is_refused(layout: Layout, text: str, reason: str) -> None:
    for parts in (
        replace(PARTS, layout=layout, instruction=text),
        replace(PARTS, layout=layout, output_name=text),
        replace(PARTS, layout=layout, input=((text, "a"),)),
        replace(PARTS, layout=layout, shots=(Shot((), text),)),
    ):
        with pytest.raises(PromptError, match=reason):
            render(TINY, parts)


# --- tokens


def test_a_token_belongs_to_the_part_that_has_most_of_it(real: PromptTokenizer) -> None:
    rendered = render(real, replace(PARTS, input=(("review", "  A joy."),)))
    across = next(token for token in rendered.tokens if token.text == "\n ")
    assert across.part == "input"


def test_a_token_without_text_shows_its_name() -> None:
    tokenizer = build_tiny_tokenizer()
    from tokenizers.processors import TemplateProcessing

    tokenizer.post_processor = TemplateProcessing("<|im_start|> $A", special_tokens=[("<|im_start|>", 1)])
    first = render(PromptTokenizer(tokenizer, None, 8, frozenset()), PLAIN).tokens[0]
    assert (first.id, first.start, first.end) == (1, 0, 0)
    assert (first.text, first.part, first.special) == ("<|im_start|>", "format", True)


def test_tokens_that_share_a_character_show_it_once() -> None:
    rendered = render(TINY, replace(PLAIN, instruction="", shots=(), input=(("a", "🙂"),)))
    shared = [token for token in rendered.tokens if "🙂" in rendered.text[token.start : token.end]]
    assert len(shared) > 1
    assert "".join(token.text for token in shared).strip() == "🙂"
