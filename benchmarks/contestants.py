"""Everything that is measured: started when first needed, warmed, stopped together.

The plain transformers model lives in a process of its own, because an engine may change modules
of the model that it is given and of its family in the same process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, cached_property
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from tokenizers import Tokenizer

from benchmarks.clients import EngineClient, HttpClient
from benchmarks.load import Client
from benchmarks.memory import pss, token_bytes, weight_bytes
from benchmarks.workloads import LABEL_TOKENS, Prompt, Workloads
from inference.config import EngineConfig
from inference.engine import Engine
from inference.loader import LoadedModel, load_model


@dataclass(frozen=True, slots=True)
class Setting:
    """What all contestants have in common."""

    folder: Path
    dtype: str
    threads: int

    def load(self) -> LoadedModel:
        torch.set_num_threads(self.threads)
        return load_model(self.folder, dtype=self.dtype, device="cpu")

    def engine(self, loaded: LoadedModel) -> Engine:
        """Started, with the window that models.toml gives the default model."""
        config = EngineConfig(max_running=16, window=2048, threads=self.threads)
        engine = Engine(loaded.model, loaded.tokenizer, config)
        engine.start()
        return engine


class Contestants:
    """Use it in a ``with`` statement."""

    def __init__(self, setting: Setting, peers: dict[str, HttpClient], seed: int) -> None:
        self.setting = setting
        tokenizer = Tokenizer.from_file(str(setting.folder / "tokenizer.json"))
        self.workloads = Workloads(tokenizer, seed)
        self._peers = peers
        self._stack = ExitStack()
        self.pids: dict[str, int] = {}
        self.bytes: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @cached_property
    def engine(self) -> Engine:
        loaded = self.setting.load()
        self.bytes = {"weights": weight_bytes(loaded.model), "token": token_bytes(loaded.model)}
        engine = self.setting.engine(loaded)
        self._stack.callback(engine.stop)
        self.pids["engine in the benchmark's process"] = os.getpid()
        self._warm(EngineClient(engine))
        return engine

    @cached_property
    def plain(self) -> PlainModel:
        plain = PlainModel(self.setting)
        self._stack.callback(plain.close)
        self.pids["plain transformers"] = plain.pid
        plain.generate(self.workloads.distinct(2), 4)
        return plain

    @cached_property
    def servers(self) -> dict[str, HttpClient]:
        """Ours, transformers', and those that the user started."""
        servers = {name: self._server(name) for name in ("ours", "transformers")} | self._peers
        for client in servers.values():
            self._warm(client)
        return servers

    def memory(self) -> dict[str, float]:
        """Proportional set size in MB of each process that was started."""
        return {name: pss(pid) for name, pid in self.pids.items()}

    def _server(self, backend: str) -> HttpClient:
        setting = self.setting
        command = [sys.executable, "-m", "benchmarks.server", backend, str(setting.folder)]
        command += ["--dtype", setting.dtype, "--threads", str(setting.threads)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._stack.callback(_end, process)
        self.pids[f"server, {backend}"] = process.pid
        assert process.stdout
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"the {backend} server did not start")
        return HttpClient(f"http://127.0.0.1:{port}", setting.folder.name)

    def _warm(self, client: Client) -> None:
        """The longest answer, so that a server that ends early is found now; and a prefix met again."""
        for prompt in self.workloads.shared(2):
            client(prompt, 64)


def _end(process: subprocess.Popen[str]) -> None:
    """A server ends when its input does; one that hangs is killed."""
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class PlainModel:
    """Transformers' own model in a process of its own. Seconds are measured inside that process."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        self.pid = self._pool.submit(os.getpid).result()

    def generate(self, prompts: Sequence[Prompt], new_tokens: int) -> float:
        """Seconds for all prompts as one batch."""
        return self._pool.submit(_generate, self._setting, [p.ids for p in prompts], new_tokens).result()

    def score(self, prompt: Prompt, labels: Sequence[tuple[int, ...]]) -> list[float]:
        """Seconds for each label: one forward pass over prompt and label."""
        return self._pool.submit(_score, self._setting, prompt.ids, labels).result()

    def close(self) -> None:
        self._pool.shutdown()


@cache
def _plain(setting: Setting) -> Any:
    model = setting.load().model
    model.generation_config.eos_token_id = None  # no early end
    return model


def _generate(setting: Setting, prompts: list[tuple[int, ...]], new_tokens: int) -> float:
    model = _plain(setting)
    ids = torch.tensor(prompts)  # all of one length, so there is nothing to pad
    begin = time.perf_counter()
    output = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=new_tokens, pad_token_id=0
    )
    seconds = time.perf_counter() - begin
    assert output.shape == (len(prompts), ids.shape[1] + new_tokens), "generate ended early"
    return seconds


@torch.inference_mode()
def _score(setting: Setting, prompt: tuple[int, ...], labels: Sequence[tuple[int, ...]]) -> list[float]:
    model = _plain(setting)
    seconds = []
    for label in labels:
        begin = time.perf_counter()
        ids = torch.tensor([prompt + label])
        # Only the logits that are needed: the plain way at its best.
        logits = model(ids, use_cache=False, logits_to_keep=LABEL_TOKENS + 1).logits[0, :-1]
        logits.float().log_softmax(-1).gather(-1, torch.tensor(label)[:, None]).sum().item()
        seconds.append(time.perf_counter() - begin)
    return seconds
