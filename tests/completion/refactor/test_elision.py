"""A comment that stands for code is told from one that says something."""

import pytest

from indoors_completion.refactor import elision, talk
from support.edit_good import COMMENTS
from support.edit_wordings import ELISIONS, PLAIN_ELISIONS, TALK


def is_elision(said: str, *, is_less: bool) -> bool:
    bare = elision.bare(f"# {said}")
    return (
        elision.is_only_dots(bare)
        or elision.begins_with_dots(bare)
        or elision.is_open_task(bare)
        or elision.stands_for_code(bare, {"{name}", "name"}, is_less=is_less)
    )


@pytest.mark.parametrize("said", ELISIONS)
def test_where_code_is_missing_the_words_are_enough(said: str) -> None:
    assert is_elision(said, is_less=True)


@pytest.mark.parametrize("said", PLAIN_ELISIONS)
def test_plain_words_are_enough_anywhere(said: str) -> None:
    assert is_elision(said, is_less=False)


@pytest.mark.parametrize("said", COMMENTS)
@pytest.mark.parametrize("is_less", [True, False])
def test_comments_that_say_something_are_none(said: str, is_less: bool) -> None:
    assert not is_elision(said, is_less=is_less)
    assert not talk.is_talk(said, in_comment=True)


@pytest.mark.parametrize("said", [said for said in TALK if said != "Output:"])
def test_talk_is_told_even_in_a_comment(said: str) -> None:
    assert talk.is_talk(said, in_comment=True)


def test_names_of_the_file_are_no_words_of_their_own() -> None:
    said = "rest of parse_line"
    assert elision.stands_for_code(said, {"parse_line"})
    assert not elision.stands_for_code("rest of parse_line arguments", {"parse_line"})
    # A definition that is called like such a word takes nothing from it.
    assert elision.stands_for_code("the remaining code", {"remaining", "code"}, is_less=False)
