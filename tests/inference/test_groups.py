from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.groups import Group, Prefix, prefix_groups

SIZE = 4


def test_shared_beginning_is_one_group_and_the_rest_one_each() -> None:
    groups = prefix_groups([((0, 1, 2), 12), ((0, 1, 5), 12)], SIZE)
    assert groups == [Group(0, 8, 0, (0, 1)), Group(8, 4, 8, (0,)), Group(20, 4, 8, (1,))]


def test_run_that_is_not_contiguous_is_cut() -> None:
    assert prefix_groups([((3, 4, 9), 12)], SIZE) == [Group(12, 8, 0, (0,)), Group(36, 4, 8, (0,))]


def test_prefix_that_ends_within_a_block_is_its_owners_alone() -> None:
    assert prefix_groups([((0, 1), 6)], SIZE) == [Group(0, 4, 0, (0,)), Group(4, 2, 4, (0,))]
    assert prefix_groups([((0, 1), 0), ((), 0)], SIZE) == []


@st.composite
def trees(draw: st.DrawFn) -> list[Prefix]:
    """Prefixes in which a block always has the same blocks before it, as in the pool."""
    numbers = draw(st.permutations(range(40)))
    block_of: dict[tuple[int, ...], int] = {}
    prefixes = []
    for path in draw(st.lists(st.lists(st.integers(0, 1), max_size=5).map(tuple), min_size=1, max_size=8)):
        heads = [path[:end] for end in range(1, len(path) + 1)]
        blocks = tuple(block_of.setdefault(head, numbers[len(block_of) % 40]) for head in heads)
        prefixes.append((blocks, draw(st.integers(0, len(blocks))) * SIZE))
    return prefixes


@settings(max_examples=300, deadline=None)
@given(trees())
def test_every_token_of_a_prefix_is_in_one_group_and_sharing_is_complete(prefixes: list[Prefix]) -> None:
    groups = prefix_groups(prefixes, SIZE)
    for member, (blocks, tokens) in enumerate(prefixes):
        mine = sorted((g for g in groups if member in g.members), key=lambda g: g.position)
        places = [(g.position + n, g.start + n) for g in mine for n in range(g.length)]
        assert places == [(at, blocks[at // SIZE] * SIZE + at % SIZE) for at in range(tokens)]
    stretches = [place for g in groups for place in range(g.start, g.start + g.length)]
    assert len(stretches) == len(set(stretches))  # nothing is read twice
