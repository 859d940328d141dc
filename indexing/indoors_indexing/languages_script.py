"""Records of the scripting languages: Python, Ruby, PHP, Lua, Bash."""

from __future__ import annotations

from indoors_indexing.language import Exports, LanguageRecord, words

PYTHON = LanguageRecord(
    name="python",
    language_ids=("python",),
    extensions=(".py", ".pyi", ".pyw"),
    module="tree_sitter_python",
    block_style="indent",
    blocks=words("block"),
    definitions={"function_definition": "name", "class_definition": "name"},
    statements=words(
        """assert_statement break_statement class_definition continue_statement
        decorated_definition delete_statement exec_statement expression_statement for_statement
        function_definition future_import_statement global_statement if_statement
        import_from_statement import_statement match_statement nonlocal_statement pass_statement
        print_statement raise_statement return_statement try_statement type_alias_statement
        while_statement with_statement"""
    ),
    comments=words("comment"),
    strings=words("string"),
    interpolations=words("interpolation"),
    quotes="\"'",
    line_comment="#",
    header_words=words("async case class def elif else except finally for if match try while with"),
    block_comment=("", ""),
    indent_unit="    ",
    docstrings=True,
    constructors=words("__init__ __new__"),
    annotations=words("type"),
    exports=Exports(names="underscore"),
)

RUBY = LanguageRecord(
    name="ruby",
    language_ids=("ruby",),
    extensions=(".rb", ".rake", ".gemspec"),
    module="tree_sitter_ruby",
    block_style="lines",
    blocks=frozenset(),
    definitions={"class": "name", "module": "name", "method": "name", "singleton_method": "name"},
    statements=words(
        """alias assignment begin case class for if if_modifier method module operator_assignment
        return singleton_class singleton_method undef unless unless_modifier until until_modifier
        when while while_modifier yield"""
    ),
    comments=words("comment"),
    strings=words("string heredoc_body regex subshell string_array symbol_array"),
    interpolations=words("interpolation"),
    quotes="\"'",
    line_comment="#",
    block_comment=("", ""),
    opener=(
        r"((\bdo|\{)(\s*\|[^|]*\|)?"
        r"|^\s*(private\s+|protected\s+)?(class|module|def|if|unless|while|until|case|when|in|for"
        r"|begin|else|elsif|rescue|ensure)\b(?!.*(\bend|\)\s*=\s.*)$).*"
        r"|=\s*(if|unless|case|begin)\b.*)$"
    ),
    closer=r"\}|\bend\b|\b(else|elsif|when|in|rescue|ensure)\b",
    indent_unit="  ",
    constructors=words("initialize"),
    exports=Exports(hidden=words("private"), member_hidden=words("private protected")),
)

PHP = LanguageRecord(
    name="php",
    language_ids=("php",),
    extensions=(".php", ".phtml"),
    module="tree_sitter_php",
    function="language_php",
    blocks=words(
        "compound_statement declaration_list enum_declaration_list match_block switch_block"
    ),
    cases=words("case_statement default_statement"),
    definitions={
        "class_declaration": "name",
        "enum_declaration": "name",
        "function_definition": "name",
        "interface_declaration": "name",
        "method_declaration": "name",
        "namespace_definition": "name",
        "trait_declaration": "name",
    },
    statements=words(
        """break_statement class_declaration const_declaration continue_statement
        declare_statement do_statement echo_statement empty_statement enum_case enum_declaration
        expression_statement for_statement foreach_statement function_definition
        global_declaration goto_statement if_statement interface_declaration method_declaration
        named_label_statement namespace_definition namespace_use_declaration
        property_declaration return_statement switch_statement trait_declaration try_statement
        unset_statement use_declaration while_statement"""
    ),
    comments=words("comment"),
    strings=words("string encapsed_string heredoc nowdoc shell_command_expression"),
    quotes="\"'",
    line_comment="//",
    indent_unit="    ",
    constructors=words("__construct"),
    exports=Exports(member_hidden=words("private")),
)

LUA = LanguageRecord(
    name="lua",
    language_ids=("lua",),
    extensions=(".lua",),
    module="tree_sitter_lua",
    block_style="lines",
    blocks=frozenset(),
    definitions={"function_declaration": "name"},
    statements=words(
        """assignment_statement break_statement do_statement for_statement function_call
        function_declaration goto_statement if_statement repeat_statement return_statement
        variable_declaration while_statement"""
    ),
    comments=words("comment"),
    strings=words("string"),
    quotes="\"'",
    line_comment="--",
    block_comment=("--[[", "]]"),
    opener=r"(\b(then|do|else|repeat)|\bfunction\b[^()]*\([^()]*\)|\{)$",
    closer=r"\}|\b(end|else|elseif|until)\b",
    indent_unit="  ",
    exports=Exports(hidden=words("local")),
)

BASH = LanguageRecord(
    name="bash",
    language_ids=("shellscript", "sh", "bash"),
    extensions=(".sh", ".bash"),
    module="tree_sitter_bash",
    block_style="lines",
    blocks=frozenset(),
    definitions={"function_definition": "name"},
    statements=words(
        """c_style_for_statement case_item case_statement command declaration_command
        for_statement function_definition if_statement list pipeline redirected_statement
        test_command unset_command variable_assignment while_statement"""
    ),
    comments=words("comment"),
    strings=words("string raw_string ansi_c_string heredoc_body"),
    interpolations=words("command_substitution expansion"),
    quotes="\"'",
    line_comment="#",
    block_comment=("", ""),
    opener=r"(\b(then|do|else)|[{(]|^\s*case\b.*\bin|^\s*[^()\s]+\))$",
    closer=r"[})]|;;|\b(fi|done|esac|else|elif)\b",
    indent_unit="    ",
    exports=Exports(names="underscore"),
)
