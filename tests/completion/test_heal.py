"""The partial word before the cursor, with what a tokenizer glues to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indoors_completion import heal


@pytest.mark.parametrize(
    ("prefix", "begin"),
    [
        ("x = ret", " ret"),
        ("    ret", " ret"),
        ("x\n\tret", "\tret"),
        ("x\nret", "ret"),
        ("x\r\nret", "ret"),
        ("os.pa", ".pa"),
        ("f(foo", "(foo"),
        ("x[i", "[i"),
        ("my_foo", "_foo"),
        ("return my_", "_"),
        ("x\n_", "_"),
        ("x2y", "y"),
        ("x = 12", "12"),
        ("foo2", "2"),
        ("größe = gr", " gr"),
        ("x = 変", " 変"),
        # Punctuation that belongs to a run, or to the space before it, is cut off without the word.
        ("self.__foo", "foo"),
        ("x = (foo", "foo"),
        ('f("foo', "foo"),
        # Punctuation, which may go on, with one space before it; and space, which begins a word.
        ("self.__", ".__"),
        ("x = _", " _"),
        ("x = ", " "),
        ("x =", " ="),
        ("x  ==", " =="),
        ("f(", "("),
        ("f(x)[0].", "]."),
        ("def f():\n        ", "        "),
        ("def f():\n\t\t", "\t\t"),
        # Behind a line break, the next line begins.
        ("x\n", ""),
        ("x\r\n", ""),
        ("", ""),
        # Nothing but the word.
        ("import", ""),
        ("_x", ""),
        # No word that anybody types.
        ("x = " + "a" * 63, " " + "a" * 63),
        ("x = " + "a" * 64, ""),
        ("x = " + "a" * 10_000, ""),
    ],
)
def test_what_is_left_out_of_the_prompt(prefix, begin):
    assert heal.split(prefix) == (prefix[: len(prefix) - len(begin)], begin)


@given(st.text(alphabet="ab_1 .(\n\té", max_size=100))
def test_nothing_is_lost_and_lines_stay_whole(prefix):
    stable, begin = heal.split(prefix)
    assert stable + begin == prefix
    assert "\n" not in begin
    assert len(begin) <= heal.MAX_BEGIN
    assert bool(stable) or not begin


@given(
    st.text(alphabet="ab_1 .(\n\té", max_size=40), st.text(alphabet="abé", min_size=2, max_size=20)
)
def test_typing_on_inside_a_word_keeps_what_is_stable(prefix, word):
    first, *others = (heal.split(prefix + word[: n + 1]) for n in range(len(word)))
    if first[1]:
        assert {stable for stable, _ in others} == {first[0]}
