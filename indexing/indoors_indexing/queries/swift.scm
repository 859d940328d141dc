; What a Swift file defines, imports and inherits from.
; The captures and settings are explained in symbols.py.

(import_declaration (identifier) @module) @import

(class_declaration
  declaration_kind: "enum"
  name: (type_identifier) @name
  body: (_) @body) @enum
(class_declaration declaration_kind: "extension" name: (user_type) @path body: (_) @body) @scope
(class_declaration name: (type_identifier) @name body: (_) @body) @class
(protocol_declaration name: (type_identifier) @name body: (protocol_body) @body) @interface
(class_declaration name: (_) @child (inheritance_specifier inherits_from: (_) @base))
(protocol_declaration name: (_) @child (inheritance_specifier inherits_from: (_) @base))
(enum_entry name: (simple_identifier) @name) @constant
(typealias_declaration name: (type_identifier) @name "=" . (_) @typed) @type

(function_declaration
  name: (simple_identifier) @name
  "->" . (_) @typed
  body: (function_body) @body) @function
(function_declaration name: (simple_identifier) @name body: (function_body) @body) @function
(protocol_function_declaration name: (simple_identifier) @name "->" . (_) @typed) @method
(protocol_function_declaration name: (simple_identifier) @name) @method
((init_declaration body: (function_body)? @body) @constructor (#set! name "init"))

(property_declaration
  name: (pattern bound_identifier: (simple_identifier) @name)
  (type_annotation) @typed) @variable
(property_declaration
  name: (pattern bound_identifier: (simple_identifier) @name)
  value: (call_expression . (simple_identifier) @made)?) @variable
(protocol_property_declaration
  name: (pattern bound_identifier: (simple_identifier) @name)
  (type_annotation)? @typed) @field

; What is declared in here is nobody else's.
[(lambda_literal) (computed_property) (deinit_declaration) (willset_didset_block)] @local
