"""Small workspaces that tests ask about: one for each of five languages, one of many members."""

from __future__ import annotations

from indoors_indexing.resolve import project_of
from support.small_workspace import Workspace

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
