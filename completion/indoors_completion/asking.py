"""From a request to a recipe: what the engine is asked, with the help of the tree and the index."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import msgspec

from indoors_completion import budget as budgets
from indoors_completion import fim, recipe
from indoors_completion.cache import Key
from indoors_completion.families import Family
from indoors_completion.heads import Head, Heads, is_worth
from indoors_completion.place import Place, locate
from indoors_completion.recipe import Prompt, Recipe, Reuse
from indoors_completion.types import (
    CompletionRequest,
    Document,
    Engine,
    Job,
    ModelInfo,
    Snippet,
    Span,
    SyntaxSite,
)
from indoors_indexing.types import Retrieval, Syntax

SYNTAX_DEADLINE_S = 0.04
# Retrieval is asked only where a whole prompt is about to be evaluated, which takes longer. In the
# background it may also open an index first.
RETRIEVAL_DEADLINE_S, BACKGROUND_RETRIEVAL_S = 0.06, 1.0

Note = Callable[[str, str, str], None]
Able = tuple[ModelInfo, Family]


# Stands for snippets where only the room for them counts.
_SOME = (Snippet(path="", text="", reason=""),)


class Evaluation(msgspec.Struct, frozen=True):
    """A job that evaluates a prompt exactly; call `done` once the prompt is in the cache.

    `is_new` says that the prompt begins otherwise than the one in use.
    """

    job: Job
    is_new: bool
    done: Callable[[], None]


class Asking:
    """Makes jobs for the loaded model. `reuse` "exact" never lets a suffix be moved."""

    def __init__(
        self,
        engine: Engine,
        syntax: Syntax,
        retrieval: Retrieval | None,
        clock: Callable[[], float],
        reuse: Reuse,
    ) -> None:
        self.reuse: Reuse = reuse
        self.heads = Heads(clock)
        self._engine = engine
        self._syntax = syntax
        self._retrieval = retrieval
        self._versions = itertools.count(1)

    def able(self) -> Able | None:
        """The loaded model and its family; None if none is loaded, or it cannot fill in."""
        model = self._engine.model
        family = fim.by_name(model.family) if model is not None else None
        return None if model is None or family is None else (model, family)

    def fits_before(self, document: Document) -> bool:
        """Whether all of a document fits into the window before a cursor at its end."""
        able = self.able()
        if able is None:
            return False
        request = CompletionRequest(document=document, offset=len(document.text))
        head = self.heads.of(document)
        prompt = self._prompt(request, locate(request), able, head.snippets if head else ())
        return prompt.around.prefix_start == 0

    def is_outgrown(self, request: CompletionRequest) -> bool:
        """Whether the window should begin elsewhere than it does."""
        able, head = self.able(), self.heads.of(request.document)
        start = None if head is None else head.start_in(request.document)
        if able is None or head is None or start is None:
            return False
        prompt = self._prompt(request, locate(request), able, head.snippets, start, in_pause=True)
        return prompt.around.prefix_start != start

    def may_change(self, document: Document) -> bool:
        """Whether a pause may bring other snippets: looked for now, or begun with before."""
        if self._retrieval is None:
            return False
        return self.heads.may_change(document) or self.heads.pending(document) is not None

    # --- in the background ----------------------------------------------------------------------

    async def evaluation(self, request: CompletionRequest) -> Evaluation | None:
        """How to evaluate the prompt of a request exactly, None without an able model.

        While nobody waits there is time for a better head: a window that begins where it should,
        and, as often as that may cost something, other snippets, if they are worth it.
        """
        able = self.able()
        if able is None:
            return None
        document, place = request.document, locate(request)
        head = self.heads.of(document)
        if head is None or not self._can_stay(request, place, able, head):
            found = await self._retrieved(request, place, able, BACKGROUND_RETRIEVAL_S)
            old = () if head is None else head.snippets
            # In use from now on: whoever asks before it is whole goes on with it.
            head = self._replace(request, place, able, old if found is None else found)
            return self._evaluation(request, place, able, head.snippets)
        pending = self.heads.pending(document)
        if pending is not None:
            return self._evaluation(request, place, able, pending.snippets, beside=True)
        found = None
        if self.heads.may_change(document):
            found = await self._retrieved(request, place, able, BACKGROUND_RETRIEVAL_S)
        better = found is not None and is_worth(found, head.snippets)
        # With the same snippets the window only moves: they stay evaluated, where they are.
        snippets = found if better and found is not None else head.snippets
        return self._evaluation(request, place, able, snippets, beside=better)

    def _evaluation(
        self,
        request: CompletionRequest,
        place: Place,
        able: Able,
        snippets: tuple[Snippet, ...],
        *,
        beside: bool = False,
    ) -> Evaluation:
        document = request.document
        head = None if beside else self.heads.of(document)
        start = None if head is None else head.start_in(document)
        prompt = self._prompt(request, place, able, snippets, start, in_pause=True)
        head = self.heads.made(document, snippets, prompt.around.prefix_start, beside=beside)
        if beside:
            if head != self.heads.pending(document):
                self.heads.spent(document, prompt.budget.prompt_tokens, able[0])
            self.heads.begin(document, head)
        return Evaluation(
            prompt.evaluation(head.slot),
            is_new=beside,
            done=lambda: self.heads.use(document, head),
        )

    # --- for a request --------------------------------------------------------------------------

    async def recipe(
        self,
        request: CompletionRequest,
        place: Place,
        key: Key,
        able: Able,
        note: Note,
        site: SyntaxSite | None,
    ) -> Recipe:
        """Decide what to ask; `note` gets each decision. The tree is asked where it can matter."""
        model, family = able
        if site is None and _tree_matters(request, place):
            site = await self._site(request.document, place)
            if site is None:
                note("syntax", "unknown", "no grammar, or no answer in time")
            else:
                note("syntax", site.region, " > ".join(site.scope) or "top level")
        head = await self._head(request, place, able)
        prompt = self._prompt(request, place, able, head.snippets, head.start_in(request.document))
        made = recipe.recipe(
            prompt, request, place, key, model, site, reuse=self.reuse, slot=head.slot
        )
        note("gate", f"complete the {made.shape.kind}", made.shape.reason)
        note("budget", prompt.budget.describe(), budgets.describe_speeds(model))
        note("window", prompt.around.describe(), f"anchored at {prompt.around.prefix_start}")
        for snippet in head.snippets:
            note("snippet", snippet.path, snippet.reason)
        if prompt.n_hidden:
            note("hidden", f"{prompt.n_hidden} characters left out", "nobody sees them")
        note("render", family.name, f"{family.order}, {len(head.snippets)} snippets")
        return made

    async def _head(self, request: CompletionRequest, place: Place, able: Able) -> Head:
        """The head in use if it can stay, else the best one: all is evaluated anew in any case."""
        document, given = request.document, request.snippets
        head = self.heads.of(document)
        is_meant = head is not None and given in ((), head.snippets)
        if head is not None and is_meant and self._can_stay(request, place, able, head):
            return head
        found = await self._retrieved(request, place, able)
        old = () if head is None else head.snippets
        return self._replace(request, place, able, old if found is None else found)

    def _can_stay(self, request: CompletionRequest, place: Place, able: Able, head: Head) -> bool:
        """Whether a prompt may begin as before: else all of it is evaluated anew in any case."""
        start = head.start_in(request.document)
        if start is None:
            return False
        prompt = self._prompt(request, place, able, head.snippets, start)
        return prompt.around.prefix_start == start

    def _replace(
        self,
        request: CompletionRequest,
        place: Place,
        able: Able,
        snippets: tuple[Snippet, ...],
    ) -> Head:
        """A head in the place of the one in use, which is worth nothing here."""
        document = request.document
        prompt = self._prompt(request, place, able, snippets)
        head = self.heads.made(document, snippets, prompt.around.prefix_start)
        self.heads.use(document, head)
        self.heads.spent(document, prompt.budget.prompt_tokens, able[0])
        return head

    async def recipe_ahead(
        self, request: CompletionRequest, place: Place, key: Key, able: Able
    ) -> Recipe:
        """As `recipe`, in the background, for a document that does not exist yet.

        The syntax service knows it under another name, because the real one has another text.
        """
        site, document = None, request.document
        if _tree_matters(request, place):
            uri, version = tree_of(document.uri), next(self._versions)
            site = await self._site(
                msgspec.structs.replace(document, uri=uri, version=version), place
            )
        head = self.heads.of(document) or Head(slot=document.uri)
        prompt = self._prompt(request, place, able, head.snippets, head.start_in(document))
        return recipe.recipe(
            prompt,
            request,
            place,
            key,
            able[0],
            site,
            reuse=self.reuse,
            slot=head.slot,
            background=True,
        )

    # --- what is asked for it -------------------------------------------------------------------

    def _prompt(
        self,
        request: CompletionRequest,
        place: Place,
        able: Able,
        snippets: tuple[Snippet, ...],
        kept_start: int | None = None,
        *,
        in_pause: bool = False,
    ) -> Prompt:
        asked = msgspec.structs.replace(request, snippets=snippets)
        return recipe.prompt(asked, place, *able, kept_start=kept_start, in_pause=in_pause)

    async def _retrieved(
        self,
        request: CompletionRequest,
        place: Place,
        able: Able,
        within_s: float = RETRIEVAL_DEADLINE_S,
    ) -> tuple[Snippet, ...] | None:
        """What of the project helps at a place; None if that is not known (in time)."""
        model, family = able
        if request.snippets or family.context == "none":
            return request.snippets
        if self._retrieval is None:
            return None
        asked = msgspec.structs.replace(request, snippets=_SOME)
        prompt = recipe.prompt(asked, place, model, family)
        shown = Span(prompt.around.prefix_start, prompt.around.suffix_end)
        document = msgspec.structs.replace(request.document, text=place.text)
        try:
            # Where the answer is at hand this does not even give way to another task.
            async with asyncio.timeout(within_s):
                return await self._retrieval.snippets(
                    document, place.offset, shown, prompt.budget.snippets_tokens
                )
        except TimeoutError:
            return None

    async def _site(self, document: Document, place: Place) -> SyntaxSite | None:
        """Ask the syntax service, for a few tens of milliseconds at most."""
        try:
            return await asyncio.wait_for(
                self._syntax.site(document, place.start), SYNTAX_DEADLINE_S
            )
        except TimeoutError:
            return None


def tree_of(uri: str) -> str:
    """The name under which the syntax service knows what may follow in a document."""
    return f"{uri}#ahead"


def _tree_matters(request: CompletionRequest, place: Place) -> bool:
    return request.multiline and place.line.at_end
