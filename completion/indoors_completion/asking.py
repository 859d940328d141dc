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

Note = Callable[[str, str, str], None]


class Asking:
    """Makes jobs for the loaded model. `reuse` "exact" never lets a suffix be moved."""

    def __init__(self, engine: Engine, syntax: Syntax, reuse: Reuse) -> None:
        self.reuse: Reuse = reuse
        self._engine = engine
        self._syntax = syntax
        self._versions = itertools.count(1)

    def able(self) -> tuple[ModelInfo, Family] | None:
        """The loaded model and its family; None if none is loaded, or it cannot fill in."""
        model = self._engine.model
        family = fim.by_name(model.family) if model is not None else None
        return None if model is None or family is None else (model, family)

    def prompt(self, request: CompletionRequest) -> Prompt | None:
        """The prompt of a request, None without an able model."""
        able = self.able()
        return None if able is None else recipe.prompt(request, locate(request), *able)

    def evaluation(self, request: CompletionRequest) -> Job | None:
        """The job that evaluates the prompt of a request exactly, None without an able model."""
        prompt = self.prompt(request)
        return None if prompt is None else prompt.evaluation(request.document.uri)

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
        prompt = recipe.prompt(request, place, model, family)
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
        prompt = recipe.prompt(request, place, model, family)
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
