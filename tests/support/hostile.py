"""Sources that real parsers choke on."""

# Found by trying random repetitions: at 0.3 MB this keeps the JavaScript grammar busy for minutes.
SLOW_JAVASCRIPT = ",=>!" * 75_000

HOSTILE = {
    "brackets": "[" * 300_000,
    "nested parentheses": "(" * 100_000 + ")" * 100_000,
    "nested braces": "{" * 100_000,
    "nested blocks": "if (x) {\n" * 20_000,
    "nested headers": "".join(" " * depth + "if x:\n" for depth in range(1000)),
    "blank lines": "\n" * 500_000,
    "blanks": " " * 500_000,
    "one long line": "x = 1; " * 140_000,
    "nuls": "\0" * 1000 + "def f():\n\0\n    x = 1\0\n",
    "lone surrogates": "x = '\ud800'\n" * 50 + "\udfff\udbff",
    "astral characters": "s = '\U0001f600\U0001f601' # \U0001f602\n" * 50,
    "carriage returns": "def f():\r\n    x = 1\r\n    \r\n" * 50,
    "old Mac line ends": "def f():\r    x = 1\r" * 50,
    "quotes": "\"'`" * 30_000,
    "interpolation": "f'{" * 20_000 + "`${" * 20_000,
    "comments": "/*" * 50_000 + "#" * 50_000,
    "byte order marks": "\ufeff" * 1000,
}
