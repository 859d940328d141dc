"""Imports to files: one row for each rule of each language, and what holds for any input."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indoors_indexing.facts import Import
from indoors_indexing.resolve import MAX_PATHS, MemoryFiles, paths_of, project_of
from indoors_indexing.resolve.project import Place, Project


def words(text: str) -> list[str]:
    return text.split()


def imported(module: str, name: str = "", *, level: int = 0, alias: str = "") -> Import:
    return Import(module=module, name=name, alias=alias, level=level, start=0)


def check(
    files: MemoryFiles, importer: str, module: str, name: str, expected: str, level: int = 0
) -> None:
    found = paths_of(imported(module, name, level=level), importer, files)
    assert found == tuple(expected.split())


PYTHON = MemoryFiles(
    words("""setup.py pkg/__init__.py pkg/core.py pkg/util/__init__.py pkg/util/text.py pkg/stub.pyi
    src/app/__init__.py src/app/main.py src/app/models.py tests/test_core.py tests/helpers.py
    space/one/mod.py packages/deep/src/lib_a/__init__.py packages/deep/src/lib_a/x.py
    vendored/other/inner/thing.py"""),
    project_of({"packages/deep/pyproject.toml": ""}),
)


@pytest.mark.parametrize(
    ("importer", "module", "name", "level", "expected"),
    [
        ("pkg/core.py", "", "util", 1, "pkg/util/__init__.py pkg/__init__.py"),
        ("pkg/core.py", "util", "text", 1, "pkg/util/text.py pkg/util/__init__.py"),
        ("pkg/core.py", "util.text", "clean", 1, "pkg/util/text.py"),
        ("pkg/util/text.py", "core", "Client", 2, "pkg/core.py"),
        ("pkg/util/__init__.py", "text", "*", 1, "pkg/util/text.py"),
        ("pkg/util/text.py", "", "core", 2, "pkg/core.py pkg/__init__.py"),
        ("pkg/core.py", "", "x", 5, ""),
        ("tests/test_core.py", "pkg.core", "Client", 0, "pkg/core.py"),
        ("tests/test_core.py", "pkg", "core", 0, "pkg/core.py pkg/__init__.py"),
        ("tests/test_core.py", "helpers", "", 0, "tests/helpers.py"),
        ("tests/test_core.py", "app.models", "User", 0, "src/app/models.py"),
        ("src/app/main.py", "app.models", "", 0, "src/app/models.py"),
        ("pkg/core.py", "space.one", "mod", 0, "space/one/mod.py"),
        ("pkg/core.py", "space.one", "", 0, ""),
        ("pkg/core.py", "stub", "", 1, "pkg/stub.pyi"),
        ("pkg/core.py", "lib_a.x", "X", 0, "packages/deep/src/lib_a/x.py"),
        ("packages/deep/src/lib_a/x.py", "lib_a", "y", 0, "packages/deep/src/lib_a/__init__.py"),
        ("pkg/core.py", "inner.thing", "T", 0, "vendored/other/inner/thing.py"),
        ("pkg/core.py", "json", "", 0, ""),
        ("pkg/core.py", "collections", "deque", 0, ""),
    ],
)
def test_python(importer: str, module: str, name: str, level: int, expected: str) -> None:
    check(PYTHON, importer, module, name, expected, level)


WEB = MemoryFiles(
    words("""src/a.ts src/b.tsx src/lib/index.ts src/lib/x.js src/style.vue src/types.d.ts
    src/deep/c.ts web/app/page.tsx web/shared/ui/button.tsx web/src/hooks.ts plain/src/x.ts
    packages/core/src/index.ts packages/core/src/parse.ts packages/core/src/inner.ts
    packages/built/lib/util.js packages/bare/index.js server/feature/log.ts"""),
    project_of(
        {
            "tsconfig.json": '{"extends": "./tsconfig.base.json", /* no */ "include": ["a",],}',
            "tsconfig.base.json": json.dumps(
                {"compilerOptions": {"paths": {"@lib/*": ["src/lib/*"], "only": ["./src/a.ts"]}}}
            ),
            "web/tsconfig.json": """{ // comments
                "compilerOptions": {"baseUrl": ".", "paths": {"~ui/*": ["shared/ui/*"]}}}""",
            "server/tsconfig.json": '{"compilerOptions": {"baseUrl": "./"}}',
            "packages/core/package.json": json.dumps(
                {
                    "name": "@acme/core",
                    "exports": {
                        ".": {"import": "./dist/index.js", "types": "./dist/index.d.ts"},
                        "./*": "./dist/*.js",
                    },
                    "imports": {"#inner": "./src/inner.ts"},
                }
            ),
            "packages/built/package.json": '{"name": "built", "main": "lib/util"}',
            "packages/bare/package.json": '{"name": "bare"}',
            "broken/package.json": "{",
        }
    ),
)


@pytest.mark.parametrize(
    ("importer", "module", "expected"),
    [
        ("src/a.ts", "./b", "src/b.tsx"),
        ("src/a.ts", "./lib", "src/lib/index.ts"),
        ("src/lib/index.ts", ".", ""),
        ("src/a.ts", "./lib/x", "src/lib/x.js"),
        ("src/deep/c.ts", "../a.js", "src/a.ts"),
        ("src/deep/c.ts", "..", ""),
        ("src/a.ts", "./style.vue", "src/style.vue"),
        ("src/a.ts", "./types", "src/types.d.ts"),
        ("src/a.ts", "../../outside", ""),
        ("src/a.ts", "@lib/x", "src/lib/x.js"),
        ("src/b.tsx", "only", "src/a.ts"),
        ("web/app/page.tsx", "~ui/button", "web/shared/ui/button.tsx"),
        ("web/app/page.tsx", "shared/ui/button", "web/shared/ui/button.tsx"),
        ("server/x.ts", "feature/log", "server/feature/log.ts"),
        ("src/a.ts", "@acme/core", "packages/core/src/index.ts"),
        ("src/a.ts", "@acme/core/parse", "packages/core/src/parse.ts"),
        ("packages/core/src/parse.ts", "#inner", "packages/core/src/inner.ts"),
        ("src/a.ts", "built", "packages/built/lib/util.js"),
        ("src/a.ts", "bare", "packages/bare/index.js"),
        ("src/a.ts", "@/lib/x", "src/lib/x.js"),
        ("src/a.ts", "react", ""),
        ("src/a.ts", "node:fs", ""),
    ],
)
def test_javascript_and_typescript(importer: str, module: str, expected: str) -> None:
    check(WEB, importer, module, "", expected)


GO = MemoryFiles(
    words("""main.go shop/store.go shop/item.go shop/store_test.go tools/gen/main.go
    tools/gen/out/write.go"""),
    project_of(
        {"go.mod": "module example.org/acme/v2 // x\n", "tools/go.mod": "module example.org/tools"}
    ),
)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("example.org/acme/v2/shop", "shop/item.go shop/store.go"),
        ("example.org/tools/gen/out", "tools/gen/out/write.go"),
        ("example.org/acme/v2", ""),
        ("example.org/acme/v2x/shop", ""),
        ("fmt", ""),
        ("github.com/a/b/shop", ""),
    ],
)
def test_go(module: str, expected: str) -> None:
    check(GO, "main.go", module, "", expected)


def test_go_without_a_module_file() -> None:
    files = MemoryFiles(["cmd/x.go", "shop/item.go"])
    check(files, "cmd/x.go", "github.com/acme/store/shop", "", "shop/item.go")
    check(files, "cmd/x.go", "shop", "", "shop/item.go")


RUST = MemoryFiles(
    words("""Cargo.toml src/lib.rs src/main.rs src/shape.rs src/net/mod.rs src/net/tcp.rs
    src/bin/tool.rs tests/api.rs tests/common/mod.rs crates/my-util/src/lib.rs
    crates/my-util/src/text.rs"""),
    project_of(
        {
            "Cargo.toml": '[package]\nname = "acme"\n',
            "crates/my-util/Cargo.toml": '[package]\nname = "my-util"\n',
            "bad/Cargo.toml": "[",
        }
    ),
)


@pytest.mark.parametrize(
    ("importer", "module", "name", "expected"),
    [
        ("src/net/tcp.rs", "crate::shape", "Shape", "src/shape.rs"),
        ("src/net/tcp.rs", "crate::shape::Shape", "Circle", "src/shape.rs"),
        ("src/net/tcp.rs", "crate", "net", "src/net/mod.rs"),
        ("src/net/tcp.rs", "super", "Conn", "src/net/mod.rs"),
        ("src/net/tcp.rs", "super::super::shape", "*", "src/shape.rs"),
        ("src/net/mod.rs", "self::tcp", "Stream", "src/net/tcp.rs"),
        ("src/net/mod.rs", "self", "tcp", "src/net/tcp.rs"),
        ("src/lib.rs", "shape", "Shape", "src/shape.rs"),
        ("src/net/mod.rs", "tcp", "Stream", "src/net/tcp.rs"),
        ("src/shape.rs", "crate", "Error", "src/lib.rs src/main.rs"),
        ("src/main.rs", "acme::net", "Conn", "src/net/mod.rs"),
        ("src/bin/tool.rs", "acme::shape", "Shape", "src/shape.rs"),
        ("tests/api.rs", "my_util::text", "trim", "crates/my-util/src/text.rs"),
        ("tests/api.rs", "common", "setup", "tests/common/mod.rs"),
        ("crates/my-util/src/text.rs", "crate", "X", "crates/my-util/src/lib.rs"),
        ("src/lib.rs", "std::collections", "HashMap", ""),
        ("src/lib.rs", "super", "x", ""),
    ],
)
def test_rust(importer: str, module: str, name: str, expected: str) -> None:
    check(RUST, importer, module, name, expected)


_JVM_PATHS = words("""app/src/main/java/org/shop/Store.java app/src/main/java/org/shop/Item.java
    app/src/test/java/org/shop/StoreTest.java lib/src/main/java/org/tools/Text.java
    lib/src/main/kotlin/org/tools/Extra.kt kt/src/main/kotlin/ui/Screen.kt
    kt/src/main/kotlin/ui/helpers.kt sc/src/main/scala/a/b/Model.scala""")
JVM = MemoryFiles(_JVM_PATHS, project_of({}, _JVM_PATHS))


@pytest.mark.parametrize(
    ("importer", "module", "name", "expected"),
    [
        ("app/src/test/java/org/shop/StoreTest.java", "org.shop", "Store", _JVM_PATHS[0]),
        ("app/src/main/java/org/shop/Store.java", "org.tools", "Text", _JVM_PATHS[3]),
        ("app/src/main/java/org/shop/Store.java", "org.tools.Text", "join", _JVM_PATHS[3]),
        ("app/src/main/java/org/shop/Store.java", "org.tools.Text.Inner", "deep", _JVM_PATHS[3]),
        (
            "app/src/main/java/org/shop/Store.java", "org.tools", "*",
            f"{_JVM_PATHS[3]} {_JVM_PATHS[4]}",
        ),
        ("kt/src/main/kotlin/ui/Screen.kt", "org.tools", "Text", _JVM_PATHS[3]),
        ("kt/src/main/kotlin/ui/Screen.kt", "org.acme.ui", "draw", _JVM_PATHS[6]),
        ("sc/src/main/scala/a/Main.scala", "a.b", "Model", _JVM_PATHS[7]),
        ("app/src/main/java/org/shop/Store.java", "java.util", "List", ""),
        ("app/src/main/java/org/shop/Store.java", "java.util", "*", ""),
    ],
)  # fmt: skip
def test_java_kotlin_scala(importer: str, module: str, name: str, expected: str) -> None:
    check(JVM, importer, module, name, expected)


_C_PATHS = words("""src/list.c src/list.h include/acme/api.h third/deep/inc/only.h src/net/sock.cpp
    src/net/sock.hpp a/util.h b/util.h engine/public/render/pass.h src/string.h""")
NATIVE = MemoryFiles(_C_PATHS, project_of({}, _C_PATHS))


@pytest.mark.parametrize(
    ("importer", "module", "expected"),
    [
        ("src/list.c", "list.h", "src/list.h"),
        ("src/net/sock.cpp", "../list.h", "src/list.h"),
        ("src/net/sock.cpp", "list.h", "src/list.h"),
        ("src/net/sock.cpp", "<acme/api.h>", "include/acme/api.h"),
        ("src/net/sock.cpp", "acme/api.h", "include/acme/api.h"),
        ("src/list.c", "only.h", "third/deep/inc/only.h"),
        ("src/list.c", "util.h", ""),
        ("src/list.c", "render/pass.h", "engine/public/render/pass.h"),
        ("include/acme/api.h", "<vector>", ""),
        ("include/acme/api.h", "<only.h>", ""),
    ],
)
def test_c_and_cpp(importer: str, module: str, expected: str) -> None:
    check(NATIVE, importer, module, "", expected)


OTHERS = MemoryFiles(
    words("""Acme/Core/Shop.cs Acme/Core/Item.cs Acme/Program.cs App/Text.cs
    src/Models/Item.php src/Base/Thing.php helpers.php legacy/Old/Class1.php
    lib/shop/store.rb lib/shop.rb spec/shop_spec.rb app/models/user.rb
    lua/plug/init.lua lua/plug/util.lua main.lua Sources/Kit/View.swift Own/Tool.swift
    run.sh lib/common.sh"""),
    project_of(
        {
            "Acme/Acme.csproj": "<Project></Project>",
            "composer.json": '{"autoload": {"psr-4": {"App\\\\": "src/", "": []}}}',
            "Package.swift": '.target(name: "Kit"), .target(name: "Tool", path: "Own")',
        }
    ),
)


@pytest.mark.parametrize(
    ("importer", "module", "name", "level", "expected"),
    [
        ("Acme/Program.cs", "Acme.Core", "*", 0, "Acme/Core/Item.cs Acme/Core/Shop.cs"),
        ("Acme/Program.cs", "Acme.Core.Shop", "", 0, "Acme/Core/Shop.cs"),
        ("Acme/Program.cs", "Acme.Core.Shop", "*", 0, "Acme/Core/Shop.cs"),
        ("Acme/Program.cs", "System.Text", "*", 0, ""),
        ("Acme/Program.cs", "System", "*", 0, ""),
        ("src/Base/Thing.php", "App\\Models", "Item", 0, "src/Models/Item.php"),
        ("src/Base/Thing.php", "\\App\\Models", "Item", 0, "src/Models/Item.php"),
        ("src/Base/Thing.php", "/helpers.php", "", 0, "helpers.php"),
        ("src/Base/Thing.php", "Vendor\\Old", "Class1", 0, "legacy/Old/Class1.php"),
        ("lib/shop.rb", "shop/store", "", 1, "lib/shop/store.rb"),
        ("spec/shop_spec.rb", "shop/store", "", 0, "lib/shop/store.rb"),
        ("spec/shop_spec.rb", "shop", "", 0, "lib/shop.rb"),
        ("spec/shop_spec.rb", "json", "", 0, ""),
        ("main.lua", "plug.util", "", 0, "lua/plug/util.lua"),
        ("main.lua", "plug", "", 0, "lua/plug/init.lua"),
        ("Own/Tool.swift", "Kit", "", 0, "Sources/Kit/View.swift"),
        ("Sources/Kit/View.swift", "Tool", "", 0, "Own/Tool.swift"),
        ("Own/Tool.swift", "Foundation", "", 0, ""),
        ("run.sh", "./lib/common.sh", "", 0, "lib/common.sh"),
        ("run.sh", "$HERE/lib/common.sh", "", 0, "lib/common.sh"),
    ],
)
def test_other_languages(importer: str, module: str, name: str, level: int, expected: str) -> None:
    check(OTHERS, importer, module, name, expected, level)


def test_an_unknown_language_has_no_paths() -> None:
    check(PYTHON, "notes.md", "pkg.core", "", "")


def test_include_and_source_roots_are_told_from_paths() -> None:
    project = project_of({}, ["a/include/x/y.h", "m/src/main/java/org/A.java", "b.py"])
    assert project.include_roots == ("a/include",)
    assert project.jvm_roots == ("m/src/main/java",)


def test_project_files_that_do_not_parse_say_nothing() -> None:
    texts = dict.fromkeys(
        ["package.json", "tsconfig.json", "Cargo.toml", "composer.json", "go.mod"], "[[[{{{" * 1000
    )
    found = project_of(texts)
    assert (found.path_maps, found.crates, found.psr4, found.go_modules) == ((), (), (), ())


def test_a_crate_has_underscores_and_the_lib_name_counts() -> None:
    text = '[package]\nname = "a-b"\n[lib]\nname = "c"\n'
    assert project_of({"x/Cargo.toml": text}).crates == (Place("c", "x"),)


def test_a_package_of_ten_thousand_files_gives_a_bounded_answer() -> None:
    files = MemoryFiles(
        [f"p/f{n}.go" for n in range(10_000)], Project(go_modules=(Place("m", ""),))
    )
    assert len(paths_of(imported("m/p"), "main.go", files)) == MAX_PATHS


def test_a_package_is_found_by_the_end_of_its_path_among_thousands() -> None:
    paths = [f"a{n}/other/__init__.py" for n in range(2000)]
    files = MemoryFiles([*paths, "z/deep/pkg/inner/__init__.py", "main.py"])
    found = paths_of(imported("pkg.inner", "Thing"), "main.py", files)
    assert found == ("z/deep/pkg/inner/__init__.py",)


_PIECE = st.sampled_from(
    ["a", "B", "pkg", ".", "..", "/", "\\", "::", "*", "crate", "super", "self", "@", "#", "~",
     "<", ">", "$", "é", "\n", "", "index", "lib", "src", "mod", "com", "Test"]
)  # fmt: skip
_TEXT = st.lists(_PIECE, max_size=8).map("".join)
_ENDS = words("py ts tsx js go rs java kt scala c hpp cs php rb lua swift sh vue m txt")
_PATHS = st.lists(st.sampled_from(["a", "B", "src", "pkg", "lib", "mod"]), min_size=1, max_size=4)


@settings(max_examples=400, deadline=None)
@given(
    module=_TEXT, name=_TEXT, level=st.integers(0, 6), end=st.sampled_from(_ENDS),
    folders=_PATHS, others=st.lists(_PATHS, max_size=6),
)  # fmt: skip
def test_never_raises_and_answers_with_files_that_exist(
    module: str, name: str, level: int, end: str, folders: list[str], others: list[list[str]]
) -> None:
    importer = "/".join(folders) + f".{end}"
    paths = {"/".join(parts) + f".{end}" for parts in others} | {importer}
    project = Project(
        go_modules=(Place("a", ""),), crates=(Place("pkg", "src"),), python_roots=("lib",),
        csharp_roots=(Place("B", "src"),), psr4=(Place("", "lib"), Place("a", "B")),
        swift_targets=(Place("a", "a"),), jvm_roots=("src",), include_roots=("lib",),
    )  # fmt: skip
    found = paths_of(imported(module, name, level=level), importer, MemoryFiles(paths, project))
    assert set(found) <= paths - {importer}
    assert len(found) == len(set(found))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["./a.js", "x", "."]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["name", "exports", "imports", "main", ".", "./*", "import", "compilerOptions",
             "paths", "baseUrl", "extends", "autoload", "psr-4", "package", "lib"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(data=_JSON, name=st.sampled_from(["package.json", "tsconfig.json", "composer.json"]))
def test_any_project_file_is_read(data: object, name: str) -> None:
    files = MemoryFiles(["a.ts", "b.php"], project_of({name: json.dumps(data)}))
    assert isinstance(paths_of(imported("x/y"), "a.ts", files), tuple)
    assert isinstance(paths_of(imported("x\\y"), "b.php", files), tuple)
