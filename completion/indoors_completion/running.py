"""Which generations run: one per document, and one ahead of what somebody may accept."""

from __future__ import annotations

from collections.abc import Callable

from indoors_completion.ahead import Suggestion
from indoors_completion.cache import Key
from indoors_completion.place import Place
from indoors_completion.recipe import Recipe
from indoors_completion.runs import Run
from indoors_completion.types import CompletionRequest, Document

# What an editor puts behind what is typed, and how many of them at most.
_AUTO_CLOSERS = frozenset(")]}>\"'`")
_MOST_CLOSERS = 3


class Runs:
    """The runs of one pipeline. `launch` makes one: (recipe, ahead, what to call at its end).

    `on_more` gets the uri and version of a document whose request was answered early, once its run
    has ended with more than it was given.
    """

    def __init__(
        self,
        launch: Callable[[Recipe, bool, Callable[[Run], None]], Run],
        on_more: Callable[[str, int], None],
    ) -> None:
        self._launch = launch
        self._on_more = on_more
        self._by_uri: dict[str, Run] = {}
        self._ahead: Run | None = None
        self._suggestion: Suggestion | None = None
        self.n_started = self.n_ahead = self.n_taken_up = 0
        # All of them, cancelled ones too until the engine knows.
        self._alive: set[Run] = set()

    def start(self, recipe: Recipe) -> Run:
        """Start the run of a document. The one before, and all that nobody waits for, end."""
        self.end_ahead()
        uri = recipe.request.document.uri
        place = recipe.place
        for run in list(self._alive):
            if run.recipe.request.document.uri == uri:
                self._replace(run, place.text, place.offset)
            elif not run.is_waited_for:
                run.cancel()
        run = self._begin(recipe, ahead=False)
        self._by_uri[uri] = run
        self.n_started += 1
        return run

    def start_ahead(self, recipe: Recipe, suggestion: Suggestion | None) -> Run:
        """Start the run ahead of the acceptance of `suggestion`; the one before ends."""
        self.end_ahead()
        self._ahead, self._suggestion = self._begin(recipe, ahead=True), suggestion
        self.n_ahead += 1
        return self._ahead

    def _begin(self, recipe: Recipe, *, ahead: bool) -> Run:
        run = self._launch(recipe, ahead, self._ended)
        self._alive.add(run)
        return run

    def leading(
        self, key: Key, request: CompletionRequest, place: Place, *, peek: bool = False
    ) -> Run | None:
        """The run that leads through a place and suits the request.

        One that was ahead becomes the document's own, unless this is only a `peek`.
        """
        uri = request.document.uri
        for run in (self._by_uri.get(uri), self._ahead):
            if (
                run is not None
                and run.is_running
                and run.recipe.key == key
                and run.suits(request, place.offset)
                and run.leads_to(place.text, place.offset)
            ):
                if not peek and run is self._ahead:
                    self._promote(uri, run)
                return run
        return None

    def _replace(self, run: Run, text: str, offset: int | None) -> None:
        """End a run that does not lead to where the cursor is now.

        One whose prompt is still being evaluated goes on to the end of that, if the text before
        its cursor stays: someone who types faster than a long prompt is evaluated would otherwise
        begin it again and again, and what is typed costs next to nothing behind it.
        """
        if offset is not None and _survives(run.comes_before, text, offset):
            run.let_go()
        else:
            run.cancel()

    def _promote(self, uri: str, run: Run) -> None:
        self._ahead = self._suggestion = None
        run.ahead = False
        self.n_taken_up += 1
        if (before := self._by_uri.get(uri)) is not None:
            before.cancel()
        self._by_uri[uri] = run

    def ahead_of(self, place: Place) -> Run | None:
        """The run ahead, if it is the one for this place."""
        run = self._ahead
        if run is None or not run.is_running:
            return None
        there = run.recipe.place
        return run if (there.offset, there.text) == (place.offset, place.text) else None

    def changed(self, document: Document, offset: int | None) -> None:
        """A document changed, the edit ended at `offset`: what does not lead through it ends."""
        text = document.text
        for run in list(self._alive):
            mine = run.recipe.request.document.uri == document.uri and run is not self._ahead
            if mine and not (run.is_running and _survives(run.leads_to, text, offset)):
                self._replace(run, text, offset)
        ahead, shown = self._ahead, self._suggestion
        if ahead is None or ahead.recipe.request.document.uri != document.uri:
            return
        on_the_way = shown is not None and _survives(shown.leads_to, text, offset)
        if not on_the_way and not _survives(ahead.leads_to, text, offset):
            self.end_ahead()

    def end_ahead(self) -> None:
        """End the run ahead, if there is one."""
        if self._ahead is not None:
            self._ahead.cancel()
        self._ahead = self._suggestion = None

    def forget(self, uri: str) -> None:
        """A document was closed."""
        if (run := self._by_uri.get(uri)) is not None:
            run.cancel()
        if self._ahead is not None and self._ahead.recipe.request.document.uri == uri:
            self.end_ahead()

    def cancel_all(self) -> None:
        """End everything."""
        self.end_ahead()
        for run in list(self._alive):
            run.cancel()

    async def finished(self) -> None:
        """Wait until none runs."""
        while self._alive:
            await next(iter(self._alive)).finished()

    def _ended(self, run: Run) -> None:
        self._alive.discard(run)
        uri = run.recipe.request.document.uri
        if self._by_uri.get(uri) is run:
            del self._by_uri[uri]
        if self._ahead is run:
            self._ahead = self._suggestion = None
        if run.owed is None or run.settled is None or run.stop_reason == "cancelled":
            return
        if run.owed.is_less_than(run.settled.entry):
            self._on_more(uri, run.owed.version)


def _survives(leads_to: Callable[[str, int], bool], text: str, offset: int | None) -> bool:
    """Whether a change that ended at `offset` of `text` stays on the way; None: not known where.

    The editor may have put closers behind what was typed, in the same change.
    """
    if offset is None:
        return False
    for size in range(_MOST_CLOSERS + 1):
        if size and text[offset - size : offset - size + 1] not in _AUTO_CLOSERS:
            return False
        if leads_to(text, offset - size):
            return True
    return False
