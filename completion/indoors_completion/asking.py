"""From a request to a recipe: what the pipeline asks the engine, with the tree's help."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import msgspec

from indoors_completion import budget as budgets
from indoors_completion import fim, recipe
from indoors_completion.cache import Key
from indoors_completion.families import Family
from indoors_completion.place import Place, locate
from indoors_completion.recipe import Prompt, Recipe, Reuse
from indoors_completion.types import (
    CompletionRequest,
    Document,
    Engine,
    Job,
    ModelInfo,
    SyntaxSite,
)
from indoors_indexing.types import Syntax

SYNTAX_DEADLINE_S = 0.04

# How much text must be unchanged for a window to begin there again.
_RECOGNIZED = 64

Note = Callable[[str, str, str], None]


class Evaluation(msgspec.Struct, frozen=True):
    """A job that evaluates a prompt exactly. `moves` says that its window begins elsewhere than the
    one that is in use; call `done` once the prompt is in the cache.
    """

    job: Job
    moves: bool
    done: Callable[[], None]


class Asking:
    """Makes jobs for the loaded model. `reuse` "exact" never lets a suffix be moved."""

    def __init__(self, engine: Engine, syntax: Syntax, reuse: Reuse) -> None:
        self.reuse: Reuse = reuse
        self._engine = engine
        self._syntax = syntax
        self._versions = itertools.count(1)
        # Where the window in use begins, and the text there, by document.
        self._starts: dict[str, tuple[int, str]] = {}

    def able(self) -> tuple[ModelInfo, Family] | None:
        """The loaded model and its family; None if none is loaded, or it cannot fill in."""
        model = self._engine.model
        family = fim.by_name(model.family) if model is not None else None
        return None if model is None or family is None else (model, family)

    def prompt(self, request: CompletionRequest) -> Prompt | None:
        """The prompt of a request, None without an able model."""
        able = self.able()
        return None if able is None else recipe.prompt(request, locate(request), *able)

    def evaluation(self, request: CompletionRequest) -> Evaluation | None:
        """How to evaluate the prompt of a request exactly, None without an able model.

        Its window begins where it should: while nobody waits, there is time to move it.
        """
        prompt = self.prompt(request)
        if prompt is None:
            return None
        document, start = request.document, prompt.around.prefix_start
        return Evaluation(
            prompt.evaluation(document.uri),
            moves=self._kept_start(document) not in (None, start),
            done=lambda: self._keep(document, start),
        )

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._starts.pop(uri, None)

    def _keep(self, document: Document, start: int) -> None:
        text = document.text[start : start + _RECOGNIZED]
        self._starts[document.uri] = start, text

    def _kept_start(self, document: Document) -> int | None:
        start, text = self._starts.get(document.uri, (0, None))
        return start if text is not None and document.text.startswith(text, start) else None

    async def recipe(
        self,
        request: CompletionRequest,
        place: Place,
        key: Key,
        able: tuple[ModelInfo, Family],
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
        prompt = recipe.prompt(
            request, place, model, family, kept_start=self._kept_start(request.document)
        )
        self._keep(request.document, prompt.around.prefix_start)
        made = recipe.recipe(prompt, request, place, key, model, site, reuse=self.reuse)
        note("gate", f"complete the {made.shape.kind}", made.shape.reason)
        note("budget", prompt.budget.describe(), budgets.describe_speeds(model))
        note("window", prompt.around.describe(), f"anchored at {prompt.around.prefix_start}")
        note("render", family.name, f"{family.order}, {len(request.snippets)} snippets")
        return made

    async def recipe_ahead(
        self,
        request: CompletionRequest,
        place: Place,
        key: Key,
        able: tuple[ModelInfo, Family],
    ) -> Recipe:
        """As `recipe`, in the background, for a document that does not exist yet.

        The syntax service knows it under another name, because the real one has another text.
        """
        model, family = able
        site = None
        if _tree_matters(request, place):
            uri, version = tree_of(request.document.uri), next(self._versions)
            tree = msgspec.structs.replace(request.document, uri=uri, version=version)
            site = await self._site(tree, place)
        kept_start = self._kept_start(request.document)
        prompt = recipe.prompt(request, place, model, family, kept_start=kept_start)
        return recipe.recipe(
            prompt, request, place, key, model, site, reuse=self.reuse, background=True
        )

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
