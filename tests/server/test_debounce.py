"""How long to wait for the next key: nothing, unless the model cannot keep up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_server.debounce import LONGEST_S, Debounce


class Typist:
    """Types on a clock of their own."""

    def __init__(self, client: str = "Visual Studio Code") -> None:
        self.now_s = 50.0
        self.debounce = Debounce(lambda: self.now_s)
        self.debounce.client(client)

    def types(self, *between_s: float) -> None:
        for seconds in between_s:
            self.now_s += seconds
            self.debounce.typed()

    def is_served(self, *in_time: bool) -> None:
        for one in in_time:
            self.debounce.served(one)

    @property
    def delay_s(self) -> float:
        return self.debounce.delay_s()


def test_nobody_waits_at_first() -> None:
    typist = Typist()
    assert typist.delay_s == 0.0
    typist.is_served(False)
    assert typist.delay_s == 0.0, "nothing is known of the typist"
    typist.types(0.2, 0.2)
    assert typist.delay_s > 0.0


def test_a_model_that_keeps_up_is_asked_at_once() -> None:
    typist = Typist()
    typist.types(0.2, 0.2, 0.2)
    typist.is_served(True, False, True, False, True)
    assert typist.delay_s == 0.0


@pytest.mark.parametrize(
    ("name", "waits", "is_delayed"),
    [
        ("Neovim", None, False),
        ("Neovim", False, True),
        ("Visual Studio Code", True, False),
        ("Visual Studio Code", None, True),
    ],
)
def test_a_client_that_says_whether_it_waits_is_believed(
    name: str, waits: bool | None, is_delayed: bool
) -> None:
    typist = Typist()
    typist.debounce.client(name, waits)
    typist.types(0.2, 0.2)
    typist.is_served(False)
    assert (typist.delay_s > 0.0) == is_delayed


def test_one_that_does_not_is_asked_after_a_part_of_the_time_between_keys() -> None:
    typist = Typist()
    typist.types(0.0, 0.12, 0.15, 0.18, 0.9)
    typist.is_served(False, False, True)
    assert typist.delay_s == 0.0, "one in four in time is enough"
    typist.is_served(False, False)
    assert typist.delay_s == pytest.approx(0.165 / 3)


def test_slow_typing_is_not_waited_for_long() -> None:
    typist = Typist()
    typist.types(1.0, 1.0, 1.0)
    typist.is_served(False)
    assert typist.delay_s == LONGEST_S


def test_a_pause_is_not_typing() -> None:
    typist = Typist()
    typist.types(0.1, 60.0, 0.09, 3600.0, 0.09)
    typist.is_served(False)
    assert typist.delay_s == pytest.approx(0.03)


def test_it_recovers_once_the_model_keeps_up_again() -> None:
    typist = Typist()
    typist.types(0.1, 0.1, 0.1)
    typist.is_served(*[False] * 50)
    assert typist.delay_s > 0.0
    typist.is_served(*[True] * 12)
    assert typist.delay_s == 0.0


def test_a_client_that_waits_by_itself_is_not_made_to_wait_twice() -> None:
    typist = Typist("Neovim")
    typist.types(0.1, 0.1, 0.1)
    typist.is_served(*[False] * 12)
    assert typist.delay_s == 0.0


@given(st.lists(st.floats(0, 5), max_size=80), st.lists(st.booleans(), max_size=40))
def test_it_is_never_long_and_never_negative(between_s: list[float], in_time: list[bool]) -> None:
    typist = Typist()
    typist.types(*between_s)
    typist.is_served(*in_time)
    assert 0.0 <= typist.delay_s <= LONGEST_S
