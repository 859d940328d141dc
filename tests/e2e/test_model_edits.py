"""Edits of real files by the real model: nothing that is shown is broken or out of place.

The soak form is the whole measurement, as benchmarks/README says it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.engines import model_path

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "model_edits.py"

pytestmark = pytest.mark.model


def measured(n: int, seed: int) -> dict[str, Any]:
    options = ["--edits", str(n), "--seed", str(seed), "--model", str(model_path())]
    command = [sys.executable, str(BENCHMARK), *options, "--deadline-s", "120", "--json"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    sys.stderr.write(run.stderr)
    return dict(json.loads(run.stdout.splitlines()[-1]))


def is_safe(found: dict[str, Any]) -> None:
    assert found["shown_with_syntax_error"] == found["outside_range"] == 0, found
    assert found["lost_keystrokes"] == 0, found


def test_of_twenty_edits_none_is_unsafe() -> None:
    found = measured(20, seed=1)
    is_safe(found)
    assert found["typed"] == 4
    assert found["shown"] >= 6, found


@pytest.mark.soak
def test_of_three_hundred_edits_none_is_unsafe_and_most_are_shown() -> None:
    found = measured(375, seed=0)
    is_safe(found)
    assert found["edits"] >= 300
    assert found["no_safe_edit_percent"] <= 40, found
