; What a Rust file defines, uses and implements.
; The captures and settings are explained in symbols.py.

(attribute_item) @attribute

(struct_item name: (type_identifier) @name body: (field_declaration_list) @body) @class
(struct_item name: (type_identifier) @name) @class
(union_item name: (type_identifier) @name body: (_) @body) @class
(enum_item name: (type_identifier) @name body: (_) @body) @enum
(enum_variant name: (identifier) @name) @constant
(trait_item name: (type_identifier) @name body: (_) @body) @interface
(type_item name: (type_identifier) @name type: (_) @typed) @type
(associated_type name: (type_identifier) @name) @type
(field_declaration name: (field_identifier) @name type: (_) @typed) @field

; What implements a trait is seen wherever the trait is.
((impl_item trait: (_) type: (_) @path body: (_) @body) @scope (#set! open))
(impl_item !trait type: (_) @path body: (_) @body) @scope
(impl_item trait: (_) @base type: (_) @child)
(trait_item
  name: (type_identifier) @child
  bounds: (trait_bounds [(type_identifier) (scoped_type_identifier) (generic_type)] @base))

(function_item
  name: (identifier) @name
  return_type: (_)? @typed
  body: (block) @body) @function
(function_signature_item name: (identifier) @name return_type: (_)? @typed) @function
(macro_definition name: (identifier) @name) @macro
(mod_item name: (identifier) @name body: (_)? @body) @module
(const_item name: (identifier) @name type: (_) @typed) @constant
(static_item name: (identifier) @name type: (_) @typed) @variable

((use_declaration) @import (#set! tree "::"))
(extern_crate_declaration name: (identifier) @module alias: (identifier)? @alias) @import
