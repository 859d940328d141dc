"""What is shown at a cursor in languages other than Python: one scenario or more for each.

Each says which definition comes first, what must be there and what must not, and the reason.
"""

from __future__ import annotations

from support.example_workspaces import GO, JAVA, RUST, TYPESCRIPT
from support.small_workspace import Workspace, check


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


def test_who_calls_it_in_another_language_calls_something_else() -> None:
    workspace = Workspace(
        {
            path: (f"\n\n{path[0]} = connect({path[0]}1)\n", "")
            for path in ("a.py", "b.rb", "c.ts", "d.tsx")
        }
    )
    found = workspace.ask("src/page.js", "javascript", "connect(<|>", budget=900)
    callers = [one.path for one in found if "calls connect" in one.reason]
    assert sorted(callers) == ["c.ts", "d.tsx"]
