"""Which names a tree defines, uses and imports: what a generator of holes has to know.

A table of definitions of its own, made from syntax trees and a list of node types. It is coarser
than an index and shares no rule with one, so that a mistake of the index cannot hide itself.
Offsets are in bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_files import SourceFile, words

from indoors_indexing.parse import Node, SyntaxUnavailable, Trees

# The node types that define something: the field with its name, or the child that is the name.
_ECMA = {
    "function_declaration": "name", "generator_function_declaration": "name",
    "class_declaration": "name", "method_definition": "name", "field_definition": "property",
}  # fmt: skip
_TYPED_ECMA = _ECMA | {
    "abstract_class_declaration": "name", "interface_declaration": "name",
    "type_alias_declaration": "name", "enum_declaration": "name", "enum_assignment": "name",
    "public_field_definition": "name", "property_signature": "name", "method_signature": "name",
    "abstract_method_signature": "name", "function_signature": "name",
}  # fmt: skip
DEFINES: dict[str, dict[str, str]] = {
    "python": {"function_definition": "name", "class_definition": "name"},
    "javascript": _ECMA,
    "typescript": _TYPED_ECMA,
    "tsx": _TYPED_ECMA,
    "go": {
        "function_declaration": "name", "method_declaration": "name", "type_spec": "name",
        "type_alias": "name", "const_spec": "name", "field_declaration": "name",
        "method_elem": "name", "method_spec": "name",
    },
    "java": {
        "class_declaration": "name", "interface_declaration": "name", "enum_declaration": "name",
        "record_declaration": "name", "method_declaration": "name", "enum_constant": "name",
    },
    "rust": {
        "function_item": "name", "function_signature_item": "name", "struct_item": "name",
        "enum_item": "name", "union_item": "name", "trait_item": "name", "type_item": "name",
        "const_item": "name", "static_item": "name", "macro_definition": "name",
        "field_declaration": "name", "enum_variant": "name",
    },
}  # fmt: skip
# `receiver.member`: the node types, with the fields of both.
MEMBERS: dict[str, dict[str, tuple[str, str]]] = {
    "python": {"attribute": ("object", "attribute")},
    "javascript": {"member_expression": ("object", "property")},
    "typescript": {"member_expression": ("object", "property")},
    "tsx": {"member_expression": ("object", "property")},
    "go": {"selector_expression": ("operand", "field"), "qualified_type": ("package", "name")},
    "java": {"method_invocation": ("object", "name"), "field_access": ("object", "field")},
    "rust": {
        "field_expression": ("value", "field"), "scoped_identifier": ("path", "name"),
        "scoped_type_identifier": ("path", "name"),
    },
}  # fmt: skip
_IMPORTS = words(
    """import_statement import_from_statement future_import_statement import_declaration
    use_declaration extern_crate_declaration package_clause package_declaration"""
)
_FIRST_NAME = re.compile(rb"\w+")
_MAY_IMPORT = frozenset(("export_statement", "mod_item"))
_BODIES = frozenset(("block", "statement_block", "constructor_body"))
_FUNCTIONS = words(
    """function_definition function_declaration generator_function_declaration method_definition
    method_declaration constructor_declaration function_item arrow_function"""
)
_NAMES = frozenset(("identifier", "type_identifier", "shorthand_property_identifier"))


# What may stand between the top of a file and a definition that is its own.
_WRAPPERS = words(
    """decorated_definition export_statement lexical_declaration variable_declaration
    expression_statement type_declaration const_declaration var_declaration var_spec_list
    ambient_declaration"""
)
_DECORATIONS = frozenset(("decorated_definition", "export_statement"))
_TOPS = frozenset(("module", "program", "source_file"))


@dataclass(frozen=True)
class Defined:
    """A definition: the file, the byte where its text begins, and whether it is at the top."""

    path: str
    start: int
    is_top: bool


@dataclass(frozen=True)
class Use:
    """A name that is used. `receiver` is what it is a member of, as far as its first name."""

    name: str
    start: int
    receiver: str = ""

    @property
    def is_member(self) -> bool:
        """Whether it stands behind a receiver."""
        return bool(self.receiver)


@dataclass
class FileNames:
    """What one file says. `bodies` are the bytes of the bodies of functions, `imports` the text of
    every import with the names in it, `silent` what is comment, string or import.
    """

    defined: dict[str, list[Defined]] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    bodies: list[tuple[int, int]] = field(default_factory=list)
    imports: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    silent: list[tuple[int, int]] = field(default_factory=list)

    def is_silent(self, byte: int) -> bool:
        """Whether a byte lies in a comment, a string or an import."""
        return any(start <= byte < end for start, end in self.silent)


def names_of(file: SourceFile, trees: Trees) -> FileNames:
    """Read one file. What cannot be parsed has no names."""
    found = FileNames()
    try:
        parsed = trees.document(file.path, file.language, file.text)
    except SyntaxUnavailable:
        return found
    _Reader(file, parsed.source.data, found).read(parsed.tree.root_node)
    trees.forget(file.path)
    return found


class _Reader:
    def __init__(self, file: SourceFile, data: bytes, found: FileNames) -> None:
        self.file = file
        self.data = data
        self.found = found
        self.defines = DEFINES[file.record.name]
        self.members = MEMBERS[file.record.name]
        # The names that a definition or a member has taken: not to be counted as plain uses too.
        self.taken: set[int] = set()
        self.import_end = 0

    def text(self, node: Node) -> str:
        # `Node.text` would call the parser's read function again: see parse.py.
        return self.data[node.start_byte : node.end_byte].decode(errors="replace")

    def read(self, root: Node) -> None:
        for node in _nodes(root, _IMPORTS | self.file.record.comments):
            kind = node.type
            if kind in _IMPORTS or (kind in _MAY_IMPORT and self.is_import(node)):
                self.imports(node)
            elif kind in self.file.record.comments or kind in self.file.record.strings:
                self.found.silent.append((node.start_byte, node.end_byte))
            elif kind in self.defines:
                for name in node.children_by_field_name(self.defines[kind]):
                    self.define(name, node)
            elif kind in self.members:
                self.member(node, self.members[kind])
            elif kind in _NAMES:
                if node.start_byte not in self.taken and self.import_end <= node.start_byte:
                    self.found.uses.append(Use(self.text(node), node.start_byte))
            else:
                self.variable(node, kind)
            if kind in _FUNCTIONS:
                self.body(node)

    def imports(self, node: Node) -> None:
        self.found.silent.append((node.start_byte, node.end_byte))
        names = {
            self.text(inner)
            for inner in _nodes(node, frozenset())
            if inner.type.endswith("identifier")
        }
        self.import_end = node.end_byte
        self.found.imports.append((self.text(node), frozenset(names)))

    def is_import(self, node: Node) -> bool:
        """`export … from "x"` passes on what another file has; `mod x;` names another file."""
        if node.type == "mod_item":
            return node.child_by_field_name("body") is None
        return node.child_by_field_name("source") is not None

    def define(self, name: Node, whole: Node) -> None:
        if not name.type.endswith("identifier"):
            return
        self.taken.add(name.start_byte)
        above = whole.parent
        while above is not None and above.type in _WRAPPERS:
            if above.type in _DECORATIONS:
                whole = above
            above = above.parent
        is_top = above is not None and above.type in _TOPS
        place = Defined(self.file.path, whole.start_byte, is_top)
        self.found.defined.setdefault(self.text(name), []).append(place)

    def member(self, node: Node, fields: tuple[str, str]) -> None:
        name = node.child_by_field_name(fields[1])
        if name is None:
            return
        receiver = node.child_by_field_name(fields[0])
        if receiver is not None and name.type != "this":
            first = _FIRST_NAME.match(self.data, receiver.start_byte)
            self.taken.add(name.start_byte)
            said = first[0].decode(errors="replace") if first else "("
            self.found.uses.append(Use(self.text(name), name.start_byte, said))

    def variable(self, node: Node, kind: str) -> None:
        """Variables of a module or a class, and attributes that a method gives to `self`."""
        above = node.parent.type if node.parent is not None else ""
        name: Node | None = None
        if kind == "assignment" and self.file.language == "python":
            name = node.child_by_field_name("left")
            if name is not None and name.type == "attribute":
                if self.text(name).startswith("self.") and (
                    own := name.child_by_field_name("attribute")
                ):
                    self.define(own, node)
                return
            block = node.parent.parent if node.parent is not None else None
            outer = block.parent if block is not None else None
            if not (
                block is not None
                and (block.type == "module" or (outer and outer.type == "class_definition"))
            ):
                return
        elif kind == "variable_declarator":
            name = node.child_by_field_name("name")
            if above not in ("field_declaration", "constant_declaration"):
                outer = node.parent.parent if node.parent is not None else None
                if outer is None or outer.type not in ("program", "export_statement"):
                    return
        elif kind == "var_spec" and above == "var_declaration":
            name = node.child_by_field_name("name")
        if name is not None:
            self.define(name, node)

    def body(self, node: Node) -> None:
        body = node.child_by_field_name("body")
        if body is not None and (body.type in _BODIES):
            self.found.bodies.append((body.start_byte, body.end_byte))


def _nodes(root: Node, leaves: frozenset[str]) -> Iterator[Node]:
    """All nodes below `root` in the order of the text; what is in `leaves` is not entered."""
    cursor = root.walk()
    while True:
        node = cursor.node
        assert node is not None
        yield node
        if node.type not in leaves and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
