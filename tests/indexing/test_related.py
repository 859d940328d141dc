"""What is shown at a cursor: scenarios in small workspaces, one or more for each language.

Each says which definition comes first, what must be there and what must not, and the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_indexing.rank import LIMITS, LISTED, WEIGHTS, WITH_BODY, Candidate, Why, ordered
from indoors_indexing.recent import Ring
from indoors_indexing.resolve import project_of
from indoors_indexing.types import Snippet
from support.small_workspace import Workspace


def check(
    snippets: Sequence[Snippet],
    first: str,
    *,
    reason: str = "",
    shown: Sequence[str] = (),
    absent: Sequence[str] = (),
) -> None:
    """The best snippet has the line `first` and says `reason`."""
    assert snippets, "nothing was found"
    lines = [line.strip() for line in snippets[0].text.splitlines()]
    assert first in lines, snippets
    assert reason in snippets[0].reason
    whole = "\n".join(snippet.text for snippet in snippets)
    for text in shown:
        assert text in whole
    for text in absent:
        assert text not in whole


PYTHON = Workspace(
    {
        "shop/__init__.py": (
            "from .client import Client as Client\n",
            "import client Client level 1",
        ),
        "shop/base.py": (
            '''class Base:
    """What all have."""

    def close(self) -> None:
        """Ends it."""
        self.done = True

    def fetch(self, path: str) -> "Answer":
        raise NotImplementedError
''',
            """class Base | class Base:
            method Base.close : None | def close(self) -> None:
            method Base.fetch : Answer | def fetch(self, path: str) -> "Answer":""",
        ),
        "shop/client.py": (
            '''from .base import Base
from .answer import Answer

class Client(Base):
    """Talks to a server."""

    retries: int = 3

    def __init__(self, session: "Session") -> None:
        self.session = session

    def fetch(self, path: str) -> Answer:
        """Gets one thing."""
        return self.session.send(path)

    def _hidden(self):
        pass


def connect(url: str) -> Client:
    return Client(url)
''',
            """import base Base level 1
            import answer Answer level 1
            class Client | class Client(Base):
            field Client.retries : int | retries: int = 3
            constructor Client.__init__ : None | def __init__(self, session: "Session") -> None:
            field Client.session : Session | self.session = session
            method Client.fetch : Answer | def fetch(self, path: str) -> Answer:
            hidden method Client._hidden | def _hidden(self):
            function connect : Client | def connect(url: str) -> Client:
            base Client < Base""",
        ),
        "shop/answer.py": (
            "class Answer:\n    code: int\n    body: bytes\n\n    def text(self) -> str:\n"
            "        return self.body.decode()\n",
            """class Answer | class Answer:
            field Answer.code : int | code: int
            field Answer.body : bytes | body: bytes
            method Answer.text : str | def text(self) -> str:""",
        ),
        "shop/cached.py": (
            "from .client import Client\n\nclass Cached(Client):\n"
            "    def fetch(self, path):\n        return self.memo[path]\n",
            """import client Client level 1
            class Cached | class Cached(Client):
            method Cached.fetch | def fetch(self, path):
            base Cached < Client""",
        ),
        "app/main.py": ("from shop import Client\n", "import shop Client"),
        "app/other.py": ("import shop.client as sc\n", "import shop.client - as sc"),
        "app/tool.py": (
            "from shop.client import connect\n\n\ndef run():\n    c = connect('http://x')\n"
            "    return c.fetch('a').text()\n",
            "import shop.client connect\nfunction run | def run():",
        ),
        "tests/test_client.py": (
            "from shop.client import Client\n\n\ndef test_fetch_gives_an_answer():\n    assert 1\n",
            "import shop.client Client\nfunction test_fetch_gives_an_answer |"
            " def test_fetch_gives_an_answer():",
        ),
    }
)


def test_python_members_of_an_annotated_parameter_through_a_reexport() -> None:
    found = PYTHON.ask(
        "app/main.py",
        "python",
        "from shop import Client\n\ndef run(client: Client):\n    client.<|>\n",
    )
    check(
        found,
        "def fetch(self, path: str) -> Answer:",
        reason="member of Client, the type of client",
        shown=['"""Gets one thing."""', "class Client(Base):", "def close(self) -> None:"],
    )
    assert found[0].path == "shop/client.py"


def test_python_what_is_typed_already_chooses() -> None:
    found = PYTHON.ask(
        "app/main.py", "python",
        "from shop import Client\n\ndef run():\n    x = Client(None)\n    x.clo<|>\n", budget=48,
    )  # fmt: skip
    check(found, "def close(self) -> None:", absent=["fetch"])


def test_python_the_result_of_a_method_of_a_result() -> None:
    found = PYTHON.ask(
        "app/tool.py", "python",
        "from shop.client import connect\n\ndef run():\n    c = connect('u')\n"
        "    a = c.fetch('x')\n    a.<|>\n",
    )  # fmt: skip
    check(found, "def text(self) -> str: ...", reason="member of Answer, the type of a")
    assert found[0].path == "shop/answer.py"


def test_python_members_of_a_module() -> None:
    found = PYTHON.ask("app/other.py", "python", "import shop.client as sc\n\nsc.<|>\n")
    check(found, "def connect(url: str) -> Client: ...", reason="in the module sc")


def test_python_what_is_called_is_shown_with_its_body() -> None:
    found = PYTHON.ask(
        "app/tool.py", "python", "from shop.client import connect\n\nx = connect(<|>\n"
    )
    check(
        found, "def connect(url: str) -> Client:", reason="connect is called here",
        shown=["return Client(url)"],
    )  # fmt: skip


def test_python_making_a_value_shows_the_constructor() -> None:
    found = PYTHON.ask("app/main.py", "python", "from shop import Client\n\nx = Client(<|>)\n")
    check(found, 'def __init__(self, session: "Session") -> None:', reason="makes a Client")


def test_python_own_members_after_self() -> None:
    found = PYTHON.ask(
        "shop/cached.py", "python",
        "from .client import Client\n\nclass Cached(Client):\n"
        "    def fetch(self, path):\n        return self.<|>\n",
    )  # fmt: skip
    check(
        found,
        "def fetch(self, path: str) -> Answer:",
        shown=["self.session = session", "def close"],
    )


def test_python_a_method_sees_what_it_overrides_and_how_others_do_it() -> None:
    found = PYTHON.ask(
        "shop/client.py", "python",
        "from .base import Base\n\nclass Client(Base):\n    def fetch(self, path):\n        <|>\n",
    )  # fmt: skip
    check(
        found, 'def fetch(self, path: str) -> "Answer":', reason="fetch overrides it",
        shown=["raise NotImplementedError", "return self.memo[path]"],
    )  # fmt: skip
    assert any("Cached overrides fetch, too" in one.reason for one in found)


def test_python_a_new_method_may_override_one_of_a_base() -> None:
    found = PYTHON.ask(
        "shop/cached.py", "python",
        "from .client import Client\n\nclass Cached(Client):\n    memo = {}\n\n    def <|>\n",
    )  # fmt: skip
    assert any("Cached may override it" in one.reason for one in found)


def test_python_a_subject_is_shown_in_its_test() -> None:
    found = PYTHON.ask("tests/test_client.py", "python", "import pytest\n\n\ndef test_<|>\n")
    check(found, "class Client(Base):", reason="tested here")


def test_python_the_test_of_what_is_written() -> None:
    found = PYTHON.ask(
        "shop/client.py", "python", "class Client:\n    def fetch(self, path):\n        <|>\n"
    )
    assert any("tests fetch" in one.reason for one in found)


def test_python_imported_and_not_used_yet() -> None:
    found = PYTHON.ask("app/main.py", "python", "from shop import Client\n" + "\n" * 60 + "<|>")
    check(found, "class Client(Base):", reason="imported and not used yet")


def test_python_how_others_call_it() -> None:
    found = PYTHON.ask(
        "app/main.py", "python", "from shop.client import connect\n\nx = connect(<|>\n", budget=900
    )
    assert any("calls connect" in one.reason for one in found if one.path == "app/tool.py")


def test_a_comment_and_a_string_have_no_receiver() -> None:
    for text in (
        "from shop import Client\n# Client.<|>\n",
        "from shop import Client\nx = 'Client.<|>",
    ):
        found = PYTHON.ask("app/main.py", "python", text)
        assert not any("member of Client, the type" in one.reason for one in found)


TYPESCRIPT = Workspace(
    {
        "src/service.ts": (
            """import { Answer } from "./answer";

// Talks to a server.
export class Service {
  private cache: Map<string, Answer>;
  async load(id: string): Promise<Answer> {
    return this.cache.get(id);
  }
}

export function makeService(url: string): Service {
  return new Service();
}
""",
            """import ./answer Answer
            class Service | export class Service
            hidden field Service.cache : Map<string, Answer> | private cache: Map<string, Answer>
            method Service.load : Promise<Answer> | async load(id: string): Promise<Answer>
            function makeService : Service | export function makeService(url: string): Service""",
        ),
        "src/answer.ts": (
            "export interface Answer {\n  code: number;\n  text(): string;\n}\n",
            """interface Answer | export interface Answer
            field Answer.code : number | code: number
            method Answer.text : string | text(): string""",
        ),
        "src/index.ts": (
            'export { Service as Api } from "./service";\nexport * from "./answer";\n',
            "import ./service Service as Api\nimport ./answer *",
        ),
        "src/page.tsx": ('import { Api } from "@app";\n', "import @app Api"),
        "src/use.ts": (
            'import { makeService } from "./service";\n',
            "import ./service makeService",
        ),
        "src/default.ts": (
            "import Service from './service';\n",
            "import ./service default as Service",
        ),
    },
    project_of({"tsconfig.json": '{"compilerOptions": {"paths": {"@app": ["src/index.ts"]}}}'}),
)


def test_typescript_a_reexport_under_another_name_through_paths() -> None:
    found = TYPESCRIPT.ask(
        "src/page.tsx", "typescriptreact",
        'import { Api } from "@app";\n\nfunction page(api: Api) {\n  api.<|>\n}\n',
    )  # fmt: skip
    check(
        found, "async load(id: string): Promise<Answer>",
        reason="member of Service, the type of api", shown=["// Talks to a server."],
    )  # fmt: skip


def test_typescript_an_awaited_result() -> None:
    found = TYPESCRIPT.ask(
        "src/use.ts", "typescript",
        'import { makeService } from "./service";\n\nconst s = makeService("u");\n'
        "const a = await s.load(1);\na.<|>\n",
    )  # fmt: skip
    check(found, "text(): string", reason="member of Answer, the type of a")


def test_typescript_items_of_an_own_map() -> None:
    found = TYPESCRIPT.ask(
        "src/service.ts", "typescript",
        'import { Answer } from "./answer";\nexport class Service {\n'
        "  cache: Map<string, Answer>;\n"
        "  load(id: string) {\n    return this.cache.get(id)!.<|>\n",
    )  # fmt: skip
    check(found, "text(): string", reason="member of Answer")


def test_typescript_a_default_import_and_new() -> None:
    found = TYPESCRIPT.ask(
        "src/default.ts", "typescript",
        "import Service from './service';\nconst x = new Service();\nx.lo<|>\n",
    )  # fmt: skip
    check(found, "async load(id: string): Promise<Answer>", reason="member of Service")


GO = Workspace(
    {
        "go/shop/store.go": (
            """package shop

// Store keeps what is sold.
type Store struct {
	*Base
	Items []Item
}

// Get finds one.
func (s *Store) Get(name string) (Item, error) {
	return s.Items[0], nil
}

func New(name string) *Store {
	return nil
}
""",
            """class Store | type Store struct
            field Store.Items : []Item | Items []Item
            method Store.Get : (Item, error) | func (s *Store) Get(name string) (Item, error)
            function New : *Store | func New(name string) *Store
            base Store < Base""",
        ),
        "go/shop/item.go": (
            """package shop

type Item struct {
	Price int
}

func (i Item) Cost(n int) int {
	return i.Price * n
}

type Base struct{}

func (b *Base) Close() error { return nil }

func (s *Store) Drop(name string) {}
""",
            """class Item | type Item struct
            field Item.Price : int | Price int
            method Item.Cost : int | func (i Item) Cost(n int) int
            class Base | type Base struct
            method Base.Close : error | func (b *Base) Close() error
            method Store.Drop | func (s *Store) Drop(name string)""",
        ),
        "go/cmd/main.go": (
            'package main\n\nimport "example.org/acme/shop"\n',
            "import example.org/acme/shop -",
        ),
    },
    project_of({"go/go.mod": "module example.org/acme\n"}),
)


def test_go_members_stand_in_any_file_of_the_package() -> None:
    found = GO.ask(
        "go/cmd/main.go", "go",
        'package main\n\nimport "example.org/acme/shop"\n\nfunc main() {\n'
        '\ts := shop.New("a")\n\ts.<|>\n',
    )  # fmt: skip
    check(
        found, "func (s *Store) Get(name string) (Item, error)",
        reason="member of Store, the type of s",
        shown=["func (s *Store) Drop(name string)", "func (b *Base) Close() error", "// Get finds"],
    )  # fmt: skip


def test_go_the_first_of_two_results() -> None:
    found = GO.ask(
        "go/cmd/main.go", "go",
        'package main\n\nimport "example.org/acme/shop"\n\nfunc main(s *shop.Store) {\n'
        '\tit, err := s.Get("a")\n\tit.<|>\n',
    )  # fmt: skip
    check(found, "func (i Item) Cost(n int) int", reason="member of Item, the type of it")


def test_go_a_loop_over_a_field_of_the_receiver() -> None:
    found = GO.ask(
        "go/shop/store.go", "go",
        "package shop\n\nfunc (s *Store) Sum() int {\n\tfor _, it := range s.Items {\n\t\tit.<|>\n",
    )  # fmt: skip
    check(found, "func (i Item) Cost(n int) int", reason="member of Item, the type of it")


def test_go_a_name_of_the_same_package_needs_no_import() -> None:
    found = GO.ask("go/shop/new.go", "go", "package shop\n\nfunc make() {\n\tx := Item{<|>\n")
    check(found, "type Item struct", shown=["Price int"], reason="Item is made here")


JAVA = Workspace(
    {
        "src/main/java/org/shop/Store.java": (
            """package org.shop;

import java.util.List;

public class Store extends Base implements Sized {
    private final List<Item> items;
    private Item last;

    public Store(int size) { }

    // Finds one.
    public Item find(String name) {
        return last;
    }
}
""",
            """module org.shop | package org.shop;
            class Store | public class Store extends Base implements Sized
            hidden field Store.items : List<Item> | private final List<Item> items;
            hidden field Store.last : Item | private Item last;
            constructor Store.Store | public Store(int size)
            method Store.find : Item | public Item find(String name)
            import java.util List
            base Store < Base
            base Store < Sized""",
        ),
        "src/main/java/org/shop/Base.java": (
            "package org.shop;\n\nclass Base {\n"
            "    protected void open(String way) { way(); }\n}\n",
            "class Base | class Base\nmethod Base.open : void | protected void open(String way)",
        ),
        "src/main/java/org/shop/Item.java": (
            "package org.shop;\n\npublic class Item {\n    public long price() { return 1; }\n}\n",
            "class Item | public class Item\nmethod Item.price : long | public long price()",
        ),
        "src/main/java/org/app/Main.java": (
            "package org.app;\n\nimport org.shop.Store;\n",
            "import org.shop Store",
        ),
        "src/test/java/org/shop/StoreTest.java": (
            "package org.shop;\n\nclass StoreTest {}\n",
            "class StoreTest | class StoreTest",
        ),
    }
)


def test_java_a_declared_variable_and_its_bases() -> None:
    found = JAVA.ask(
        "src/main/java/org/app/Main.java", "java",
        "package org.app;\n\nimport org.shop.Store;\n\nclass Main {\n  void run() {\n"
        "    Store store = new Store(1);\n    store.<|>\n",
    )  # fmt: skip
    check(
        found, "public Item find(String name)", reason="member of Store, the type of store",
        shown=["// Finds one.", "protected void open(String way)"],
    )  # fmt: skip


def test_java_a_field_without_this() -> None:
    found = JAVA.ask(
        "src/main/java/org/shop/Store.java", "java",
        "package org.shop;\n\npublic class Store extends Base {\n"
        "  long sum() {\n    return last.<|>\n",
    )  # fmt: skip
    check(found, "public long price()", reason="member of Item, the type of last")


def test_java_a_constructor() -> None:
    found = JAVA.ask(
        "src/main/java/org/app/Main.java", "java",
        "package org.app;\n\nimport org.shop.Store;\n\nclass Main { void f() { new Store(<|>\n",
    )  # fmt: skip
    check(found, "public Store(int size) { }", reason="makes a Store")


def test_java_the_method_that_is_overridden() -> None:
    found = JAVA.ask(
        "src/main/java/org/shop/Store.java", "java",
        "package org.shop;\n\npublic class Store extends Base {\n  @Override\n"
        "  protected void open(String way) {\n    <|>\n",
    )  # fmt: skip
    check(found, "protected void open(String way) { way(); }", reason="open overrides it")


def test_java_the_subject_of_a_test() -> None:
    found = JAVA.ask(
        "src/test/java/org/shop/StoreTest.java", "java",
        "package org.shop;\n\nclass StoreTest {\n  @Test\n  void finds() {\n    <|>\n",
    )  # fmt: skip
    check(found, "public Item find(String name)", reason="tested here")


RUST = Workspace(
    {
        "src/lib.rs": ("pub mod shape;\npub mod draw;\n", "module shape | pub mod shape;"),
        "src/shape.rs": (
            """use crate::draw::Draw;

/// A thing.
pub struct Shape {
    pub side: f64,
    next: Option<Box<Shape>>,
}

impl Shape {
    pub fn new(side: f64) -> Self {
        Self { side }
    }

    pub fn area(&self) -> f64 {
        self.side * self.side
    }
}

impl Draw for Shape {
    fn draw(&self, pen: &Pen) {}
}
""",
            """import crate::draw Draw
            class Shape | pub struct Shape
            field Shape.side : f64 | pub side: f64
            hidden field Shape.next : Option<Box<Shape>> | next: Option<Box<Shape>>
            method Shape.new : Self | pub fn new(side: f64) -> Self
            method Shape.area : f64 | pub fn area(&self) -> f64
            hidden method Shape.draw | fn draw(&self, pen: &Pen)
            base Shape < Draw""",
        ),
        "src/draw.rs": (
            "pub trait Draw {\n    fn draw(&self, pen: &Pen);\n    fn twice(&self) -> u8 { 2 }\n}\n"
            "\n"
            "pub struct Pen {\n    pub width: u8,\n}\n",
            """interface Draw | pub trait Draw
            method Draw.draw | fn draw(&self, pen: &Pen);
            method Draw.twice : u8 | fn twice(&self) -> u8
            class Pen | pub struct Pen
            field Pen.width : u8 | pub width: u8""",
        ),
        "src/main.rs": ("use acme::shape::Shape;\n", "import acme::shape Shape"),
    },
    project_of({"Cargo.toml": '[package]\nname = "acme"\n'}),
)


def test_rust_a_constructor_by_custom_and_a_trait() -> None:
    found = RUST.ask(
        "src/main.rs", "rust",
        "use acme::shape::Shape;\n\nfn main() {\n    let s = Shape::new(1.0);\n    s.<|>\n}\n",
    )  # fmt: skip
    check(
        found, "pub fn area(&self) -> f64", reason="member of Shape, the type of s",
        shown=["/// A thing.", "fn twice(&self) -> u8"],
    )  # fmt: skip


def test_rust_fields_through_wrappers_of_self() -> None:
    found = RUST.ask(
        "src/shape.rs", "rust",
        "use crate::draw::Draw;\n\nimpl Shape {\n    fn f(&self) {\n        self.next.unwrap.ar\n"
        "        self.next.<|>\n",
    )  # fmt: skip
    check(found, "pub fn area(&self) -> f64", reason="member of Shape, the type of self.next")


def test_rust_what_a_function_takes() -> None:
    found = RUST.ask(
        "src/shape.rs", "rust",
        "use crate::draw::Draw;\n\nimpl Shape {\n    fn f(&self) {\n        self.draw(<|>\n",
    )  # fmt: skip
    check(found, "fn draw(&self, pen: &Pen) {}", reason="draw is called here")


def test_other_languages_find_members() -> None:
    files = {
        "src/shelf.hpp": (
            "class Shelf {\npublic:\n    int size() const;\n    Shelf* next;\n};\n",
            "class Shelf | class Shelf\nmethod Shelf.size : int | int size() const;\n"
            "field Shelf.next : Shelf* | Shelf* next;",
        ),
        "src/main.cpp": ('#include "shelf.hpp"\n', "import shelf.hpp -"),
        "lib/store.rb": (
            "class Store\n  def find(name)\n    1\n  end\nend\n",
            "class Store | class Store\nmethod Store.find | def find(name)",
        ),
        "lib/app.rb": ("require_relative 'store'\n", "import store - level 1"),
        "kt/Store.kt": (
            "class Store {\n    fun find(name: String): Int { return 1 }\n}\n",
            "class Store | class Store\nmethod Store.find : Int | fun find(name: String): Int",
        ),
    }
    space = Workspace(files)
    found = space.ask(
        "src/main.cpp",
        "cpp",
        '#include "shelf.hpp"\n\nint f(const Shelf& s) {\n  return s.next-><|>\n',
    )
    check(found, "int size() const;", reason="member of Shelf, the type of s.next")
    found = space.ask("lib/app.rb", "ruby", "require_relative 'store'\ns = Store.new(1)\ns.<|>\n")
    check(found, "def find(name)", reason="member of Store, the type of s")
    found = space.ask("kt/Main.kt", "kotlin", "fun f() {\n    val s = Store()\n    s.<|>\n")
    check(found, "fun find(name: String): Int", reason="member of Store, the type of s")


MORE_FILES = {
    "ui/console.py": (
        "class Console:\n"
        + "".join(f"    def part{n}(self): pass\n" for n in range(60))
        + "    def get_style(self): pass\n",
        "class Console | class Console:\n"
        + "".join(f"method Console.part{n} | def part{n}(self):\n" for n in range(60))
        + "method Console.get_style | def get_style(self):",
    ),
    "ui/__init__.py": (
        "from .console import Console as Screen\n",
        "import console Console as Screen level 1",
    ),
    "ui/data.py": (
        "class Data:\n    def freeze(self): pass\n\n\nclass Other:\n    def thaw(self): pass\n",
        "class Data | class Data:\nmethod Data.freeze | def freeze(self):\n"
        "class Other | class Other:\nmethod Other.thaw | def thaw(self):",
    ),
    "ui/base.py": (
        "from .data import Data\n\nclass Base:\n    def draw(self, data: Data): pass\n",
        "import data Data level 1\nclass Base | class Base:\n"
        "method Base.draw | def draw(self, data: Data):",
    ),
    "ui/child.py": (
        "from .base import Base\n\nclass Child(Base):\n    pass\n",
        "import base Base level 1\nclass Child | class Child(Base):\nbase Child < Base",
    ),
    "app.py": (
        "import ui\nfrom ui.data import Data, Other\n",
        "import ui -\nimport ui.data Data\nimport ui.data Other",
    ),
    "old.py": (
        "def once():\n    frozen_value = Data().freeze()\n    return frozen_value\n",
        "function once | def once():",
    ),
}
MORE = Workspace(MORE_FILES, searched=True)
# Here nothing is alike.
APART = Workspace(MORE_FILES)


def test_a_module_has_what_it_passes_on() -> None:
    found = MORE.ask("app.py", "python", "import ui\n\nui.<|>\n")
    check(found, "class Console:", reason="in the module ui")


def test_of_many_members_the_rest_is_named() -> None:
    found = MORE.ask("app.py", "python", "import ui\n\nc = ui.Screen()\nc.<|>\n", budget=200)
    check(found, "def part0(self): ...", reason="member of Console", shown=["# also: part"])


def test_a_member_that_shares_a_word_with_the_line_comes_before_others() -> None:
    found = MORE.ask("app.py", "python", "import ui\n\nc = ui.Screen()\nstyle = c.<|>\n", budget=60)
    check(found, "def get_style(self): ...", reason="member of Console", absent=["def part5"])


def test_a_variable_is_what_its_own_function_says() -> None:
    text = (
        "from ui.data import Data, Other\n\ndef f(data: Data):\n    x = 1\n\n"
        "def g(data: Other):\n    y = 1\n\ndef h(data: Data):\n    data.<|>\n\n"
        "def i(data: Other):\n    pass\n"
    )
    check(APART.ask("app.py", "python", text, budget=40), "def freeze(self): ...", reason="of Data")
    other = text.replace("data.<|>", "pass").replace("    y = 1", "    data.<|>")
    check(APART.ask("app.py", "python", other, budget=40), "def thaw(self): ...", reason="of Other")


def test_a_parameter_has_the_type_that_the_overridden_method_gives_it() -> None:
    found = APART.ask(
        "ui/child.py", "python",
        "from .base import Base\n\nclass Child(Base):\n"
        "    def draw(self, data):\n        data.<|>\n",
    )  # fmt: skip
    shown = next(one for one in found if one.path == "ui/data.py")
    assert "def freeze(self)" in shown.text
    assert "member of Data, the type of data" in shown.reason


def test_similar_code_is_shown_and_says_what_it_stands_for() -> None:
    found = MORE.ask("app.py", "python", "def twice():\n    frozen_value = Data().freeze()<|>\n")
    assert any(one.path == "old.py" and "similar code" in one.reason for one in found)


def test_the_most_similar_code_stands_last() -> None:
    found = MORE.ask("app.py", "python", "def twice():\n    frozen_value = Data().freeze()<|>\n")
    alike = [number for number, one in enumerate(found) if "similar code" in one.reason]
    assert len(alike) > 1
    assert alike == list(range(len(found) - len(alike), len(found)))
    assert found[-1].path == "old.py"


# --- what holds everywhere ------------------------------------------------------------------------

MARKED = "from shop import Client\n\ndef run(client: Client):\n    client.<|>\n"


@pytest.mark.parametrize("budget", [0, 1, 20, 60, 150, 400, 3000])
def test_a_budget_is_kept(budget: int) -> None:
    found = PYTHON.ask("app/main.py", "python", MARKED, budget=budget)
    size = sum(len(one.text) + len(one.path) for one in found)
    assert size <= budget * 3


def test_the_same_question_has_the_same_answer() -> None:
    assert PYTHON.ask("app/main.py", "python", MARKED) == PYTHON.ask(
        "app/main.py", "python", MARKED
    )


def test_every_snippet_says_why_and_the_best_comes_first() -> None:
    found = PYTHON.ask("app/main.py", "python", MARKED, budget=2000)
    assert all(one.reason and one.text.strip() for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len({one.path for one in found}) == len(found)


def test_what_the_window_shows_is_not_shown_again() -> None:
    text = PYTHON.source("shop/client.py", 0, 10_000).decode()
    found = PYTHON.ask("shop/client.py", "python", text.replace("return Client(url)", "x.<|>"))
    assert "shop/client.py" not in {one.path for one in found}


def test_what_is_outside_of_the_window_is_shown() -> None:
    found = PYTHON.ask("shop/client.py", "python", "def later():\n    return connect(<|>\n")
    check(found, "def connect(url: str) -> Client:", reason="connect is called here")


def test_nothing_is_asked_after_the_deadline() -> None:
    PYTHON.n_asked = 0
    assert PYTHON.ask("app/main.py", "python", MARKED, is_late=lambda: True) == ()
    assert PYTHON.n_asked == 0


def test_what_was_found_before_the_deadline_is_shown() -> None:
    full = PYTHON.ask("app/main.py", "python", MARKED, budget=2000)
    for n_asked in range(0, 60, 3):
        left = iter([False] * n_asked)
        found = PYTHON.ask(
            "app/main.py", "python", MARKED, budget=2000, is_late=lambda left=left: next(left, True)
        )
        assert len(found) <= len(full)
    assert found


def test_recent_edits_are_shown_and_looked_at_ones_after_them() -> None:
    ring = Ring().viewed("docs/b.txt", "seen one\nseen two\n", 0, 10, 1.0)
    ring = ring.edited("docs/a.txt", "fresh edit\nmore of it\n", 0, 0, 5, 2.0)
    found = PYTHON.ask("notes.txt", "plaintext", "hello <|>", ring=ring)
    assert [(one.path, one.reason) for one in found] == [
        ("docs/a.txt", "edited lately"), ("docs/b.txt", "looked at lately"),
    ]  # fmt: skip


def test_a_recent_edit_in_the_window_is_not_shown_again() -> None:
    text = "first line here\nsecond line here\n"
    ring = Ring().edited("notes.txt", text, 0, 0, 5, 1.0)
    assert PYTHON.ask("notes.txt", "plaintext", text + "<|>", ring=ring) == ()


_SPACES = (PYTHON, TYPESCRIPT, GO, JAVA, RUST, MORE)
_WORDS = st.lists(
    st.sampled_from(
        ["client", "Client", "self", "Store", "shop", "Shape", "x", " ", "\n", "    ", ".", "(",
         ")", "{", "}", "[", "]", " = ", ": ", "::", "->", "def ", "class ", "func ", "impl ",
         "new ", "import ", "super", "'", '"', "é", "//", "#"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    space=st.sampled_from(_SPACES), before=_WORDS, after=_WORDS, budget=st.integers(0, 500),
    language=st.sampled_from(["python", "typescript", "go", "java", "rust", "ruby", "unknown"]),
    path=st.sampled_from(
        ["shop/client.py", "src/service.ts", "go/shop/store.go", "src/shape.rs", "a.rb", ""]
    ),
)  # fmt: skip
def test_any_text_has_an_answer_within_the_budget(
    space: Workspace, before: str, after: str, budget: int, language: str, path: str
) -> None:
    found = space.ask(path, language, before + "<|>" + after, budget=budget)
    assert sum(len(one.text) for one in found) <= budget * 3
    assert all(one.reason for one in found)


def test_every_reason_has_a_weight_and_a_meaning() -> None:
    assert set(WEIGHTS) == set(get_args(Why))
    assert set(LIMITS) | LISTED | WITH_BODY <= set(WEIGHTS)


def test_each_thing_is_ranked_once_by_its_best_reason() -> None:
    def one(why: Why, start: int, score: float) -> Candidate:
        return Candidate(why=why, path="a", score=score, reason=why, start=start, end=start + 5)

    many = [one("usage", at, 30 - at) for at in range(1, 10)]
    found = ordered([*many, one("similar", 1, 99), one("similar", 50, 0)])
    assert [(each.why, each.start) for each in found[:2]] == [("similar", 1), ("usage", 2)]
    assert sum(each.why == "usage" for each in found) == LIMITS["usage"]


def test_an_empty_workspace_has_nothing_to_say() -> None:
    assert Workspace({}).ask("a.py", "python", "x.<|>") == ()
    assert Workspace({}).ask("a", "unknown", "<|>") == ()


# --- what is guessed, and what fits the line ------------------------------------------------------

GUESSED = Workspace(
    {
        "app/config.py": (
            """class ServerConfig:
    timeout: int
    retries: int
    def merge(self): ...

class Window:
    width: int
    def close_all(self): ...
    def raise_up(self): ...
""",
            """class ServerConfig | class ServerConfig:
            field ServerConfig.timeout : int | timeout: int
            field ServerConfig.retries : int | retries: int
            method ServerConfig.merge | def merge(self):
            class Window | class Window:
            field Window.width : int | width: int
            method Window.close_all | def close_all(self):
            method Window.raise_up | def raise_up(self):""",
        ),
        "app/other.py": (
            "def show(pane):\n    pane.close_all()\n    pane.raise_up()\n",
            "function show | def show(pane):",
        ),
        "app/errors.py": (
            "class Query: pass\n\nclass QueryFailed: pass\n\nclass QueryError: pass\n"
            "\ndef make_query(): ...\n",
            """class Query | class Query:
            class QueryFailed | class QueryFailed:
            class QueryError | class QueryError:
            function make_query | def make_query():""",
        ),
        "app/main.py": (
            "",
            """import app.config ServerConfig
            import app.errors Query
            import app.errors QueryFailed
            import app.errors QueryError
            import app.errors make_query""",
        ),
    }
)


def test_a_variable_may_be_of_the_type_that_is_called_like_it() -> None:
    found = GUESSED.ask("app/main.py", "python", "def f(config):\n    config.<|>\n")
    check(found, "timeout: int", reason="config is called like ServerConfig")


def test_a_variable_may_be_of_the_type_that_has_what_is_used_of_it() -> None:
    text = "def f(pane):\n    pane.width = 1\n    pane.<|>\n    pane.raise_up()\n"
    check(
        GUESSED.ask("app/main.py", "python", text),
        "def close_all(self): ...",
        reason="Window has width, close_all",
    )


def test_what_other_files_use_of_a_name_says_what_it_is() -> None:
    found = GUESSED.ask("app/main.py", "python", "def f(pane):\n    pane.<|>\n")
    check(found, "width: int", reason="Window has close_all, raise_up, used of pane")


def test_an_unknown_name_that_is_used_nowhere_is_not_guessed() -> None:
    found = GUESSED.ask("app/main.py", "python", "def f(thing):\n    thing.<|>\n", budget=60)
    assert not any("thing" in snippet.reason for snippet in found)


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("raise <|>", "class QueryError:"),
        ("def f(query: <|>", "class Query:"),
        ("query = <|>", "class Query:"),
    ],
)
def test_what_fits_the_line_comes_first(line: str, first: str) -> None:
    text = f"from app.errors import Query, QueryFailed, QueryError, make_query\n\n{line}\n"
    found = GUESSED.ask("app/main.py", "python", text, budget=18)
    check(found, first, reason="is imported and")


def test_names_of_a_package_are_there_without_being_named() -> None:
    go = Workspace(
        {
            "shop/pool.go": (
                "package shop\n\nfunc getBuffer() *Buffer { return nil }\n",
                "hidden function getBuffer : *Buffer | func getBuffer() *Buffer",
            ),
            "shop/pool_test.go": (
                "package shop\n\nfunc checkBuffer() {}\n",
                "hidden function checkBuffer | func checkBuffer()",
            ),
            "shop/store.go": ("package shop\n", ""),
        }
    )
    found = go.ask("shop/store.go", "go", "package shop\n\nfunc f() {\n\tb := <|>\n}\n")
    check(found, "func getBuffer() *Buffer", reason="in this package", absent=["checkBuffer"])


@pytest.mark.parametrize("budget", [20, 60, 120, 300])
def test_names_alone_do_not_go_beyond_the_budget(budget: int) -> None:
    text = "import ui\n\nc = ui.Screen()\nc.<|>\n"
    found = MORE.ask("app.py", "python", text, budget=budget)
    assert sum(len(snippet.path) + len(snippet.text) + 12 for snippet in found) <= 3 * budget


def test_typescript_an_alias_has_the_members_of_what_it_stands_for() -> None:
    workspace = Workspace(
        {
            "src/types.ts": (
                "export interface SyncState {\n  graph: Graph\n}\n"
                "export type FullState = Required<SyncState> & Other\n",
                """interface SyncState | export interface SyncState
                field SyncState.graph : Graph | graph: Graph
                type FullState | export type FullState = Required<SyncState> & Other""",
            ),
            "src/a.ts": ("", "import ./types FullState"),
        }
    )
    text = "import { FullState } from './types'\nfunction f(state: FullState) {\n  state.<|>\n}\n"
    check(workspace.ask("src/a.ts", "typescript", text), "graph: Graph", reason="of FullState")


def test_go_an_embedded_type_gives_its_members() -> None:
    workspace = Workspace(
        {
            "p/state.go": (
                "package p\n\ntype state struct {\n\tTokens int\n}\n\n"
                "type decoder struct {\n\t*state\n\tbuf []byte\n}\n",
                """hidden type state | type state struct
                field state.Tokens : int | Tokens int
                hidden type decoder | type decoder struct
                hidden field decoder.buf : []byte | buf []byte""",
            ),
            "p/use.go": ("package p\n", ""),
        }
    )
    found = workspace.ask("p/use.go", "go", "package p\n\nfunc f(d *decoder) {\n\td.<|>\n}\n")
    check(found, "Tokens int", reason="of decoder, the type of d", shown=["buf []byte"])


def test_a_hidden_member_that_is_used_here_comes_before_others() -> None:
    workspace = Workspace(
        {
            "app/core.py": (
                "class Core:\n    def _start(self): ...\n    def _stop(self): ...\n",
                """class Core | class Core:
                hidden method Core._start | def _start(self):
                hidden method Core._stop | def _stop(self):""",
            ),
            "app/main.py": ("", "import app.core Core"),
        }
    )
    text = (
        "from app.core import Core\n\ndef f(c: Core):\n    c._stop()\n\ndef g(core: Core):\n"
        "    core.<|>\n"
    )
    found = workspace.ask("app/main.py", "python", text, budget=24)
    check(found, "def _stop(self): ...", reason="member of Core", absent=["_start"])
