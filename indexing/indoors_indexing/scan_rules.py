"""How names, calls and types are written, one row for each language: for text that nobody parsed.

The text before a cursor is unfinished by definition, and a tree of it arrives too late or broken
where it matters; these patterns read the little that ranking needs. Keys are LSP language ids.

In `declared`, `looped` and `documented`, NAME stands for a variable. A type
or a value is read from the end of the match on, or from its group `type`.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec


class ScanRules(msgspec.Struct, frozen=True, kw_only=True):
    """`skipped` matches a whole comment or string; no string begins as a comment does. `noise` may
    be names, but say nothing where they stand around a cursor. `own` are the words for the object
    itself, `bases` for its base. `members` is what stands before a member's name. `blocks` says how
    a block is told: by indentation or by braces. `types` and `functions` match the line that begins
    one, with groups `name` (and `own` for a receiver). `interpolates` is what begins code inside a
    string.
    """

    skipped: re.Pattern[str]
    keywords: frozenset[str]
    noise: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    bases: frozenset[str] = frozenset()
    members: re.Pattern[str]
    blocks: Literal["indent", "braces"] = "braces"
    types: re.Pattern[str]
    functions: re.Pattern[str]
    declared: tuple[str, ...] = ()
    looped: tuple[str, ...] = ()
    documented: tuple[str, ...] = ()
    interpolates: tuple[str, ...] = ()


def words(text: str) -> frozenset[str]:
    """A set of words, written as a line."""
    return frozenset(text.split())


# What is skipped is never gone back into. A possessive group would say that shorter, but Python
# before 3.11.5 (Debian 12 has 3.11.2) matches one wrongly where an alternative begins and then
# fails: its issue 106052.
_SHORT_DOUBLE = r'"(?>(?:[^"\\\n]++|\\.)*)(?:"|(?=\n)|\Z)'
_SHORT_SINGLE = r"'(?>(?:[^'\\\n]++|\\.)*)(?:'|(?=\n)|\Z)"
_BACKTICK = r"`(?>(?:[^`\\]++|\\.)*)(?:`|\Z)"
_RAW_BACKTICK = r"`[^`]*+(?:`|\Z)"
_TRIPLE = r'"""(?>(?:[^"\\]++|\\.|"(?!""))*)(?:"""|\Z)'
_TRIPLE_SINGLE = r"'''(?>(?:[^'\\]++|\\.|'(?!''))*)(?:'''|\Z)"
# One character: elsewhere the mark is a lifetime (Rust) or part of a number (C++).
_CHARACTER = r"'(?:[^'\\\n]|\\.[^'\n]{0,8})'"
_SLASHES = r"//[^\n]*|/\*(?>(?:[^*]++|\*(?!/))*)(?:\*/|\Z)"
_HASH = r"#[^\n]*"


def _skipped(strings: list[str], comments: str) -> re.Pattern[str]:
    # Without a group: where each alternative begins with a character, the next of these is found
    # without trying all of them everywhere.
    return re.compile("|".join((*strings, comments)), re.DOTALL)


_C_SKIPPED = _skipped([_SHORT_DOUBLE, _CHARACTER], _SLASHES)
_TRIPLE_SKIPPED = _skipped([_TRIPLE, _SHORT_DOUBLE, _CHARACTER], _SLASHES)
_DOTS = re.compile(r"\s*(?:\?\.|!!\.|!\.|\.)\s*\Z")
_DOTS_AND_COLONS = re.compile(r"\s*(?:->|::|\.)\s*\Z")
_COLON = (r"(?<![\w.$])NAME\s*[?!]?\s*:(?![:=])\s*",)
_BEFORE = (
    r"(?<![\w.>$])(?P<type>[A-Za-z_$][\w.:\\]*(?:\s*<[^;(){}=]{0,120}>)?(?:\[\])*)\s*"
    r"(?:[&*]+\s*|\s)"
    r"(?:const\s+|\.\.\.)?[&*$]*NAME\b\s*(?=[=;,):\[{]|\Z|\n)",
)
# Not a type, though it stands where one would.
NO_TYPES = words(
    """auto await case const def defer del delete else extends final goto if implements import in
    instanceof is let mut new not or public private protected return static throw throws typeof val
    var yield where use package namespace using override readonly volatile and"""
)

_ECMA_KEYWORDS = words(
    """abstract async await break case catch class const continue debugger
    default delete do else enum export extends false finally for function if
    implements import in instanceof interface let new null
    private protected public return static
    super switch this throw true try typeof var void while with yield
    """
)
_ECMA_NOISE = words(
    """any as asserts boolean declare from get infer is keyof module namespace never number object
    of readonly require satisfies set string symbol type undefined unknown"""
)
_JVM_NOISE = words(
    """companion crossinline data def init inline infix internal it lateinit lazy match open
    operator out record sealed suspend trait vararg when where typealias String Integer with"""
)
_JVM_KEYWORDS = words(
    """abstract as assert boolean break byte case catch char class const constructor
    continue default do double else enum extends external false final finally
    float for fun if implements implicit import in instanceof int
    interface is long new null object
    override package private protected public return short static strictfp super
    switch synchronized this throw throws transient true try type val var
    void volatile while yield """
)
_C_KEYWORDS = words(
    """alignas alignof auto bool break case catch char class const constexpr const_cast continue
    decltype default define delete do double dynamic_cast else elif endif enum explicit export
    extern false final float for friend goto if ifdef ifndef include inline int long mutable
    namespace new noexcept nullptr NULL operator override pragma private protected public register
    reinterpret_cast return short signed size_t sizeof static static_assert static_cast std string
    struct switch template this throw true try typedef typeid typename uint8_t uint32_t uint64_t
    int32_t int64_t undef union unsigned using virtual void volatile while"""
)

_PYTHON = ScanRules(
    skipped=_skipped([_TRIPLE, _TRIPLE_SINGLE, _SHORT_DOUBLE, _SHORT_SINGLE], _HASH),
    keywords=words(
        """False None True and as assert async await break class cls continue def
        del elif else except finally for from global if import in is lambda
        nonlocal not or pass raise return self super try
        while with yield"""
    ),
    noise=words(
        "bool bytes case dict float int len list match object print range set str tuple type"
    ),
    own=words("self cls"),
    bases=words("super"),
    members=re.compile(r"\s*\.\s*\Z"),
    blocks="indent",
    types=re.compile(r"[ \t]*class\s+(?P<name>\w+)"),
    functions=re.compile(r"[ \t]*(?:async\s+)?def\s+(?P<name>\w*)"),
    declared=_COLON,
    looped=(r"\bfor\s+(?:\w+\s*,\s*)?NAME\s+in\s+",),
    documented=(r":type\s+NAME:\s*", r"\bNAME\s*\((?P<type>[\w.\[\], |]+)\)\s*:"),
    interpolates=("{",),
)

_JAVASCRIPT = ScanRules(
    skipped=_skipped([_SHORT_DOUBLE, _SHORT_SINGLE, _BACKTICK], _SLASHES),
    keywords=_ECMA_KEYWORDS,
    noise=_ECMA_NOISE,
    own=words("this"),
    bases=words("super"),
    members=_DOTS,
    types=re.compile(r".*?\b(?:class|interface)\s+(?P<name>[\w$]+)", re.DOTALL),
    functions=re.compile(
        r"(?:.*?\bfunction\s*\*?\s*(?P<name>[\w$]+)"
        r"|\s*(?:(?:public|private|protected|static|async|override|get|set|readonly|\*)\s+)*"
        r"(?P<method>#?[\w$]+)\s*(?:<[^()]*>)?\([^{}]*\)"
        r"|.*?\b(?:const|let|var)\s+(?P<bound>[\w$]+)[^;]*=>)",
        re.DOTALL,
    ),
    documented=(r"@param\s+\{(?P<type>[^}\n]*)\}\s+\[?NAME\b",),
    looped=(r"\b(?:const|let|var)\s+NAME\s+of\s+",),
    interpolates=("${",),
)
_TYPESCRIPT = msgspec.structs.replace(_JAVASCRIPT, declared=_COLON)

_GO = ScanRules(
    skipped=_skipped([_SHORT_DOUBLE, _CHARACTER, _RAW_BACKTICK], _SLASHES),
    keywords=words(
        """break case chan const continue default defer
        else fallthrough false for func go goto if import interface
        map nil package range return select struct switch true
        type var """
    ),
    noise=words(
        """any append bool byte cap close copy delete error float64 int int32 int64 iota len make
        new panic rune string uint uint8 uint32 uint64 err ctx"""
    ),
    members=re.compile(r"\s*\.\s*\Z"),
    types=re.compile(r"\s*(?:type\s+)?(?P<name>\w+)(?:\[[^\]]*\])?\s+(?:struct|interface)\s*\Z"),
    functions=re.compile(
        r"\s*func\s*(?:\(\s*(?P<own>\w+)?\s*\*?\s*(?P<owner>\w+)[^)]*\)\s*)?(?P<name>\w+)"
    ),
    declared=(
        r"[(,]\s*NAME\s+(?P<type>(?:\.\.\.)?[\[\]*\w.]+)",
        r"[(,]\s*NAME\s*,\s*\w+\s+(?P<type>[\[\]*\w.]+)",
        r"\bvar\s+NAME\s+(?P<type>[\[\]*\w.]+)",
    ),
    looped=(r"\bfor\s+(?:\w+\s*,\s*)?NAME\s*:=\s*range\s+",),
)

_RUST = ScanRules(
    skipped=_skipped([r'r#"(?>(?:[^"]++|"(?!#))*)(?:"#|\Z)', _SHORT_DOUBLE, _CHARACTER], _SLASHES),
    keywords=words(
        """Box Err None Ok Option Result Self Some String Vec as async await bool break const
        continue crate dyn else enum extern f32 f64 false fn for i32 i64 if impl in let loop match
        mod move mut pub ref return self static str struct super trait true type u8 u32 u64 unsafe
        use usize where while"""
    ),
    own=words("self Self"),
    members=re.compile(r"\s*(?:::|\?\s*\.|\.)\s*\Z"),
    types=re.compile(
        r".*?\b(?:impl\b(?:\s*<[^{}]*?>)?\s+(?:[^{}]*?\bfor\s+)?|(?:struct|enum|trait|union)\s+)"
        r"(?:\w+::)*&?(?P<name>\w+)",
        re.DOTALL,
    ),
    functions=re.compile(r".*?\bfn\s+(?P<name>\w+)", re.DOTALL),
    declared=_COLON,
    looped=(r"\bfor\s+(?:\(\w+,\s*)?NAME\)?\s+in\s+&?(?:mut\s+)?",),
)

_JAVA = ScanRules(
    skipped=_TRIPLE_SKIPPED,
    keywords=_JVM_KEYWORDS,
    noise=_JVM_NOISE,
    own=words("this"),
    bases=words("super"),
    members=re.compile(r"\s*(?:::|\.)\s*\Z"),
    types=re.compile(r".*?\b(?:class|interface|enum|record)\s+(?P<name>\w+)", re.DOTALL),
    functions=re.compile(r".*?(?P<name>\w+)\s*\([^{}]*\)[^(){};]*\Z", re.DOTALL),
    declared=_BEFORE,
)

_KOTLIN = msgspec.structs.replace(
    _JAVA,
    members=_DOTS,
    types=re.compile(r".*?\b(?:class|interface|object|trait)\s+(?P<name>\w+)", re.DOTALL),
    functions=re.compile(r".*?\b(?:fun|def)\s+(?:<[^>]*>\s*)?(?:\w+\.)?(?P<name>\w+)", re.DOTALL),
    declared=_COLON,
    looped=(r"\(\s*(?:val\s+)?NAME\s+in\s+",),
    interpolates=("${",),
)
_SCALA = msgspec.structs.replace(_KOTLIN, looped=(r"\bNAME\s*<-\s*",))

_SWIFT = msgspec.structs.replace(
    _KOTLIN,
    skipped=_skipped([_TRIPLE, _SHORT_DOUBLE], _SLASHES),
    keywords=words(
        """Any Bool Double Int String as associatedtype async await break case catch class continue
        default defer deinit do else enum extension fallthrough false fileprivate final for func
        guard if import in init inout internal is lazy let mutating nil open operator override
        private protocol public repeat rethrows return self Self some static struct subscript super
        switch throw throws true try typealias var weak where while"""
    ),
    own=words("self Self"),
    types=re.compile(
        r".*?\b(?:class|struct|enum|protocol|extension|actor)\s+(?P<name>\w+)", re.DOTALL
    ),
    functions=re.compile(r".*?\bfunc\s+(?P<name>\w+)", re.DOTALL),
    looped=(r"\bfor\s+NAME\s+in\s+",),
    interpolates=("\\(",),
)

_C = ScanRules(
    skipped=_C_SKIPPED,
    keywords=_C_KEYWORDS,
    own=words("this"),
    members=_DOTS_AND_COLONS,
    types=re.compile(r".*?\b(?:class|struct|union)\s+(?:\w+\s+)??(?P<name>\w+)", re.DOTALL),
    functions=re.compile(
        r".*?(?:(?P<owner>\w+)(?:<[^<>]*>)?::)?(?P<name>~?\w+)\s*\([^{}]*\)[^(){};]*\Z", re.DOTALL
    ),
    declared=_BEFORE,
    looped=(r"\bauto\s*[&*]*\s*NAME\s*:\s*",),
)

_CSHARP = msgspec.structs.replace(
    _JAVA,
    keywords=_JVM_KEYWORDS | words("async await base foreach namespace nameof ref struct using"),
    noise=_JVM_NOISE
    | words("bool decimal get out params partial readonly set string virtual dynamic event lock"),
    members=_DOTS,
    bases=words("base"),
    types=re.compile(r".*?\b(?:class|interface|struct|record|enum)\s+(?P<name>\w+)", re.DOTALL),
    interpolates=("{",),
)  # fmt: skip

_PHP = ScanRules(
    skipped=_skipped([_SHORT_DOUBLE, _SHORT_SINGLE], rf"{_SLASHES}|#(?!\[)[^\n]*"),
    keywords=words(
        """abstract and array as bool break callable case catch class clone const continue declare
        default do echo else elseif empty enum extends false final finally float fn for foreach
        function global if implements include instanceof int interface isset list match namespace
        new null or parent print private protected public readonly require require_once return self
        static string switch this throw trait true try unset use var void while yield"""
    ),
    own=words("$this this self static"),
    bases=words("parent"),
    members=re.compile(r"\s*(?:\?->|->|::)\s*\Z"),
    types=re.compile(r".*?\b(?:class|interface|trait|enum)\s+(?P<name>\w+)", re.DOTALL),
    functions=re.compile(r".*?\bfunction\s+&?(?P<name>\w+)", re.DOTALL),
    declared=_BEFORE,
    documented=(r"@(?:param|var)\s+(?P<type>[\w\\|\[\]<>, ?]+?)\s+NAME\b",),
)

_RUBY = ScanRules(
    skipped=_skipped([_SHORT_DOUBLE, _SHORT_SINGLE], _HASH),
    keywords=words(
        """alias and attr_accessor attr_reader begin break case class def defined do each else elsif
        end ensure extend false for if in include lambda loop module new next nil not or private
        proc protected public puts raise redo require require_relative rescue retry return self
        super then true undef unless until when while yield"""
    ),
    own=words("self"),
    members=re.compile(r"\s*(?:&\.|::|\.)\s*\Z"),
    blocks="indent",
    types=re.compile(r"[ \t]*(?:class|module)\s+(?:\w+::)*(?P<name>\w+)"),
    functions=re.compile(r"[ \t]*def\s+(?:self\.)?(?P<name>\w*)"),
    documented=(
        r"@param\s+NAME\s+\[(?P<type>[^\]\n]*)\]",
        r"@param\s+\[(?P<type>[^\]\n]*)\]\s+NAME",
    ),
    interpolates=("#{",),
)

_LUA = ScanRules(
    skipped=_skipped([_SHORT_DOUBLE, _SHORT_SINGLE], r"--(?!\[\[)[^\n]*|--\[\[.*?(?:\]\]|\Z)"),
    keywords=words(
        """and break do else elseif end false for function goto if in ipairs local nil not or pairs
        print repeat require return self then true type until while"""
    ),
    own=words("self"),
    members=re.compile(r"\s*[.:]\s*\Z"),
    blocks="indent",
    types=re.compile(r"[ \t]*function\s+(?P<name>\w+)[.:]\w*"),
    functions=re.compile(r"[ \t]*(?:local\s+)?function\s+(?:[\w.]+[.:])?(?P<name>\w*)"),
    documented=(r"@param\s+NAME\s+(?P<type>[\w.]+)",),
)

_PLAIN = msgspec.structs.replace(
    _C, skipped=_skipped([_SHORT_DOUBLE], r"\Z\A"), keywords=_C_KEYWORDS | _JVM_KEYWORDS
)
_SHELL = msgspec.structs.replace(
    _PLAIN,
    skipped=_skipped([_SHORT_SINGLE], r"(?<![\w$])#[^\n]*"),
    keywords=words("case do done echo elif else esac exit export fi for function if in local"
    " read return set shift source then while"),
    blocks="indent",
)  # fmt: skip

RULES: dict[str, ScanRules] = {
    "python": _PYTHON,
    "javascript": _JAVASCRIPT,
    "javascriptreact": _JAVASCRIPT,
    "typescript": _TYPESCRIPT,
    "typescriptreact": _TYPESCRIPT,
    "vue": _TYPESCRIPT,
    "svelte": _TYPESCRIPT,
    "go": _GO,
    "rust": _RUST,
    "java": _JAVA,
    "groovy": _JAVA,
    "kotlin": _KOTLIN,
    "scala": _SCALA,
    "swift": _SWIFT,
    "c": _C,
    "cpp": _C,
    "objective-c": _C,
    "csharp": _CSHARP,
    "php": _PHP,
    "ruby": _RUBY,
    "lua": _LUA,
    "shellscript": _SHELL,
}


def rules_of(language: str) -> ScanRules:
    """The row of an LSP language id; one that assumes little for a language without a row."""
    return RULES.get(language, _PLAIN)
