"""Merging never gives more than any layer says, in whatever order (threat row 10)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_server.policy import decision
from indoors_server.policy.decision import Policy, merge, widened
from indoors_server.policy.layers import Layer
from indoors_server.policy.table import BUILT_IN_DENIES, BY_NAME, TABLE, combine, is_within
from support.policies import A, B, C, allowed, documents, layer, layers, orders, shuffled

ANY = layers("machine", "user", "workspace", "editor")
OPEN = {
    "mode": "closed",
    "onprem_hosts": [A, B],
    "closed_hosts": [C],
    "closed_monthly_requests": 50,
    "closed_monthly_bytes": 10**9,
}
SPOKEN = st.builds(lambda more: layer("user", OPEN | more), documents)


def test_the_table_and_the_struct_have_the_same_fields() -> None:
    fields = Policy.__struct_fields__
    assert [key.name for key in TABLE] == list(fields[: len(TABLE)])
    assert fields[len(TABLE) :] == ("origins", "problems")


def test_without_layers_code_stays_here() -> None:
    found = merge([])
    assert (found.mode, found.onprem_hosts, found.closed_hosts) == ("local", (), ())
    assert set(found.deny_paths) == set(BUILT_IN_DENIES)
    assert found.origin("mode").title == "built in"


# --- row 10 -------------------------------------------------------------------------------------


@settings(max_examples=4_000)
@given(st.lists(ANY, max_size=4), layers("workspace", "editor"), orders)
def test_row_10_a_workspace_or_an_editor_never_enlarges_anything(
    stack: list[Layer], added: Layer, order: int
) -> None:
    after = merge(shuffled([*stack, added], order))
    assert allowed(after) <= allowed(merge(stack))
    assert widened(after, merge(stack)) == ()


@settings(max_examples=3_000)
@given(SPOKEN, st.lists(ANY, max_size=3), ANY, orders)
def test_row_10_no_layer_enlarges_what_somebody_has_granted(
    spoken: Layer, stack: list[Layer], added: Layer, order: int
) -> None:
    before = merge([spoken, *stack])
    after = merge(shuffled([spoken, *stack, added], order))
    assert allowed(after) <= allowed(before)
    assert widened(after, before) == ()


@settings(max_examples=3_000)
@given(st.lists(ANY, min_size=1, max_size=5), orders)
def test_row_10_nothing_goes_beyond_any_layer_or_depends_on_the_order(
    stack: list[Layer], order: int
) -> None:
    found = merge(stack)
    assert merge(shuffled(stack, order)).hash == found.hash
    granting = [each for each in stack if each.name in ("machine", "user")]
    for key in TABLE:
        value = found.values[key.name]
        for each in stack:
            assert is_within(key, value, each.values.get(key.name, value))
        if not key.granted or not any(key.name in each.values for each in granting):
            assert is_within(key, value, key.default)


@pytest.mark.parametrize(
    ("key", "narrow", "wide"),
    [
        ("mode", "local", "closed"),
        ("strict", True, False),
        ("complete", False, True),
        ("index", False, True),
        ("deny_paths", ["contracts/"], []),
        ("onprem_hosts", [], [A]),
        ("closed_hosts", [], [A]),
        ("closed_monthly_requests", 0, 50),
        ("closed_monthly_bytes", 0, 50),
        ("allow_unverified_models", False, True),
        ("forbidden_licences", ["mit"], []),
    ],
)
def test_row_10_control_a_merge_in_which_the_last_wins_is_caught(
    key: str, narrow: Any, wide: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same comparison, and the usual way of merging: then the editor does enlarge."""
    stack = [layer("user", {key: narrow}), layer("editor", {key: wide})]
    assert allowed(merge(stack)) <= allowed(merge(stack[:1]))
    monkeypatch.setattr(decision, "combine", lambda _, values: values[-1])
    assert not allowed(merge(stack)) <= allowed(merge(stack[:1]))


def test_row_10_control_every_key_is_in_the_control() -> None:
    mark = test_row_10_control_a_merge_in_which_the_last_wins_is_caught.pytestmark[0]
    assert [row[0] for row in mark.args[1]] == list(BY_NAME)


# --- granting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["machine", "user"])
def test_a_machine_or_a_user_grants_what_the_default_does_not(name: Any) -> None:
    found = merge([layer(name, OPEN)])
    assert (found.mode, found.onprem_hosts, found.closed_hosts) == ("closed", (A, B), (C,))
    assert found.closed_monthly_bytes == 10**9
    assert found.origin("mode").layer == name


@pytest.mark.parametrize("name", ["workspace", "editor"])
def test_a_workspace_or_an_editor_grants_nothing_and_is_told_the_command(name: Any) -> None:
    found = merge([layer(name, OPEN)])
    assert (found.mode, found.onprem_hosts, found.closed_monthly_bytes) == ("local", (), 20_000_000)
    told = {problem.key: str(problem) for problem in found.problems}
    assert set(told) == {"mode", "onprem_hosts", "closed_hosts", "closed_monthly_bytes"}
    assert "indoors policy mode closed" in told["mode"]
    assert f"indoors policy allow {C} --closed" in told["closed_hosts"]
    assert all(problem.severity == "notice" for problem in found.problems)


def test_a_ceiling_of_the_machine_holds() -> None:
    ceiling = layer("machine", {"mode": "onprem", "onprem_hosts": [A], "closed_hosts": []})
    found = merge([layer("user", OPEN), ceiling])
    assert (found.mode, found.onprem_hosts, found.closed_hosts) == ("onprem", (A,), ())
    assert found.origin("mode").layer == "machine"


def test_a_host_that_anybody_calls_closed_is_no_host_of_ones_own() -> None:
    stack = [layer("user", {"mode": "closed", "onprem_hosts": [A], "closed_hosts": [A]})]
    for more in ([], [layer("workspace", {"closed_hosts": []})]):
        assert not merge(stack + more).may_send("a.py", A, "inline")
    assert merge(stack).may_send("a.py", A, "refactor")


def test_origins_name_the_layer_of_each_entry() -> None:
    found = merge(
        [layer("workspace", {"deny_paths": ["x/", ".env*"]}), layer("machine", {"index": False})]
    )
    assert found.origin("deny_paths", "x/").layer == "workspace"
    assert found.origin("deny_paths", ".env*").title == "built in"
    assert found.origin("index").title == "machine machine.json"
    # Who says what holds anyway has decided nothing.
    assert merge([layer("workspace", {"mode": "local"})]).origin("mode").title == "built in"


def test_the_hash_is_that_of_the_values() -> None:
    one = merge([layer("user", {"mode": "off"})])
    assert one.hash == merge([layer("machine", {"mode": "off"})]).hash != merge([]).hash
    assert len(one.hash) == 64


@given(st.lists(layers("user"), min_size=2, max_size=3))
def test_combining_is_order_free_and_repeats_change_nothing(stack: list[Layer]) -> None:
    for key in TABLE:
        values = [each.values.get(key.name, combine(key, [key.default])) for each in stack]
        assert combine(key, values) == combine(key, values[::-1]) == combine(key, values * 2)
