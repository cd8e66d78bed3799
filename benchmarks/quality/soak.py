# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Many users of one model for a long time: wrong answers, errors, and the growth of memory.

    python -m benchmarks.quality.soak --minutes 60

Three kinds of users work at once on the same texts, whose vectors were computed by one thread before:

- threads that call the tokenizer and the model on batches of random texts;
- clients of an HTTP server in this process, which computes each request in a separate thread;
- jobs that embed a file into a file.

Meanwhile, the model is saved and loaded again, and a copy of it is trained for a step. The program exits with 1 if an
answer was wrong or a call failed. Ctrl-C ends it early, with the report so far.
"""

import copy
import gc
import json
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import requests
import torch
import typer
from safetensors.numpy import load_file

from modeling_elmo import ElmoEmbedder, ElmoModel, ElmoTokenizer
from modeling_elmo.embedding.job import embed_corpus
from modeling_elmo.embedding.sources import TextLines

from ..speed.measurement import status_mib
from ..speed.report import JsonOnly, Quick, Report, Threads, rounded, run
from ..speed.sentences import synthetic_sentences


TINY = Path(__file__).parents[2] / "models" / "elmo-tiny"
TOLERANCE = 1e-5

NUM_TEXTS, QUICK_TEXTS = 500, 20
MAX_BATCH = 16
NUM_SAMPLES = 200
# Caches and the allocator fill up during the first part of a run.
WARM_UP_SHARE = 0.25


class Soak:
    """The texts with their expected vectors, and what happened.

    Attributes:
        texts (`list[str]`): Words separated by spaces.
        expected (`list[np.ndarray]`): The vectors of each text, of shape `(words, D)`.
        calls (`Counter[str]`): Finished calls by kind of user.
        wrong (`Counter[str]`): Calls with an error or a wrong answer, by kind and reason.
        worst (`float`): The largest difference between an expected and a computed value.
    """

    def __init__(self, model_dir: Path, num_texts: int):
        self.tokenizer = ElmoTokenizer.from_pretrained(model_dir)
        self.model = ElmoModel.from_pretrained(model_dir).eval()
        self.texts = [" ".join(words) for words in synthetic_sentences(num_texts)]
        self.expected = [self.vectors([text])[0] for text in self.texts]
        self.calls: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.worst = 0.0
        self.ends = threading.Event()
        self._lock = threading.Lock()

    def vectors(self, texts: list[str]) -> list[np.ndarray]:
        """Computes the vectors of texts in one batch."""
        words = [text.split() for text in texts]
        batch = self.tokenizer(words, is_split_into_words=True, padding=True, return_tensors="pt")
        with torch.no_grad():
            hidden = self.model(**batch).last_hidden_state
        return [rows[1 : len(text) + 1].numpy() for rows, text in zip(hidden, words)]

    def check(self, numbers: list[int], found: list[np.ndarray]) -> None:
        """Compares vectors with the expected ones.

        Raises:
            `ValueError`: If they differ.
        """
        for number, vectors in zip(numbers, found, strict=True):
            expected = self.expected[number]
            if vectors.shape != expected.shape:
                raise ValueError(f"expected the shape {expected.shape}, found {vectors.shape}")
            difference = float(np.abs(vectors - expected).max())
            with self._lock:
                self.worst = max(self.worst, difference)
            # Written so that NaN fails.
            if not difference <= TOLERANCE:
                raise ValueError(f"expected the same vectors within {TOLERANCE}")

    def repeat(self, kind: str, call: Callable[[random.Random], None], seed: int) -> None:
        """Calls until the end, and counts."""
        rng = random.Random(f"{kind} {seed}")
        while not self.ends.is_set():
            try:
                call(rng)
            except Exception as error:
                with self._lock:
                    self.wrong[f"{kind}: {type(error).__name__}: {error}"] += 1
            with self._lock:
                self.calls[kind] += 1

    def sample(self, rng: random.Random) -> list[int]:
        """Returns the numbers of some texts."""
        return rng.sample(range(len(self.texts)), rng.randint(1, min(MAX_BATCH, len(self.texts))))

    def call_model(self, rng: random.Random) -> None:
        """Computes vectors in this thread."""
        numbers = self.sample(rng)
        self.check(numbers, self.vectors([self.texts[number] for number in numbers]))

    def call_server(self, url: str, rng: random.Random) -> None:
        """Requests vectors from the server."""
        numbers = self.sample(rng)
        answer = requests.post(url, json=[self.texts[number] for number in numbers], timeout=300)
        answer.raise_for_status()
        self.check(numbers, [np.array(vectors, dtype=np.float32) for vectors in answer.json()])

    def embed_file(self, rng: random.Random) -> None:
        """Embeds a file into a file."""
        numbers = self.sample(rng)
        with tempfile.TemporaryDirectory(prefix="elmo-soak-") as name:
            corpus, output = Path(name, "corpus.txt"), Path(name, "vectors")
            corpus.write_text("".join(f"{self.texts[number]}\n" for number in numbers), encoding="utf-8")
            embedder = ElmoEmbedder(self.model, self.tokenizer)
            embed_corpus(embedder, TextLines(corpus), output, write=lambda line: None)
            (shard,) = output.glob("*.safetensors")
            rows = load_file(shard)["embeddings"]
        ends = np.cumsum([len(self.expected[number]) for number in numbers])
        self.check(numbers, np.split(rows, ends[:-1]))

    def disturb(self, rng: random.Random) -> None:
        """Does something to the model that must not change its answers."""
        kind = rng.choice(["save", "train a copy", "collect"])
        if kind == "save":
            with tempfile.TemporaryDirectory(prefix="elmo-soak-") as name:
                self.model.save_pretrained(name)
                ElmoModel.from_pretrained(name)
        elif kind == "train a copy":
            trained = copy.deepcopy(self.model).train()
            words = [self.texts[number].split() for number in self.sample(rng)]
            batch = self.tokenizer(words, is_split_into_words=True, padding=True, return_tensors="pt")
            trained(**batch).last_hidden_state.square().mean().backward()
            torch.optim.SGD(trained.parameters(), lr=0.1).step()
        else:
            gc.collect()
        time.sleep(rng.random())


def start_server(soak: Soak) -> ThreadingHTTPServer:
    """Starts a server on a free port that answers a JSON list of texts with the lists of their vectors."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps([vectors.tolist() for vectors in soak.vectors(texts)]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Stays silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def memory_mib() -> float:
    """Returns the physical memory of this process in MiB (Linux)."""
    if (found := status_mib("VmRSS")) is None:
        raise ValueError("/proc/self/status: expected a line VmRSS; the memory of a process is read on Linux only")
    return found


def slope(samples: list[tuple[float, float]]) -> float:
    """Returns the growth in MiB per hour by least squares, without the first part of the run.

    Args:
        samples (`list`): Seconds since the start, and MiB.
    """
    rest = [sample for sample in samples if sample[0] >= WARM_UP_SHARE * samples[-1][0]]
    seconds, memory = np.array(rest).T
    return float(np.polyfit(seconds, memory, 1)[0] * 3600)


def main(
    minutes: Annotated[float, typer.Option(min=0.01, help="How long to run.")] = 60,
    callers: Annotated[int, typer.Option(min=1, help="Threads that call the model.")] = 8,
    clients: Annotated[int, typer.Option(min=1, help="Threads that send requests to the server.")] = 16,
    jobs: Annotated[int, typer.Option(min=1, help="Threads that embed files.")] = 1,
    model: Annotated[Path, typer.Option(help="The model directory.")] = TINY,
    seed: Annotated[int, typer.Option(help="Seed of the texts that are sent.")] = 0,
    threads: Threads = None,
    quick: Quick = False,
    json_only: JsonOnly = False,
) -> None:
    """Use one model in every way at once, and report wrong answers and the growth of memory."""
    report = Report("soak", threads, json_only)
    torch.set_num_threads(report.threads)
    soak = Soak(model, QUICK_TEXTS if quick else NUM_TEXTS)
    server = start_server(soak)
    call_server = partial(soak.call_server, f"http://127.0.0.1:{server.server_address[1]}")
    users: list[tuple[str, Callable[[random.Random], None], int]] = [
        ("model", soak.call_model, callers),
        ("server", call_server, clients),
        ("embedding", soak.embed_file, jobs),
        ("disturbance", soak.disturb, 1),
    ]
    workers = [
        threading.Thread(target=soak.repeat, args=(kind, call, seed + number))
        for kind, call, count in users
        for number in range(count)
    ]
    start = time.monotonic()
    samples = []
    for worker in workers:
        worker.start()
    try:
        while (elapsed := time.monotonic() - start) < minutes * 60:
            samples.append((elapsed, memory_mib()))
            if len(samples) % (NUM_SAMPLES // 20) == 0:
                report.say(f"{elapsed / 60:.0f} min: {soak.calls.total():,} calls, {samples[-1][1]:,.0f} MiB")
            soak.ends.wait(minutes * 60 / NUM_SAMPLES)
    except KeyboardInterrupt:
        report.say("interrupted")
    finally:
        soak.ends.set()
        for worker in workers:
            worker.join()
        server.shutdown()
    report.figures |= {
        "minutes": rounded((time.monotonic() - start) / 60),
        "calls": dict(soak.calls),
        "wrong": dict(soak.wrong),
        "worst_difference": rounded(soak.worst),
        "memory_mib": {"first": round(samples[0][1]), "last": round(samples[-1][1])},
        "mib_per_hour": rounded(slope(samples)),
    }
    report.table("Calls", ["", "number"], list(soak.calls.items()))
    report.table("Wrong", ["", "number"], [*soak.wrong.items(), ("worst difference", soak.worst)])
    report.table(
        "Memory, MiB",
        ["first", "last", "highest", "per hour"],
        [[str(round(samples[0][1])), samples[-1][1], max(mib for _, mib in samples), slope(samples)]],
    )
    report.finish()
    if soak.wrong:
        raise typer.Exit(1)


if __name__ == "__main__":
    run(main)
