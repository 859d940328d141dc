"""The verifier as a whole: of thousands of wrong edits none passes, and right ones do.

Both kinds are made from real files (`support.edit_corruptions`, `support.edit_good`), with a seed.
The soak form is ten times as long, with another seed.
"""

from __future__ import annotations

import difflib

import pytest

from support.edit_corruptions import MAKERS as SPOILERS
from support.edit_corruptions import corrupted_edits
from support.edit_good import MAKERS, good_edits
from support.edit_languages import FORMS
from support.edit_sites import judge, languages, sources
from support.edit_wordings import ELISIONS


def shown(before: str, after: str) -> str:
    return "\n".join(difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=1))


def check_corruptions(seed: int, count: int) -> None:
    accepted, kinds = [], set()
    for bad in corrupted_edits(seed, count):
        kinds.add(bad.kind)
        if judge(bad.site, bad.after).passed:
            accepted.append(f"{bad.kind} {bad.note}\n{shown(bad.site.source.text, bad.after)}")
    assert not accepted, f"{len(accepted)} of {count}\n" + "\n".join(accepted[:5])
    assert kinds == {maker.__name__ for maker in SPOILERS}


def check_good(seed: int, count: int) -> None:
    refused, kinds = [], set()
    for good in good_edits(seed, count):
        kinds.add(good.kind)
        verdict = judge(good.site, good.after)
        if not verdict.passed:
            text = shown(good.site.source.text, good.after)
            refused.append(f"{good.kind} {verdict}\n{text}")
    assert len(refused) <= count // 100, f"{len(refused)} of {count}\n" + "\n".join(refused[:5])
    # What is rare needs more of them than a short run has.
    missing = {maker.__name__ for maker in MAKERS} - kinds
    assert len(missing) <= (0 if count >= 1000 else 2), missing


def test_no_corrupted_edit_is_accepted() -> None:
    check_corruptions(seed=1, count=1000)


def test_good_edits_are_accepted() -> None:
    check_good(seed=1, count=200)


@pytest.mark.soak
def test_no_corrupted_edit_of_ten_thousand_is_accepted() -> None:
    check_corruptions(seed=20, count=10_000)


@pytest.mark.soak
def test_of_a_thousand_good_edits_next_to_all_are_accepted() -> None:
    check_good(seed=20, count=1000)


def test_the_harness_has_what_it_claims() -> None:
    assert len(set(ELISIONS)) >= 60
    assert languages() == set(FORMS) - {"tsx"}
    assert all(sources(language) for language in languages() - {"python"})


def test_the_untouched_text_is_the_control() -> None:
    """The same sites, with a comment in place of the corruption, pass: they are not all refused."""
    sites = [bad.site for bad in corrupted_edits(3, 60) if bad.site.request.action == "edit"]
    for site in sites:
        comment = f"{site.target.indent}{site.source.comment()} Looked at in spring.\n"
        span = site.target.span
        after = site.source.text[: span.start] + comment + site.source.text[span.start :]
        assert judge(site, after).passed, site
