"""The rules that choose an engine: the first that fits, never further out than before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_server import settings
from indoors_server.router import Asked, Known, Route, Rule, Where, choose

ASKED = Asked(kind="completion", language="python", n_characters=3000)
PLACES: dict[str, Where] = {"gpu": "onprem", "spare": "onprem", "claude": "closed"}


def rules(*given_rules: dict[str, Any]) -> list[Rule]:
    return [msgspec.convert(one, Rule) for one in given_rules]


def known(
    refused: Sequence[str] = (),
    down: Sequence[str] = (),
    latency: float | None = None,
    chats: Sequence[str] = (),
) -> Known:
    return Known(
        where=PLACES.get,
        cannot=lambda name, kind: (
            f"{name} is a chat" if kind == "completion" and name in chats else ""
        ),
        refuses=lambda name, kind: f"{name} is refused" if name in refused else "",
        down=lambda name: f"{name} is down" if name in down else "",
        latency_ms=lambda names, kind: latency,
    )


def test_without_rules_the_engine_on_this_machine_answers() -> None:
    route = choose([], ASKED, known())
    assert (route.where, route.use, route.reason) == ("local", (), "no rule fits")


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({}, True),
        ({"kinds": ["refactor"]}, False),
        ({"kinds": ["refactor", "completion"]}, True),
        ({"languages": ["go"]}, False),
        ({"languages": ["go", "python"]}, True),
        ({"languages": ["csharp"]}, False),
        ({"minContextTokens": 1001}, False),
        ({"minContextTokens": 1000}, True),
        ({"maxContextTokens": 999}, False),
        ({"maxContextTokens": 1000}, True),
        ({"maxLatencyMs": 299}, False),
        ({"maxLatencyMs": 300}, True),
    ],
)
def test_the_first_rule_that_fits_counts(rule: dict[str, Any], fits: bool) -> None:
    made = rules({"use": "gpu"} | rule, {"use": "none"})
    route = choose(made, ASKED, known(latency=300))
    assert route.where == ("onprem" if fits else "none")
    assert route.steps[0].decision == ("used" if fits else "does not fit")


def test_a_rule_for_a_language_is_one_by_whatever_name_an_editor_has_for_it() -> None:
    made = rules({"use": "gpu", "languages": ["csharp", "shellscript"]})
    for language, where in (("cs", "onprem"), ("sh", "onprem"), ("python", "local")):
        asked = msgspec.structs.replace(ASKED, language=language)
        assert choose(made, asked, known()).where == where


def test_what_nobody_has_measured_fits() -> None:
    made = rules({"use": "local", "maxLatencyMs": 10}, {"use": "gpu"})
    assert choose(made, ASKED, known(latency=None)).where == "local"
    assert choose(made, ASKED, known(latency=11)).use == ("gpu",)


def test_a_rule_that_the_policy_refuses_is_skipped_with_its_reason() -> None:
    route = choose(rules({"use": "gpu"}, {"use": "spare"}), ASKED, known(refused=["gpu"]))
    assert route.use == ("spare",)
    assert "rule 1 skipped: gpu is refused" in route.reason
    route = choose(rules({"use": ["gpu", "spare"]}), ASKED, known(refused=["gpu"]))
    assert route.use == ("spare",)


def test_row_12_behind_a_skipped_rule_nothing_reaches_further_out() -> None:
    made = rules({"use": "local"}, {"use": "gpu"})
    assert choose(made, ASKED, known()).where == "local"
    made = rules({"use": "no-such"}, {"use": "gpu"})
    assert choose(made, ASKED, known()).where == "local"
    assert choose(made[1:], ASKED, known()).where == "onprem"  # the control
    made = rules({"use": "no-such"}, {"use": ["no-such", "gpu"]})
    assert choose(made, ASKED, known()).where == "local"
    assert choose(made[1:], ASKED, known()).use == ("gpu",)
    made = rules({"use": ["no-such", "gpu"]}, {"use": "spare"})
    assert choose(made, ASKED, known(refused=["gpu"])).where == "local"
    for second in (["claude", "no-such"], ["claude", "no-such", "local"]):
        made = rules({"use": "gpu"}, {"use": second}, {"use": "spare"})
        assert choose(made, ASKED, known(refused=["gpu"])).where == "local"


def test_a_rule_whose_engines_cannot_do_it_is_about_something_else() -> None:
    """It takes away nothing from the rules behind it, as one that could not be used does."""
    made = rules({"use": "gpu"}, {"use": "spare"})
    route = choose(made, ASKED, known(chats=["gpu"]))
    assert (route.use, route.steps[0].decision) == (("spare",), "does not fit")
    refactor = msgspec.structs.replace(ASKED, kind="refactor")
    assert choose(made, refactor, known(chats=["gpu"])).use == ("gpu",)
    route = choose(rules({"use": ["gpu", "spare"]}), ASKED, known(chats=["gpu"]))
    assert (route.use, route.reason) == (("spare",), "rule 1 (gpu is a chat)")


@pytest.mark.parametrize(
    ("made", "state", "reason"),
    [
        ([{"use": "gpu"}], {}, "rule 1"),
        ([{"use": ["gpu", "local"]}], {"down": ["gpu"]}, "rule 1 (gpu is down)"),
        ([{"use": ["gpu", "spare"]}], {"refused": ["gpu"]}, "rule 1 (gpu is refused)"),
        (
            [{"use": ["gpu", "spare", "local"]}],
            {"refused": ["gpu"], "down": ["spare"]},
            "rule 1 (gpu is refused; spare is down)",
        ),
        ([{"use": ["gpux", "gpu"]}], {}, "rule 1 (engines.json names no gpux)"),
        (
            [{"use": "gpu", "maxLatencyMs": 100}, {"use": "spare"}],
            {"latency": 800},
            "rule 2; rule 1 does not fit: the first text took 800 ms lately",
        ),
        (
            [{"use": "gpu", "kinds": ["refactor"]}, {"use": "spare"}],
            {"refused": ["spare"]},
            "no rule fits; rule 1 does not fit: it is for refactor; "
            "rule 2 skipped: spare is refused",
        ),
    ],
)
def test_what_became_of_every_rule_is_told(
    made: list[dict[str, Any]], state: dict[str, Any], reason: str
) -> None:
    assert choose(rules(*made), ASKED, known(**state)).reason == reason


def test_row_13_a_rule_sends_nothing_to_a_closed_api() -> None:
    for kind in ("completion", "refactor"):
        asked = msgspec.structs.replace(ASKED, kind=kind)
        assert choose(rules({"use": "claude"}), asked, known()).where == "local"
        assert choose(rules({"use": ["gpu", "claude"]}), asked, known()).use == ("gpu",)


def test_row_12_local_stands_in_for_servers_that_are_down_and_never_they_for_it() -> None:
    made = rules({"use": ["gpu", "spare", "local"]})
    assert choose(made, ASKED, known()).use == ("gpu", "spare")
    assert choose(made, ASKED, known(down=["gpu"])).use == ("gpu", "spare")
    assert choose(made, ASKED, known(down=["gpu", "spare"])).where == "local"
    with pytest.raises(msgspec.ValidationError, match="local comes last"):
        rules({"use": ["local", "gpu"]})


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"use": []},
        {"use": "x", "kind": []},
        {"use": ["none", "x"]},
        {"use": ["a", "a"]},
        {"use": 3},
        {"use": "x", "kinds": ["all"]},
        {"use": "x", "maxLatencyMs": -1},
    ],
)
def test_a_rule_with_a_mistake_is_told_and_none_of_the_list_counts(wrong: dict[str, Any]) -> None:
    layer = settings.decode("config.json", {"engines": {"rules": [{"use": "gpu"}, wrong]}})
    assert not layer.values
    assert "engines.rules" in str(layer.problems[0])


def test_row_9_only_a_persons_own_file_sets_rules() -> None:
    raw = {"engines": {"rules": [{"use": "gpu"}]}}
    assert settings.resolve(settings.decode("config.json", raw)).engine_rules[0].use == "gpu"
    editor = settings.editor_layer(raw)
    assert settings.resolve(editor).engine_rules == ()
    assert editor.problems
    resolved, problems = settings.narrow(settings.resolve(), settings.decode("w", raw))
    assert (resolved.engine_rules, len(problems)) == ((), 1)


USES = st.sampled_from(["local", "none", "gpu", "spare", "claude", "nobody", ["gpu", "spare"],
                        ["gpu", "local"], ["claude", "local"]])  # fmt: skip


@given(st.lists(USES, max_size=6), st.sets(st.sampled_from(["gpu", "spare"])),
       st.sets(st.sampled_from(["gpu", "spare"])))  # fmt: skip
def test_no_list_reaches_what_is_refused_or_closed(
    uses: list[Any], refused: set[str], down: set[str]
) -> None:
    def route(refused: set[str]) -> Route:
        made = rules(*({"use": use} for use in uses))
        return choose(made, ASKED, known(tuple(refused), tuple(down)))

    found = route(refused)
    assert not set(found.use) & refused
    assert found.where in ("local", "none", "onprem")
    assert (found.where == "onprem") == bool(found.use)
    if found.where == "onprem":
        # Refusing something never makes the way out wider.
        assert route(set()).where == "onprem"
