; What a Kotlin file defines, imports and inherits from.
; The captures and settings are explained in symbols.py.

((package_header (qualified_identifier) @name) @module (#set! open))
((import) @import (#set! tree "."))

(class_declaration "interface" name: (identifier) @name (class_body)? @body) @interface
(class_declaration name: (identifier) @name (enum_class_body) @body) @enum
(class_declaration name: (identifier) @name (class_body)? @body) @class
(object_declaration name: (identifier) @name (class_body)? @body) @class
(type_alias type: (identifier) @name) @type
(enum_entry (identifier) @name) @constant

(class_declaration
  name: (identifier) @child
  (delegation_specifiers
    (delegation_specifier
      [
        (user_type) @base
        (constructor_invocation (user_type) @base)
        (explicit_delegation (user_type) @base)
      ])))
(object_declaration
  name: (identifier) @child
  (delegation_specifiers
    (delegation_specifier
      [
        (user_type) @base
        (constructor_invocation (user_type) @base)
        (explicit_delegation (user_type) @base)
      ])))

; An extension belongs to the type that it extends.
(function_declaration
  (user_type) @receiver
  name: (identifier) @name
  (function_value_parameters) . ":" . (_) @typed
  (function_body)? @body) @function
(function_declaration
  (user_type) @receiver
  name: (identifier) @name
  (function_value_parameters)
  (function_body)? @body) @function
(function_declaration
  name: (identifier) @name
  (function_value_parameters) . ":" . (_) @typed
  (function_body)? @body) @function
(function_declaration
  name: (identifier) @name
  (function_value_parameters)
  (function_body)? @body) @function
((secondary_constructor (block)? @body) @constructor (#set! name "constructor"))

(property_declaration (variable_declaration (identifier) @name . ":" . (_) @typed)) @variable
(property_declaration
  (variable_declaration (identifier) @name) . "=" .
  (call_expression . (identifier) @made)) @variable
(property_declaration (variable_declaration (identifier) @name)) @variable
(class_parameter ["val" "var"] (identifier) @name . ":" . (_) @typed) @field

; What is declared in here is nobody else's.
[(lambda_literal) (anonymous_initializer) (getter) (setter)] @local
