"""Records of the languages of the two large virtual machines: Java, Kotlin, Scala, C#."""

from __future__ import annotations

from indoors_indexing.language import Exports, LanguageRecord, words

JAVA = LanguageRecord(
    name="java",
    language_ids=("java",),
    extensions=(".java",),
    module="tree_sitter_java",
    blocks=words(
        """block class_body constructor_body enum_body interface_body annotation_type_body
        switch_block"""
    ),
    cases=words("switch_block_statement_group"),
    groups=words("switch_label"),
    definitions={
        "class_declaration": "name",
        "interface_declaration": "name",
        "enum_declaration": "name",
        "record_declaration": "name",
        "method_declaration": "name",
        "constructor_declaration": "name",
    },
    statements=words(
        """assert_statement break_statement class_declaration constructor_declaration
        continue_statement do_statement enhanced_for_statement enum_declaration
        expression_statement field_declaration for_statement if_statement import_declaration
        interface_declaration labeled_statement local_variable_declaration method_declaration
        package_declaration record_declaration return_statement switch_expression
        synchronized_statement throw_statement try_statement try_with_resources_statement
        while_statement yield_statement"""
    ),
    comments=words("line_comment block_comment"),
    strings=words("string_literal character_literal"),
    interpolations=words("string_interpolation"),
    quotes="\"'",
    line_comment="//",
    indent_unit="    ",
    exports=Exports(hidden=words("private"), member_hidden=words("private")),
)

KOTLIN = LanguageRecord(
    name="kotlin",
    language_ids=("kotlin",),
    extensions=(".kt", ".kts"),
    module="tree_sitter_kotlin",
    blocks=words("block class_body enum_class_body lambda_literal when_expression"),
    definitions={
        "class_declaration": "name",
        "companion_object": "name",
        "function_declaration": "name",
        "object_declaration": "name",
    },
    statements=words(
        """anonymous_initializer assignment class_declaration companion_object do_while_statement
        enum_entry for_statement function_declaration import object_declaration package_header
        property_declaration return_expression secondary_constructor throw_expression type_alias
        when_entry while_statement"""
    ),
    comments=words("line_comment block_comment"),
    strings=words("string_literal multiline_string_literal character_literal"),
    interpolations=words("interpolation"),
    quotes="\"'",
    line_comment="//",
    indent_unit="    ",
    exports=Exports(hidden=words("private"), member_hidden=words("private")),
)

SCALA = LanguageRecord(
    name="scala",
    language_ids=("scala",),
    extensions=(".scala", ".sc"),
    module="tree_sitter_scala",
    # Its braces are optional: what encloses what is read from the indentation.
    block_style="lines",
    blocks=frozenset(),
    definitions={
        "class_definition": "name",
        "enum_definition": "name",
        "function_definition": "name",
        "object_definition": "name",
        "trait_definition": "name",
    },
    statements=words(
        """assignment_expression case_clause class_definition enum_definition export_declaration
        for_expression function_declaration function_definition given_definition
        if_expression import_declaration match_expression object_definition package_clause
        return_expression throw_expression trait_definition try_expression type_definition
        val_declaration val_definition var_declaration var_definition while_expression"""
    ),
    comments=words("comment block_comment"),
    strings=words("string interpolated_string_expression character_literal"),
    interpolations=words("interpolation"),
    quotes='"',
    line_comment="//",
    opener=r"(\{(\s*\(?[\w, ]*\)?\s*=>)?|[=:]|=>|\b(then|else|do|match|try|yield|with))$",
    closer=r"\}",
    indent_unit="  ",
    exports=Exports(hidden=words("private"), member_hidden=words("private")),
)

CSHARP = LanguageRecord(
    name="csharp",
    language_ids=("csharp", "cs"),
    extensions=(".cs",),
    module="tree_sitter_c_sharp",
    blocks=words("block declaration_list enum_member_declaration_list switch_body accessor_list"),
    cases=words("switch_section"),
    definitions={
        "class_declaration": "name",
        "constructor_declaration": "name",
        "enum_declaration": "name",
        "interface_declaration": "name",
        "local_function_statement": "name",
        "method_declaration": "name",
        "namespace_declaration": "name",
        "property_declaration": "name",
        "record_declaration": "name",
        "struct_declaration": "name",
    },
    statements=words(
        """break_statement checked_statement class_declaration constructor_declaration
        continue_statement delegate_declaration do_statement empty_statement enum_declaration
        enum_member_declaration event_field_declaration expression_statement field_declaration
        file_scoped_namespace_declaration fixed_statement for_statement foreach_statement
        goto_statement if_statement interface_declaration labeled_statement
        local_declaration_statement local_function_statement lock_statement method_declaration
        namespace_declaration property_declaration record_declaration return_statement
        struct_declaration switch_statement throw_statement try_statement unsafe_statement
        using_directive using_statement while_statement yield_statement"""
    ),
    comments=words("comment"),
    strings=words(
        """string_literal verbatim_string_literal raw_string_literal character_literal
        interpolated_string_expression"""
    ),
    interpolations=words("interpolation"),
    quotes="\"'",
    line_comment="//",
    indent_unit="    ",
    exports=Exports(hidden=words("private file"), member_shown=words("public internal protected")),
)
