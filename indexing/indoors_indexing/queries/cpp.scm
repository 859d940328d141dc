; What a C++ file defines and inherits from, before c.scm.

(namespace_definition
  name: (namespace_identifier) @name
  body: (declaration_list) @body) @module
(namespace_definition
  name: (nested_namespace_specifier) @path
  body: (declaration_list) @body) @module
(template_declaration (_) @wrapped) @wrapper

; Members of a class are private until it says otherwise.
((class_specifier
  name: (type_identifier) @name
  body: (field_declaration_list) @body) @class
  (#set! section "private"))
((class_specifier
  name: (template_type name: (type_identifier) @name)
  body: (field_declaration_list) @body) @class
  (#set! section "private"))
(access_specifier) @section
(class_specifier
  name: (type_identifier) @child
  (base_class_clause [(type_identifier) (qualified_identifier) (template_type)] @base))
(struct_specifier
  name: (type_identifier) @child
  (base_class_clause [(type_identifier) (qualified_identifier) (template_type)] @base))

(function_definition
  type: (_)? @typed
  declarator: [
    (function_declarator declarator: (qualified_identifier) @path)
    (pointer_declarator declarator: (function_declarator declarator: (qualified_identifier) @path))
    (reference_declarator (function_declarator declarator: (qualified_identifier) @path))
  ]
  body: (_)? @body) @function
(function_definition
  type: (_)? @typed
  declarator: [
    (function_declarator
      declarator: [(identifier) (field_identifier) (destructor_name) (operator_name)] @name)
    (pointer_declarator
      declarator: (function_declarator
        declarator: [(identifier) (field_identifier) (operator_name)] @name))
    (reference_declarator
      (function_declarator
        declarator: [(identifier) (field_identifier) (operator_name)] @name))
  ]
  body: (_)? @body) @function
(declaration
  type: (_)? @typed
  declarator: [
    (function_declarator declarator: [(identifier) (destructor_name) (operator_name)] @name)
    (reference_declarator (function_declarator declarator: (identifier) @name))
  ]) @function
(field_declaration
  type: (_)? @typed
  declarator: [
    (function_declarator declarator: [(field_identifier) (operator_name)] @name)
    (pointer_declarator
      declarator: (function_declarator declarator: [(field_identifier) (operator_name)] @name))
    (reference_declarator
      (function_declarator declarator: [(field_identifier) (operator_name)] @name))
  ]) @method
(field_declaration
  type: (_) @typed
  declarator: (reference_declarator (field_identifier) @name)) @field

(alias_declaration name: (type_identifier) @name type: (_) @typed) @type
(concept_definition name: (identifier) @name) @type

; What is declared in here is nobody else's.
(lambda_expression) @local
