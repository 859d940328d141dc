; What a Go file defines, imports and embeds.
; The captures and settings are explained in symbols.py.

((package_clause (package_identifier) @name) @module (#set! open))

(function_declaration
  name: (identifier) @name
  result: (_)? @typed
  body: (block)? @body) @function
(method_declaration
  receiver: (parameter_list
    (parameter_declaration
      type: [
        (type_identifier) @receiver
        (generic_type type: (type_identifier) @receiver)
        (pointer_type (type_identifier) @receiver)
        (pointer_type (generic_type type: (type_identifier) @receiver))
      ]))
  name: (field_identifier) @name
  result: (_)? @typed
  body: (block)? @body) @method

; `type T struct` alone is the whole declaration, in a group only the line.
(type_declaration . "type" . [(type_spec) (type_alias)] @wrapped .) @wrapper
(type_spec name: (type_identifier) @name type: (struct_type (field_declaration_list) @body)) @class
(type_spec name: (type_identifier) @name type: (interface_type "{" @body)) @interface
(type_spec name: (type_identifier) @name) @type
(type_alias name: (type_identifier) @name) @type

(field_declaration name: (field_identifier) @name type: (_) @typed) @field
(method_elem name: (field_identifier) @name result: (_)? @typed) @method
(type_spec
  name: (type_identifier) @child
  type: (struct_type
    (field_declaration_list
      (field_declaration !name type: (_) @base))))
(type_spec
  name: (type_identifier) @child
  type: (interface_type (type_elem . (type_identifier) @base .)))
(type_spec
  name: (type_identifier) @child
  type: (interface_type (type_elem . (qualified_type) @base .)))

(var_declaration . "var" . (var_spec) @wrapped .) @wrapper
(const_declaration . "const" . (const_spec) @wrapped .) @wrapper
(var_spec
  name: (identifier) @name
  type: (_)? @typed
  value: (expression_list . (composite_literal type: (_) @typed))?) @variable
(const_spec name: (identifier) @name type: (_)? @typed) @constant

(import_spec name: (_)? @alias path: (_) @module) @import

; What is declared in here is nobody else's.
(func_literal) @local
