"""How each model family is talked to: our own records, never the template in a model's file.

A template in a GGUF file is a program (Jinja) that came with the weights; evaluating one has been a
way to run code (CVE-2024-34359). What is special in a chat is a handful of tokens, written down
here with their source. All else is plain text, tokenized with special tokens off, so that source
code which contains `<|im_end|>` cannot end its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from indoors_completion.types import ModelInfo, Part

Role = Literal["system", "user", "assistant"]
# A piece of a frame: a text, and whether it is exactly one special token.
Piece = tuple[str, bool]


class Message(msgspec.Struct, frozen=True):
    """One turn of a chat."""

    role: Role
    text: str


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """The frame of each turn in one family's chat. `family` is the name in `families.FAMILIES`.

    `begin` stands before a turn and `end` behind it. Where `system` is False there are no such
    turns, and what they say is put before the first one of the user. `stops` are further texts that
    end an answer.
    """

    family: str
    begin: dict[Role, tuple[Piece, ...]]
    end: dict[Role, tuple[Piece, ...]]
    system: bool = True
    stops: tuple[str, ...] = ()


def _same(begin: str, middle: str, end: str, *, assistant: str = "assistant") -> dict[str, object]:
    """The frames of a family in which turns differ only by the name of the role."""
    names: dict[Role, str] = {"system": "system", "user": "user", "assistant": assistant}
    specials = bool(middle)
    return {
        "begin": {
            role: ((begin, True), (name, False), (middle, True))
            if specials
            else ((begin, True), (f"{name}\n", False))
            for role, name in names.items()
        },
        "end": dict.fromkeys(names, ((end, True), ("\n", False))),
        "stops": (end,),
    }


def _instruction(end: str) -> dict[str, object]:
    """Headlines in plain text, as Alpaca (Taori et al. 2023) wrote them."""
    nothing: tuple[Piece, ...] = ()
    return {
        "begin": {
            "system": nothing,
            "user": (("### Instruction:\n", False),),
            "assistant": (("### Response:\n", False),),
        },
        "end": {
            "system": (("\n", False),),
            "user": (("\n", False),),
            "assistant": (("\n", False), (end, True)) if end else (("\n", False),),
        },
        "stops": ("### Instruction:", *((end,) if end else ())),
    }


CHATS: tuple[Chat, ...] = (
    # Source: Qwen2.5-Coder Technical Report (arXiv 2409.12186), table of special tokens, and
    # OpenAI's ChatML: <|im_start|>role\n…<|im_end|>\n.
    Chat(family="qwen2.5-coder", **_same("<|im_start|>", "", "<|im_end|>")),  # type: ignore[arg-type]
    Chat(family="qwen3-coder", **_same("<|im_start|>", "", "<|im_end|>")),  # type: ignore[arg-type]
    # Source: ibm-granite/granite-3.0 model cards:
    # <|start_of_role|>role<|end_of_role|>…<|end_of_text|>.
    Chat(
        family="granite",
        **_same("<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"),  # type: ignore[arg-type]
    ),
    # Source: deepseek-ai/DeepSeek-Coder README, "Chat Model Inference".
    Chat(family="deepseek-coder", **_instruction("<|EOT|>")),  # type: ignore[arg-type]
    # Source: google/codegemma-7b-it model card: <start_of_turn>user\n…<end_of_turn>\n, the model's
    # own role is called "model", and there is no system turn.
    Chat(
        family="codegemma",
        system=False,
        **_same("<start_of_turn>", "", "<end_of_turn>", assistant="model"),  # type: ignore[arg-type]
    ),
)
_BY_FAMILY = {chat.family: chat for chat in CHATS}


def chat_of(model: ModelInfo) -> Chat | None:
    """The chat of a loaded model; None for one that was not tuned to follow instructions."""
    return _BY_FAMILY.get(model.family) if model.instruct else None


def unfit_reason(model: ModelInfo) -> str:
    """Why a model cannot be asked for edits, with what to do; "" if it can."""
    if chat_of(model) is not None:
        return ""
    if not model.instruct:
        return (
            f"{model.name} completes code and was not tuned to follow instructions. "
            "Next: indoors models list (a model marked instruct)"
        )
    return f"How to talk to models of the family {model.family} is not known here."


def render(chat: Chat, messages: Sequence[Message], answer: str = "") -> tuple[Part, ...]:
    """The prompt for the assistant's next turn, which begins with `answer`."""
    turns = list(messages)
    if not chat.system and turns and turns[0].role == "system":
        first, second, *rest = turns
        turns = [Message(second.role, f"{first.text}\n\n{second.text}"), *rest]
    pieces: list[Piece] = []
    for turn in turns:
        pieces += [*chat.begin[turn.role], (turn.text, False), *chat.end[turn.role]]
    pieces += [*chat.begin["assistant"], (answer, False)]
    parts: list[Part] = []
    for text, is_special in pieces:
        if not text:
            continue
        if parts and not is_special and not parts[-1].special:
            # Text that meets text is one part: tokens may cross the border.
            parts[-1] = Part(text=parts[-1].text + text)
        else:
            parts.append(Part(text=text, special=is_special))
    return tuple(parts)
