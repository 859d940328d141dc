"""The checks in their order: cheap ones first, and first what makes the others meaningless."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from indoors_completion.refactor import (
    checks_body,
    checks_code,
    checks_heads,
    checks_kept,
    checks_names,
    checks_tests,
    checks_text,
    checks_whole,
)
from indoors_completion.refactor.case import Case

Check = Callable[[Case], str]

CHECKS: tuple[Check, ...] = (
    checks_text.is_in_place,
    checks_text.is_changed,
    checks_text.shows_everything,
    checks_text.is_plain_code,
    checks_code.has_no_new_error,
    checks_code.leaves_the_rest,
    checks_whole.is_whole,
    checks_text.is_in_the_style,
    checks_kept.repeats_nothing,
    checks_code.only_documents,
    checks_code.only_annotates,
    checks_names.is_the_same_thing,
    checks_names.keeps_definitions,
    checks_names.defines_once,
    checks_heads.keeps_parameters,
    checks_body.keeps_bodies,
    checks_body.extracts,
    checks_names.uses_known_names,
    checks_kept.comments_nothing_out,
    checks_kept.keeps_words,
    checks_whole.comes_to_its_end,
    checks_kept.takes_nothing_away,
    checks_code.keeps_documentation,
    checks_code.keeps_most_of_it,
    checks_tests.tests_its_subject,
)


class Verdict(NamedTuple):
    """Which check failed and why, as a person and the model are told; both "" for none."""

    check: str = ""
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the edit."""
        return not self.check


def verify(case: Case) -> Verdict:
    """The first check that an edit fails."""
    for check in CHECKS:
        if reason := check(case):
            return Verdict(check.__name__, reason)
    return Verdict()
