; What JavaScript and TypeScript have in common.
; The captures and settings are explained in symbols.py.

(function_declaration name: (identifier) @name body: (statement_block) @body) @function
(generator_function_declaration name: (identifier) @name body: (statement_block) @body) @function

; A function that is bound to a name is a function; what else is bound, a value.
(lexical_declaration
  (variable_declarator
    name: (identifier) @name
    value: [
      (arrow_function body: (_) @body)
      (function_expression body: (_) @body)
      (generator_function body: (_) @body)
    ])) @function
(variable_declaration
  (variable_declarator
    name: (identifier) @name
    value: [
      (arrow_function body: (_) @body)
      (function_expression body: (_) @body)
      (generator_function body: (_) @body)
    ])) @function
(pair
  key: (property_identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @method

; What a function without a name declares is its own.
(arrow_function body: (statement_block) @local)
(function_expression body: (statement_block) @local)

; What is exported counts as a whole with its `export`.
(export_statement declaration: (_) @wrapped) @wrapper
(export_statement !source (export_clause (export_specifier name: (identifier) @exports)))
(export_statement value: (identifier) @exports)
((assignment_expression
  left: (member_expression) @left
  right: (object (shorthand_property_identifier) @exports))
  (#set! is.left "module.exports exports"))
((assignment_expression
  left: (member_expression) @left
  right: (object (pair value: (identifier) @exports)))
  (#set! is.left "module.exports exports"))
((assignment_expression
  left: (member_expression) @left
  right: (identifier) @exports)
  (#set! is.left "module.exports exports"))
((expression_statement
  (assignment_expression
    left: (member_expression
      object: [(identifier) (member_expression)] @object
      property: (property_identifier) @name)
    right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) @function
  (#set! is.object "exports module.exports")
  (#set! open))
((expression_statement
  (assignment_expression
    left: (member_expression
      object: (member_expression
        object: (identifier) @receiver
        property: (property_identifier) @prototype)
      property: (property_identifier) @name)
    right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) @method
  (#set! is.prototype "prototype"))

; Fields that methods set on their object.
((assignment_expression
  left: (member_expression
    object: (this)
    property: [(property_identifier) (private_property_identifier)] @name)
  right: [
    (new_expression constructor: (_) @typed)
    (identifier) @from
  ]?) @field
  (#set! of_type))

(import_statement "import" . source: (string) @module) @import
((import_statement
  (import_clause (identifier) @alias)
  source: (string) @module) @import
  (#set! name "default"))
(import_statement
  (import_clause (namespace_import (identifier) @alias))
  source: (string) @module) @import
(import_statement
  (import_clause
    (named_imports
      (import_specifier name: (identifier) @name alias: (identifier)? @alias)))
  source: (string) @module) @import

; What is exported again is imported by name, so that a reader can follow it.
(export_statement
  (export_clause (export_specifier name: (identifier) @name alias: (identifier)? @alias))
  source: (string) @module) @import
((export_statement "*" . "from" . source: (string) @module) @import (#set! every))
(export_statement (namespace_export (identifier) @alias) source: (string) @module) @import

((variable_declarator
  name: (identifier) @alias
  value: (call_expression
    function: (identifier) @called
    arguments: (arguments . (string) @module .))) @import
  (#set! is.called "require"))
((variable_declarator
  name: (object_pattern (shorthand_property_identifier_pattern) @name)
  value: (call_expression
    function: (identifier) @called
    arguments: (arguments . (string) @module .))) @import
  (#set! is.called "require"))
((variable_declarator
  name: (object_pattern
    (pair_pattern key: (property_identifier) @name value: (identifier) @alias))
  value: (call_expression
    function: (identifier) @called
    arguments: (arguments . (string) @module .))) @import
  (#set! is.called "require"))
