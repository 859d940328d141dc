"""What is asked of each API and how its answers are read, in whatever pieces they come."""

from __future__ import annotations

import json

import msgspec
import pytest

from indoors_completion.chat import Message
from indoors_server.cli import screen
from indoors_server.closed import bodies, preview, redaction
from indoors_server.endpoints import CALLS
from support.closed_apis import APIS, endpoint, streamed

MESSAGES = (Message("system", "You edit."), Message("user", "```python\nx = '\u00e9'\n```\n\nDo."))


@pytest.mark.parametrize("api", APIS)
def test_a_body_says_all_of_the_chat_and_nothing_else(api: str) -> None:
    body = bodies.body_of(endpoint(api), MESSAGES, 500)
    assert body.call in CALLS[api]
    whole = json.loads(body.data)
    shown = preview.of(endpoint(api), body.data, 500)
    for message in MESSAGES:
        assert json.dumps(message.text, ensure_ascii=False).encode() in body.data
        assert message.text in shown.text
    assert whole.get("store", False) is False
    assert "temperature" not in whole
    # No answer is begun: newer models refuse that.
    turns = whole.get("messages") or whole.get("input") or whole["contents"]
    assert turns[-1]["role"] == "user"


@pytest.mark.parametrize("api", APIS)
def test_what_no_screen_shows_is_sent_and_shown_by_its_number(api: str) -> None:
    """A terminal shows every such character as the same dot, and a text may have that dot too."""
    text = "pr\u00eat\u00a0! \u3000x \u202e y \u00b7 \U000e0041 \U0001f600"
    body = bodies.body_of(endpoint(api), (Message("system", "s"), Message("user", text)), 500).data
    shown = "\n".join(map(screen.clean, body.decode().split("\n")))
    assert shown.encode() == body
    assert text in preview.of(endpoint(api), body, 500).text
    for escaped in (b"\\u00a0", b"\\u3000", b"\\u202e", b"\\udb40\\udc41"):
        assert escaped in body


@pytest.mark.parametrize("api", ["chat", "openai"])
def test_openai_is_asked_to_store_nothing_by_whatever_name_its_api_is_called(api: str) -> None:
    for url, store in (("https://api.openai.com:443", False), ("https://x.example:443", None)):
        one = msgspec.structs.replace(endpoint("openai-api"), api=api, url=url)
        assert json.loads(bodies.body_of(one, MESSAGES, 500).data).get("store") is store


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
@pytest.mark.parametrize("ending", ["stop", "length"])
def test_an_answer_is_read_in_any_pieces(api: str, size: int, ending: str) -> None:
    text = "```python\nx = '\u00e9\U0001f40d'\r\n```\n"
    data = streamed(api, text, ending=ending)
    reader = bodies.Reader(api)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert "".join([*map(reader.feed, pieces), reader.close()]) == text
    assert reader.ending == ending
    crlf = bodies.Reader(api)
    assert crlf.feed(data.replace(b"\n", b"\r\n")) + crlf.close() == text


@pytest.mark.parametrize(
    ("api", "event", "ending"),
    [
        ("openai-api", {"error": {"message": "no money"}}, "error"),
        ("openai-api", {"choices": [{"delta": {}, "finish_reason": "content_filter"}]}, "refused"),
        ("openai-api", {"choices": [{"delta": {"refusal": "I will not"}}]}, "refused"),
        ("openai-responses-api", {"type": "response.failed", "response": {"error": {"message": "x"}}}, "error"),  # noqa: E501
        ("openai-responses-api", {"type": "response.refusal.done", "refusal": "no"}, "refused"),
        ("openai-responses-api", {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "content_filter"}}}, "refused"),  # noqa: E501
        ("anthropic-api", {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, "error"),  # noqa: E501
        ("anthropic-api", {"type": "message_delta", "delta": {"stop_reason": "refusal"}}, "refused"),  # noqa: E501
        ("google-api", {"promptFeedback": {"blockReason": "SAFETY"}}, "refused"),
        ("google-api", {"candidates": [{"finishReason": "RECITATION"}]}, "refused"),
        ("google-api", [1], ""),
        ("google-api", {"candidates": [1]}, ""),
        ("anthropic-api", {"type": "content_block_delta", "delta": {"type": "text_delta", "text": 5}}, ""),  # noqa: E501
    ],
)  # fmt: skip
def test_what_is_no_answer_is_seen_as_none(api: str, event: object, ending: str) -> None:
    reader = bodies.Reader(api)
    assert reader.feed(f"data: {json.dumps(event)}\n\n".encode()) + reader.close() == ""
    assert reader.ending == ending


def test_a_refusal_that_comes_in_pieces_is_told_whole() -> None:
    reader = bodies.Reader("openai-api")
    for piece in ("I'm", " sorry", ", no."):
        event = {"choices": [{"delta": {"refusal": piece}}]}
        reader.feed(f"data: {json.dumps(event)}\n\n".encode())
    assert (reader.ending, reader.told) == ("refused", "I'm sorry, no.")


def test_noise_is_no_answer() -> None:
    reader = bodies.Reader("openai-api")
    assert reader.feed(b"<html>\n\ndata: {not json\n\n: note\n\n") == ""
    assert reader.ending == "error"


def test_the_price_is_told_only_by_figures_that_a_person_entered() -> None:
    assert preview.price_of(endpoint(), 3000, 1000) == ""
    told = preview.price_of(
        endpoint(price_input=3.0, price_output=15.0, currency="EUR"), 3000, 1000
    )
    assert "0.0030 EUR" in told
    assert "0.0150 EUR" in told


def test_names_of_people_and_machines_are_replaced_and_put_back() -> None:
    machine = redaction.Machine("/home/alicia", "alicia", ("frodo.corp", "frodo"))
    text = (
        "open('/home/alicia/p')  # alicia@frodo.corp\nr'C:\\Users\\bob\\x' '/Users/carol/'\n"
        "malicia = 1\nINDOORS_HOME_1 = 2\n"
    )
    made = redaction.redact([text, "frodo"], machine)
    whole = "\n".join(made.texts)
    for name in ("alicia/", "alicia@", "frodo", "bob", "carol"):
        assert name not in whole
    assert "malicia = 1" in whole
    assert [made.restored(one) for one in made.texts] == [text, "frodo"]
    assert sum(one.times for one in made.replaced) == 6


@pytest.mark.parametrize("user", ["anna", "andreas"])
def test_a_name_is_replaced_in_comments_and_between_underscores(user: str) -> None:
    machine = redaction.Machine(f"/home/{user}", user)
    text = (
        f"# TODO({user}): {user}'s box, author {user}\n{user}_key = user_{user} = 1\n{user}x = 2\n"
    )
    made = redaction.redact([text], machine)
    assert made.texts[0].count(user) == 1
    assert f"{user}x = 2" in made.texts[0]
    assert made.restored(made.texts[0]) == text


def test_a_name_that_is_a_word_of_code_stays_where_it_is_one() -> None:
    machine = redaction.Machine("/home/max", "max", ("dev",))
    (text,) = redaction.redact(["max(1, 2)  # by max@corp, ~max/x\n"], machine).texts
    assert text.startswith("max(1, 2)")
    assert "max@" not in text
    assert "~max" not in text
