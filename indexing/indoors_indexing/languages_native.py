"""Records of the languages that compile to machine code: C, C++, Go, Rust, Swift."""

from __future__ import annotations

from indoors_indexing.language import Exports, LanguageRecord, words

GO = LanguageRecord(
    name="go",
    language_ids=("go",),
    extensions=(".go",),
    module="tree_sitter_go",
    blocks=words(
        """block field_declaration_list interface_type expression_switch_statement
        type_switch_statement select_statement"""
    ),
    cases=words("expression_case type_case communication_case default_case"),
    groups=words("statement_list"),
    definitions={"function_declaration": "name", "method_declaration": "name", "type_spec": "name"},
    statements=words(
        """assignment_statement break_statement const_declaration continue_statement dec_statement
        defer_statement empty_statement expression_statement expression_switch_statement
        fallthrough_statement field_declaration for_statement function_declaration go_statement
        goto_statement if_statement import_declaration inc_statement labeled_statement
        method_declaration package_clause return_statement select_statement send_statement
        short_var_declaration type_declaration type_switch_statement var_declaration"""
    ),
    comments=words("comment"),
    strings=words("interpreted_string_literal raw_string_literal rune_literal"),
    quotes="\"'`",
    line_comment="//",
    indent_unit="\t",
    exports=Exports(names="capital"),
)

RUST = LanguageRecord(
    name="rust",
    language_ids=("rust",),
    extensions=(".rs",),
    module="tree_sitter_rust",
    blocks=words("block declaration_list field_declaration_list enum_variant_list match_block"),
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
    statements=words(
        """attribute_item const_item empty_statement enum_item enum_variant expression_statement
        extern_crate_declaration field_declaration function_item function_signature_item impl_item
        let_declaration macro_definition match_arm mod_item static_item struct_item trait_item
        type_item union_item use_declaration"""
    ),
    comments=words("line_comment block_comment"),
    strings=words("string_literal raw_string_literal char_literal"),
    quotes='"',
    line_comment="//",
    indent_unit="    ",
    exports=Exports(shown=words("pub macro_export"), member_shown=words("pub")),
)

_C_STATEMENTS = """break_statement continue_statement declaration do_statement enumerator
    expression_statement field_declaration for_statement function_definition goto_statement
    if_statement labeled_statement preproc_call preproc_def preproc_function_def preproc_include
    return_statement switch_statement type_definition while_statement"""

_C_DEFINITIONS = {
    "function_definition": "declarator",
    "struct_specifier": "name",
    "union_specifier": "name",
    "enum_specifier": "name",
}

C = LanguageRecord(
    name="c",
    language_ids=("c",),
    extensions=(".c",),
    module="tree_sitter_c",
    blocks=words("compound_statement field_declaration_list enumerator_list declaration_list"),
    cases=words("case_statement"),
    definitions=_C_DEFINITIONS,
    statements=words(_C_STATEMENTS),
    comments=words("comment"),
    strings=words("string_literal char_literal system_lib_string"),
    quotes="\"'",
    line_comment="//",
    indent_unit="    ",
    exports=Exports(hidden=words("static")),
)

CPP = LanguageRecord(
    name="cpp",
    language_ids=("cpp",),
    # A header may be either; the grammar of C++ reads nearly all of C.
    extensions=(".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx", ".h", ".ipp", ".inl"),
    module="tree_sitter_cpp",
    blocks=words("compound_statement field_declaration_list enumerator_list declaration_list"),
    cases=words("case_statement"),
    definitions=_C_DEFINITIONS
    | {
        "class_specifier": "name",
        "concept_definition": "name",
        "namespace_definition": "name",
    },
    statements=words(
        _C_STATEMENTS
        + """ alias_declaration co_return_statement co_yield_statement concept_definition
        for_range_loop friend_declaration namespace_alias_definition namespace_definition
        static_assert_declaration template_declaration throw_statement try_statement
        using_declaration"""
    ),
    comments=words("comment"),
    strings=words("string_literal char_literal raw_string_literal system_lib_string"),
    quotes="\"'",
    line_comment="//",
    indent_unit="    ",
    queries=("cpp", "c"),
    constructors=words("*"),
    exports=Exports(hidden=words("static"), member_hidden=words("private protected")),
)

SWIFT = LanguageRecord(
    name="swift",
    language_ids=("swift",),
    extensions=(".swift",),
    module="tree_sitter_swift",
    block_style="lines",
    blocks=frozenset(),
    definitions={
        "class_declaration": "name",
        "function_declaration": "name",
        "protocol_declaration": "name",
    },
    statements=words(
        """assignment class_declaration control_transfer_statement do_statement enum_entry
        for_statement function_declaration guard_statement if_statement import_declaration
        init_declaration property_declaration protocol_declaration
        protocol_function_declaration protocol_property_declaration repeat_while_statement
        switch_statement typealias_declaration while_statement"""
    ),
    comments=words("comment multiline_comment"),
    strings=words("line_string_literal multi_line_string_literal raw_string_literal"),
    interpolations=words("interpolated_expression"),
    quotes='"',
    line_comment="//",
    opener=r"(\{(\s*\(?[\w, ]*\)?\s+in)?|^\s*(case\b.*|default):)$",
    closer=r"\}",
    indent_unit="    ",
    exports=Exports(
        hidden=words("private fileprivate"), member_hidden=words("private fileprivate")
    ),
)
