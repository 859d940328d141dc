"""The values that flow through a completion, the engine protocol, and the errors.

Everything here is frozen. Offsets are code points in `Document.text`; durations say their unit.

    IndoorsError                 what happened, why, and the next step
    |-- ModelError               missing, corrupt, unsupported, unfit, does not fit in memory
    |-- EngineError              the engine is not installed, died, or cannot run on this CPU
    `-- InputError               a setting, argument or file that a person gave
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Literal, Protocol

import msgspec

from indoors_indexing.types import Document, Snippet, Span, SyntaxSite

__all__ = [
    "Alternative",
    "Completion",
    "CompletionRequest",
    "Document",
    "Engine",
    "EngineError",
    "FilterStep",
    "Finish",
    "IndoorsError",
    "InputError",
    "Job",
    "ModelError",
    "ModelInfo",
    "Part",
    "Prefill",
    "SelectedCompletion",
    "Snippet",
    "Span",
    "Stage",
    "Steering",
    "SyntaxSite",
    "TokenChunk",
]


class IndoorsError(Exception):
    """An error a person reads: `what` happened, `why` if known, and the one `next_step`."""

    def __init__(self, what: str, *, why: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next_step = next_step

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"  {self.why}")
        if self.next_step:
            lines.append(f"  Next: {self.next_step}")
        return "\n".join(lines)


class ModelError(IndoorsError):
    """The model file is missing, corrupt, unsupported, unfit for the task, or does not fit."""


class EngineError(IndoorsError):
    """The engine is not installed, was built for another CPU, died, or did not start."""


class InputError(IndoorsError):
    """A setting, argument or file given by a person cannot be used."""


# --- what goes to the engine ------------------------------------------------------------------


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a prompt.

    `special` parts are the text of exactly one special token (a FIM sentinel). All other parts are
    plain text and are tokenized with special tokens off, so that a file which contains
    `<|fim_middle|>` cannot steer the prompt. A plain part is clipped to `budget_tokens` *before*
    the prompt is put together: `keep="tail"` keeps the end (a prefix), `"head"` the start (a
    suffix). Clipping drops whole lines where at least one whole line remains.

    `movable` marks the text after the cursor in a prompt whose middle comes last: what is in front
    of it grows with every key, and its part of the KV cache may be moved along instead of being
    evaluated again. The special part before it is always evaluated again.
    """

    text: str
    special: bool = False
    budget_tokens: int | None = None
    keep: Literal["head", "tail"] = "tail"
    movable: bool = False


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One generation, as the engine sees it.

    `slot` names the KV slot (one per open document). `max_tokens` bounds the answer; 0 evaluates
    the prompt and nothing more (prewarm, refresh). `stop_at_newline` ends it at the first newline
    that follows non-blank text; `stops` are plain strings; the model's own end tokens always stop.
    `temperature` 0 is greedy.

    `begin` is text that stands before the cursor and was left out of the prompt, because the cursor
    is inside a word (token healing): the first tokens are constrained to spell it, and it is not
    part of the answer.

    `suffix` says how exact the text after the cursor must be in the cache: "exact" evaluates it for
    this very prefix; "auto" may move what was evaluated for an older prefix, if an exact evaluation
    would take longer than `exact_within_ms`. `background` work gives way to any other job at once.
    `n_alternatives` above 1 asks for further, distinct answers from the same prefill: the likeliest
    ones that leave the first within its first line, or, with `others_from` of 0 and more, anywhere
    behind so many bytes of it, for something else than white space or one of `others_not`. `drafts`
    is a text that answers may repeat: what they go on with there is tried several tokens at a time.

    `uri` is the document that it is about and `sources` the paths of all files with text in its
    parts, as documents have them: an engine elsewhere is asked nothing before a policy has seen
    every one of them. `root` is the folder that they are relative to, as the document has it.
    """

    parts: tuple[Part, ...]
    slot: str
    max_tokens: int
    stops: tuple[str, ...] = ()
    stop_at_newline: bool = False
    temperature: float = 0.0
    seed: int = 0
    begin: str = ""
    suffix: Literal["auto", "exact"] = "auto"
    exact_within_ms: float = 0.0
    background: bool = False
    n_alternatives: int = 1
    others_from: int = -1
    others_not: tuple[str, ...] = ()
    drafts: str = ""
    uri: str = ""
    root: str = ""
    sources: tuple[str, ...] = ()


class Prefill(msgspec.Struct, frozen=True, kw_only=True):
    """The prompt is evaluated: comes once, before any text, and also if the stream is cut short.

    Counts as in `Finish`; `prefill_ms` is what evaluating `n_evaluated` tokens took.
    """

    n_prompt: int
    n_reused: int
    n_evaluated: int
    prefill_ms: float
    n_moved: int = 0
    n_stale: int = 0
    n_typed: int = 0


class TokenChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Text of one or more generated tokens (whole code points), with their log-probabilities.

    `alternative` counts the answers to one job; the best one, number 0, comes first and whole.
    """

    text: str
    logprobs: tuple[float, ...]
    alternative: int = 0


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """How a generation ended: always the last thing an engine yields.

    `stop_reason`: "eos" (the model's end token), "newline", "stop" (a stop string), "length",
    "prefilled" (nothing more was asked), "cancelled", "preempted" (background work gave way),
    "unavailable" (no model loaded, or the worker died: an empty answer, not an error).
    Token counts: `n_prompt` in the whole prompt, of which `n_reused` came from the KV cache and
    `n_evaluated` were evaluated now. `n_moved` of the reused ones are suffix that was moved across
    an insertion; `n_stale` is by how many tokens the prefix differs from the one that this suffix
    was evaluated after. `n_typed` tokens of the prompt were typed since and stand behind the middle
    marker (`engine.anchor`). Times in milliseconds from the engine's receipt of the job.
    """

    stop_reason: str
    n_prompt: int = 0
    n_reused: int = 0
    n_evaluated: int = 0
    n_moved: int = 0
    n_stale: int = 0
    n_typed: int = 0
    n_generated: int = 0
    ttft_ms: float = 0.0
    total_ms: float = 0.0
    detail: str = ""


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The loaded model, as the worker found it in the file's own metadata.

    `family` is the name of a record in `fim.FAMILIES`, or "" if the model cannot fill in the
    middle; then `advice` says so for people. `key` identifies the weights (it is part of every
    cache key). Speeds are measured at load and refreshed by every answer, in tokens per second; 0
    until known. `reuse` is what the memory of this model was seen to allow, found by trying at
    load: "splice" (keep the suffix across an insertion), "prefix" (keep what both prompts begin
    with), or "none"; `reuse_reason` says why it is not more.
    """

    key: str
    name: str
    family: str
    architecture: str
    instruct: bool
    n_params: int
    size_bytes: int
    n_ctx: int
    n_ctx_train: int
    n_layers: int
    n_gpu_layers: int
    device: str
    can_shift: bool
    reuse: Literal["splice", "prefix", "none"] = "prefix"
    reuse_reason: str = ""
    prefill_tps: float = 0.0
    decode_tps: float = 0.0
    advice: str = ""


class Steering:
    """What the reader of a generation may tell it meanwhile. `connect` is the engine's part."""

    def __init__(self) -> None:
        self._tell: Callable[[int], None] = lambda _alternative: None

    def connect(self, tell: Callable[[int], None]) -> None:
        """The generation has begun: `tell` passes on what is said from now on."""
        self._tell = tell

    def enough(self, alternative: int) -> None:
        """Nothing more of this answer is wanted: the next one may begin."""
        self._tell(alternative)


class Engine(Protocol):
    """Generates text. Implementations never raise for a dead or missing model: they finish with
    `stop_reason="unavailable"`, so that a keystroke costs at most an empty answer (I9).
    """

    @property
    def model(self) -> ModelInfo | None:
        """The loaded model, None while none is."""
        ...

    def generate(
        self, job: Job, steering: Steering | None = None
    ) -> AsyncIterator[Prefill | TokenChunk | Finish]:
        """Stream the answer: a `Prefill`, then text; the last item is a `Finish`.

        Closing the iterator early (`aclose`), or cancelling the task that reads it, cancels the
        generation in the engine; the KV computed so far is kept.
        """
        ...


# --- what the editor asks, and gets -----------------------------------------------------------


class SelectedCompletion(msgspec.Struct, frozen=True):
    """The entry highlighted in the editor's popup: `text` would replace `span`.

    An inline completion must then begin with `text`, or VS Code hides it.
    """

    text: str
    span: Span


class CompletionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A cursor that wants a completion.

    `target_ms` is for clients that can ask again (`indoors/completionReady`): once so much time has
    passed and the first line is there, it is answered, and the rest follows through the cache. None
    waits for the whole. `continues` says that a suggestion was just accepted here, so that the
    answer may begin on the next line. `background` allows work after the answer: what follows its
    acceptance, and exact evaluations. `n_answers` above 1 asks for alternatives, if a person asked.
    """

    document: Document
    offset: int
    trigger: Literal["automatic", "explicit"] = "automatic"
    selected: SelectedCompletion | None = None
    snippets: tuple[Snippet, ...] = ()
    deadline_ms: float = 2000.0
    multiline: bool = True
    max_lines: int = 24
    target_ms: float | None = None
    continues: bool = False
    background: bool = False
    n_answers: int = 1


class Stage(msgspec.Struct, frozen=True):
    """One pipeline step as `--explain` shows it: a name, what it decided, and why."""

    name: str
    decision: str
    reason: str = ""


class FilterStep(msgspec.Struct, frozen=True):
    """What one post-processing filter did: `kept`, `changed` (with the new text) or `dropped`."""

    name: str
    action: Literal["kept", "changed", "dropped"]
    text: str
    reason: str = ""


class Alternative(msgspec.Struct, frozen=True):
    """Another answer to the same question; as in `Completion`, `text` replaces `span`."""

    text: str
    span: Span


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. `text` replaces `span` of the document; an empty `text` means nothing to show.

    `span` always lies on the cursor's line, and the replaced text reappears, in order, inside
    `text` (VS Code shows the item only then). `alternatives` are further answers, for an explicit
    request. `source` is where the text came from: a generation of its own, one that an earlier
    request had started ("run"), or the cache; `filtered_by` names the filter that dropped a
    non-empty answer, else "". `raw` is the model's own text. The token counts are those of `Finish`
    and are given once per generation, with the first answer that it gave.
    """

    id: str
    text: str
    span: Span
    source: Literal["model", "run", "cache", "none"]
    stop_reason: str = ""
    filtered_by: str = ""
    raw: str = ""
    alternatives: tuple[Alternative, ...] = ()
    n_prompt: int = 0
    n_reused: int = 0
    n_moved: int = 0
    n_stale: int = 0
    n_typed: int = 0
    n_evaluated: int = 0
    n_generated: int = 0
    ttft_ms: float = 0.0
    total_ms: float = 0.0
    stages: tuple[Stage, ...] = ()
    filters: tuple[FilterStep, ...] = ()
