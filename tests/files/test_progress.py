# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What a job reports: lines, or a bar on a terminal."""

import io
import sys
import threading
import time

import pytest

from modeling_elmo.files import progress
from modeling_elmo.files.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when a test says so."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_every_30_seconds_with_speed_and_time_left(clock):
    lines = []
    reported = Progress(lines.append, suffix=" here")
    reported.start(0.5)
    for seconds, share in ((10, 0.55), (20, 0.6), (1, 0.6), (29, 0.75)):
        clock[0] += seconds
        reported.add(300, share)
    assert lines == [
        "600 words, 20 words/s here, 60% of the input, 02:00 left",
        "1,200 words, 20 words/s here, 75% of the input, 01:00 left",
    ]
    reported.close()
    reported.close()
    assert lines[2:] == ["1,200 words, 20 words/s here"]


def test_no_time_left_without_a_share(clock):
    lines = []
    reported = Progress(lines.append)
    reported.start(None)
    clock[0] += 40
    reported.add(40, None)
    assert lines == ["40 words, 1 words/s"]


def test_without_words_nothing_is_reported_at_the_end():
    lines = []
    reported = Progress(lines.append)
    reported.close()
    reported.start(0.0)
    reported.close()
    assert not lines


def test_only_one_process_reports(clock):
    lines = []
    reported = Progress(lines.append, is_shown=False)
    reported.start(0.0)
    clock[0] += 40
    reported.add(40, 0.5)
    reported.tell("a line")
    reported.close()
    assert not lines


def test_a_terminal_gets_a_bar_with_lines_above_it(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    lines = []
    reported = Progress(lines.append)
    reported.start(0.25)
    assert reported.show(0.5, "a note")
    reported.tell("a line")
    reported.close()
    err = capsys.readouterr().err
    assert " 50%|" in err
    assert "a note" in err
    assert "a line\n" in err
    assert not reported.show(1.0)
    assert not lines


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "is_quiet", "seconds", "is_shown"),
    [
        (Terminal, False, 0.2, True),
        (Terminal, False, 0, False),
        (Terminal, True, 0.2, False),
        (io.StringIO, False, 0.2, False),
    ],
    ids=["long", "short", "quiet", "file"],
)
def test_a_step_is_shown_on_a_terminal_if_it_takes_a_while(monkeypatch, stream, is_quiet, seconds, is_shown):
    monkeypatch.setattr(sys, "stderr", stream())
    monkeypatch.setattr(progress, "DELAY", 0.05 if seconds else 60)
    token = progress.QUIET.set(is_quiet)
    with progress.step("Comparing"):
        time.sleep(seconds)
    progress.QUIET.reset(token)
    shown = sys.stderr.getvalue()
    assert ("Comparing: 00:00" in shown) == is_shown
    # It leaves no line behind.
    assert shown.rpartition("\r")[0].split("\r")[-1].strip() == ""


def test_an_error_ends_a_step(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "DELAY", 0.01)
    before = threading.active_count()

    def fail():
        with progress.step("Comparing"):
            time.sleep(0.2)
            raise ValueError("damaged")

    with pytest.raises(ValueError, match="^damaged$"):
        fail()
    assert threading.active_count() == before
    assert "Comparing" in sys.stderr.getvalue()
    assert sys.stderr.getvalue().rpartition("\r")[0].split("\r")[-1].strip() == ""
