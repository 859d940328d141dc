; What a Scala file defines, imports and inherits from.
; The captures and settings are explained in symbols.py.

((package_clause name: (package_identifier) @name !body) @module (#set! open))
(package_clause name: (package_identifier) @name body: (_) @body) @module
((import_declaration) @import (#set! tree "."))

(class_definition name: (identifier) @name body: (_)? @body) @class
(object_definition name: (identifier) @name body: (_)? @body) @class
(trait_definition name: (identifier) @name body: (_)? @body) @interface
(enum_definition name: (identifier) @name body: (_) @body) @enum
(simple_enum_case name: (identifier) @name) @constant
(full_enum_case name: (identifier) @name) @constant
(type_definition name: (type_identifier) @name type: (_)? @typed) @type

(class_definition
  name: (_) @child
  extend: (extends_clause
    [(type_identifier) (generic_type) (stable_type_identifier)] @base))
(object_definition
  name: (_) @child
  extend: (extends_clause
    [(type_identifier) (generic_type) (stable_type_identifier)] @base))
(trait_definition
  name: (_) @child
  extend: (extends_clause
    [(type_identifier) (generic_type) (stable_type_identifier)] @base))
(enum_definition
  name: (_) @child
  extend: (extends_clause
    [(type_identifier) (generic_type) (stable_type_identifier)] @base))

(function_definition name: (_) @name return_type: (_)? @typed body: (_) @body) @function
(function_declaration name: (_) @name return_type: (_)? @typed) @function
(val_definition pattern: (identifier) @name type: (_) @typed) @variable
(var_definition pattern: (identifier) @name type: (_) @typed) @variable
(val_definition
  pattern: (identifier) @name
  value: (instance_expression . [(type_identifier) (generic_type)] @typed)) @variable
(val_definition pattern: (identifier) @name value: (call_expression function: (_) @made)?) @variable
(var_definition pattern: (identifier) @name) @variable
(val_declaration name: (identifier) @name type: (_) @typed) @variable
(var_declaration name: (identifier) @name type: (_) @typed) @variable
(class_parameter name: (identifier) @name type: (_)? @typed) @field

; What is declared in here is nobody else's.
[(block) (indented_block) (lambda_expression)] @local
