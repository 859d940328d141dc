; What a C# file defines, uses and inherits from.
; The captures and settings are explained in symbols.py.

; A namespace is used whole.
(using_directive name: (identifier) @alias (_) @module .) @import
((using_directive !name [(identifier) (qualified_name)] @module) @import (#set! every))

(namespace_declaration name: (_) @name body: (declaration_list) @body) @module
((file_scoped_namespace_declaration name: (_) @name) @module (#set! open))

(class_declaration name: (identifier) @name body: (declaration_list) @body) @class
(struct_declaration name: (identifier) @name body: (declaration_list) @body) @class
(record_declaration name: (identifier) @name body: (declaration_list)? @body) @class
(interface_declaration name: (identifier) @name body: (declaration_list) @body) @interface
(enum_declaration name: (identifier) @name body: (enum_member_declaration_list) @body) @enum
(enum_member_declaration name: (identifier) @name) @constant
(delegate_declaration type: (_) @typed name: (identifier) @name) @type

(class_declaration
  name: (identifier) @child
  (base_list [(identifier) (qualified_name) (generic_name)] @base))
(struct_declaration
  name: (identifier) @child
  (base_list [(identifier) (qualified_name) (generic_name)] @base))
(record_declaration
  name: (identifier) @child
  (base_list [(identifier) (qualified_name) (generic_name)] @base))
(record_declaration
  name: (identifier) @child
  (base_list (primary_constructor_base_type type: (_) @base)))
(interface_declaration
  name: (identifier) @child
  (base_list [(identifier) (qualified_name) (generic_name)] @base))

(method_declaration
  returns: (_) @typed
  name: (identifier) @name
  body: (_)? @body) @method
(constructor_declaration name: (identifier) @name body: (_)? @body) @constructor
(property_declaration type: (_) @typed name: (identifier) @name) @field
(field_declaration
  (variable_declaration
    type: (_) @typed
    (variable_declarator name: (identifier) @name))) @field
(event_field_declaration
  (variable_declaration
    type: (_) @typed
    (variable_declarator name: (identifier) @name))) @field
((record_declaration
  (parameter_list (parameter type: (_) @typed name: (identifier) @name) @field))
  (#set! open))
