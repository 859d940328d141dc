"""One edit by a closed API: locks, a preview, one request, one answer, the checks.

    request -> question (one, with only the lines that may change) -> redacted -> body
        -> locks: all but the preview -> the person is shown the bytes -> accepted?
        -> locks: all -> door -> the answer's text -> put back -> the checks -> Edit | NoSafeEdit

The editor and the command line share it. Whatever is refused is told with its next step and
recorded, and nobody else is asked in its place.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from hashlib import sha256
from pathlib import Path

import msgspec

from indoors_completion.refactor import single
from indoors_completion.refactor.judging import Outlines
from indoors_completion.refactor.types import Edit, EditRequest, NoSafeEdit
from indoors_completion.types import InputError
from indoors_server import endpoint_files, paths
from indoors_server.audit import AuditError, Log
from indoors_server.closed import bodies, locks, preview, redaction
from indoors_server.closed.locks import Stage, Stores, Verdict
from indoors_server.closed.preview import Preview
from indoors_server.door import Door
from indoors_server.edit_values import plain
from indoors_server.endpoints import Endpoint
from indoors_server.gateway import wire
from indoors_server.policies import names_of
from indoors_server.policy.decision import Policy, widened

# Models that think before they write count that as part of their answer.
THINKING_TOKENS = 8192
TIMEOUT_S = 600.0
_MAX_ERROR_BYTES = 64 * 1024

# Shows a preview; True if the person accepted it, None where nobody can be asked.
Show = Callable[[Preview], Awaitable[bool | None]]

_NO_BODY = bodies.Body("", b"")

# The log takes no text of a policy nor of a body: it has its own words.
_REASONS: dict[str, str] = {
    "policy": "the policy does not allow it",
    "unknown": "there is no such endpoint or call",
    "consent": "nobody agreed to it for this workspace",
    "preview": "a person did not accept it",
    "secret": "it holds something secret",
    "limit": "the month's limit is reached",
    "config": "the endpoint cannot be used",
    "size": "it is too long",
}
_STATUSES = {
    400: "it did not take the request",
    401: "it did not take the key",
    402: "it wants to be paid first",
    403: "the key may not do that",
    404: "it does not know this model or call",
    413: "the request is too long for it",
    429: "it takes no more requests now",
}
# What each API calls the length of an answer. Where it says that too much was asked for it says how
# much it gives; where it does not know the name there is no number.
_LENGTH = re.compile("max_(?:completion_|output_)?tokens|maxOutputTokens")
_NUMBER = re.compile(r"\b[1-9][0-9]{2,6}\b")


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit by a closed API needs of its surroundings.

    `policy_of` is the policy of a workspace folder, and `own_policy` that of machine and user
    alone, which consents are for: as it is in force here and in the gateway. `written_policy` is
    that of their files now. `record` writes a refusal down; it may wait for a disk.
    """

    door: Door
    endpoints: Callable[[], Mapping[str, Endpoint]]
    policy_of: Callable[[str], Policy]
    own_policy: Callable[[], Policy]
    written_policy: Callable[[], Policy]
    stores: Stores
    machine: redaction.Machine
    outlines: Outlines
    record: Callable[[wire.Ask, str, Verdict, str], None]


class Closed:
    """Edits by closed APIs."""

    def __init__(self, around: Around) -> None:
        self._around = around

    def offered(self, workspace: str, path: str) -> list[Endpoint]:
        """The endpoints that a file's code may go to, if a person accepts what is sent."""
        found = []
        for endpoint in self._around.endpoints().values():
            ask = _ask_of(endpoint, workspace, names_of(workspace, path))
            is_closed = endpoint_files.is_closed(endpoint, self._around.policy_of(workspace))
            if is_closed and bodies.can_ask(endpoint) and self._check(ask, endpoint, "offer"):
                found.append(endpoint)
        return found

    async def edit(
        self,
        request: EditRequest,
        name: str,
        workspace: str,
        show: Show,
        on_text: Callable[[str], None] = lambda _text: None,
    ) -> Edit | NoSafeEdit:
        """Ask the endpoint `name` for an edit. Raises InputError where nothing was sent, or no
        answer came, with what a person should know.
        """
        endpoint = self._endpoint(name, workspace)
        # Only the lines that may change leave: nothing of other files.
        request = msgspec.structs.replace(request, snippets=())
        question = single.question_of(request, endpoint.context_tokens)
        if isinstance(question, NoSafeEdit):
            return question
        redacted = redaction.redact([one.text for one in question.messages], self._around.machine)
        messages = [
            msgspec.structs.replace(message, text=text)
            for message, text in zip(question.messages, redacted.texts, strict=True)
        ]
        max_tokens = _most_tokens(question, endpoint)
        if max_tokens < question.n_answer:
            said = f"{endpoint.name} writes {max_tokens} tokens at most (answer_tokens)"
            return NoSafeEdit(reason=f"{said}, and this may need more; select fewer lines")
        body = bodies.body_of(endpoint, messages, max_tokens)
        sources = names_of(workspace, request.document.path)
        ask = _ask_of(endpoint, workspace, sources, body)
        await self._require(ask, endpoint, "preview")
        shown = preview.of(
            endpoint, body.data, max_tokens, sources=sources, replaced=redacted.replaced
        )
        ask = await self._accepted(ask, endpoint, shown, show)
        reader, text = await self._answer(ask, endpoint, redacted, on_text)
        if reader.ending not in ("stop", "length"):
            told = f" It says: {reader.told}" if reader.told else ""
            raise InputError(plain(f"{endpoint.name} gave no whole answer.{told}"))
        return await single.edit_of(
            question,
            redacted.restored(text),
            "length" if reader.ending == "length" else "eos",
            self._around.outlines,
            n_tokens=reader.n_output,
        )

    def _endpoint(self, name: str, workspace: str) -> Endpoint:
        endpoint = self._around.endpoints().get(name)
        if endpoint is None:
            raise InputError(f"there is no engine {plain(name)[:60]!r}. Next: see engines.json")
        if not endpoint_files.is_closed(endpoint, self._around.policy_of(workspace)):
            raise InputError(f"{endpoint.name} is no closed API. Next: leave out its name")
        if not bodies.can_ask(endpoint):
            raise InputError(f"{endpoint.name} cannot be asked for edits (api {endpoint.api})")
        return endpoint

    def _check(self, ask: wire.Ask, endpoint: Endpoint, stage: Stage) -> Verdict:
        own = self._around.own_policy()
        verdict = self._check_under(own, ask, endpoint, stage)
        if verdict.kind != "consent":
            return verdict
        written = self._around.written_policy()
        wider = widened(written, own)
        if not wider or self._check_under(written, ask, endpoint, "offer").kind == "consent":
            return verdict
        # Agreed to, and under the policy as it is written: to agree once more would not help.
        return msgspec.structs.replace(
            verdict,
            what=f"Code may not go to {endpoint.name} yet: the policy was made wider.",
            why=f"Until a restart the narrower one counts ({', '.join(wider)}).",
            next_step="restart the server to use the wider policy, for which you agreed",
        )

    def _check_under(self, own: Policy, ask: wire.Ask, endpoint: Endpoint, stage: Stage) -> Verdict:
        return locks.check(
            ask,
            endpoint,
            self._around.policy_of(ask.workspace),
            self._around.stores,
            stage=stage,
            consent_hash=own.hash,
        )

    async def _require(self, ask: wire.Ask, endpoint: Endpoint, stage: Stage) -> None:
        verdict = self._check(ask, endpoint, stage)
        if not verdict:
            await self._refuse(ask, endpoint, verdict)

    async def _refuse(self, ask: wire.Ask, endpoint: Endpoint, verdict: Verdict) -> None:
        host = endpoint_files.destination(endpoint)
        policy_hash = self._around.own_policy().hash
        noted = ""
        try:
            await asyncio.to_thread(self._around.record, ask, host, verdict, policy_hash)
        except AuditError as error:
            noted = f" (This refusal was not recorded: {error.what})"
        raise InputError(f"{verdict}{noted}")

    async def _accepted(
        self, ask: wire.Ask, endpoint: Endpoint, shown: Preview, show: Show
    ) -> wire.Ask:
        """The request with what a person accepted of it. Raises InputError without that."""
        accepted = await show(shown)
        if accepted is not True:
            what = f"Nothing was sent to {endpoint.name}: "
            step = ""
            if accepted is None:
                what += "this editor cannot show what would be sent."
                step = f"indoors refactor --with {endpoint.name}, which shows it in the terminal"
            else:
                what += "it was not accepted."
            verdict = Verdict(allowed=False, lock=6, kind="preview", what=what, next_step=step)
            await self._refuse(ask, endpoint, verdict)
        # A person took their time: what holds now is looked at again, here and in the gateway.
        await self._require(ask, endpoint, "preview")
        return msgspec.structs.replace(ask, accepted_sha256=shown.sha256)

    async def _answer(
        self,
        ask: wire.Ask,
        endpoint: Endpoint,
        redacted: redaction.Redaction,
        on_text: Callable[[str], None],
    ) -> tuple[bodies.Reader, str]:
        """The answer's text. Raises InputError where none came."""
        reader, text, error = bodies.Reader(endpoint.api), "", b""
        head = wire.Head(status=0)
        async with aclosing(self._around.door.ask(ask)) as answers:  # type: ignore[type-var]
            async for answer in answers:
                if isinstance(answer, wire.Refused):
                    step = f" Next: {answer.next_step}" if answer.next_step else ""
                    raise InputError(plain(f"{answer.what} {answer.why}".strip() + step))
                if isinstance(answer, wire.Head):
                    head = answer
                elif isinstance(answer, wire.Chunk) and head.status == 200:
                    text += reader.feed(answer.data)
                    on_text(redacted.restored(text))
                elif isinstance(answer, wire.Chunk):
                    error = (error + answer.data)[:_MAX_ERROR_BYTES]
        if head.status != 200:
            raise InputError(_failed(endpoint, head, error))
        return reader, text + reader.close()


def _most_tokens(question: single.Question, endpoint: Endpoint) -> int:
    """How long an answer may be: the code, what is thought before, and no more than the model can,
    as far as the person said what that is. An API refuses a request that asks for more.
    """
    most = question.n_answer + THINKING_TOKENS
    if endpoint.context_tokens:
        most = min(most, endpoint.context_tokens - question.n_asked)
    return min(most, endpoint.answer_tokens) if endpoint.answer_tokens else most


def _failed(endpoint: Endpoint, head: wire.Head, error: bytes) -> str:
    status, pause_s = head.status, head.retry_after_s
    why = _STATUSES.get(status, "it failed" if status >= 500 else "it did not answer")
    # Of a key that is wrong, APIs repeat a part.
    told = "" if status in (401, 403) else bodies.message_in(error)
    says = f" It says: {told}" if told else ""
    step = f" Next: ask again in {pause_s:.0f} s" if pause_s and pause_s >= 0.5 else ""
    if status == 400 and _LENGTH.search(told) and _NUMBER.search(told):
        step = " Next: set answer_tokens of it in engines.json to the most that its model writes"
    return plain(f"{endpoint.name} gave no answer: {why} (HTTP {status}).{says}{step}")


def _ask_of(
    endpoint: Endpoint,
    workspace: str,
    sources: tuple[str, ...],
    body: bodies.Body = _NO_BODY,
) -> wire.Ask:
    return wire.Ask(
        endpoint=endpoint.name,
        kind="refactor",
        call=body.call,
        body=body.data,
        workspace=workspace,
        sources=sources,
        timeout_s=TIMEOUT_S,
    )


def record(ask: wire.Ask, host: str, verdict: Verdict, policy_hash: str) -> None:
    """Write a refusal into the audit log. Raises AuditError."""
    path = str(Path("/", ask.workspace, ask.sources[0])) if ask.sources else ""
    Log.open(paths.state_dir()).append(
        event="refused",
        kind=ask.kind,
        host=host,
        size=len(ask.body),
        body_sha256=sha256(ask.body).hexdigest() if ask.body else "",
        path=path,
        decision="deny",
        reason=_REASONS.get(verdict.kind, "it was refused"),
        policy_hash=policy_hash,
    )


def this_machine() -> redaction.Machine:
    """What this machine is called, and who uses it."""
    home = str(Path.home())
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    user = os.environ.get("USER") or os.environ.get("USERNAME") or Path(home).name
    return redaction.Machine(home, user, tuple(dict.fromkeys((name, name.partition(".")[0]))))
