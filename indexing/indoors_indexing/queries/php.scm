; What a PHP file defines, uses and inherits from.
; The captures and settings are explained in symbols.py.

((namespace_definition name: (namespace_name) @name !body) @module (#set! open))
(namespace_definition name: (namespace_name) @name body: (_) @body) @module
((namespace_use_declaration) @import (#set! tree "\\"))
(include_expression
  [
    (string) @module
    (encapsed_string) @module
    (binary_expression right: [(string) (encapsed_string)] @module)
  ]) @import
(include_once_expression
  [
    (string) @module
    (encapsed_string) @module
    (binary_expression right: [(string) (encapsed_string)] @module)
  ]) @import
(require_expression
  [
    (string) @module
    (encapsed_string) @module
    (binary_expression right: [(string) (encapsed_string)] @module)
  ]) @import
(require_once_expression
  [
    (string) @module
    (encapsed_string) @module
    (binary_expression right: [(string) (encapsed_string)] @module)
  ]) @import

(class_declaration name: (name) @name body: (declaration_list) @body) @class
(trait_declaration name: (name) @name body: (declaration_list) @body) @class
(interface_declaration name: (name) @name body: (declaration_list) @body) @interface
(enum_declaration name: (name) @name body: (enum_declaration_list) @body) @enum
(enum_case name: (name) @name) @constant

(class_declaration name: (name) @child (base_clause [(name) (qualified_name)] @base))
(class_declaration name: (name) @child (class_interface_clause [(name) (qualified_name)] @base))
(interface_declaration name: (name) @child (base_clause [(name) (qualified_name)] @base))
(enum_declaration name: (name) @child (class_interface_clause [(name) (qualified_name)] @base))
(class_declaration
  name: (name) @child
  body: (declaration_list (use_declaration [(name) (qualified_name)] @base)))

(function_definition
  name: (name) @name
  return_type: (_)? @typed
  body: (compound_statement) @body) @function
(method_declaration
  name: (name) @name
  return_type: (_)? @typed
  body: (compound_statement)? @body) @function
(const_declaration (const_element . (name) @name)) @constant

(property_declaration
  type: (_)? @typed
  (property_element name: (variable_name (name) @name))) @field
((property_promotion_parameter
  type: (_)? @typed
  name: (variable_name (name) @name)) @field
  (#set! of_type))
((assignment_expression
  left: (member_access_expression object: (variable_name) @object name: (name) @name)
  right: (object_creation_expression [(name) (qualified_name)] @typed)?) @field
  (#set! is.object "$this")
  (#set! of_type))
