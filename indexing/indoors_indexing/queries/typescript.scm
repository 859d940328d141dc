; What a TypeScript file defines and inherits from, before ecma.scm.

(class_declaration name: (type_identifier) @name body: (class_body) @body) @class
(abstract_class_declaration name: (type_identifier) @name body: (class_body) @body) @class
(class_declaration
  name: (type_identifier) @child
  (class_heritage (extends_clause value: [(identifier) (member_expression)] @base)))
(class_declaration
  name: (type_identifier) @child
  (class_heritage (implements_clause (_) @base)))
(abstract_class_declaration
  name: (type_identifier) @child
  (class_heritage (extends_clause value: [(identifier) (member_expression)] @base)))
(abstract_class_declaration
  name: (type_identifier) @child
  (class_heritage (implements_clause (_) @base)))
(lexical_declaration
  (variable_declarator
    name: (identifier) @name
    value: (class body: (class_body) @body))) @class

(interface_declaration name: (type_identifier) @name body: (_) @body) @interface
(interface_declaration name: (type_identifier) @child (extends_type_clause type: (_) @base))
(enum_declaration name: (identifier) @name body: (enum_body) @body) @enum
(enum_body name: (property_identifier) @name @constant)
(enum_assignment name: (property_identifier) @name) @constant
(type_alias_declaration name: (type_identifier) @name) @type
(internal_module name: (_) @name body: (statement_block) @body) @module
(module name: [(identifier) (nested_identifier)] @name body: (statement_block) @body) @module

(function_signature name: (identifier) @name return_type: (_)? @typed) @function
(function_declaration
  name: (identifier) @name
  return_type: (_)? @typed
  body: (statement_block) @body) @function
(generator_function_declaration
  name: (identifier) @name
  return_type: (_)? @typed
  body: (statement_block) @body) @function
(lexical_declaration
  (variable_declarator
    name: (identifier) @name
    value: (arrow_function return_type: (_)? @typed body: (_) @body))) @function

((method_definition
  name: (property_identifier) @name
  body: (statement_block) @body) @constructor
  (#set! is.name "constructor"))
(method_definition
  name: [(property_identifier) (private_property_identifier)] @name
  return_type: (_)? @typed
  body: (statement_block) @body) @method
(method_signature name: (property_identifier) @name return_type: (_)? @typed) @method
(abstract_method_signature name: (property_identifier) @name return_type: (_)? @typed) @method
(public_field_definition
  name: [(property_identifier) (private_property_identifier)] @name
  value: (arrow_function return_type: (_)? @typed body: (_) @body)) @method
(public_field_definition
  name: [(property_identifier) (private_property_identifier)] @name
  type: (type_annotation)? @typed
  value: (new_expression constructor: (_) @typed)?) @field
(property_signature name: (property_identifier) @name type: (_)? @typed) @field

; Decorators of members stand before them.
(class_body (decorator) @attribute)

; Parameters of a constructor that are fields.
((required_parameter
  (accessibility_modifier)
  pattern: (identifier) @name
  type: (type_annotation)? @typed) @field
  (#set! of_type))

(lexical_declaration
  (variable_declarator
    name: (identifier) @name
    type: (type_annotation) @typed)) @variable
(lexical_declaration
  (variable_declarator
    name: (identifier) @name
    value: (new_expression constructor: (_) @typed)?)) @variable
(variable_declaration
  (variable_declarator
    name: (identifier) @name
    type: (type_annotation)? @typed)) @variable
(ambient_declaration (_) @wrapped) @wrapper

(import_statement
  (import_require_clause (identifier) @alias source: (string) @module)) @import
