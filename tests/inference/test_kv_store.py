from __future__ import annotations

from pathlib import Path

import torch

from inference.kv_store import KVStore, LayerShape, token_bytes

LAYERS = (LayerShape(heads=2, key_size=3, value_size=5), LayerShape(1, 4, 4))
CPU = torch.device("cpu")


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_what_is_written_is_read_back() -> None:
    store = KVStore(LAYERS, 4, 10, torch.float32, CPU)
    keys, values = torch.randn(2, 3, 3), torch.randn(2, 3, 5)
    store.write(0, keys, values, torch.tensor([2 * 10 + 0, 2 * 10 + 1, 3 * 10 + 9]))
    read_keys, read_values = store.read_slots(0, slice(2, 4), 10)
    assert (read_keys.shape, read_values.shape) == ((2, 2, 10, 3), (2, 2, 10, 5))
    assert torch.equal(read_keys[0, :, :2], keys[:, :2])
    assert torch.equal(read_values[1, :, 9], values[:, 2])
    assert read_keys[0, :, 2:].eq(0).all()


def test_clearing_a_slot_spares_the_others() -> None:
    store = KVStore(LAYERS, 2, 4, torch.float32, CPU)
    ones = torch.ones(1, 8, 4)
    store.write(1, ones, ones, torch.arange(8))
    store.clear(0, length=3)
    keys, values = store.read_slots(1, slice(0, 2), 4)
    assert keys[:, 0, :, 0].tolist() == [[0, 0, 0, 1], [1, 1, 1, 1]]
    assert torch.equal(keys, values)


def test_blocks_are_copied_to_the_first_places_of_a_slot() -> None:
    store = KVStore(LAYERS, 2, 8, torch.float32, CPU, blocks=5, block_tokens=2)
    places = torch.tensor([store.block_place(block, at) for block in range(5) for at in range(2)])
    keys = torch.arange(10.0)[None, :, None].expand(2, 10, 3).contiguous()
    store.write(0, keys, torch.randn(2, 10, 5), places)
    store.copy_to_slot(1, (3, 1, 2))
    copied, _ = store.read_slots(0, slice(1, 2), 8)
    assert copied[0, 0, :, 0].tolist() == [6, 7, 2, 3, 4, 5, 0, 0]
    pool, _ = store.read_pool(0, 2, 4)
    assert pool[0, 1, :, 2].tolist() == [2, 3, 4, 5]


def test_bytes_of_a_token() -> None:
    assert token_bytes(LAYERS, torch.bfloat16) == (2 * (3 + 5) + 8) * 2


def test_memory_is_taken_only_where_tokens_are_written() -> None:
    before = resident_bytes()
    store = KVStore((LayerShape(4, 64, 64),), 16, 100_000, torch.float32, CPU)  # 3.3 GB
    store.write(0, torch.ones(4, 1, 64), torch.ones(4, 1, 64), torch.tensor([50_000]))
    assert resident_bytes() - before < 20_000_000
