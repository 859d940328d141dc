"""Which types a written type names: `Optional[list[Item]]` is a list whose items are `Item`."""

from __future__ import annotations

import re

import msgspec

from indoors_indexing.scan_rules import words

_NAME = re.compile(r"[A-Za-z_$\\][\w$]*(?:(?:\.|::|\\)[A-Za-z_$][\w$]*)*")
# What may stand before a type and says nothing about its members.
_BEFORE = re.compile(
    r"(?:'\w+\s|[&*?\s\"'(]|\.\.\.|\b(?:mut|const|dyn|impl|readonly|in|out|ref|final|var|some|any"
    r"|struct|enum|unsigned|volatile|keyof|typeof|chan|borrow|inout)\b)*"
)
# Their first argument is what one works with: it is awaited, unwrapped, pointed to or declared.
_TRANSPARENT = words(
    """Annotated Arc Awaitable Box Cell ClassVar Cow Deferred Final Future IO Mono Mutable
    MutableStateFlow Mutex NotNull NotRequired Observable Option Optional Partial Pin Promise Rc
    Readonly ReadOnly Ref RefCell Required Result RwLock StateFlow Task Type ValueTask Weak Wrapper
    async_generator optional shared_ptr type unique_ptr weak_ptr CompletableFuture Lazy Nullable
    Coroutine ContextManager AsyncContextManager MutexGuard Some Try"""
)
_LAST_ARGUMENT = frozenset({"Coroutine"})
_UNIONS = frozenset({"Union"})
# What is in these is had by taking an item or by a loop; of a map, its value.
_CONTAINERS = words(
    """Array ArrayList AsyncGenerator AsyncIterable AsyncIterator BTreeMap Collection Counter Deque
    Dictionary Flux Flow Generator HashMap HashSet IDictionary IEnumerable IList IReadOnlyList
    Iterable Iterator LinkedList List Map Mapping MutableList MutableMap MutableMapping
    MutableSequence Observable Option ReadonlyArray Record Seq Sequence Set Slice Stream Vec Vector
    VecDeque defaultdict deque dict frozenset list map set tuple Tuple unordered_map vector array
    span Queue PriorityQueue"""
)
_PLAIN = words(
    """Any None Self bool boolean bytes char double error false float i32 i64 int int32 int64 long
    never null number object str string true u32 u64 u8 uint undefined unknown usize void String
    Integer Boolean Double Object Unit Int Bool Float"""
)
_MAX_CHARS = 300
_MAX_DEPTH = 6


class TypeNames(msgspec.Struct, frozen=True):
    """The names of the types a value may have, and those of its items; `own` for `Self`."""

    names: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    own: bool = False


def parse(text: str, depth: int = 0) -> TypeNames:
    """Read a type from the start of a text, which may go on behind it."""
    text = text[:_MAX_CHARS]
    match = _BEFORE.match(text)
    text = text[match.end() if match else 0 :]
    if depth > _MAX_DEPTH or not text:
        return TypeNames()
    if text.startswith("["):
        # `[]T` and `[4]T` in Go; `[T]` and `[T; 4]` in Rust and Swift.
        end = _closing(text, 0)
        inside, rest = text[1:end], text[end + 1 :]
        if re.match(r"[*\[\w]", rest) and not re.search(r"[A-Z]", inside):
            return TypeNames(items=parse(rest, depth + 1).names)
        return TypeNames(items=parse(inside.rpartition(":")[2], depth + 1).names)
    if text.startswith("map[") and re.match(r"\s*[*\[\w]", text[_closing(text, 3) + 1 :]):
        return TypeNames(items=parse(text[_closing(text, 3) + 1 :], depth + 1).names)
    name = _NAME.match(text)
    if name is None:
        return TypeNames()
    last = re.split(r"\.|::|\\", name[0])[-1]
    rest = text[name.end() :]
    arguments: list[str] = []
    generic = re.match(r"\s*(?:::)?\s*([<\[])", rest)
    if generic and not rest[generic.start(1) :].startswith("[]"):
        end = _closing(rest, generic.start(1))
        arguments = _split(rest[generic.end() : end])
        rest = rest[end + 1 :]
    found = _applied(name[0], last, arguments, depth)
    while rest.startswith("[]"):
        found, rest = TypeNames(items=found.names), rest[2:]
    other = re.match(r"[\"'?!]?\s*\|\s*", rest)
    return _joined(found, parse(rest[other.end() :], depth + 1)) if other else found


def _applied(whole: str, last: str, arguments: list[str], depth: int) -> TypeNames:
    if last in _UNIONS:
        found = TypeNames()
        for one in arguments[:6]:
            found = _joined(found, parse(one, depth + 1))
        return found
    if last in _TRANSPARENT and arguments:
        which = arguments[-1] if last in _LAST_ARGUMENT else arguments[0]
        return parse(which, depth + 1)
    if last in _CONTAINERS and arguments:
        concrete = [one for one in arguments if one.strip() not in ("...", "None", "_")]
        items = parse(concrete[-1], depth + 1) if concrete else TypeNames()
        return TypeNames((whole,), items.names)
    if last in ("Self", "this", "static", "self", "$this"):
        return TypeNames(own=True)
    return TypeNames() if last in _PLAIN else TypeNames((whole,))


def _joined(one: TypeNames, other: TypeNames) -> TypeNames:
    return TypeNames(
        tuple(dict.fromkeys(one.names + other.names)),
        tuple(dict.fromkeys(one.items + other.items)),
        one.own or other.own,
    )


def _closing(text: str, at: int) -> int:
    """Where the bracket at `at` closes; the end of the text if it does not."""
    depth = 0
    for position in range(at, len(text)):
        if text[position] in "<[({":
            depth += 1
        elif text[position] in ">])}" and text[position - 1 : position + 1] not in ("->", "=>"):
            depth -= 1
            if depth == 0:
                return position
    return len(text)


def _split(text: str) -> list[str]:
    """The arguments between commas that are in no bracket."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character in "<[({":
            depth += 1
        elif character in ">])}":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]] if text.strip() else parts
