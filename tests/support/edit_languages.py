"""What makers of edits have to know of a language to write a line of it. Data."""

# ruff: noqa: E501 - patterns are not broken

from __future__ import annotations

from typing import NamedTuple


class Form(NamedTuple):
    """How a language says what all languages say.

    `comments` are its forms of a comment; `doc` opens, continues and closes documentation above a
    definition. `stubs` are bodies that do nothing. `log` is a statement that may stand anywhere,
    `local` one that gives a new name a value. `binding` matches a line that does so, with the name
    as its group (None where the outline knows names, or where a name may be another file's).
    `branches` begin a further branch of a statement. `added` is a parameter that a call must give.
    `imports` matches a line that brings names from elsewhere, with the name in one of its groups.
    `guard` is a check of a parameter `{name}`, indented by `{unit}`.
    """

    comments: tuple[str, ...] = ("// {}", "//{}", "/* {} */")
    doc: tuple[str, str, str] = ("/**", " * ", " */")
    stubs: tuple[str, ...] = ("return;", "return null;", "")
    log: str = ""
    local: str = "let x = 1;"
    binding: str | None = None
    branches: str = r"(?:\} )?(?:else|catch|finally)\b|case\b|default\b"
    added: str = "extra"
    imports: str = r"(?!)"
    guard: str = ""
    closes: str = r"[})\]]"
    opening: str = "/*"


_C_BRANCHES = r"(?:\} )?(?:else|catch|finally)\b|case\b|default\b"
FORMS: dict[str, Form] = {
    "python": Form(
        comments=("# {}", "#{}", "## {}"),
        stubs=(
            "pass",
            "...",
            "raise NotImplementedError",
            "return",
            "return None",
            "...  # as before",
            'raise NotImplementedError("to do")',
        ),
        log='print("called")',
        local="x = 1",
        binding=r"[ \t]+(\w+)(?:: [^=\n]+)? = [^\n]+\n",
        branches=r"(?:elif|else|except|finally|case)\b",
        added="extra_one=None",
        imports=r"(?m)^(?:import (\w+)|from [\w.]+ import (\w+))\n",
        guard='if {name} is None:\n{unit}raise ValueError("{name} is missing")',
        closes=r"(?!)",
        opening='"""',
    ),
    "typescript": Form(
        stubs=("return;", 'throw new Error("not implemented");', "return null;", ""),
        log='console.log("called");',
        binding=r"[ \t]+(?:const|let|var) (\w+)(?:: [^=\n]+)? = [^\n]+;\n",
        imports=r"(?m)^import (\w+) from [^\n]+\n",
        guard='if ({name} === undefined) {{\n{unit}throw new Error("{name} is missing");\n}}',
    ),
    "javascript": Form(
        stubs=("return;", 'throw new Error("not implemented");', "return null;", ""),
        log='console.log("called");',
        binding=r"[ \t]+(?:const|let|var) (\w+) = [^\n]+;\n",
        imports=r"(?m)^import (\w+) from [^\n]+\n",
        guard='if ({name} === undefined) {{\n{unit}throw new Error("{name} is missing");\n}}',
    ),
    "go": Form(
        doc=("", "// ", ""),
        stubs=('panic("not implemented")',),
        log='fmt.Println("called")',
        local="x := 1",
        binding=r"[ \t]+(\w+) := [^\n{]+\n",
        added="extra int",
        imports=r"(?m)^(?:import |\t)\"(?:[\w.-]+/)*(\w+)\"\n",
    ),
    "java": Form(
        stubs=(
            'throw new UnsupportedOperationException("not implemented");',
            "return null;",
            "return;",
        ),
        log='System.out.println("called");',
        local="int x = 1;",
        binding=r"[ \t]+(?:final )?[A-Z\w<>\[\]]+ (\w+) = [^\n]+;\n",
        added="int extra",
        imports=r"(?m)^import [\w.]+\.(\w+);\n",
        guard='if ({name} == null) {{\n{unit}throw new IllegalArgumentException("{name} is missing");\n}}',
    ),
    "rust": Form(
        doc=("", "/// ", ""),
        stubs=("todo!()", 'unimplemented!("later")'),
        log='eprintln!("called");',
        local="let x = 1;",
        binding=r"[ \t]+let (?:mut )?(\w+)(?:: [^=\n]+)? = [^\n]+;\n",
        branches=r"(?!)",
        added="",
        imports=r"(?m)^use [\w:]+::(\w+);\n",
    ),
    "c": Form(
        stubs=("return;", "return 0;", "return NULL;", 'abort();  /* not implemented */', ""),
        log='puts("called");',
        local="int x = 1;",
        binding=r"[ \t]+(?:const |unsigned |struct )*\w+ \**(\w+) = [^\n]+;\n",
        branches=r"(?:\} )?else\b|case\b|default\b",
        imports=r"(?m)^#include [<\"](?:[\w-]+/)*([\w-]+)(?:\.\w+)?[>\"]\n",
        added="int extra",
        guard="if (!{name}) {{\n{unit}return 0;\n}}",
    ),
    "cpp": Form(
        stubs=('throw std::runtime_error("not implemented");', "return;", "return {};", ""),
        log='std::puts("called");',
        local="int x = 1;",
        binding=r"[ \t]+(?:const )?(?:auto|int|bool|\w[\w:<>]*) [*&]*(\w+) = [^\n]+;\n",
        branches=_C_BRANCHES,
        imports=r"(?m)^#include [<\"](?:[\w-]+/)*([\w-]+)(?:\.\w+)?[>\"]\n",
        added="int extra",
        guard='if (!{name}) {{\n{unit}throw std::invalid_argument("{name}");\n}}',
    ),
    "csharp": Form(
        doc=("", "/// ", ""),
        stubs=("throw new NotImplementedException();", "return null;", "return;", "return default;"),
        log='Console.WriteLine("called");',
        local="int x = 1;",
        binding=r"[ \t]+(?:var|int|bool|string|[A-Z][\w<>\[\]]*) (\w+) = [^\n]+;\n",
        branches=_C_BRANCHES,
        imports=r"(?m)^using (?:\w+\.)*(\w+);\n",
        added="int extra",
        guard='if ({name} == null) {{\n{unit}throw new ArgumentNullException("{name}");\n}}',
    ),
    "ruby": Form(
        comments=("# {}", "#{}", "## {}"),
        doc=("", "# ", ""),
        stubs=("nil", "raise NotImplementedError", 'raise NotImplementedError, "later"', "", "return"),
        log='puts "called"',
        local="x = 1",
        binding=r"[ \t]+([a-z_]\w*) = [^\n]+\n",
        branches=r"(?:else|elsif|when|rescue|ensure)\b",
        imports=r"(?m)^require ['\"](?:[\w-]+/)*([\w-]+)['\"]\n",
        guard='raise ArgumentError, "{name} is missing" if {name}.nil?',
        closes=r"end\b|[})\]]",
        opening="=begin",
    ),
    "php": Form(
        comments=("// {}", "# {}", "/* {} */"),
        stubs=('throw new \\Exception("not implemented");', "return null;", "return;", ""),
        log='error_log("called");',
        local="$x = 1;",
        binding=r"[ \t]+(\$\w+) = [^\n]+;\n",
        added="$extra",
        imports=r"(?m)^use [\w\\]+\\(\w+);\n",
        guard='if ({name} === null) {{\n{unit}throw new \\InvalidArgumentException("{name}");\n}}',
    ),
    "kotlin": Form(
        stubs=('TODO("not implemented")', "TODO()", "return", ""),
        log='println("called")',
        local="val x = 1",
        binding=r"[ \t]+va[lr] (\w+)(?:: [^=\n]+)? = [^\n]+\n",
        branches=r"(?:\} )?(?:else|catch|finally)\b",
        added="extra: Int",
        imports=r"(?m)^import [\w.]+\.(\w+)\n",
        guard='require({name} != null) {{ "{name} is missing" }}',
    ),
    "swift": Form(
        doc=("", "/// ", ""),
        stubs=('fatalError("not implemented")', "fatalError()", "return", "return nil", ""),
        log='print("called")',
        local="let x = 1",
        binding=r"[ \t]+(?:let|var) (\w+)(?:: [^=\n]+)? = [^\n]+\n",
        branches=r"(?:\} )?(?:else|catch)\b|case\b|default\b",
        added="extra: Int",
        imports=r"(?m)^import (\w+)\n",
    ),
    "scala": Form(
        stubs=("???", "throw new NotImplementedError", 'sys.error("not implemented")'),
        log='println("called")',
        local="val x = 1",
        binding=r"[ \t]+va[lr] (\w+)(?:: [^=\n]+)? = [^\n]+\n",
        branches=r"(?:\} )?(?:else|catch|finally)\b|case\b",
        added="extra: Int",
        imports=r"(?m)^import [\w.]+\.(\w+)\n",
        guard='require({name} != null, "{name} is missing")',
    ),
    "lua": Form(
        comments=("-- {}", "--{}", "--[[ {} ]]"),
        doc=("", "--- ", ""),
        stubs=("", "return", "return nil", 'error("not implemented")'),
        log='print("called")',
        local="local x = 1",
        binding=r"[ \t]+local (\w+) = [^\n]+\n",
        branches=r"else(?:if)?\b",
        imports=r"(?m)^local (\w+) = require[^\n]+\n",
        guard='if {name} == nil then\n{unit}error("{name} is missing")\nend',
        closes=r"end\b|until\b|[})\]]",
        opening="--[[",
    ),
    "bash": Form(
        comments=("# {}", "#{}", "## {}"),
        doc=("", "# ", ""),
        stubs=(":", "return", "return 0", "true", 'echo "not implemented"'),
        log='echo "called"',
        local="local x=1",
        binding=r"[ \t]+(?:local |declare )?([a-z_]\w*)=[^\n]+\n",
        branches=r"(?:else|elif)\b",
        imports=r"(?m)^(?:source|\.) [^\n]*?(\w+)[^\w\n]*\n",
        closes=r"(?:fi|done|esac)\b|[})]|;;",
        opening="if true; then",
    ),
}  # fmt: skip
FORMS["tsx"] = FORMS["typescript"]
