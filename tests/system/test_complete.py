"""`manage.py complete`: only the completion on stdout, and the outcome as exit code."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.ports import free_port
from tests.system.instance import ROOT, Instance

SENTIMENT = ["--layout", "plain", "--input-name", "review", "--output-name", "sentiment", "--stop", r"\n"]
SENTIMENT += ["--example", "A joy. => positive", "--example", "Too loud. => negative"]


def test_the_completion_alone_is_on_stdout(instance: Instance) -> None:
    done = instance.manage("complete", *SENTIMENT, "--input", "It broke on the first day.")
    assert done.returncode == 0
    assert done.stdout.strip() in ("positive", "negative")
    assert "succeeded (stop_string)" in done.stderr
    assert "tokens" in done.stderr


def test_a_seed_repeats_the_text(instance: Instance) -> None:
    wanted = ["complete", "--sample", "--seed", "7", "--max-new-tokens", "12", "--input", "Tell a story."]
    first, second = (instance.manage(*wanted).stdout for _ in range(2))
    assert first == second != ""


def test_a_refusal_is_one_sentence_and_exit_2(instance: Instance) -> None:
    refused = instance.manage("complete", "--input", "x", "--max-new-tokens", "0")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "max_new_tokens" in refused.stderr


def test_interrupting_cancels_the_run_and_exits_3(instance: Instance) -> None:
    command = [sys.executable, "manage.py", "complete", "--max-new-tokens", "800", "--input"]
    command.append("Write a long story about a queen.")  # one that goes on for hundreds of tokens
    process = subprocess.Popen(
        command, cwd=ROOT, env=instance.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    _, notices = process.communicate(timeout=15)
    assert process.returncode == 3
    assert b"cancelled" in notices


def test_without_an_instance_it_says_how_to_start_one(tmp_path: Path) -> None:
    alone = Instance(tmp_path, free_port()).manage("complete", "--input", "x")
    assert alone.returncode == 5
    assert "make run" in alone.stderr
