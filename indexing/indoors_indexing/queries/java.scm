; What a Java file defines, imports and inherits from.
; The captures and settings are explained in symbols.py.

(package_declaration [(identifier) (scoped_identifier)] @name) @module

(class_declaration name: (identifier) @name body: (class_body) @body) @class
(record_declaration name: (identifier) @name body: (class_body) @body) @class
(interface_declaration name: (identifier) @name body: (interface_body) @body) @interface
(annotation_type_declaration name: (identifier) @name body: (annotation_type_body) @body) @interface
(enum_declaration name: (identifier) @name body: (enum_body) @body) @enum
(enum_constant name: (identifier) @name) @constant

(class_declaration name: (identifier) @child superclass: (superclass (_) @base))
(class_declaration name: (identifier) @child interfaces: (super_interfaces (type_list (_) @base)))
(record_declaration name: (identifier) @child interfaces: (super_interfaces (type_list (_) @base)))
(enum_declaration name: (identifier) @child interfaces: (super_interfaces (type_list (_) @base)))
(interface_declaration name: (identifier) @child (extends_interfaces (type_list (_) @base)))

(method_declaration
  type: (_) @typed
  name: (identifier) @name
  body: (block)? @body) @method
(annotation_type_element_declaration type: (_) @typed name: (identifier) @name) @method
(constructor_declaration name: (identifier) @name body: (_) @body) @constructor
(compact_constructor_declaration name: (identifier) @name body: (_) @body) @constructor
(field_declaration
  type: (_) @typed
  declarator: (variable_declarator name: (identifier) @name)) @field
(constant_declaration
  type: (_) @typed
  declarator: (variable_declarator name: (identifier) @name)) @constant
(record_declaration
  parameters: (formal_parameters
    (formal_parameter type: (_) @typed name: (identifier) @name) @field))

((import_declaration) @import (#set! tree "."))
