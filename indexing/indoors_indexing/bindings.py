"""Which names of a text are given a meaning, and which are used: for languages where that is known.

An identifier is judged by what it stands in: from it outwards through patterns (`a, (b, c)`) to the
node that binds them, or does not. What is neither (members, keywords of calls, labels, the modules
of imports) is no name here. `scopes` then says which uses find a meaning where they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from indoors_indexing.language import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indoors_indexing.parse import Node

# "updated" is `x += 1`: it uses a meaning and gives none. "outer" is a name that a function says
# is not its own.
Role = Literal["bound", "used", "updated", "outer", "none"]


class Binders(msgspec.Struct, frozen=True, kw_only=True):
    """The node types of a grammar that matter to names.

    `identifiers` are the leaves that are names. `patterns` only group names. `binders` maps a node
    type to the fields whose names it binds ("*": all of its children); `updates` use a meaning and
    replace it; `outer` say that names are another scope's. `silent` maps a node type to the fields
    whose names are not looked at ("*" for all). `late` are binders whose names have their meaning
    only behind them.

    `scopes` are the nodes that have names of their own; those of `outside` bind their own name
    around them. In `classes` names are not seen from functions inside, in `passing` they are (a
    comprehension). What stands in a `heads` node below a scope is evaluated around it. `ordered`
    says that a function's own name must be bound, in the text, before it is used.
    """

    identifiers: frozenset[str]
    patterns: frozenset[str]
    binders: dict[str, frozenset[str]]
    updates: frozenset[str] = frozenset()
    outer: frozenset[str] = frozenset()
    silent: dict[str, frozenset[str]]
    late: frozenset[str] = frozenset()
    scopes: frozenset[str]
    outside: frozenset[str]
    classes: frozenset[str] = frozenset()
    passing: frozenset[str] = frozenset()
    heads: frozenset[str] = frozenset()
    ordered: bool = False


class Judged(NamedTuple):
    """What an identifier does, and how far outwards (levels) the node is that says so."""

    role: Role
    level: int = -1


def _fields(table: dict[str, str]) -> dict[str, frozenset[str]]:
    return {kind: words(fields) for kind, fields in table.items()}


PYTHON = Binders(
    identifiers=frozenset({"identifier"}),
    patterns=words(
        """pattern_list tuple_pattern list_pattern list_splat_pattern dictionary_splat_pattern
        as_pattern_target tuple list list_splat parenthesized_expression"""
    ),
    binders=_fields(
        {
            "function_definition": "name",
            "class_definition": "name",
            "parameters": "*",
            "lambda_parameters": "*",
            "default_parameter": "name",
            "typed_default_parameter": "name",
            "assignment": "left",
            "for_statement": "left",
            "for_in_clause": "left",
            "named_expression": "name",
            "as_pattern": "alias",
            "aliased_import": "alias",
            "case_pattern": "*",
            "splat_pattern": "*",
        }
    ),
    updates=frozenset({"augmented_assignment"}),
    outer=words("global_statement nonlocal_statement"),
    silent=_fields(
        {
            "attribute": "attribute",
            "keyword_argument": "name",
            "import_from_statement": "module_name",
            "relative_import": "*",
            "future_import_statement": "*",
        }
    ),
    late=words("assignment named_expression"),
    scopes=words(
        """function_definition class_definition lambda list_comprehension set_comprehension
        dictionary_comprehension generator_expression type_alias_statement"""
    ),
    outside=words("function_definition class_definition"),
    classes=frozenset({"class_definition"}),
    passing=words(
        """list_comprehension set_comprehension dictionary_comprehension generator_expression
        type_alias_statement"""
    ),
    heads=words("parameters lambda_parameters type"),
    ordered=True,
)

_ECMA_FUNCTIONS = """function_declaration generator_function_declaration function_expression
    generator_function arrow_function method_definition function_signature method_signature
    abstract_method_signature call_signature construct_signature function_type constructor_type"""

ECMA = Binders(
    identifiers=words(
        """identifier shorthand_property_identifier shorthand_property_identifier_pattern
        type_identifier"""
    ),
    patterns=words(
        """object_pattern array_pattern rest_pattern pair_pattern assignment_pattern
        object_assignment_pattern required_parameter optional_parameter"""
    ),
    binders=_fields(
        {
            "function_declaration": "name",
            "function_expression": "name",
            "generator_function_declaration": "name",
            "generator_function": "name",
            "class_declaration": "name",
            "abstract_class_declaration": "name",
            "class": "name",
            "interface_declaration": "name",
            "type_alias_declaration": "name",
            "enum_declaration": "name",
            "internal_module": "name",
            "module": "name",
            "import_alias": "*",
            "variable_declarator": "name",
            "formal_parameters": "*",
            "arrow_function": "parameter",
            "catch_clause": "parameter",
            "import_clause": "*",
            "import_require_clause": "*",
            "namespace_import": "*",
            "type_parameter": "name",
            "mapped_type_clause": "name",
            "function_signature": "name",
            "index_signature": "name",
        }
    ),
    updates=words("augmented_assignment_expression update_expression"),
    silent=_fields(
        {
            "labeled_statement": "label",
            "break_statement": "label",
            "continue_statement": "label",
            "nested_type_identifier": "name",
            "nested_identifier": "property",
            "namespace_export": "*",
            "predefined_type": "*",
            "type_predicate": "name",
            "enum_assignment": "value",
            "meta_property": "*",
            "namespace_import_export": "*",
            "jsx_namespace_name": "*",
        }
    ),
    scopes=words(
        _ECMA_FUNCTIONS
        + """ class_declaration abstract_class_declaration class interface_declaration
        type_alias_declaration internal_module module catch_clause"""
    ),
    outside=words(
        """function_declaration generator_function_declaration function_signature class_declaration
        abstract_class_declaration interface_declaration type_alias_declaration internal_module
        module"""
    ),
)

BINDERS: dict[str, Binders] = {
    "python": PYTHON,
    "javascript": ECMA,
    "typescript": ECMA,
    "tsx": ECMA,
}


def role(
    binders: Binders,
    nodes: Sequence[Node],
    types: Sequence[str],
    fields: Sequence[str],
    text: str,
) -> Judged:
    """What an identifier does. `nodes` lead to it from the root, with their types and fields."""
    for at in range(len(nodes) - 1, 0, -1):
        kind, field = types[at - 1], fields[at]
        special = _SPECIAL.get(kind)
        if special is not None:
            judged = special(nodes, types, fields, at, text)
            if judged is not None:
                return judged
        silent = binders.silent.get(kind)
        if silent is not None and ("*" in silent or field in silent):
            return Judged("none")
        bound = binders.binders.get(kind)
        if bound is not None and ("*" in bound or field in bound):
            return Judged("bound", at - 1)
        if kind in binders.updates:
            return Judged("updated" if field in ("left", "argument") else "used", at - 1)
        if kind in binders.outer:
            return Judged("outer", at - 1)
        if kind == "pair_pattern" and field == "value":
            continue
        if kind not in binders.patterns or field in ("right", "value", "type", "key", "decorator"):
            # The value of a default, the key of a pair: code inside of a pattern.
            return Judged("used")
    return Judged("used")


def _path(
    nodes: Sequence[Node], types: Sequence[str], fields: Sequence[str], at: int, text: str
) -> Judged:
    """A name in `a.b` of an import or a pattern: `import a.b` binds a, `from a.b` nothing."""
    path, around = nodes[at - 1], types[at - 2]
    is_first, is_alone = path.start_byte == nodes[at].start_byte, path.child_count == 1
    if around == "import_from_statement":
        is_name = fields[at - 1] == "name" and is_alone
        return Judged("bound", at - 2) if is_name else Judged("none")
    if around == "import_statement":
        return Judged("bound", at - 2) if is_first else Judged("none")
    if around in ("aliased_import", "relative_import", "future_import_statement"):
        return Judged("none")
    if around in ("case_pattern", "keyword_pattern") and is_alone:
        return Judged("none") if text == "_" else Judged("bound", at - 2)
    return Judged("used") if is_first else Judged("none")


def _keyword_pattern(
    nodes: Sequence[Node], _types: Sequence[str], _fields: Sequence[str], at: int, _text: str
) -> Judged | None:
    is_key = nodes[at].start_byte == nodes[at - 1].start_byte
    return Judged("none") if is_key else None


def _as_pattern(
    nodes: Sequence[Node], _types: Sequence[str], fields: Sequence[str], at: int, _text: str
) -> Judged | None:
    """`case x as name`: here the grammar has no field for the name."""
    is_name = not fields[at] and nodes[at].start_byte != nodes[at - 1].start_byte
    return Judged("bound", at - 1) if is_name else None


def _typed_parameter(
    _nodes: Sequence[Node], _types: Sequence[str], fields: Sequence[str], at: int, _text: str
) -> Judged | None:
    return Judged("used") if fields[at] == "type" else Judged("bound", at - 1)


def _type(
    nodes: Sequence[Node], types: Sequence[str], fields: Sequence[str], at: int, _text: str
) -> Judged | None:
    """Python's `[T: int]` of a definition and the name of a `type` statement are bound."""
    up = at - 2
    if up >= 0 and types[up] in ("constrained_type", "splat_type") and up >= 2:
        if types[up] == "constrained_type" and nodes[at].start_byte != nodes[up].start_byte:
            return Judged("used")
        up -= 1 if types[up] == "splat_type" else 2
    if up < 0:
        return Judged("used")
    if types[up] == "type_parameter":
        is_own = fields[up] == "type_parameters" or (
            up >= 3 and types[up - 3] == "type_alias_statement" and fields[up - 2] == "left"
        )
        return Judged("bound", up) if is_own else Judged("used")
    if types[up] == "type_alias_statement" and fields[up + 1] == "left":
        return Judged("bound", up)
    return Judged("used")


def _splat_type(
    nodes: Sequence[Node], types: Sequence[str], fields: Sequence[str], at: int, text: str
) -> Judged | None:
    # `*Ts` and `**P`: the name stands in the splat, the splat in the type.
    if types[at - 2] != "type":
        return None
    return _type(nodes, types, fields, at - 1, text)


def _generic_type(
    nodes: Sequence[Node], types: Sequence[str], fields: Sequence[str], at: int, _text: str
) -> Judged | None:
    is_alias = at >= 3 and types[at - 3] == "type_alias_statement" and fields[at - 2] == "left"
    is_first = nodes[at].start_byte == nodes[at - 1].start_byte
    return Judged("bound", at - 3) if is_alias and is_first else None


def _import_specifier(
    nodes: Sequence[Node], _types: Sequence[str], fields: Sequence[str], at: int, _text: str
) -> Judged | None:
    is_aliased = nodes[at - 1].child_by_field_name("alias") is not None
    if is_aliased and fields[at] == "name":
        return Judged("none")
    return Judged("bound", at - 1)


def _export_specifier(
    nodes: Sequence[Node], _types: Sequence[str], fields: Sequence[str], at: int, _text: str
) -> Judged | None:
    statement = nodes[at - 3] if at >= 3 else None
    if fields[at] != "name" or statement is None:
        return Judged("none")
    is_foreign = statement.child_by_field_name("source") is not None
    return Judged("none" if is_foreign else "used")


def _for_in(
    nodes: Sequence[Node], _types: Sequence[str], fields: Sequence[str], at: int, _text: str
) -> Judged | None:
    if fields[at] != "left":
        return Judged("used")
    is_declared = nodes[at - 1].child_by_field_name("kind") is not None
    return Judged("bound", at - 1) if is_declared else Judged("used")


def _infer(
    nodes: Sequence[Node], _types: Sequence[str], _fields: Sequence[str], at: int, _text: str
) -> Judged | None:
    is_first = nodes[at - 1].child(1) == nodes[at]
    return Judged("bound", at - 1) if is_first else Judged("used")


def _element(
    _nodes: Sequence[Node], _types: Sequence[str], fields: Sequence[str], at: int, text: str
) -> Judged | None:
    """`<Foo/>` uses Foo; a tag with a lower-case first letter is HTML's."""
    is_tag = fields[at] == "name"
    return Judged("none") if is_tag and text[:1].islower() else Judged("used")


def _import_alias(
    nodes: Sequence[Node], _types: Sequence[str], _fields: Sequence[str], at: int, _text: str
) -> Judged | None:
    is_first = nodes[at - 1].child(1) == nodes[at]
    return Judged("bound", at - 1) if is_first else Judged("used")


_SPECIAL = {
    "dotted_name": _path,
    "keyword_pattern": _keyword_pattern,
    "as_pattern": _as_pattern,
    "typed_parameter": _typed_parameter,
    "type": _type,
    "splat_type": _splat_type,
    "generic_type": _generic_type,
    "import_specifier": _import_specifier,
    "export_specifier": _export_specifier,
    "for_in_statement": _for_in,
    "infer_type": _infer,
    "import_alias": _import_alias,
    "jsx_opening_element": _element,
    "jsx_closing_element": _element,
    "jsx_self_closing_element": _element,
}
