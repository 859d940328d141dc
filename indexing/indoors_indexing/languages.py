"""The languages whose syntax we read: one frozen record each, and nothing else knows a node type.

Adding a language is one row in `LANGUAGES` and one golden file under tests/golden/languages (I12).
Grammars are loaded on first use, and only by the process that parses: importing this module loads
no native code, so that the server may ask which languages exist. A grammar that is missing or
broken disables its language with a note, and nothing else.
"""

from __future__ import annotations

import importlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar


class GrammarError(Exception):
    """A grammar cannot be loaded; the message says which and why."""


class LanguageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the parser needs to know about one language.

    Node types are the grammar's own. `blocks` hold statements between braces (or, in the "indent"
    style, under a header); `cases` are the labelled sections of a switch, whose statements follow a
    colon; `groups` only group what belongs to those two. `definitions` maps a node type to the
    field that holds its name; `bound_functions` are anonymous functions that take their name from
    the declaration they stand in. `interpolations` are code inside a string; `quotes` are the
    characters that begin one. `header_words` begin the lines that open a block in the "indent"
    style. `indent_unit` is used where the file itself shows none.
    """

    name: str
    language_ids: tuple[str, ...]
    extensions: tuple[str, ...]
    module: str
    function: str = "language"
    block_style: Literal["indent", "braces"] = "braces"
    blocks: frozenset[str]
    cases: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    definitions: dict[str, str]
    bound_functions: frozenset[str] = frozenset()
    statements: frozenset[str]
    comments: frozenset[str]
    strings: frozenset[str]
    interpolations: frozenset[str] = frozenset()
    quotes: str
    line_comment: str
    header_words: frozenset[str] = frozenset()
    indent_unit: str

    def node_types(self) -> frozenset[str]:
        """Every node type the record names."""
        return frozenset().union(
            self.blocks, self.cases, self.groups, self.definitions, self.bound_functions,
            self.statements, self.comments, self.strings, self.interpolations,
        )  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PYTHON = LanguageRecord(
    name="python",
    language_ids=("python",),
    extensions=(".py", ".pyi", ".pyw"),
    module="tree_sitter_python",
    block_style="indent",
    blocks=_words("block"),
    definitions={"function_definition": "name", "class_definition": "name"},
    statements=_words(
        """assert_statement break_statement class_definition continue_statement
        decorated_definition delete_statement exec_statement expression_statement for_statement
        function_definition future_import_statement global_statement if_statement
        import_from_statement import_statement match_statement nonlocal_statement pass_statement
        print_statement raise_statement return_statement try_statement type_alias_statement
        while_statement with_statement"""
    ),
    comments=_words("comment"),
    strings=_words("string"),
    interpolations=_words("interpolation"),
    quotes="\"'",
    line_comment="#",
    header_words=_words(
        "async case class def elif else except finally for if match try while with"
    ),
    indent_unit="    ",
)

_ECMA_STATEMENTS = """break_statement class_declaration continue_statement debugger_statement
    do_statement empty_statement export_statement expression_statement for_in_statement
    for_statement function_declaration generator_function_declaration if_statement import_statement
    labeled_statement lexical_declaration method_definition return_statement switch_statement
    throw_statement try_statement variable_declaration while_statement with_statement"""

_ECMA_DEFINITIONS = {
    "class": "name",
    "class_declaration": "name",
    "function_declaration": "name",
    "function_expression": "name",
    "generator_function_declaration": "name",
    "method_definition": "name",
}

_JAVASCRIPT = LanguageRecord(
    name="javascript",
    language_ids=("javascript", "javascriptreact"),
    extensions=(".js", ".jsx", ".mjs", ".cjs"),
    module="tree_sitter_javascript",
    blocks=_words("statement_block class_body switch_body"),
    cases=_words("switch_case switch_default"),
    definitions=_ECMA_DEFINITIONS,
    bound_functions=_words("arrow_function function_expression"),
    statements=_words(_ECMA_STATEMENTS + " using_declaration field_definition"),
    comments=_words("comment html_comment"),
    strings=_words("string template_string regex"),
    interpolations=_words("template_substitution"),
    quotes="\"'`",
    line_comment="//",
    indent_unit="  ",
)

_TYPESCRIPT = LanguageRecord(
    name="typescript",
    language_ids=("typescript",),
    extensions=(".ts", ".mts", ".cts"),
    module="tree_sitter_typescript",
    function="language_typescript",
    blocks=_words("statement_block class_body switch_body interface_body enum_body"),
    cases=_words("switch_case switch_default"),
    definitions=_ECMA_DEFINITIONS
    | {
        "abstract_class_declaration": "name",
        "enum_declaration": "name",
        "interface_declaration": "name",
        "internal_module": "name",
        "type_alias_declaration": "name",
    },
    bound_functions=_words("arrow_function function_expression"),
    statements=_words(
        _ECMA_STATEMENTS
        + """ abstract_class_declaration ambient_declaration enum_declaration
        interface_declaration type_alias_declaration public_field_definition property_signature
        method_signature"""
    ),
    comments=_words("comment html_comment"),
    strings=_words("string template_string regex"),
    interpolations=_words("template_substitution"),
    quotes="\"'`",
    line_comment="//",
    indent_unit="  ",
)

_TSX = msgspec.structs.replace(
    _TYPESCRIPT,
    name="tsx",
    language_ids=("typescriptreact",),
    extensions=(".tsx",),
    function="language_tsx",
)

_GO = LanguageRecord(
    name="go",
    language_ids=("go",),
    extensions=(".go",),
    module="tree_sitter_go",
    blocks=_words(
        """block field_declaration_list interface_type expression_switch_statement
        type_switch_statement select_statement"""
    ),
    cases=_words("expression_case type_case communication_case default_case"),
    groups=_words("statement_list"),
    definitions={"function_declaration": "name", "method_declaration": "name", "type_spec": "name"},
    statements=_words(
        """assignment_statement break_statement const_declaration continue_statement dec_statement
        defer_statement empty_statement expression_statement expression_switch_statement
        fallthrough_statement field_declaration for_statement function_declaration go_statement
        goto_statement if_statement import_declaration inc_statement labeled_statement
        method_declaration package_clause return_statement select_statement send_statement
        short_var_declaration type_declaration type_switch_statement var_declaration"""
    ),
    comments=_words("comment"),
    strings=_words("interpreted_string_literal raw_string_literal rune_literal"),
    quotes="\"'`",
    line_comment="//",
    indent_unit="\t",
)

_JAVA = LanguageRecord(
    name="java",
    language_ids=("java",),
    extensions=(".java",),
    module="tree_sitter_java",
    blocks=_words(
        """block class_body constructor_body enum_body interface_body annotation_type_body
        switch_block"""
    ),
    cases=_words("switch_block_statement_group"),
    groups=_words("switch_label"),
    definitions={
        "class_declaration": "name",
        "interface_declaration": "name",
        "enum_declaration": "name",
        "record_declaration": "name",
        "method_declaration": "name",
        "constructor_declaration": "name",
    },
    statements=_words(
        """assert_statement break_statement class_declaration constructor_declaration
        continue_statement do_statement enhanced_for_statement enum_declaration
        expression_statement field_declaration for_statement if_statement import_declaration
        interface_declaration labeled_statement local_variable_declaration method_declaration
        package_declaration record_declaration return_statement switch_expression
        synchronized_statement throw_statement try_statement try_with_resources_statement
        while_statement yield_statement"""
    ),
    comments=_words("line_comment block_comment"),
    strings=_words("string_literal character_literal"),
    interpolations=_words("string_interpolation"),
    quotes="\"'",
    line_comment="//",
    indent_unit="    ",
)

_RUST = LanguageRecord(
    name="rust",
    language_ids=("rust",),
    extensions=(".rs",),
    module="tree_sitter_rust",
    blocks=_words("block declaration_list field_declaration_list enum_variant_list match_block"),
    definitions={
        "enum_item": "name",
        "function_item": "name",
        "impl_item": "type",
        "macro_definition": "name",
        "mod_item": "name",
        "struct_item": "name",
        "trait_item": "name",
        "union_item": "name",
    },
    statements=_words(
        """attribute_item const_item empty_statement enum_item enum_variant expression_statement
        extern_crate_declaration field_declaration function_item function_signature_item impl_item
        let_declaration macro_definition match_arm mod_item static_item struct_item trait_item
        type_item union_item use_declaration"""
    ),
    comments=_words("line_comment block_comment"),
    strings=_words("string_literal raw_string_literal char_literal"),
    quotes='"',
    line_comment="//",
    indent_unit="    ",
)

LANGUAGES: tuple[LanguageRecord, ...] = (
    _PYTHON, _JAVASCRIPT, _TYPESCRIPT, _TSX, _GO, _JAVA, _RUST,
)  # fmt: skip

_BY_ID = {identifier: record for record in LANGUAGES for identifier in record.language_ids}
_BY_EXTENSION = {extension: record for record in LANGUAGES for extension in record.extensions}


def by_language_id(identifier: str) -> LanguageRecord | None:
    """The record for an LSP language id, None for a language we do not parse."""
    return _BY_ID.get(identifier)


def by_path(path: str) -> LanguageRecord | None:
    """The record for a file name, by its extension, None for a language we do not parse."""
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower())


def grammar(record: LanguageRecord) -> Grammar:
    """Load a record's grammar (native code, so only where text is parsed). Raises GrammarError."""
    try:
        from tree_sitter import Language

        return Language(getattr(importlib.import_module(record.module), record.function)())
    except Exception as error:
        raise GrammarError(
            f"{record.name}: the grammar {record.module} did not load ({type(error).__name__}: "
            f"{error}); {record.name} is completed without syntax"
        ) from error
