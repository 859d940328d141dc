"""Which failures of tests in a browser are run once more, in a pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from support.code_server import ROOT

# Each test notes that it ran, and fails the first time in its own way.
TESTS = """
import pytest
from support.code_server import Waited

class Crashed(Exception):
    pass
Crashed.__module__ = "playwright._impl._errors"

@pytest.fixture
def chromium():
    return None

@pytest.fixture
def fails(request, tmp_path_factory):
    ran = tmp_path_factory.getbasetemp() / request.node.name
    ran.write_text((ran.read_text() if ran.exists() else "") + "x")
    def fail(error):
        if ran.read_text() == "x":
            raise error
    return fail

def test_waited(chromium, fails):
    fails(Waited("waited 1 s for ghost text"))

def test_crashed(chromium, fails):
    fails(Crashed())

def test_flickered(chromium, fails):
    fails(AssertionError("assert 1 == 0"))

def test_broken(chromium, fails):
    fails(KeyError("a"))

def test_without_a_browser(fails):
    fails(Waited("waited 1 s for a line"))

def test_third(chromium, fails):
    fails(Waited("waited 1 s for a line"))

def test_fourth(chromium, fails):
    fails(Waited("waited 1 s for a line"))
"""


def test_only_what_may_not_be_ours_is_run_again_and_three_times_at_most(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    place = tmp_path / "place"
    options = ["-q", "-p", "support.again", "-p", "no:cacheprovider", f"--basetemp={place}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), "test_it.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    ran = {file.name: len(file.read_text()) for file in place.iterdir() if file.is_file()}
    assert ran == {
        "test_waited": 2,
        "test_crashed": 2,
        "test_flickered": 1,
        "test_broken": 1,
        "test_without_a_browser": 1,
        "test_third": 2,
        "test_fourth": 1,
    }, done.stdout
    assert "4 failed, 3 passed" in done.stdout, done.stdout
    named = re.split(r"=+ run once more: 3 of at most 3 =+\n", done.stdout)[1].splitlines()[:3]
    assert [line.rpartition("::")[2] for line in named] == [
        "test_waited",
        "test_crashed",
        "test_third",
    ]
