from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.blocks import BlockPool, keys_of

SIZE = 4
Text = tuple[int, ...]


def keys(*ids: int) -> list[bytes]:
    return keys_of(ids, SIZE)


def filled(pool: BlockPool, text: Text) -> list[int]:
    """The blocks of a text that somebody computes."""
    blocks = pool.take(keys(*text))
    for block in blocks:
        pool.fill(block)
    return blocks


def test_keys_stand_for_all_text_from_the_beginning() -> None:
    assert len(keys(*range(11))) == 2
    assert keys(1, 2, 3, 4, 5, 6, 7, 8)[0] == keys(1, 2, 3, 4)[0]
    assert keys(0, 2, 3, 4, 5, 6, 7, 8)[1] != keys(1, 2, 3, 4, 5, 6, 7, 8)[1]
    assert keys_of(range(8), SIZE, b"alice") != keys_of(range(8), SIZE, b"bob")


def test_equal_beginnings_get_the_same_blocks() -> None:
    pool = BlockPool(8)
    first = filled(pool, tuple(range(12)))
    second = pool.take(keys(*range(8), 9, 9, 9, 9))
    assert second[:2] == first[:2]
    assert second[2] != first[2]
    assert [pool.references(block) for block in first] == [2, 2, 1]
    assert not pool.is_filled(second[2])


def test_neighbours_in_a_prompt_are_neighbours_in_the_pool() -> None:
    pool = BlockPool(10)
    first, second = pool.take(keys(*range(12))), pool.take(keys(*range(50, 62)))
    assert (first, second) == ([0, 1, 2], [3, 4, 5])
    pool.release(first)
    assert pool.take(keys(*range(70, 86))) == [6, 7, 8, 9]


def test_released_blocks_are_found_again_and_unfilled_ones_are_not() -> None:
    pool = BlockPool(4)
    blocks = pool.take(keys(*range(8)))
    pool.fill(blocks[0])
    pool.release(blocks)
    assert pool.held == 1
    assert [pool.is_filled(block) for block in pool.take(keys(*range(8)))] == [True, False]


def test_least_recently_released_goes_first_and_the_end_before_the_beginning() -> None:
    pool = BlockPool(4)
    old, new = filled(pool, tuple(range(8))), filled(pool, tuple(range(50, 58)))
    pool.release(old)
    pool.release(new)
    pool.take(keys(*range(90, 94)))
    assert [pool.is_filled(block) for block in pool.take(keys(*range(50, 58)))] == [True, True]
    assert [pool.is_filled(block) for block in pool.take(keys(*range(8)))] == [True]  # its end is gone


def test_full_pool_gives_what_it_has() -> None:
    pool = BlockPool(2)
    assert len(pool.take(keys(*range(12)))) == 2
    assert pool.take(keys(*range(50, 54))) == []


def test_forgotten_blocks_are_not_found() -> None:
    pool = BlockPool(4)
    blocks = filled(pool, tuple(range(8)))
    pool.forget(blocks)
    assert not any(pool.is_filled(block) for block in pool.take(keys(*range(8))))
    pool.release(blocks)
    pool.check_integrity()


TEXTS = st.lists(st.integers(0, 1), max_size=6).map(
    lambda parts: tuple(n for part in parts for n in [part] * SIZE)
)
MOVES = st.lists(st.tuples(st.sampled_from(["take", "fill", "release", "forget"]), TEXTS, st.integers(0, 20)))


@settings(max_examples=300, deadline=None)
@given(MOVES, st.integers(0, 9))
def test_no_block_leaks_or_is_given_to_two_texts(moves: list[tuple[str, Text, int]], blocks: int) -> None:
    pool = BlockPool(blocks)
    alive: list[tuple[Text, list[int]]] = []
    contents: dict[int, Text] = {}  # what was written to each block, with all before it
    for move, text, number in moves:
        if move == "take":
            taken = pool.take(keys(*text))
            alive.append((text, taken))
            for index, block in enumerate(taken):
                if pool.is_filled(block):
                    assert contents[block] == text[: (index + 1) * SIZE]
        elif alive:
            text, taken = alive[number % len(alive)]
            if move == "fill":
                for index, block in enumerate(taken):
                    contents[block] = text[: (index + 1) * SIZE]
                    pool.fill(block)
            elif move == "forget":
                pool.forget(taken)
            else:
                pool.release(alive.pop(number % len(alive))[1])
        pool.check_integrity()
        owners = {block: text[: (i + 1) * SIZE] for text, taken in alive for i, block in enumerate(taken)}
        for text, taken in alive:
            assert all(owners[block] == text[: (i + 1) * SIZE] for i, block in enumerate(taken))
    for _, taken in alive:
        pool.release(taken)
    pool.check_integrity()
    assert len(pool.take(keys(*range(1000, 1000 + SIZE * blocks)))) == blocks
