"""Records of JavaScript, TypeScript and TSX."""

from __future__ import annotations

import msgspec

from indoors_indexing.language import Exports, LanguageRecord, words

_ECMA_STATEMENTS = """break_statement class_declaration continue_statement debugger_statement
    do_statement empty_statement export_statement expression_statement for_in_statement
    for_statement function_declaration generator_function_declaration if_statement import_statement
    labeled_statement lexical_declaration method_definition return_statement switch_statement
    throw_statement try_statement variable_declaration while_statement with_statement"""

_ECMA_EXPORTS = Exports(shown=words("export declare"), member_hidden=words("private"))

_ECMA_DEFINITIONS = {
    "class": "name",
    "class_declaration": "name",
    "function_declaration": "name",
    "function_expression": "name",
    "generator_function_declaration": "name",
    "method_definition": "name",
}

JAVASCRIPT = LanguageRecord(
    name="javascript",
    language_ids=("javascript", "javascriptreact"),
    extensions=(".js", ".jsx", ".mjs", ".cjs"),
    module="tree_sitter_javascript",
    blocks=words("statement_block class_body switch_body"),
    cases=words("switch_case switch_default"),
    definitions=_ECMA_DEFINITIONS,
    bound_functions=words("arrow_function function_expression"),
    statements=words(_ECMA_STATEMENTS + " using_declaration field_definition"),
    comments=words("comment html_comment"),
    strings=words("string template_string regex"),
    interpolations=words("template_substitution"),
    quotes="\"'`",
    line_comment="//",
    indent_unit="  ",
    queries=("ecma", "javascript"),
    exports=_ECMA_EXPORTS,
)

TYPESCRIPT = LanguageRecord(
    name="typescript",
    language_ids=("typescript",),
    extensions=(".ts", ".mts", ".cts"),
    module="tree_sitter_typescript",
    function="language_typescript",
    blocks=words("statement_block class_body switch_body interface_body enum_body"),
    cases=words("switch_case switch_default"),
    definitions=_ECMA_DEFINITIONS
    | {
        "abstract_class_declaration": "name",
        "enum_declaration": "name",
        "interface_declaration": "name",
        "internal_module": "name",
        "type_alias_declaration": "name",
    },
    bound_functions=words("arrow_function function_expression"),
    statements=words(
        _ECMA_STATEMENTS
        + """ abstract_class_declaration ambient_declaration enum_declaration
        interface_declaration type_alias_declaration public_field_definition property_signature
        method_signature"""
    ),
    comments=words("comment html_comment"),
    strings=words("string template_string regex"),
    interpolations=words("template_substitution"),
    quotes="\"'`",
    line_comment="//",
    indent_unit="  ",
    queries=("typescript", "ecma"),
    annotations=words("type_annotation type_parameters"),
    exports=_ECMA_EXPORTS,
)

TSX = msgspec.structs.replace(
    TYPESCRIPT,
    name="tsx",
    language_ids=("typescriptreact",),
    extensions=(".tsx",),
    function="language_tsx",
)
