"""Names that a language gives to every file."""

from __future__ import annotations

import builtins


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PYTHON = frozenset(dir(builtins)) | _names(
    """__file__ __name__ __doc__ __path__ __package__ __spec__ __loader__ __builtins__ __class__
    __annotations__ __dict__ __module__ __qualname__ __all__ __debug__ WindowsError reveal_type
    unicode basestring long xrange raw_input"""
)
_ECMA = _names(
    """undefined NaN Infinity globalThis window document navigator location history console
    self global process module exports require __dirname __filename arguments
    Object Function Array String Number Boolean Symbol BigInt Math JSON Date RegExp Error EvalError
    RangeError ReferenceError SyntaxError TypeError URIError AggregateError Promise Proxy Reflect
    Map Set WeakMap WeakSet WeakRef FinalizationRegistry ArrayBuffer SharedArrayBuffer DataView
    Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array
    Float32Array Float64Array BigInt64Array BigUint64Array Atomics Intl Iterator WebAssembly
    parseInt parseFloat isNaN isFinite encodeURI encodeURIComponent decodeURI decodeURIComponent
    escape unescape eval setTimeout clearTimeout setInterval clearInterval setImmediate
    clearImmediate queueMicrotask structuredClone requestAnimationFrame cancelAnimationFrame
    fetch Request Response Headers FormData Blob File FileReader URL URLSearchParams AbortController
    AbortSignal Event EventTarget CustomEvent MessageChannel MessagePort MessageEvent WebSocket
    Worker XMLHttpRequest TextEncoder TextDecoder ReadableStream WritableStream TransformStream
    Buffer performance crypto localStorage sessionStorage alert confirm prompt atob btoa Image
    HTMLElement Element Node NodeList HTMLInputElement SVGElement KeyboardEvent MouseEvent
    MutationObserver IntersectionObserver ResizeObserver DOMParser getComputedStyle matchMedia
    describe it test expect beforeEach afterEach beforeAll afterAll jest vi React JSX NodeJS
    Partial Required Readonly Record Pick Omit Exclude Extract NonNullable Parameters
    ConstructorParameters ReturnType InstanceType ThisParameterType OmitThisParameter ThisType
    Awaited Uppercase Lowercase Capitalize Uncapitalize NoInfer Iterable IterableIterator
    AsyncIterable AsyncIterator AsyncIterableIterator Generator AsyncGenerator PromiseLike ArrayLike
    ReadonlyArray ReadonlyMap ReadonlySet PropertyKey TemplateStringsArray ArrayBufferLike
    const any unknown never void"""
)
_BY_LANGUAGE = {"python": _PYTHON, "javascript": _ECMA, "typescript": _ECMA, "tsx": _ECMA}


def has(language: str, name: str) -> bool:
    """Whether every file of a language may use a name."""
    return name in _BY_LANGUAGE.get(language, frozenset())
