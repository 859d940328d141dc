; What a Python file defines, imports and inherits from.
; The captures and settings are explained in symbols.py.

(class_definition name: (identifier) @name ":" @head body: (block) @body) @class
(class_definition
  name: (identifier) @child
  superclasses: (argument_list
    [
      (identifier) @base
      (attribute) @base
      (subscript value: (_) @base)
    ]))

(function_definition
  name: (identifier) @name
  return_type: (type)? @typed
  ":" @head
  body: (block) @body) @function

; Of decorators the one that stands first counts.
(decorated_definition definition: (_) @wrapped) @wrapper

; Names of functions' own are dropped later: a module's may stand in `if` and `try`.
(expression_statement
  (assignment
    left: (identifier) @name
    type: (type)? @typed
    right: (call function: [(identifier) (attribute)] @made)?)) @variable

(type_alias_statement . "type" . (type (identifier) @name)) @type
(type_alias_statement . "type" . (type (generic_type . (identifier) @name))) @type

; Attributes that methods set on their object.
((assignment
  left: (attribute object: (identifier) @object attribute: (identifier) @name)
  type: (type)? @typed
  right: [
    (call function: [(identifier) (attribute)] @made)
    (identifier) @from
    (boolean_operator left: (identifier) @from)
  ]?) @field
  (#set! is.object "self cls")
  (#set! of_type))

(import_statement name: (dotted_name) @module) @import
(import_statement
  name: (aliased_import name: (dotted_name) @module alias: (identifier) @alias)) @import
((import_from_statement
  module_name: (_) @module
  name: (dotted_name) @name) @import
  (#set! dots))
((import_from_statement
  module_name: (_) @module
  name: (aliased_import name: (dotted_name) @name alias: (identifier) @alias)) @import
  (#set! dots))
((import_from_statement
  module_name: (_) @module
  (wildcard_import) @name) @import
  (#set! dots))
