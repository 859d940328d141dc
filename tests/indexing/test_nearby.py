"""What is read around a cursor without a parser: receivers, open calls, enclosing types, variables.

In the rows `|` is the cursor, and expressions are shown as `a.b().c[]`.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_indexing.chains import Chain
from indoors_indexing.masked import masked
from indoors_indexing.nearby import Nearby, nearby, written_about
from indoors_indexing.scan_rules import RULES, rules_of


def around(language: str, marked: str) -> Nearby:
    before, _, after = marked.partition("|")
    return nearby(language, before, after)


def shown(chain: Chain) -> str:
    return ".".join(link.name + "()" * link.called + "[]" * link.indexed for link in chain)


@pytest.mark.parametrize(
    ("language", "text", "receiver", "partial"),
    [
        ("python", "x = client.|", "client", ""),
        ("python", "x = self.http.fe|", "self.http", "fe"),
        ("python", "make(a, [b]).run|", "make()", "run"),
        ("python", "rows[0].na|", "rows[]", "na"),
        ("python", "(await client.get('a)')).|", "client.get()", ""),
        ("python", "x = (\n    query\n    .filter(a)\n    .or|", "query.filter()", "or"),
        ("python", "super().fe|", "super()", "fe"),
        ("python", 'f"{user.na|', "user", "na"),
        ("python", "# client.|", None, ""),
        ("python", '"client.|', None, ""),
        ("python", "x = 1|", None, ""),
        ("python", "return fetch|", None, "fetch"),
        ("typescript", "const a = this.items?.[0]!.na|", "", ""),
        ("typescript", "this.service?.loa|", "this.service", "loa"),
        ("typescript", "const x = new Foo<string>().ba|", "Foo()", "ba"),
        ("typescript", "`a ${user.na|", "user", "na"),
        ("typescript", "list\n  .map((x) => { return x; })\n  .fi|", "list.map()", "fi"),
        ("go", "err := s.store.Ge|", "s.store", "Ge"),
        ("go", "x := pkg.New(1)[0].|", "pkg.New()[]", ""),
        ("rust", "let x = Foo::ne|", "Foo", "ne"),
        ("rust", "self.open()?.rea|", "self.open()", "rea"),
        ("rust", "Vec::<u8>::wi|", "", ""),
        ("java", "this.store.get(name).|", "this.store.get()", ""),
        ("java", "list.stream().map(Item::na|", "Item", "na"),
        ("cpp", "node->next->va|", "node.next", "va"),
        ("cpp", "ns::Thing::ma|", "ns.Thing", "ma"),
        ("php", "$this->store->fi|", "$this.store", "fi"),
        ("php", "Store::ma|", "Store", "ma"),
        ("ruby", "@store&.fin|", "@store", "fin"),
        ("lua", "self.items:pu|", "self.items", "pu"),
        ("kotlin", "user?.name!!.le|", "user.name", "le"),
        ("csharp", "await _client.Se|", "_client", "Se"),
        ("swift", "let x = view.frame.si|", "view.frame", "si"),
    ],
)
def test_receivers(language: str, text: str, receiver: str | None, partial: str) -> None:
    found = around(language, text).receiver
    if receiver == "":  # too odd to be read: no answer is right, a wrong one is not
        assert found is None or shown(found.chain)
        return
    assert (found and shown(found.chain)) == receiver
    if found is not None:
        assert found.partial == partial


@pytest.mark.parametrize(
    ("language", "text", "calls"),
    [
        ("python", "client.fetch(url, tim|", ["client.fetch 1"]),
        ("python", "outer(a, inner(b, |", ["inner 1", "outer 1"]),
        ("python", "f({'a': |", ["f 0"]),
        ("python", "f(\n    a,\n    b,\n    |", ["f 2"]),
        ("python", "def fetch(self, |", []),
        ("python", "class A(|", []),
        ("python", "x = (a, |", []),
        ("python", "f(')', |", ["f 1"]),
        ("python", "f(a)\ng|", []),
        ("typescript", "if (ready(|", ["ready 0"]),
        ("typescript", "load(id, { retry: |", ["load 1"]),
        ("typescript", "items.map((x) => { |", []),
        ("go", "p := &Point{X: 1, |", ["Point 1 literal"]),
        ("go", "func (s *Store) Get(|", []),
        ("go", "if x == (|", []),
        ("rust", "let p = Point { x: |", ["Point 0 literal"]),
        ("rust", "impl Point { |", []),
        ("java", "store.put(new Item(a, |", ["Item 1", "store.put 0"]),
        ("java", "class A extends B { |", []),
    ],
)
def test_open_calls(language: str, text: str, calls: list[str]) -> None:
    found = [
        f"{shown(one.chain)} {one.n_arguments}" + " literal" * one.literal
        for one in around(language, text).calls
    ]
    assert found == calls


@pytest.mark.parametrize(
    ("language", "text", "kind", "function"),
    [
        ("python", "class A(B):\n    def f(self):\n        x = 1\n        |", "A", "f"),
        ("python", "class A:\n    def f(self): pass\n\n    def |", "A", ""),
        ("python", "class A:\n    x = 1\n\ndef f():\n    |", "", "f"),
        ("python", "class A:\n    def f(\n        self,\n        a,\n    ):\n        |", "A", "f"),
        ("typescript", "class A extends B {\n  load(id: string): void {\n    |", "A", "load"),
        ("typescript", "class A { f() {} }\nconst go = async (x) => {\n |", "", "go"),
        ("typescript", "export function f() { if (x) { |", "", "f"),
        ("go", "func (s *Store[T]) Get(name string) error {\n\t|", "Store", "Get"),
        ("go", "func main() {\n\tfor {\n|", "", "main"),
        ("go", "type Store struct {\n\t|", "Store", ""),
        ("rust", "impl<T> fmt::Display for Thing<T> {\n fn fmt(&self) -> R {\n  |", "Thing", "fmt"),
        ("rust", "impl Thing {\n  fn new() -> Self { x }\n  |", "Thing", ""),
        (
            "java",
            "public class A<T> extends B {\n  @Override\n  public int f(int x) {\n |",
            "A",
            "f",
        ),
        ("java", "class A { int f() { if (x) { |", "A", "f"),
        ("cpp", "int Shelf::size(int x) const {\n |", "Shelf", "size"),
        ("kotlin", "class A : B() {\n  override fun f(x: Int): Int {\n |", "A", "f"),
        ("ruby", "class A < B\n  def f(x)\n    |", "A", "f"),
        ("lua", "function Shop:sell(x)\n  |", "Shop", "sell"),
        ("php", "class A { public function f($x) {\n |", "A", "f"),
        ("csharp", "class A : B { public async Task F(int x) {\n |", "A", "F"),
        ("swift", "extension A: B { func f(x: Int) -> Int {\n |", "A", "f"),
    ],
)
def test_what_encloses_the_cursor(language: str, text: str, kind: str, function: str) -> None:
    near = around(language, text)
    if language == "lua":  # a line of Lua names the type and the function at once
        assert near.enclosing_function() == function
        return
    assert (near.enclosing_type(), near.enclosing_function()) == (kind, function)


@pytest.mark.parametrize(
    ("language", "text", "name", "expected"),
    [
        ("python", "def f(client: Client, b=1):\n", "client", "Client, b=1):"),
        ("python", 'x: "Client" = y\n', "x", '"Client" = y'),
        ("python", "x = Client(a)\n", "x", "= Client()"),
        ("python", "x = await self.make(\n  a,\n  b)\n", "x", "= self.make()"),
        ("python", "with open_db(p) as db:\n", "db", "= open_db()"),
        ("python", "for item in self.items:\n", "item", "each self.items"),
        ("python", "x = A()\nx = B()\n", "x", "= B()"),
        ("python", "x == A()\n", "x", ""),
        ("python", "ax = A()\n", "x", ""),
        ("typescript", "const x: Map<string, Foo> = y;\n", "x", "Map<string, Foo> = y;"),
        ("typescript", "const x = new Foo(a);\n", "x", "= Foo()"),
        ("typescript", "const x = await load(a)\n", "x", "= load()"),
        ("typescript", "const x = y as Foo;\n", "x", "Foo"),
        ("typescript", "for (const x of this.all) {\n", "x", "each this.all"),
        ("javascript", "/** @param {Foo} x */\n", "x", "Foo"),
        ("go", "func f(w io.Writer, s *Store) {\n", "s", "*Store"),
        ("go", "x, err := store.Get(1)\n", "x", "= store.Get()"),
        ("go", "x := &Store{a: 1}\n", "x", "= Store()"),
        ("go", "for _, x := range s.Items {\n", "x", "each s.Items"),
        ("rust", "let x = Foo::new(a);\n", "x", "= Foo.new()"),
        ("rust", "fn f(x: &mut Foo) {\n", "x", "&mut Foo) {"),
        ("rust", "for x in &self.items {\n", "x", "each self.items"),
        ("java", "Map<String, Foo> x = y.get();\n", "x", "= y.get()"),
        ("java", "void f(final Store x, int y) {\n", "x", "Store"),
        ("java", "for (Item x : items) {\n", "x", "Item"),
        ("java", "return x;\n", "x", ""),
        ("cpp", "const Foo &x, int y) {\n", "x", "Foo"),
        ("cpp", "for (auto& x : items) {\n", "x", "each items"),
        ("php", "function f(Store $x) {\n", "$x", "Store"),
        ("php", "$x = new Store($a);\n", "$x", "= Store()"),
        ("ruby", "x = Store.new(1)\n", "x", "= Store.new()"),
        ("kotlin", "val x: Foo = y\n", "x", "Foo = y"),
        ("kotlin", "val x = Foo(1)\n", "x", "= Foo()"),
        ("csharp", "var x = new Foo(1);\n", "x", "= Foo()"),
        ("swift", "let x = Foo(a: 1)\n", "x", "= Foo()"),
    ],
)
def test_what_is_written_about_a_variable(
    language: str, text: str, name: str, expected: str
) -> None:
    found = written_about(nearby(language, text, ""), name)
    shapes = [one.type_text or ("each " if one.item else "= ") + shown(one.value) for one in found]
    assert (expected in shapes) if expected else shapes == []
    assert not expected or language == "java" or shapes[0] == expected


def test_near_names_come_first_and_keywords_never() -> None:
    near = around("python", "import far\n" + "\n" * 20 + "for row in table:\n    near.|\nbelow()")
    names = list(near.names)
    assert names[0] in ("near",)
    assert {"row", "table", "below", "far"} < set(names)
    assert not {"for", "in", "import"} & set(names)
    assert names.index("row") < names.index("far")


def test_the_word_that_is_being_written_is_no_name() -> None:
    near = around("python", "x = valu|")
    assert near.partial == "valu"
    assert "valu" not in near.names


@pytest.mark.parametrize(
    ("language", "text", "code"),
    [
        ("python", "a = 'b # c' # d\ne", "a = '     '    \ne"),
        ("python", 'a = """b\nc""" d', 'a = "   \n   " d'),
        ("typescript", "a /* b\nc */ d `x`", "a     \n     d ` `"),
        ("typescript", "a /* b ** c **/ d /* e *", "a               d       "),
        ("typescript", "a 'b\\' c' d", "a '     ' d"),
        ("rust", "fn f<'a>(x: &'a str) { '{' }", "fn f<'a>(x: &'a str) { ' ' }"),
        ("go", 'a := `b\n"`', "a := ` \n `"),
        ("cpp", "int x = 1'000; // no", "int x = 1'000;      "),
    ],
)
def test_masking_keeps_every_line_in_its_place(language: str, text: str, code: str) -> None:
    found = masked(text, rules_of(language))
    assert len(found) == len(text)
    assert found == code
    assert [len(line) for line in found.split("\n")] == [len(line) for line in text.split("\n")]


_TEXT = st.lists(
    st.sampled_from(
        ["a", "Foo", " ", "\n", "    ", ".", "(", ")", "[", "]", "{", "}", "<", ">", '"', "'", "`",
         "#", "//", "/*", "*/", "=", ":=", ":", "::", "->", "?", "!", ",", ";", "def ", "class ",
         "func ", "impl ", "for ", "in ", "é", "\\", "${", "self", "x"]
    ),
    max_size=60,
).map("".join)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(language=st.sampled_from([*RULES, "unknown"]), before=_TEXT, after=_TEXT)
def test_no_text_makes_it_raise(language: str, before: str, after: str) -> None:
    near = nearby(language, before, after)
    assert len(near.code) == len(near.text)
    for name in ("x", "Foo", "$a", "a"):
        written_about(near, name)
    near.enclosing_type()
    near.enclosing_function()


@pytest.mark.parametrize("language", [*RULES, "unknown"])
@pytest.mark.parametrize(
    "text",
    ["(" * 300_000, "{" * 30_000, "a." * 100_000, "x " * 100_000, '"' * 99_999, "/*" * 99_999,
     "<" * 50_000, "class A { " * 5_000, "f(a, " * 10_000, "a\n" * 100_000, "`${" * 20_000,
     "public static " * 9_000, "  " * 60_000 + "x", "[](" * 20_000],
    ids=lambda text: text[:10],
)  # fmt: skip
def test_hostile_text_takes_no_time(language: str, text: str) -> None:
    started = time.process_time()
    near = nearby(language, text, text[:5000])
    written_about(near, "x")
    assert time.process_time() - started < 3  # minutes, if it grew faster than the text
